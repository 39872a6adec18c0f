from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CampaignsConfig(AppConfig):
    name = "dotbridge.campaigns"
    label = "dotbridge_campaigns"
    verbose_name = _("Campaigns")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let the rules of lists ask about marketing results."""
        from dotbridge.campaigns.rule_source import register_marketing_results  # noqa: PLC0415 - its models come first

        register_marketing_results()

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConsentConfig(AppConfig):
    name = "dotbridge.consent"
    label = "dotbridge_consent"
    verbose_name = _("Consent")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from dotbridge.consent.files import register  # noqa: PLC0415 - it needs loaded apps

        register()

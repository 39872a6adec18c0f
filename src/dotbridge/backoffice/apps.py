from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from dotbridge.backoffice.appearance import table_look


class BackofficeConfig(AppConfig):
    name = "dotbridge.backoffice"
    label = "dotbridge_backoffice"
    verbose_name = _("Back office")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Give the table pages their look, unless the host has given them one."""
        from dotbridge.backoffice.site import table_site  # noqa: PLC0415 - it needs loaded apps

        if not hasattr(settings, "DOTBRIDGE_UNFOLD"):
            settings.DOTBRIDGE_UNFOLD = table_look(has_users=table_site.has_users)

from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _


class BackofficeConfig(AppConfig):
    name = "dotbridge.backoffice"
    label = "dotbridge_backoffice"
    verbose_name = _("Back office")

    def ready(self) -> None:
        """Give the table pages their look, unless the host has given them one."""
        from dotbridge.backoffice.appearance import TABLES  # noqa: PLC0415 - its addresses need loaded apps

        if not hasattr(settings, "DOTBRIDGE_UNFOLD"):
            settings.DOTBRIDGE_UNFOLD = TABLES

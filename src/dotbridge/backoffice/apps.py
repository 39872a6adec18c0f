from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

from dotbridge.backoffice.appearance import table_look


class BackofficeConfig(AppConfig):
    name = "dotbridge.backoffice"
    label = "dotbridge_backoffice"
    verbose_name = _("Back office")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Give the table pages their look, unless the host has given them one; note log-ins; keep the ready groups."""
        from dotbridge.backoffice.site import table_site  # noqa: PLC0415 - it needs loaded apps

        if not hasattr(settings, "DOTBRIDGE_UNFOLD"):
            settings.DOTBRIDGE_UNFOLD = table_look(has_users=table_site.has_users)
        post_migrate.connect(_keep_groups, sender=self)
        if apps.is_installed("axes"):
            from dotbridge.backoffice.log_ins import connect_log  # noqa: PLC0415 - it needs loaded apps

            connect_log()


def _keep_groups(using: str, **_named: Any) -> None:
    from dotbridge.backoffice.role_services import make_role_groups  # noqa: PLC0415 - it needs loaded apps

    if using == DEFAULT_DB_ALIAS:
        make_role_groups()

from typing import Any

from django.apps import AppConfig
from django.db import DEFAULT_DB_ALIAS
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class AuditConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "dotbridge.audit"
    label = "dotbridge_audit"
    verbose_name = _("Audit")

    def ready(self) -> None:
        """Have the triggers there after each migration, of whichever app."""
        post_migrate.connect(_install, dispatch_uid="dotbridge_audit")


def _install(using: str, **_named: Any) -> None:
    from dotbridge.audit.installing import install_triggers  # noqa: PLC0415 - it needs loaded apps

    if using == DEFAULT_DB_ALIAS:
        install_triggers()

from typing import Any

from django.apps import AppConfig, apps
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

# Whose models ours stand on. What else is missing the checks say, all at once.
_STANDS_ON = ("django.contrib.contenttypes", "django.contrib.auth", "procrastinate.contrib.django")
_PAGES_STAND_ON = ("django.contrib.admin",)


class AuditConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "dotbridge.audit"
    label = "dotbridge_audit"
    verbose_name = _("Audit")

    def import_models(self) -> None:
        """Import the models, the first of ours. Raises ImproperlyConfigured where those of another app are missing, of
        which Django would only name a class that the host has never heard of.
        """
        needed = _STANDS_ON + (_PAGES_STAND_ON if apps.is_installed("dotbridge.backoffice") else ())
        if missing := [name for name in needed if not apps.is_installed(name)]:
            names = ", ".join(map(repr, missing))
            raise ImproperlyConfigured(f"INSTALLED_APPS lacks {names}. Add it before *dotbridge.APPS.")
        super().import_models()

    def ready(self) -> None:
        """Have the triggers there after each migration, of whichever app."""
        post_migrate.connect(_install, dispatch_uid="dotbridge_audit")


def _install(using: str, **_named: Any) -> None:
    from dotbridge.audit.installing import install_triggers  # noqa: PLC0415 - it needs loaded apps

    if using == DEFAULT_DB_ALIAS:
        install_triggers()

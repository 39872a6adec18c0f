from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DotbridgeConfig(AppConfig):
    """What stands on all the other apps: commands, jobs and system checks."""

    name = "dotbridge"
    label = "dotbridge"
    verbose_name = _("Dotbridge")

    def ready(self) -> None:
        """Let the checks run, and every worker know our jobs: one that does not fails whatever it takes."""
        from dotbridge import checks, jobs, logs  # noqa: F401, PLC0415 - they need loaded apps

        logs.follow_project()

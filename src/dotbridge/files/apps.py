from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class FilesConfig(AppConfig):
    name = "dotbridge.files"
    label = "dotbridge_files"
    verbose_name = _("Files")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let every installed app say which of its records files can fill: in `file_targets.py`, or as it registers."""
        autodiscover_modules("file_targets")
        from dotbridge.files.entity_targets import register_entities  # noqa: PLC0415 - models are ready only now

        register_entities()

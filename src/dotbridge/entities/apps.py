from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class EntitiesConfig(AppConfig):
    name = "dotbridge.entities"
    label = "dotbridge_entities"
    verbose_name = _("Entities")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Let every installed app register its models: its `list_entities.py` is imported if there is one.

        What they registered is checked with the rest of the project.
        """
        from dotbridge.entities import checks  # noqa: F401, PLC0415 - it needs loaded apps

        autodiscover_modules("list_entities")

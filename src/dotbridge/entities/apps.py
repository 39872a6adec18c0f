from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class EntitiesConfig(AppConfig):
    name = "dotbridge.entities"
    label = "dotbridge_entities"
    verbose_name = _("Entities")

    def ready(self) -> None:
        """Let every installed app register its models: its `list_entities.py` is imported if there is one."""
        autodiscover_modules("list_entities")

from typing import Any

from django.apps import AppConfig
from django.db import DEFAULT_DB_ALIAS
from django.db.models.signals import post_delete, post_migrate, post_save
from django.utils.translation import gettext_lazy as _


class MappingConfig(AppConfig):
    name = "dotbridge.mapping"
    label = "dotbridge_mapping"
    verbose_name = _("Mapping")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Keep the triggers in step with the mappings, whoever changes these, and with the host's tables."""
        for model in (self.get_model("Mapping"), self.get_model("MappingRow")):
            for saved_or_deleted in (post_save, post_delete):
                saved_or_deleted.connect(_mappings_changed, sender=model)
        post_migrate.connect(_tables_changed, sender=self)


def _mappings_changed(**_said: Any) -> None:
    from dotbridge.mapping.tracking.installing import install_after_commit  # noqa: PLC0415 - needs the models

    install_after_commit()


def _tables_changed(*, using: str, **_said: Any) -> None:
    from dotbridge.mapping.tracking.installing import install_tracking  # noqa: PLC0415 - needs the models

    if using == DEFAULT_DB_ALIAS:
        install_tracking()

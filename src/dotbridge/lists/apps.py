from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ListsConfig(AppConfig):
    name = "dotbridge.lists"
    label = "dotbridge_lists"
    verbose_name = _("Marketing lists")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Take part in erasures."""
        from dotbridge.consent.erasure import address_erased  # noqa: PLC0415 - needs the models
        from dotbridge.lists.address_loads import erase_from_lists  # noqa: PLC0415 - needs the models

        address_erased.connect(erase_from_lists)

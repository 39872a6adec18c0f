from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConnectionsConfig(AppConfig):
    name = "dotbridge.connections"
    label = "dotbridge_connections"
    verbose_name = _("Connections")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Tell consent which account and book bind a list, and take part in erasures."""
        from dotbridge.connections.selectors import scopes_of_connected_list  # noqa: PLC0415 - needs the models
        from dotbridge.connections.services.contact_requests import (  # noqa: PLC0415 - needs the models
            erase_from_accounts,
            erase_from_requests,
        )
        from dotbridge.consent.erasure import address_erased, erasure_begins  # noqa: PLC0415 - needs the models
        from dotbridge.consent.scopes import register_connections  # noqa: PLC0415 - needs the models

        register_connections(scopes_of_connected_list)
        erasure_begins.connect(erase_from_accounts)
        address_erased.connect(erase_from_requests)

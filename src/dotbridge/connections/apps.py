from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConnectionsConfig(AppConfig):
    name = "dotbridge.connections"
    label = "dotbridge_connections"
    verbose_name = _("Connections")

    def ready(self) -> None:
        """Tell consent which account and book bind a list."""
        from dotbridge.connections.selectors import scopes_of_connected_list  # noqa: PLC0415 - needs the models
        from dotbridge.consent.scopes import register_connections  # noqa: PLC0415 - needs the models

        register_connections(scopes_of_connected_list)

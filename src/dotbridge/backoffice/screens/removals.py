"""Removals: contacts taken out of an address book because they left its list."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from dotbridge.backoffice.labels import badge, grouped
from dotbridge.backoffice.screens.base import EmptyList, ReadOnlyScreen
from dotbridge.backoffice.screens.sync_filters import RunFilter
from dotbridge.backoffice.site import table_site
from dotbridge.backoffice.tones import REMOVAL_TONES
from dotbridge.sync.models import Removal, RemovalState


@admin.register(Removal, site=table_site)
class RemovalScreen(ReadOnlyScreen):
    """The removals, newest first."""

    list_display = ("number", "list_name", "book", "state_label", "contacts", "created_at", "finished_at")
    list_filter = ("state", RunFilter)
    list_select_related = ("connection__marketing_list", "connection__address_book")
    ordering = ("-id",)
    sortable_by = ()
    fields = ("list_name", "book", "state_label", "contacts", "remote_id", "created_at", "finished_at")
    readonly_fields = fields
    empty_list = EmptyList(
        title=_("No removals yet"),
        text=_("Contacts who leave a connected list are taken out of its address book; each such call stands here."),
    )

    @admin.display(description=_("Removal"))
    def number(self, removal: Removal) -> str:
        """Its number."""
        return f"#{removal.pk}"

    @admin.display(description=_("Marketing list"))
    def list_name(self, removal: Removal) -> str:
        """Whose former members it takes out."""
        return str(removal.connection.marketing_list)

    @admin.display(description=_("Address book"))
    def book(self, removal: Removal) -> str:
        """Where it takes them out."""
        return str(removal.connection.address_book)

    @admin.display(description=_("State"))
    def state_label(self, removal: Removal) -> SafeString:
        """The state as a label."""
        state = RemovalState(removal.state)
        return badge(state.label, REMOVAL_TONES[state])

    @admin.display(description=_("Contacts"))
    def contacts(self, removal: Removal) -> str:
        """How many contacts it takes out."""
        return grouped(removal.row_count)

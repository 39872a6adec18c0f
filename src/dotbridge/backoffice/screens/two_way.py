"""What came back from Dotdigital: values that were changed on both sides, and contacts that had no record."""
# ruff: noqa: ARG002 - Django's hooks give more than every screen needs

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dotbridge.backoffice.labels import badge, shortened
from dotbridge.backoffice.queries import is_key
from dotbridge.backoffice.reads.shown import may_see_every_person
from dotbridge.backoffice.rights import MAY_SEE_LISTS
from dotbridge.backoffice.screens.base import EmptyList, link_to
from dotbridge.backoffice.screens.labelled import LabelledScreen
from dotbridge.backoffice.screens.sync_filters import RunFilter
from dotbridge.backoffice.site import table_site
from dotbridge.connections.models import ListConnection
from dotbridge.mirror.models import Contact
from dotbridge.sync.models import Ground, Newcomer, ValueConflict, Winner


class ConnectedListFilter(admin.SimpleListFilter):
    """By connected list."""

    title = gettext_lazy("marketing list")
    parameter_name = "list"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The connected lists by name."""
        links = ListConnection.objects.order_by("marketing_list__name").values_list(
            "marketing_list_id", "marketing_list__name"
        )
        return [(str(pk), name) for pk, name in links]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """What belongs to the chosen one."""
        value = self.value()
        if not value or not is_key(value):
            return queryset
        return queryset.filter(connection__marketing_list=int(value))


class ConnectedScreen(LabelledScreen):
    """Rows that belong to a connection; those of one list stand among that list's pages."""

    list_select_related = ("connection__marketing_list", "connection__address_book")
    ordering = ("-id",)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For those who may see everybody's values; the page under Activity leaves out what somebody may not see."""
        return super().has_view_permission(request, obj) and may_see_every_person(request.user)

    def entity_of(self, row: Any) -> str:
        """The list's entity."""
        return str(row.connection.marketing_list.entity)

    @admin.display(description=gettext_lazy("Marketing list"))
    def list_name(self, row: Any) -> str:
        """The connected list."""
        return str(row.connection.marketing_list)


@admin.register(ValueConflict, site=table_site)
class ValueConflictScreen(ConnectedScreen):
    """Values that were changed on both sides, newest first: which of them counts, and what the other one was."""

    list_display = (
        "record",
        "field",
        "record_value_text",
        "dotdigital_value_text",
        "winner_label",
        "list_name",
        "created_at",
    )
    list_display_links = ("field",)
    list_filter = (ConnectedListFilter, "winner", "ground", RunFilter)
    search_fields = ("email",)
    search_help_text = gettext_lazy("A part of the address")
    fields = (
        ("record", "email"),
        ("entity_field", "data_field"),
        ("record_value_whole", "dotdigital_value_whole"),
        ("winner_label", "ground"),
        ("list_name", "run_link"),
        "created_at",
    )
    readonly_fields = (
        "record",
        "email",
        "entity_field",
        "data_field",
        "record_value_whole",
        "dotdigital_value_whole",
        "winner_label",
        "ground",
        "list_name",
        "run_link",
        "created_at",
    )
    panel_after = "backoffice/conflict_panel.html"
    empty_list = EmptyList(
        title=gettext_lazy("Nothing was changed on both sides"),
        text=gettext_lazy(
            "When a value that is mapped both ways was changed in the record and in Dotdigital since they were "
            "compared last, both values stand here, and which of them counts."
        ),
    )

    @admin.display(description=gettext_lazy("Field"))
    def field(self, conflict: ValueConflict) -> str:
        """Both names of the field."""
        return f"{conflict.entity_field} ↔ {conflict.data_field}"

    @admin.display(description=gettext_lazy("Value of the record"))
    def record_value_text(self, conflict: ValueConflict) -> SafeString | str:
        """The beginning of what the record said."""
        return _value(shortened(conflict.record_value), counts=conflict.winner == Winner.RECORD)

    @admin.display(description=gettext_lazy("Value in Dotdigital"))
    def dotdigital_value_text(self, conflict: ValueConflict) -> SafeString | str:
        """The beginning of what Dotdigital said."""
        return _value(shortened(conflict.dotdigital_value), counts=conflict.winner == Winner.DOTDIGITAL)

    @admin.display(description=gettext_lazy("Value of the record"))
    def record_value_whole(self, conflict: ValueConflict) -> SafeString | str:
        """What the record said."""
        return _value(conflict.record_value, counts=conflict.winner == Winner.RECORD)

    @admin.display(description=gettext_lazy("Value in Dotdigital"))
    def dotdigital_value_whole(self, conflict: ValueConflict) -> SafeString | str:
        """What Dotdigital said."""
        return _value(conflict.dotdigital_value, counts=conflict.winner == Winner.DOTDIGITAL)

    @admin.display(description=gettext_lazy("Counts from then on"))
    def winner_label(self, conflict: ValueConflict) -> SafeString:
        """Which side won. The colour repeats what `ground` says: whether its change is known to be the newer one."""
        return badge(Winner(conflict.winner).label, "info" if conflict.ground == Ground.NEWER else "wait")

    @admin.display(description=gettext_lazy("Found by run"))
    def run_link(self, conflict: ValueConflict) -> SafeString | None:
        """The run that compared the values."""
        if conflict.run is None:
            return None
        return link_to(conflict.run, f"#{conflict.run.pk}")

    def panel_context(self, request: HttpRequest, record: ValueConflict) -> Mapping[str, Any]:
        """What a person can do about it."""
        record_won = record.winner == Winner.RECORD
        return {**super().panel_context(request, record), "record_won": record_won}


@admin.register(Newcomer, site=table_site)
class NewcomerScreen(ConnectedScreen):
    """Contacts that no record had the address of, newest first, and what became of them."""

    list_display = ("contact", "outcome", "record", "list_name", "created_at")
    list_display_links = None
    fields = list_display
    readonly_fields = list_display
    list_filter = (ConnectedListFilter, ("record_id", admin.EmptyFieldListFilter))
    empty_list = EmptyList(
        title=gettext_lazy("No newcomers"),
        text=gettext_lazy(
            "Where a connection may create entities, each contact of its book without a record stands here, with the "
            "record that was made of it. Switch that on in the connection settings of a list."
        ),
        link="dotbridge_tables:dotbridge_lists_marketinglist_changelist",
        link_text=gettext_lazy("Go to the marketing lists"),
        permission=MAY_SEE_LISTS,
    )

    def complete_rows(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Also each contact, in one query."""
        super().complete_rows(request, rows)
        accounts = {row.connection.address_book.integration_id for row in rows}
        contacts = Contact.objects.filter(integration__in=accounts, remote_id__in={row.remote_id for row in rows})
        known = {(contact.integration_id, contact.remote_id): contact for contact in contacts}
        for row in rows:
            row.known_contact = known.get((row.connection.address_book.integration_id, row.remote_id))

    @admin.display(description=gettext_lazy("Contact in Dotdigital"))
    def contact(self, newcomer: Any) -> SafeString | str:
        """The contact's address, or its id once the contact is forgotten here."""
        if newcomer.known_contact is None:
            return _("contact %(key)s") % {"key": newcomer.remote_id}
        return link_to(newcomer.known_contact, newcomer.known_contact.email)

    @admin.display(description=gettext_lazy("What became of it"))
    def outcome(self, newcomer: Newcomer) -> SafeString:
        """A record, or a refusal that the rejections explain."""
        if newcomer.record_id:
            return badge(_("Record made"), "good")
        return badge(_("Refused; see the rejections"), "wait")

    @admin.display(description=gettext_lazy("Record"))
    def record(self, newcomer: Any) -> SafeString | str:
        """The record that was made."""
        return super().record(newcomer) if newcomer.record_id else "-"


def _value(text: str, *, counts: bool) -> SafeString | str:
    if not text:
        text = _("empty")
    return format_html("<strong>{}</strong>", text) if counts else text

"""Contacts of the accounts, as they were last read: found by address in a million rows without counting them."""
# ruff: noqa: ARG002 - Django's hooks give more than every screen needs

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from dotbridge.backoffice.labels import status_badge
from dotbridge.backoffice.queries import is_key
from dotbridge.backoffice.rights import MAY_SEE_LISTS
from dotbridge.backoffice.screens.base import EmptyList, InfinitePaginator, ReadOnlyScreen
from dotbridge.backoffice.site import table_site
from dotbridge.backoffice.statuses import STATUS_WORDS, opt_in_words
from dotbridge.entities.email import address_key
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import AddressBook, Contact, Membership
from dotbridge.mirror.status import LIVE

# A filter shows its choices as a list; whoever has more books finds them by name and follows "Contacts of this book".
MOST_BOOKS = 100


class StatusFilter(admin.SimpleListFilter):
    """By status in the account. The choices are the documented ones: asking the table would read all of it."""

    title = _("status in the account")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Two groups, then each documented status."""
        groups = [("live", _("May be mailed")), ("not-live", _("May not be mailed"))]
        return [*groups, *((status, f"{words.text} ({status})") for status, words in STATUS_WORDS.items())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        """The contacts of the chosen status or group."""
        if self.value() is None:
            return queryset
        if self.value() == "live":
            return queryset.filter(status__in=LIVE)
        if self.value() == "not-live":
            return queryset.exclude(status__in=LIVE)
        return queryset.filter(status=self.value())


class BookFilter(admin.SimpleListFilter):
    """By address book."""

    title = _("address book")
    parameter_name = "book"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The books by name, and the chosen one wherever it stands."""
        books = dict(AddressBook.objects.order_by("name").values_list("pk", "name")[:MOST_BOOKS])
        chosen = request.GET.get(self.parameter_name, "")
        if is_key(chosen) and int(chosen) not in books:
            books |= dict(AddressBook.objects.filter(pk=int(chosen)).values_list("pk", "name"))
        return [(str(pk), name) for pk, name in books.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Contact]) -> QuerySet[Contact]:
        """The contacts that are in the book now."""
        value = self.value()
        if value is None or not value.isdecimal() or len(value) > 18:
            return queryset
        inside = Membership.objects.filter(contact=OuterRef("pk"), address_book=int(value), gone_at=None)
        return queryset.filter(Exists(inside))


@admin.register(Contact, site=table_site)
class ContactScreen(ReadOnlyScreen):
    """People in the connected accounts."""

    list_display = ("email", "integration", "status_label", "opt_in", "suppressed_at", "updated_at")
    list_filter = ("integration", StatusFilter, BookFilter)
    list_select_related = ("integration",)
    # The order of the unique index, so that a page is read from it and nothing is sorted.
    ordering = ("integration_id", "email_key")
    sortable_by = ()
    paginator = InfinitePaginator
    show_full_result_count = False
    search_fields = ("email_key",)
    search_help_text = _("The address, or how it begins")
    fields = (
        ("email", "integration"),
        ("status_label", "suppressed_at"),
        ("opt_in", "email_type"),
        ("last_subscribed_at", "updated_at"),
        "remote_id",
    )
    readonly_fields = (
        "email",
        "integration",
        "status_label",
        "suppressed_at",
        "opt_in",
        "email_type",
        "last_subscribed_at",
        "updated_at",
        "remote_id",
    )
    panel_after = "backoffice/contact_panel.html"
    empty_list = EmptyList(
        title=_("No contacts yet"),
        text=_("Contacts are read with each run, for the address books that a marketing list is connected to."),
        link="dotbridge_tables:dotbridge_lists_marketinglist_changelist",
        link_text=_("Go to the marketing lists"),
        permission=MAY_SEE_LISTS,
    )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Contact], search_term: str
    ) -> tuple[QuerySet[Contact], bool]:
        """The contacts whose address begins with the term, in any letter case."""
        term = address_key(search_term)
        if not term:
            return queryset, False
        # The index begins with the integration, so it is named even where any would do.
        everywhere = list(Integration.objects.values_list("pk", flat=True))
        return queryset.filter(integration_id__in=everywhere, email_key__startswith=term), False

    @admin.display(description=_("Status in the account"))
    def status_label(self, contact: Contact) -> SafeString:
        """The status in words."""
        return status_badge(contact.status)

    @admin.display(description=_("Opt-in"))
    def opt_in(self, contact: Contact) -> str:
        """How they opted in, in words."""
        return str(opt_in_words(contact.opt_in_type))

    def panel_context(self, request: HttpRequest, record: Contact) -> Mapping[str, Any]:
        """Its data fields by name, and the books it is or was in."""
        memberships = record.memberships.select_related("address_book").order_by("address_book__name")
        shown = {"contact_fields": sorted(record.data_fields.items()), "memberships": memberships}
        return {**super().panel_context(request, record), **shown}

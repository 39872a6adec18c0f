"""Address books, as they were last read. Nothing here can be changed by hand."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from dotbridge.backoffice.labels import grouped
from dotbridge.backoffice.rights import MAY_SEE_ACCOUNTS, MAY_SEE_CONTACTS
from dotbridge.backoffice.screens.base import Button, EmptyList, ReadOnlyScreen, link_to
from dotbridge.backoffice.site import table_site
from dotbridge.mirror.models import AddressBook


@admin.register(AddressBook, site=table_site)
class AddressBookScreen(ReadOnlyScreen):
    """The address books of the connected accounts."""

    list_display = ("name", "integration", "visibility", "contacts", "connected_list", "gone_at")
    list_filter = ("integration", ("gone_at", admin.EmptyFieldListFilter), ("connection", admin.EmptyFieldListFilter))
    list_select_related = ("integration", "connection__marketing_list")
    search_fields = ("name",)
    fields = (
        "name",
        "integration",
        "visibility",
        "contacts",
        "connected_list",
        "remote_id",
        "gone_at",
        "updated_at",
    )
    readonly_fields = fields
    empty_list = EmptyList(
        title=_("No address books yet"),
        text=_("They are read from Dotdigital with the first run of an integration."),
        link="dotbridge_tables:dotbridge_integrations_integration_changelist",
        link_text=_("Go to the integrations"),
        permission=MAY_SEE_ACCOUNTS,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[AddressBook]:
        """With what each row and title names."""
        books: QuerySet[AddressBook] = super().get_queryset(request)
        return books.select_related("integration", "connection__marketing_list")

    @admin.display(description=_("Contacts"), ordering="contact_count")
    def contacts(self, book: AddressBook) -> str:
        """How many contacts Dotdigital counts in it."""
        return grouped(book.contact_count)

    @admin.display(description=_("Connected list"), ordering="connection__marketing_list__name")
    def connected_list(self, book: AddressBook) -> SafeString | str:
        """The marketing list it is kept in step with."""
        link = getattr(book, "connection", None)
        return "-" if link is None else link_to(link.marketing_list)

    def buttons(self, request: HttpRequest, record: AddressBook) -> Sequence[Button]:
        """The way to its contacts."""
        if not request.user.has_perm(MAY_SEE_CONTACTS):
            return ()
        url = f"{reverse('dotbridge_tables:dotbridge_mirror_contact_changelist')}?book={record.pk}"
        return (Button(title=_("Contacts of this book"), url=url, icon="group"),)

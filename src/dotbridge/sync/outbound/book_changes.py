"""Address books made in the account, and connected to the list they were made for (contract §4.2)."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from dotbridge.connections.models import AccountChange, RunKind
from dotbridge.connections.services import connect_list, request_run
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.context import StepContext
from dotbridge.sync.inbound.address_books import store_address_books
from dotbridge.sync.outbound.making import Making
from dotbridge.sync.texts import NOT_CONNECTED
from dotdigital import AddressBook as RemoteBook


class NewBook(Making[RemoteBook]):
    """An address book to be made."""

    def look_for(self, step: StepContext, name: str) -> RemoteBook | None:
        """Read the account's books."""
        for page in step.account.address_books():
            for book in page.items:
                if book.name.strip().lower() == name.lower():
                    return book
        return None

    def is_as_asked(self, change: AccountChange) -> bool:
        """Whether it is empty and as visible as asked for: what we have just made is."""
        return not self.found.contacts and self.found.visibility in ("", change.details["visibility"])

    def ask(self, step: StepContext, change: AccountChange) -> None:
        """Have it made."""
        step.account.create_address_book(change.name, visibility=change.details["visibility"])

    def keep(self, change: AccountChange) -> str:
        """Into the mirror; the list is connected, and a first run asked for."""
        store_address_books(change.integration, [self.found])
        if change.marketing_list is None:
            return ""
        try:
            with transaction.atomic():
                book = AddressBook.objects.get(integration=change.integration, remote_id=self.found.id)
                connect_list(marketing_list=change.marketing_list, address_book=book)
        except ValidationError as error:
            return NOT_CONNECTED % {"text": " ".join(error.messages)}
        request_run(integration=change.integration, kind=RunKind.SYNC, trigger="person")
        return ""

    def remember_other(self, change: AccountChange) -> str:
        """Into the mirror, as the other that it is."""
        store_address_books(change.integration, [self.found])
        return _(
            "The account has an address book of this name already. It was made by somebody else: connect the list to "
            "it, or choose another name."
        )

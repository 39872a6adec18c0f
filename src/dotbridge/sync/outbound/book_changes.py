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
from dotdigital import AddressBook as RemoteBook


class NewBook:
    """An address book to be made."""

    def __init__(self) -> None:
        self._found: RemoteBook | None = None

    def find(self, step: StepContext, change: AccountChange) -> bool:
        """Read the account's books and look for the name."""
        self._found = None
        for page in step.account.address_books():
            for book in page.items:
                if book.name.strip().lower() == change.name.lower():
                    self._found = book
                    return True
        return False

    def is_as_asked(self, change: AccountChange) -> bool:
        """Whether it is empty and as visible as asked for: what we have just made is."""
        found = self._required
        return not found.contacts and found.visibility in ("", change.details["visibility"])

    def ask(self, step: StepContext, change: AccountChange) -> None:
        """Have it made."""
        step.account.create_address_book(change.name, visibility=change.details["visibility"])

    def keep(self, change: AccountChange) -> str:
        """Into the mirror; the list is connected, and a first run asked for."""
        store_address_books(change.integration, [self._required])
        if change.marketing_list is None:
            return ""
        try:
            with transaction.atomic():
                book = AddressBook.objects.get(integration=change.integration, remote_id=self._required.id)
                connect_list(marketing_list=change.marketing_list, address_book=book)
        except ValidationError as error:
            return _("The address book was made, but not connected. %(text)s") % {"text": " ".join(error.messages)}
        request_run(integration=change.integration, kind=RunKind.SYNC, trigger="person")
        return ""

    def remember_other(self, change: AccountChange) -> str:
        """Into the mirror, as the other that it is."""
        store_address_books(change.integration, [self._required])
        return _(
            "The account has an address book of this name already. It was made by somebody else: connect the list to "
            "it, or choose another name."
        )

    @property
    def _required(self) -> RemoteBook:
        if self._found is None:
            raise LookupError("nothing was found to be kept")
        return self._found

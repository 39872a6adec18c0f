"""What the steps that read book by book have in common."""

from __future__ import annotations

from django.utils.translation import gettext_noop as _

from dotbridge.mirror.models import AddressBook
from dotbridge.sync.context import Refusal, book_gone
from dotbridge.sync.failures import Failure

# The feed of a book's contacts: its cursor and its place are kept under this name.
CONTACTS_FEED = "contacts"
# And that of all contacts of an account, by version 3.
WHOLE_ACCOUNT = "account"


def unread_book(book: AddressBook, failure: Failure) -> Refusal:
    """How it is noted that a book could not be read."""
    if failure.is_gone:
        return book_gone(book.name)
    return Refusal(book.name, "not_read", f"{failure.text} {_('The next run reads it again.')}")


def book_number(book: AddressBook) -> int:
    """By what a book is known when the next run goes on with it."""
    return book.pk

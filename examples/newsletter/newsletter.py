"""A newsletter: who signs up is put on a list in Dotdigital, who leaves is believed, who never reads is let go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from dotdigital import Account, ContactDraft, DotdigitalError, Rejected

SUPPRESSED = {"ERROR_CONTACT_SUPPRESSED", "ERROR_CONTACT_SUPPRESSEDFORADDRESSBOOK"}


@dataclass(frozen=True)
class Outcome:
    """What came of a sign-up: whether somebody is on the list, and what to tell them if not."""

    joined: bool
    text: str = ""


class Newsletter:
    """One address book of an account."""

    def __init__(self, account: Account, name: str = "Newsletter") -> None:
        self._account = account
        books = (book for page in account.address_books() for book in page)
        known = next((book.id for book in books if book.name == name), None)
        self._book = account.address_book(known or account.create_address_book(name).id)

    def sign_up(self, email: str, first_name: str = "") -> Outcome:
        """Put somebody on the list, unless they had left: only they themselves can change that."""
        draft = ContactDraft(email, opt_in_type="Single", data_fields={"FIRSTNAME": first_name or None})
        try:
            self._book.add_contact(draft)
        except Rejected as refused:
            if refused.code in SUPPRESSED:
                return Outcome(False, "You left this newsletter. Write to us if you want it again.")
            return Outcome(False, "Please check your address.")
        except DotdigitalError:
            return Outcome(False, "Please try again in a few minutes.")
        return Outcome(True)

    def left_since(self, moment: datetime) -> Iterator[str]:
        """The addresses of those who left the list since then."""
        for page in self._book.unsubscribed_since(moment):
            for row in page:
                yield row.contact.email

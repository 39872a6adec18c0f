"""A year in an account: what happens to its contacts, books, data fields and campaigns, drawn from a seed.

The account's clock stands still between events and is moved by the script, so that a seed always makes the same year.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dotbridge.integrations.models import Integration
from dotdigital_sandbox.contact_writing import GivenContact, insert_contact, join_book
from dotdigital_sandbox.settings import Engagement
from tests.accounts import RemoteAccount
from tests.sync.campaign_account import DRAFT, add_to_crm, connected_book, make_campaign

DAY = 86_400.0
# Long gone by, so that no clock here is behind the account's.
BEGIN = datetime(2024, 1, 1, 8, tzinfo=UTC)
LEFT_FOR_EVER = ("IspComplained", "DirectComplaint", "SharedSuppression", "NotAllowed")
LEFT = ("Unsubscribed", "HardBounced", "SoftBounced", "MailBlocked", "Suppressed")


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much happens in a year."""

    contacts: int
    campaigns: int
    periods: int
    engagement: Engagement


SMALL = Size(
    contacts=300,
    campaigns=5,
    periods=10,
    engagement=Engagement(opens=0.7, clicks=0.6, unsubscribes=0.03, complaints=0.01, hard_bounces=0.02, repeats=0.4),
)
FULL = Size(contacts=50_000, campaigns=20, periods=52, engagement=Engagement())


@dataclass
class Sent:
    """A campaign of the script: when it is drafted, and every name it had since it was sent."""

    drafted_in: int
    number: int = 0
    names: set[str] = field(default_factory=set)
    is_deleted: bool = False


class Year:
    """The account in the course of a year. Some people are in the CRM from the start, some come later, some never."""

    def __init__(self, integration: Integration, remote: RemoteAccount, *, seed: int, size: Size) -> None:
        self.remote, self.sandbox, self.size = remote, remote.sandbox, size
        self.draw = random.Random(seed)
        self._people = 0
        self.sandbox.settings.engagement = size.engagement
        self.sandbox.settings.engagement_seconds = 40 * DAY
        self.sandbox.freeze(BEGIN)
        self.books = [connected_book(integration, remote, name)[0] for name in ("Readers", "Customers")]
        self.other_book = remote.create_book("Not connected")
        for name in ("COLOUR", "SCORE"):
            remote.create_field(name, "String")
        begun = self._new_people(size.contacts)
        add_to_crm([*begun[: size.contacts * 7 // 10], begun[0].upper(), begun[1].title()])
        self._late = begun[size.contacts * 8 // 10 :]
        last = size.periods * 7 // 10
        self.campaigns = [Sent(drafted_in=number * last // size.campaigns) for number in range(size.campaigns)]

    def pass_period(self, number: int) -> None:
        """Let one period's events happen, in an order of their own, hours or days apart."""
        if number == self.size.periods // 3:
            add_to_crm(self._late)
        events = [
            *(event for event in self._people_events() for _twice in range(2)),
            *self._campaign_events(number),
            *self._renames(number),
        ]
        self.draw.shuffle(events)
        for event in events:
            event()
            self.sandbox.advance(self.draw.uniform(0, 365 * DAY / self.size.periods / len(events)))

    def doomed(self, number: int) -> list[Sent]:
        """The campaigns to be deleted in this period."""
        if number != self.size.periods * 9 // 10:
            return []
        return self.campaigns[3::6][: max(1, self.size.campaigns // 10)]

    def delete_campaign(self, campaign: Sent) -> None:
        """Delete a campaign with all its results."""
        self.remote.ask("DELETE", f"/v2/campaigns/{campaign.number}")
        campaign.is_deleted = True

    def come_to_rest(self) -> None:
        """Let the time pass until nobody reacts to a mail any more."""
        self.sandbox.advance(200 * DAY)

    # People

    def _people_events(self) -> list[Callable[[], None]]:
        return [
            self._join,
            self._change_values,
            self._move_address,
            self._unsubscribe,
            self._leave_book,
            self._bounce_or_complain,
            self._return_to_account,
            self._return_to_book,
            self._delete,
            self._be_taken_out_of_book,
            self._be_put_into_book,
        ]

    def _some(self) -> int:
        return self.draw.randint(0, max(2, self.size.contacts // 2000))

    def _ids(self, sql: str, parameters: Iterable[Any] = (), *, count: int | None = None) -> list[Any]:
        """Some of the ids, or pairs of ids, that a query of the account's own tables finds."""
        with self.sandbox.account.store.reading() as db:
            rows = [tuple(row) for row in db.execute(sql, tuple(parameters))]
        wanted = self._some() if count is None else count
        chosen = self.draw.sample(rows, min(wanted, len(rows)))
        return [row[0] if len(row) == 1 else row for row in chosen]

    def _mailable(self, count: int | None = None) -> list[tuple[int, str]]:
        return self._ids("SELECT id, email FROM contact WHERE status = 'Subscribed' ORDER BY id", count=count)

    def _new_people(self, count: int) -> list[str]:
        """So many new contacts, each in one book or two; their addresses."""
        account, addresses = self.sandbox.account, []
        with account.store.writing() as db:
            for _person in range(count):
                self._people += 1
                address = f"{self.draw.choice(('person', 'Person'))}.{self._people}@example.com"
                number = insert_contact(db, account, GivenContact(address, values=self._values()))
                for book in self.draw.sample([*self.books, self.other_book], self.draw.choice((1, 1, 1, 2))):
                    join_book(db, account, book_id=book, contact_id=number)
                addresses.append(address)
        return addresses

    def _values(self) -> dict[str, Any]:
        return {"FIRSTNAME": f"Name {self.draw.randrange(1000)}", "COLOUR": self.draw.choice(("red", "blue", None))}

    def _join(self) -> None:
        self._late += self._new_people(self._some() * 2)

    def _change(self, number: int, **changes: Any) -> None:
        self.remote.ask("PUT", f"/v2/contacts/{number}", changes)

    def _change_values(self) -> None:
        for number, email in self._mailable():
            value = self.draw.choice(("1", "2", None))
            self._change(number, email=email, dataFields=[{"key": "SCORE", "value": value}])

    def _move_address(self) -> None:
        """Somebody gets another address, and at times somebody else gets the one that is free now."""
        for number, email in self._mailable():
            self._people += 1
            self._change(number, email=f"person.{self._people}@example.org")
            if self.draw.random() < 0.5:
                self.remote.create_contact(email.swapcase(), book=self.books[0], FIRSTNAME="Successor")

    def _unsubscribe(self) -> None:
        for _number, email in self._mailable():
            self.sandbox.unsubscribe(email)

    def _leave_book(self) -> None:
        for book, email in self._ids(
            "SELECT m.book_id, c.email FROM membership m JOIN contact c ON c.id = m.contact_id "
            "WHERE m.unsubscribed_at IS NULL AND c.status = 'Subscribed' ORDER BY m.book_id, c.id"
        ):
            self.sandbox.unsubscribe(email, book)

    def _bounce_or_complain(self) -> None:
        for _number, email in self._mailable():
            self.sandbox.suppress(email, self.draw.choice((*LEFT_FOR_EVER, *LEFT)))

    def _return_to_account(self) -> None:
        places = ", ".join("?" * len(LEFT))
        for email in self._ids(f"SELECT email FROM contact WHERE status IN ({places}) ORDER BY id", LEFT):
            self._resubscribe("contacts", email)

    def _return_to_book(self) -> None:
        """Whoever left a book comes back to it, and with that to the account, if that was left too."""
        places = ", ".join("?" * (len(LEFT) + 1))
        for book, email in self._ids(
            "SELECT m.book_id, c.email FROM membership m JOIN contact c ON c.id = m.contact_id "
            f"WHERE m.unsubscribed_at IS NOT NULL AND c.status IN ({places}) ORDER BY m.book_id, c.id",
            ("Subscribed", *LEFT),
        ):
            self._resubscribe(f"address-books/{book}/contacts", email)

    def _resubscribe(self, path: str, email: str) -> None:
        body = {"unsubscribedContact": {"email": email}}
        self.remote.ask("POST", f"/v2/{path}/resubscribe-with-no-challenge", body)

    def _delete(self) -> None:
        """Some are deleted, whatever they are, and some of those who might be mailed come back as somebody new."""
        for number, email, status in self._ids("SELECT id, email, status FROM contact ORDER BY id"):
            self.remote.ask("DELETE", f"/v2/contacts/{number}")
            if status == "Subscribed" and self.draw.random() < 0.5 and not self._is_remembered(email):
                self.remote.create_contact(email, book=self.draw.choice(self.books))

    def _is_remembered(self, email: str) -> bool:
        sql = "SELECT 1 FROM remembered_suppression WHERE email_key = ?"
        return bool(self._ids(sql, [email.lower()], count=1))

    def _be_taken_out_of_book(self) -> None:
        for book, number in self._ids(
            "SELECT book_id, contact_id FROM membership WHERE unsubscribed_at IS NULL ORDER BY book_id, contact_id"
        ):
            self.remote.ask("DELETE", f"/v2/address-books/{book}/contacts/{number}")

    def _be_put_into_book(self) -> None:
        book = self.draw.choice(self.books)
        for email in self._ids(
            "SELECT email FROM contact WHERE status = 'Subscribed' AND id NOT IN "
            "(SELECT contact_id FROM membership WHERE book_id = ?) ORDER BY id",
            [book],
        ):
            self.remote.create_contact(email, book=book)

    # Campaigns, and names of things

    def _campaign_events(self, number: int) -> list[Callable[[], None]]:
        events: list[Callable[[], None]] = []
        for index, each in enumerate(self.campaigns):
            if number == each.drafted_in:
                each.number = make_campaign(self.remote, name=f"Campaign {index}")
            if number == each.drafted_in + 1:
                events.append(lambda each=each, index=index: self._send(each, index))  # type: ignore[misc]
            if number == each.drafted_in + 4 and index % 2 == 0:
                events.append(lambda each=each, index=index: self._send_on(each, index))  # type: ignore[misc]
            if number == each.drafted_in + 3 and index % 3 == 1:
                events.append(lambda each=each: self._rename_sent(each))  # type: ignore[misc]
        return events

    def _send(self, campaign: Sent, index: int) -> None:
        name = f"Campaign {index}" if index % 2 else f"Campaign {index}, its last draft"
        self.remote.ask("PUT", f"/v2/campaigns/{campaign.number}", {**DRAFT, "name": name})
        self._send_on(campaign, index)
        campaign.names.add(name)

    def _send_on(self, campaign: Sent, index: int) -> None:
        """Send it to whoever is in its books by now and has not got it."""
        everywhere = [*self.books, self.other_book]
        self.sandbox.send_campaign(campaign.number, everywhere[index % 3 :] if index % 4 else self.books)

    def _rename_sent(self, campaign: Sent) -> None:
        """The API refuses it; people can."""
        name = f"Renamed {campaign.number}"
        with self.sandbox.account.store.writing() as db:
            db.execute("UPDATE campaign SET name = ? WHERE id = ?", (name, campaign.number))
        campaign.names.add(name)

    def _renames(self, number: int) -> list[Callable[[], None]]:
        events: list[Callable[[], None]] = []
        if number % 5 == 2:
            book = self.draw.choice(self.books)
            changes = {"name": f"Book {book} of period {number}", "visibility": self.draw.choice(("Private", "Public"))}
            events.append(lambda: self.remote.ask("PUT", f"/v2/address-books/{book}", changes))
        if number == self.size.periods // 2:
            events.append(self._rename_data_field)
        return events

    def _rename_data_field(self) -> None:
        """There is no such call: the field is made anew, and its values are entered again for some."""
        self.remote.ask("DELETE", "/v2/data-fields/COLOUR")
        self.remote.create_field("COLOR", "String")
        for number, email in self._mailable():
            self._change(number, email=email, dataFields=[{"key": "COLOR", "value": "green"}])

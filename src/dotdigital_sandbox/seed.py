"""What a new account begins with: nothing but its system parts, or a small believable life for demonstrations."""

from __future__ import annotations

import json
from datetime import timedelta
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING, Any

from dotdigital_sandbox.address_books import ALL_CONTACTS, TEST
from dotdigital_sandbox.data_fields import DEFAULT_FIELDS
from dotdigital_sandbox.dates import text_of
from dotdigital_sandbox.engagement import Model, store_events
from dotdigital_sandbox.settings import Engagement

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

FIRST_NAMES = (
    "Ada", "Bruno", "Chloë", "Dilip", "Elif", "Fiona", "Goran", "Hana", "Ibrahim", "Jürgen", "Katya", "Liam", "María",
    "Noor",
    "Óscar", "Priya", "Quentin", "Rosa", "Søren", "Tomáš",
)  # fmt: skip
LAST_NAMES = (
    "Andersen", "Brown", "Castillo", "Dvořák", "Evans", "Fischer", "García", "Haddad", "Ivanova", "Jones", "Kowalski",
    "Lund",
    "Müller", "Novak", "O'Connor", "Patel", "Quist", "Rossi", "Sato", "Tremblay",
)  # fmt: skip
COMPANIES = ("Acorn & Sons", "Bright Harbour Ltd", "Cedar Works", "Delta, Ltd", "Evergreen GmbH")
DEMO_FIELDS = (("COMPANY", "String"), ("LEADSCORE", "Numeric"), ("BIRTHDAY", "Date"), ("VIP", "Boolean"))
DEMO_BOOKS = (("Newsletter", "Public"), ("Customers", "Private"), ("Product updates", "Public"))
SENT_DAYS_AGO = 10
READING_SECONDS = 5 * 86400.0
# The demo's people keep the statuses they were given.
CALM = Engagement(
    opens=0.8, clicks=0.6, hard_bounces=0, soft_bounces=0, mail_blocks=0, unsubscribes=0, complaints=0, replies=0.1
)
LETTER_HTML = (
    '<p>Hello @FIRSTNAME@</p><p><a href="https://www.example.com/autumn">Read on</a>, or see our '
    '<a href="https://shop.example.com/offers">offers</a>.</p><p><a href="http://$UNSUB$">Unsubscribe</a></p>'
)
LETTER_TEXT = "Hello @FIRSTNAME@, read on at https://www.example.com/autumn. Unsubscribe: http://$UNSUB$"
OPTED_OUT, SUBSCRIBERS, CUSTOMERS = 5, 10, 10


def plant(account: Account) -> None:
    """Seed an account that is still empty, and let the configured API user in."""
    with account.store.writing() as db:
        _let_in(db, account)
        if db.execute("SELECT 1 FROM address_book").fetchone():
            return
        plant_system_parts(db)
        if account.settings.seed == "demo":
            _Demo(db, account).plant()


def _let_in(db: Connection, account: Account) -> None:
    settings = account.settings
    db.execute(
        "INSERT INTO api_user (name, password, scheme) VALUES (?, ?, ?) "
        "ON CONFLICT DO UPDATE SET password = excluded.password, scheme = excluded.scheme",
        (settings.user, settings.password, settings.scheme),
    )


def plant_system_parts(db: Connection) -> None:
    """The books and data fields that every account has."""
    db.executemany(
        "INSERT INTO address_book (name, name_key, visibility, writable, listed) VALUES (?, ?, 'Private', 0, ?)",
        [(TEST, TEST.lower(), 1), (ALL_CONTACTS, ALL_CONTACTS.lower(), 0)],
    )
    db.execute("INSERT INTO from_address (email) VALUES ('news@example.com'), ('shop@example.com')")
    db.executemany("INSERT INTO data_field (name, type, visibility, system) VALUES (?, ?, ?, 1)", DEFAULT_FIELDS)


class _Demo:
    """The demo account's people, with fixed addresses so that a demo CRM can know the same ones."""

    def __init__(self, db: Connection, account: Account) -> None:
        self._db = db
        self._account = account
        self._now = account.clock.now()
        self._count = 0
        self._books: dict[str, int] = {}

    def plant(self) -> None:
        """Plant books, fields and people."""
        self._db.executemany("INSERT INTO data_field (name, type, visibility) VALUES (?, ?, 'Private')", DEMO_FIELDS)
        for name, visibility in DEMO_BOOKS:
            row = self._db.execute(
                "INSERT INTO address_book (name, name_key, visibility) VALUES (?, ?, ?) RETURNING id",
                (name, name.lower(), visibility),
            ).fetchone()
            self._books[name] = row["id"]
        self._people()
        self._campaigns()

    def _campaigns(self) -> None:
        """A letter sent some days ago, with what its readers did since, and a draft."""
        sent_at = self._ago(SENT_DAYS_AGO)
        for name, status, sent in (("Autumn letter", "Sent", sent_at), ("Winter offers", "Unsent", None)):
            row = self._db.execute(
                "INSERT INTO campaign (name, subject, from_name, from_address_id, html_content, plain_text_content, "
                "status, sent_date, tags) VALUES (?, ?, 'Acorn & Sons', 1, ?, ?, ?, ?, '[\"newsletter\"]') RETURNING *",
                (name, f"{name} for @FIRSTNAME@", LETTER_HTML, LETTER_TEXT, status, sent),
            ).fetchone()
            if sent:
                self._readers(row, sent)

    def _readers(self, campaign: Row, sent_at: str) -> None:
        book = self._books["Newsletter"]
        self._db.execute("INSERT INTO campaign_target VALUES (?, ?)", (campaign["id"], book))
        self._db.execute(
            "INSERT INTO activity (campaign_id, contact_id, email, sent_at, is_text) SELECT ?, c.id, c.email, ?, 0 "
            "FROM membership m JOIN contact c ON c.id = m.contact_id "
            "WHERE m.book_id = ? AND m.unsubscribed_at IS NULL AND c.suppressed_at IS NULL",
            (campaign["id"], sent_at, book),
        )
        model = Model(self._account, campaign, sent_at, rates=CALM, spread_seconds=READING_SECONDS)
        readers = self._db.execute("SELECT * FROM activity WHERE campaign_id = ?", (campaign["id"],)).fetchall()
        store_events(self._db, (event for reader in readers for event in model.reactions(reader)))

    def _people(self) -> None:
        for number in range(1, SUBSCRIBERS + 1):
            self._member(f"subscriber.{number}@example.com", "Newsletter")
        for number in range(1, CUSTOMERS + 1):
            contact_id = self._member(f"customer.{number}@example.com", "Customers")
            if number % 3 == 0:
                self._join(contact_id, "Product updates")
        for number in range(1, OPTED_OUT + 1):
            self._member(f"opted.out.{number}@example.com", "Newsletter", status="Unsubscribed")
        for number in (1, 2):
            self._member(f"bounced.{number}@example.com", "Newsletter", status="HardBounced")
            self._member(f"left.newsletter.{number}@example.com", "Newsletter", left=True)
        self._member("complained.1@example.com", "Newsletter", status="IspComplained")

    def _ago(self, days: float) -> str:
        return text_of(self._now - timedelta(days=days))

    def _values(self, number: int) -> dict[str, Any]:
        first = FIRST_NAMES[number % len(FIRST_NAMES)]
        last = LAST_NAMES[(number * 7) % len(LAST_NAMES)]
        values: dict[str, Any] = {"FIRSTNAME": first, "LASTNAME": last, "FULLNAME": f"{first} {last}"}
        if number % 2:
            values |= {"COMPANY": COMPANIES[number % len(COMPANIES)], "LEADSCORE": number * 5 % 100}
        if number % 4 == 0:
            values |= {
                "BIRTHDAY": f"19{60 + number}-0{1 + number % 9}-1{number % 10}T00:00:00.000Z",
                "VIP": number % 8 == 0,
            }
        return values

    def _member(self, email: str, book: str, *, status: str = "Subscribed", left: bool = False) -> int:
        self._count += 1
        born, suppressed = self._ago(400 - self._count), self._ago(40 - self._count)
        gone = suppressed if status != "Subscribed" else None
        row = self._db.execute(
            "INSERT INTO contact (email, email_key, opt_in, status, created, modified, last_subscribed, "
            "suppressed_at, data) "
            "VALUES (?, ?, 'Single', ?, ?, ?, ?, ?, ?) RETURNING id",
            (
                email,
                email,
                status,
                born,
                gone or born,
                born,
                gone,
                json.dumps(self._values(self._count), ensure_ascii=False),
            ),
        ).fetchone()
        self._join(row["id"], book, added=born, left=suppressed if left else None)
        return int(row["id"])

    def _join(self, contact_id: int, book: str, *, added: str | None = None, left: str | None = None) -> None:
        self._db.execute(
            "INSERT INTO membership (book_id, contact_id, added, unsubscribed_at) VALUES (?, ?, ?, ?)",
            (self._books[book], contact_id, added or self._ago(30), left),
        )

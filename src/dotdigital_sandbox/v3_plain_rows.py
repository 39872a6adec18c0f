"""Rows of an import of version 3 that are as most are: found by their address, and right. Many are written at once.

Whatever is odd about a row, and be it only the case of a letter, is for the code that takes one row after the other:
it alone knows the refusals, and it is what these rows must not differ from.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from sqlite3 import Connection
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from dotdigital_sandbox.calls import encoded
from dotdigital_sandbox.consents import INSERT_CONSENT, consent_text
from dotdigital_sandbox.contact_writing import is_banned, merged
from dotdigital_sandbox.data_fields import READ_ONLY, field_takers
from dotdigital_sandbox.import_rows import Merge
from dotdigital_sandbox.preferences import CHOOSE
from dotdigital_sandbox.remembered import recall
from dotdigital_sandbox.v3_consents import read_consents
from dotdigital_sandbox.v3_contacts import MOST_LISTS
from dotdigital_sandbox.v3_errors import V3Error
from dotdigital_sandbox.values import ValueRefused, is_email

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

_FIND = "SELECT c.id, c.email_key, c.data, c.mobile FROM json_each(?) k CROSS JOIN contact c ON c.email_key = k.value"
_INSERT = (
    "INSERT INTO contact (id, email, email_key, created, modified, last_subscribed, data) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
# One statement for all of a book: where somebody listens to events, each statement of many would begin a journal.
_JOIN = (
    "INSERT INTO membership (book_id, contact_id, added) SELECT :book, value, :now FROM json_each(:contacts) "
    "WHERE TRUE ON CONFLICT DO NOTHING"
)
_UPDATE = "UPDATE contact SET data = ?, modified = ? WHERE id = ?"


# A chunk of them is held at once. The collector of garbage need not go through what cannot refer to itself: that was a
# third of an import's time.
class _Identifiers(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    email: str


class _Preference(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    id: int
    isOptedIn: bool  # noqa: N815 - as the service spells it


class _Row(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A row as nearly every client spells it."""

    identifiers: _Identifiers
    matchIdentifier: Literal["email"] = "email"  # noqa: N815
    lists: tuple[int, ...] | None = None
    dataFields: dict[str, Any] | None = None  # noqa: N815
    preferences: list[_Preference] | None = None
    consentRecords: list[dict[str, Any]] | None = None  # noqa: N815


class Plain(msgspec.Struct, gc=False):
    """What a plain row says; its values are those that are kept, None where a field is cleared."""

    email: str
    key: str
    lists: tuple[int, ...]
    values: dict[str, Any]
    preferences: tuple[tuple[int, bool], ...]
    consents: tuple[dict[str, str], ...]


class Taken(NamedTuple):
    """What came of a plain row."""

    contact_id: int
    is_new: bool


_decode = msgspec.json.Decoder(_Row).decode


class PlainRows:
    """The plain rows of one chunk, checked against the account as it is; taken one by one, written by :meth:`write`."""

    def __init__(self, db: Connection, account: Account, merge: Merge) -> None:
        self._db, self._merge, self._now = db, merge, account.clock.text()
        self._takers = field_takers(db, account.switches.text_limit)
        books = db.execute("SELECT id FROM address_book WHERE kind = 'book' AND writable")
        self._books = {row["id"] for row in books}
        self._preferences = {row["id"] for row in db.execute("SELECT id FROM preference WHERE selectable")}
        banned = "SELECT 1 FROM suppressed_address UNION ALL SELECT 1 FROM suppressed_domain LIMIT 1"
        self._bans = db.execute(banned).fetchone() is not None
        self._known: dict[str, Any] | None = None
        self._forget()

    def _forget(self) -> None:
        last = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'contact'").fetchone()
        self._first_id = self._next_id = (last["seq"] if last else 0) + 1
        self._new: list[tuple[Any, ...]] = []
        self._changed: list[tuple[Any, ...]] = []
        self._joining: dict[int, list[int]] = defaultdict(list)
        self._rest: list[tuple[int, Plain]] = []

    def read(self, line: bytes) -> Plain | None:
        """What the row says; None when it is not plain."""
        try:
            row = _decode(line)
            consents = tuple(read_consents(row.consentRecords))
            values = self._values(row.dataFields or {})
        except (msgspec.DecodeError, ValueRefused, V3Error):
            return None
        email, lists, chosen = row.identifiers.email, row.lists, row.preferences or ()
        is_right = (
            values is not None
            and is_email(email)
            and (lists is None or (1 <= len(lists) <= MOST_LISTS and self._books.issuperset(lists)))
            and (not chosen or self._preferences.issuperset(each.id for each in chosen))
        )
        if not is_right:
            return None
        preferences = tuple((each.id, each.isOptedIn) for each in chosen) if chosen else ()
        return Plain(email, email.lower(), lists or (), values or {}, preferences, consents)

    def _values(self, fields: dict[str, Any]) -> dict[str, Any] | None:
        """The values to be kept; None where one is of no field that there is."""
        values: dict[str, Any] = {}
        for name, value in fields.items():
            key = name.upper()
            if key not in READ_ONLY:
                take = self._takers.get(key)
                if take is None:
                    return None
                values[key] = take(value)
        return values

    def find(self, plain: Iterable[Plain]) -> None:
        """Look up together whom the account has already, for the calls of :meth:`take` until the next :meth:`write`."""
        self._known = self._found(plain)

    def _found(self, plain: Iterable[Plain]) -> dict[str, Any]:
        keys = encoded([each.key for each in plain]).decode()
        return {row["email_key"]: row for row in self._db.execute(_FIND, (keys,))}

    def take(self, plain: Plain, seen: set[str]) -> Taken | None:
        """Have a row written with the others. None when it is not plain beside what the account, or the import, has."""
        key = plain.key
        known = (self._found([plain]) if self._known is None else self._known).get(key)
        name = f"email:{known['id'] if known else key}"
        if name in seen or (known["mobile"] if known else self._bans and is_banned(self._db, plain.email)):
            return None
        contact_id = known["id"] if known else self._add(plain)
        if known:
            self._change(plain, known)
        for book in plain.lists:
            self._joining[book].append(contact_id)
        if plain.preferences or plain.consents:
            self._rest.append((contact_id, plain))
        seen.add(name)
        seen.add(f"email:{contact_id}")
        return Taken(contact_id, is_new=known is None)

    def _add(self, plain: Plain) -> int:
        contact_id, now = self._next_id, self._now
        values = {name: value for name, value in plain.values.items() if value is not None}
        self._new.append((contact_id, plain.email, plain.key, now, now, now, encoded(values).decode()))
        self._next_id += 1
        return contact_id

    def _change(self, plain: Plain, known: Any) -> None:
        values = plain.values
        if self._merge:
            held = json.loads(known["data"]) if self._merge > 1 else {}
            values = {name: value for name, value in values.items() if value is not None and name not in held}
        data = merged(known["data"], values)
        if data != known["data"]:
            self._changed.append((data, self._now, known["id"]))

    def write(self) -> None:
        """Write what was taken. What others write then may be about anybody."""
        db, now = self._db, self._now
        db.executemany(_INSERT, self._new)
        if self._new:
            recall(db, self._first_id)
        db.executemany(_UPDATE, self._changed)
        for book, joining in self._joining.items():
            db.execute(_JOIN, {"book": book, "contacts": encoded(joining).decode(), "now": now})
        db.executemany(CHOOSE, [(number, *each) for number, plain in self._rest for each in plain.preferences])
        db.executemany(
            INSERT_CONSENT,
            [(number, consent_text(each), now) for number, plain in self._rest for each in plain.consents],
        )
        self._known = None
        self._forget()

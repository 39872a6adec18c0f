"""Contacts as the API shows them (contract §4.3)."""

from __future__ import annotations

from collections.abc import Iterable
from sqlite3 import Connection, Row
from typing import Any

import msgspec

from dotdigital_sandbox.settings import Switches

COLUMNS = "c.id, c.email, c.opt_in, c.email_type, c.status, c.last_subscribed, c.data"
LAST_SUBSCRIBED = "LASTSUBSCRIBED"
_values = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NULL = msgspec.Raw(b"null")


class ContactOut(msgspec.Struct, rename="camel"):
    """The six keys of a contact, in the API's order."""

    id: int
    email: str
    opt_in_type: str
    email_type: str
    data_fields: msgspec.Raw
    status: str


class ContactShape:
    """Turns rows of the contact table (:data:`COLUMNS`) into what the API answers.

    ``full`` puts in every data field of the account, set or not; without it ``dataFields`` is null.
    """

    def __init__(self, db: Connection, switches: Switches, *, full: bool) -> None:
        self._names: list[str] = []
        self._form = b""
        self._full = full
        self._as_strings = switches.value_types == "strings"
        if full:
            self._names = [row["name"] for row in db.execute("SELECT name FROM data_field ORDER BY id")]
            shown = [b'{"key":"' + name.encode().replace(b"%", b"%%") + b'","value":%b}' for name in self._names]
            self._form = b"[" + b",".join(shown) + b"]"

    def one(self, row: Row) -> ContactOut:
        """The contact of one row."""
        number, email, opt_in, email_type, status, subscribed, data = row[:7]
        fields = self._data_fields(data, subscribed) if self._full else _NULL
        return ContactOut(number, email, opt_in, email_type, fields, status)

    def many(self, rows: Iterable[Row]) -> list[ContactOut]:
        """The contacts of many rows."""
        return [self.one(row) for row in rows]

    def _data_fields(self, data: str, subscribed: str | None) -> msgspec.Raw:
        values: dict[str, Any] = _values.decode(data)
        if subscribed:
            values[LAST_SUBSCRIBED] = b'"' + subscribed.encode() + b'"'
        if self._as_strings:
            values = {name: raw if bytes(raw)[:1] == b'"' else b'"' + bytes(raw) + b'"' for name, raw in values.items()}
        value_of = values.get
        return msgspec.Raw(self._form % tuple([value_of(name, b"null") for name in self._names]))


def suppression(row: Row, removed: str, reason: str) -> dict[str, Any]:
    """A row of a suppression feed; its data fields are always null (contract §4.3)."""
    contact = ContactOut(row["id"], row["email"], row["opt_in"], row["email_type"], _NULL, row["status"])
    return {"suppressedContact": contact, "dateRemoved": removed, "reason": reason}

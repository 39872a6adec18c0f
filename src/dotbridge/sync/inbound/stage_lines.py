"""Contacts as lines of `COPY`, ready for the stage. Made where pages are read, so that the database need not wait."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

import msgspec

from dotbridge.sync.inbound.storable import kind
from dotdigital import Contact, ContactV3
from dotdigital.decoding import moment
from dotdigital.models import Scalar

LAST_SUBSCRIBED = "LASTSUBSCRIBED"
_NULL = b"\\N"
# NUL, which PostgreSQL cannot store, is left out of texts.
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": None})
# As Dotdigital writes dates. PostgreSQL reads such a text itself; of all others it gets our own spelling.
_USUAL_DATE = re.compile(r"(?!0001|9999)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?Z", re.ASCII).fullmatch
_encode = msgspec.json.Encoder().encode


def address_of(contact: Contact | ContactV3) -> str:
    """Its address as it is stored; without one, no row of the mirror can be made of it."""
    return (contact.email or "").replace("\0", "").strip()


def stage_line(contact: Contact, status: str | None, removed_at: datetime | None = None) -> bytes:
    """A line for `merge_contacts`, an empty one for a contact without an address.

    `removed_at` is since when the contact is suppressed, where the feed says so.
    """
    address = address_of(contact)
    if not address:
        return b""
    fields = contact.data_fields
    return contact_line(
        contact.id,
        address,
        status=status,
        opt_in_type=contact.opt_in_type,
        email_type=contact.email_type,
        values=None if fields is None else {field.key: field.value for field in fields},
        removed_at=removed_at,
    )


def contact_line(
    remote_id: int,
    address: str,
    *,
    status: str | None,
    opt_in_type: str | None,
    email_type: str | None,
    values: Mapping[str, Scalar] | None,
    removed_at: datetime | None = None,
) -> bytes:
    """The same of a contact whose parts are known one by one, with its address as it is stored."""
    data, subscribed = _data_fields(values)
    return b"%d\t%b\t%b\t%b\t%b\t%b\t%b\t%b\n" % (
        remote_id,
        escaped(address),
        _NULL if status is None else _kind(status),
        _kind(opt_in_type),
        _kind(email_type),
        data,
        subscribed,
        _NULL if removed_at is None else removed_at.isoformat().encode(),
    )


def membership_line(remote_id: int, book_id: int, *, is_out: bool) -> bytes:
    """A line of who is in which book, by the ids in Dotdigital."""
    return b"%d\t%d\t%b\n" % (remote_id, book_id, b"t" if is_out else b"f")


def escaped(text: str) -> bytes:
    """A text as a field of such a line."""
    # Nearly all texts need no escaping, and to see that is quick.
    return (text if text.isprintable() and "\\" not in text else text.translate(_ESCAPES)).encode()


@lru_cache(maxsize=256)
def _kind(word: str | None) -> bytes:
    return escaped(kind(word))


def _data_fields(values: Mapping[str, Scalar] | None) -> tuple[bytes, bytes]:
    """The data fields as one JSON object, and the moment of the last subscription among them."""
    if values is None:
        return _NULL, _NULL
    encoded = _encode(values)
    if b"\\" in encoded:
        encoded = _encode(_storable(values)).replace(b"\\", b"\\\\")
    subscribed = values.get(LAST_SUBSCRIBED)
    return encoded, _date(subscribed) if isinstance(subscribed, str) else _NULL


def _storable(values: Mapping[str, Scalar]) -> dict[str, Scalar]:
    return {
        key.replace("\0", ""): value.replace("\0", "") if isinstance(value, str) else value
        for key, value in values.items()
    }


def _date(text: str) -> bytes:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return _NULL
    if _USUAL_DATE(text):
        return text.encode()
    at = moment(parsed)
    return _NULL if at is None else at.isoformat().encode()

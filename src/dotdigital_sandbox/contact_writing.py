"""How a contact comes to be, changes and goes: the rules shared by every operation that writes one (contract §4.3)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING, Any

import msgspec

from dotdigital_sandbox.calls import encoded, lowered, one_of, text_or_none, whole_number
from dotdigital_sandbox.contact_statuses import EMAIL_TYPES, OPT_IN_TYPES, PENDING, SUBSCRIBED
from dotdigital_sandbox.data_fields import READ_ONLY, field_takers
from dotdigital_sandbox.errors import ApiError, FieldRefused, refusal
from dotdigital_sandbox.remembered import recall, remember, remembered_status
from dotdigital_sandbox.settings import Switches
from dotdigital_sandbox.values import ValueRefused, ValueTooLong, is_email

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account


@dataclass(slots=True)
class GivenContact:
    """What a client says about a contact; empty or None means not said, a value of None clears its field."""

    email: str = ""
    opt_in: str | None = None
    email_type: str | None = None
    mobile: str | None = None
    values: dict[str, Any] = field(default_factory=dict)


def given_contact(db: Connection, switches: Switches, body: object, *, needs_email: bool = True) -> GivenContact:
    """Read a Contact of a request; refuses a bad address, an unknown enum or field, and a value of the wrong type."""
    keys = lowered(body)
    email = text_or_none(keys.get("email"))
    if email is not None:
        email = email.strip()
    if (needs_email and email is None) or (email is not None and not is_email(email)):
        raise bad_email(switches)
    opt_in = keys.get("optintype")
    email_type = keys.get("emailtype")
    return GivenContact(
        email or "",
        None if opt_in is None else one_of(opt_in, OPT_IN_TYPES, code="CONTACT_INVALID"),
        None if email_type is None else one_of(email_type, EMAIL_TYPES, code="CONTACT_INVALID"),
        values=_given_values(db, switches, keys.get("datafields")),
    )


def bad_email(switches: Switches) -> ApiError:
    """The refusal of something that is no address."""
    return refusal(switches.bad_email_code.removeprefix("ERROR_"), about="email")


def _given_values(db: Connection, switches: Switches, fields: object) -> dict[str, Any]:
    if fields is None:
        return {}
    if not isinstance(fields, list):
        raise refusal("CONTACT_INVALID")
    takers = field_takers(db, switches.text_limit)
    values: dict[str, Any] = {}
    for each in fields:
        pair = lowered(each, code="CONTACT_INVALID")
        name = str(pair.get("key", "")).upper()
        if name in READ_ONLY:
            continue
        if name not in takers:
            raise FieldRefused(switches.unknown_field_code.removeprefix("ERROR_"), name)
        try:
            values[name] = takers[name](pair.get("value"))
        except ValueTooLong:
            raise FieldRefused("DATAFIELD_VALUE_OVERFLOW", name) from None
        except ValueRefused:
            raise FieldRefused("DATAFIELD_INVALID", name) from None
    return values


def find_contact(db: Connection, ident: str) -> Row | None:
    """The contact of an id or an address."""
    if ident.isascii() and ident.isdigit():
        row: Row | None = db.execute("SELECT * FROM contact WHERE id = ?", (whole_number(ident),)).fetchone()
        return row
    return contact_by_email(db, ident)


def contact_by_email(db: Connection, email: str) -> Row | None:
    """The contact of an address, whatever the case of its letters."""
    row: Row | None = db.execute("SELECT * FROM contact WHERE email_key = ?", (email.strip().lower(),)).fetchone()
    return row


def contact_of(db: Connection, ident: str) -> Row:
    """The contact of an id or an address; refused when there is none."""
    row = find_contact(db, ident)
    if row is None:
        raise refusal("CONTACT_NOT_FOUND")
    return row


def is_banned(db: Connection, email: str) -> bool:
    """Whether the address or its whole domain is on the account's suppression lists."""
    key = email.lower()
    found = db.execute(
        "SELECT 1 FROM suppressed_address WHERE email_key = ? "
        "UNION ALL SELECT 1 FROM suppressed_domain WHERE domain = ?",
        (key, key.rpartition("@")[2]),
    )
    return found.fetchone() is not None


def save_contact(db: Connection, account: Account, given: GivenContact) -> int:
    """Create or update by address; the contact's id. Refuses suppressed contacts: data never bring anybody back."""
    known = contact_by_email(db, given.email)
    if known is not None:
        update_contact(db, account, known, given)
        return int(known["id"])
    if is_banned(db, given.email) or remembered_status(db, given.email):
        raise refusal("CONTACT_SUPPRESSED")
    check_room(db, account)
    return insert_contact(db, account, given)


def check_room(db: Connection, account: Account) -> None:
    """Refuse when the account holds as many contacts as its contract allows."""
    limit = account.settings.contact_limit
    if limit is not None and db.execute("SELECT count(*) FROM contact").fetchone()[0] >= limit:
        raise refusal("CONTACT_TOOMANY")


def insert_contact(db: Connection, account: Account, given: GivenContact) -> int:
    """A new contact's id; ``VerifiedDouble`` waits as ``Double`` until it is confirmed (contract §4.3).

    An address that had opted out when it was deleted comes back with its suppressions.
    """
    now = account.clock.text()
    verifying = given.opt_in == "VerifiedDouble"
    values = {name: value for name, value in given.values.items() if value is not None}
    row = db.execute(
        "INSERT INTO contact (email, email_key, opt_in, email_type, status, created, modified, last_subscribed, data) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            given.email,
            given.email.lower() or given.mobile,
            "Double" if verifying else given.opt_in or "Unknown",
            given.email_type or "Html",
            PENDING if verifying else SUBSCRIBED,
            now,
            now,
            None if verifying else now,
            encoded(values).decode(),
        ),
    ).fetchone()
    if verifying:
        challenge(db, account, contact_id=row["id"], purpose="optin")
    recall(db, row["id"])
    return int(row["id"])


def update_contact(
    db: Connection, account: Account, known: Row, given: GivenContact, *, suppressed_too: bool = False
) -> None:
    """Overwrite what is given, leave the rest; the status stays, but for an opt-in that must be verified again."""
    if known["suppressed_at"] and not suppressed_too:
        raise refusal("CONTACT_SUPPRESSED")
    email = given.email or known["email"]
    key = email.lower() or known["email_key"]
    if key == known["email_key"]:
        email = known["email"]
    elif contact_by_email(db, email) is not None:
        raise refusal("NON_UNIQUE_EMAIL")
    elif is_banned(db, email) or remembered_status(db, email):
        raise refusal("CONTACT_SUPPRESSED")
    opt_in, status = given.opt_in or known["opt_in"], known["status"]
    if opt_in == "VerifiedDouble" and known["opt_in"] != "VerifiedDouble":
        opt_in = "Double"
        if status == SUBSCRIBED:
            status = PENDING
            challenge(db, account, contact_id=known["id"], purpose="optin")
    data = merged(known["data"], given.values)
    before = (known["email"], known["opt_in"], known["email_type"], known["status"], known["data"])
    after = (email, opt_in, given.email_type or known["email_type"], status, data)
    if before != after:
        db.execute(
            "UPDATE contact SET email = ?, opt_in = ?, email_type = ?, status = ?, data = ?, email_key = ?, "
            "modified = ? WHERE id = ?",
            (*after, key, account.clock.text(), known["id"]),
        )


_raw_values = msgspec.json.Decoder(dict[str, msgspec.Raw])


def merged(data: str, values: dict[str, Any]) -> str:
    """The stored JSON with the given values in it; None takes a value out."""
    if not values:
        return data
    kept: dict[str, Any] = {**_raw_values.decode(data), **values}
    return encoded({name: value for name, value in kept.items() if value is not None}).decode()


def challenge(
    db: Connection,
    account: Account,
    *,
    contact_id: int,
    purpose: str,
    book_id: int | None = None,
    locale: str | None = None,
    return_url: str | None = None,
) -> str:
    """Send, so to speak, a confirmation mail; answers the token of its link."""
    token = uuid.uuid4().hex
    db.execute(
        "INSERT INTO challenge (token, contact_id, book_id, purpose, locale, return_url, created) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (token, contact_id, book_id, purpose, locale, return_url, account.clock.text()),
    )
    return token


def join_book(db: Connection, account: Account, *, book_id: int, contact_id: int) -> None:
    """Make the contact a member; refused when it has left this very book by itself."""
    row = db.execute(
        "SELECT unsubscribed_at FROM membership WHERE book_id = ? AND contact_id = ?", (book_id, contact_id)
    ).fetchone()
    if row is not None and row["unsubscribed_at"]:
        raise refusal("CONTACT_SUPPRESSEDFORADDRESSBOOK")
    db.execute(
        "INSERT INTO membership (book_id, contact_id, added) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (book_id, contact_id, account.clock.text()),
    )


_TIED = (
    ("membership", "contact_id"),
    ("challenge", "contact_id"),
    ("consent", "contact_id"),
    ("contact_preference", "contact_id"),
    ("insight", "contact_id"),
    ("contact", "id"),
)


def delete_contacts(db: Connection, account: Account, contact_ids: list[int]) -> None:
    """Take contacts out of the account, with all that hangs on them but their part in sent campaigns.

    Whoever had opted out is remembered by address.
    """
    chosen = "(SELECT value FROM json_each(?))"
    ids = (encoded(contact_ids).decode(),)
    remember(db, account, chosen, ids)
    for table, column in _TIED:
        db.execute(f"DELETE FROM {table} WHERE {column} IN {chosen}", ids)

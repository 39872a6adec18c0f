"""Contacts as version 3 of the API reads and writes them (contract §7)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING, Any, NamedTuple

from dotdigital_sandbox.calls import INT32, Answer, Call, json_answer, whole_number
from dotdigital_sandbox.consents import keep_consent
from dotdigital_sandbox.contact_statuses import SUBSCRIBED
from dotdigital_sandbox.contact_writing import (
    GivenContact,
    contact_by_email,
    delete_contacts,
    find_contact,
    given_contact,
    insert_contact,
    is_banned,
    update_contact,
)
from dotdigital_sandbox.dates import parse_instant, text_of
from dotdigital_sandbox.errors import ApiError, FieldRefused
from dotdigital_sandbox.preferences import choose_preference
from dotdigital_sandbox.routing import HIGH, LOW, MEDIUM, Route
from dotdigital_sandbox.subscriptions import come_back
from dotdigital_sandbox.v3_channels import (
    Wishes,
    contact_by_mobile,
    mobile_of,
    read_identifiers,
    read_resubscription,
    read_wishes,
    save_channels,
)
from dotdigital_sandbox.v3_consents import consents_or_fault
from dotdigital_sandbox.v3_errors import V3Error, closed_object, list_of, object_of
from dotdigital_sandbox.v3_json import PARTS, contacts_out, fields_of, parts_of
from dotdigital_sandbox.v3_paging import marked_page
from dotdigital_sandbox.values import is_email

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

DEFAULT_LIMIT = 1000
MOST_LISTS = 100
_JOIN = "INSERT INTO membership (book_id, contact_id, added) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_SINCE = re.compile(r"gte::(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z)")
MERGES = {"overwrite": 0, "overwrite-if-not-empty": 1, "overwrite-if-empty": 2}
IDENTIFIERS = ("contactid", "email")


@dataclass(slots=True)
class Given:
    """What a request of version 3 says about a contact."""

    contact: GivenContact
    lists: list[int] | None
    preferences: list[tuple[int, bool]]
    consents: list[dict[str, str]]
    resubscribe: dict[str, Any] | None
    wishes: Wishes
    consent_fault: V3Error | None = None


class Named(NamedTuple):
    """Identifiers that are known already, and need not be given again."""

    email: str = ""
    mobile: str = ""


NOBODY = Named()


def named(row: Row | None) -> Named:
    """What a contact is known by."""
    return NOBODY if row is None else Named(row["email"], row["mobile"] or "")


def read_given(db: Connection, account: Account, body: object, by: Named = NOBODY, *, forgiving: bool = False) -> Given:
    """Read a contact of a request; what it is known ``by`` stands in for identifiers not given. Raises V3Error.

    To be ``forgiving`` is to note a fault of the consent records beside the contact, which can do without them.
    """
    keys = object_of(body, "contact")
    if keys.get("identifiers") is None and not any(by):
        raise V3Error(400, "badRequest", "The Identifiers field is required", "identifiers")
    given = read_identifiers(keys.get("identifiers") or {})
    number = mobile_of(given["mobilenumber"]) if given.get("mobilenumber") is not None else by.mobile or None
    address = given.get("email") or by.email
    if (address or not number) and not (isinstance(address, str) and is_email(address)):
        raise V3Error(400, "invalidId", f"The id value '{address}' is invalid for the identifier 'email'", "email")
    channels = closed_object(keys.get("channelproperties") or {}, "channelProperties", "email sms whatsapp")
    channel = object_of(channels.get("email") or {}, "email")
    pairs = [
        {"key": name, "value": value} for name, value in object_of(keys.get("datafields") or {}, "dataFields").items()
    ]
    plain = {"dataFields": pairs, **{name: channel.get(name) for name in ("optintype", "emailtype")}}
    if address:
        plain["email"] = address
    try:
        contact = given_contact(db, account.switches, plain, needs_email=False)
    except FieldRefused as refused:
        raise V3Error(400, "invalidContacts", f"Invalid value for '{refused.name}'", refused.name) from None
    except ApiError as refused:
        raise V3Error(400, "invalidContacts", refused.message) from None
    contact.mobile = number
    consents, fault = consents_or_fault(keys.get("consentrecords"), forgiving=forgiving)
    return Given(
        contact,
        _list_ids(db, keys.get("lists")),
        _preferences(db, keys.get("preferences")),
        consents,
        read_resubscription(channel.get("resubscribeoptions")),
        read_wishes(channels),
        fault,
    )


def _preferences(db: Connection, given: object) -> list[tuple[int, bool]]:
    chosen: list[tuple[int, bool]] = []
    if given == []:
        raise V3Error(400, "badRequest", "preferences must hold at least one", "preferences")
    for each in list_of(given, "preferences"):
        keys = object_of(each, "preferences")
        number = whole_number(keys.get("id"))
        if number is None or not isinstance(keys.get("isoptedin"), bool):
            raise V3Error(400, "badRequest", "A preference needs an id, and isOptedIn true or false", "preferences")
        known = db.execute("SELECT 1 FROM preference WHERE id = ? AND selectable", (number,))
        if known.fetchone() is None:
            raise V3Error(400, "invalidContacts", f"There is no preference {number}", "preferences")
        chosen.append((number, keys["isoptedin"]))
    return chosen


def _list_ids(db: Connection, given: object) -> list[int] | None:
    if given is None:
        return None
    ids = given if isinstance(given, list) else [None]
    if not 1 <= len(ids) <= MOST_LISTS:
        raise V3Error(400, "badRequest", f"lists must hold between 1 and {MOST_LISTS} ids", "lists")
    for each in ids:
        number = whole_number(each) or 0
        known = db.execute(
            "SELECT 1 FROM address_book WHERE id = ? AND kind = 'book' AND writable", (max(0, min(number, INT32)),)
        )
        if known.fetchone() is None:
            raise V3Error(400, "invalidContacts", f"There is no list {each}", "lists")
    return [whole_number(each) or 0 for each in ids]


def save_given(db: Connection, account: Account, given: Given, *, known: Row | None, replace: bool = False) -> int:
    """Create or update a contact; suppressed ones are updated silently and stay suppressed (contract §7)."""
    contact = given.contact
    _check_free(db, contact, known)
    if known is None:
        if contact.email and is_banned(db, contact.email):
            raise V3Error(400, "invalidContacts", "The address is suppressed", "email")
        contact_id = insert_contact(db, account, contact)
    else:
        contact_id = known["id"]
        if replace:
            contact.values = {**dict.fromkeys(json.loads(known["data"])), **contact.values}
        try:
            update_contact(db, account, known, contact, suppressed_too=True)
        except ApiError as refused:
            raise V3Error(400, "invalidContacts", refused.message, "email") from None
        if given.resubscribe is not None and known["status"] != SUBSCRIBED:
            challenging = given.resubscribe.get("resubscribewithnochallenge") is False
            options = {
                "preferredlocale": given.resubscribe.get("preferredlocale"),
                "returnurltouseifchallenged": given.resubscribe.get("redirecturlafterchallenge"),
            }
            come_back(db, account, GivenContact(known["email"]), book_id=None, challenging=challenging, body=options)
    save_channels(db, account, contact_id, contact.mobile, given.wishes)
    _save_lists(db, account, contact_id, given.lists, replace=replace)
    for preference_id, opted_in in given.preferences:
        choose_preference(db, contact_id, preference_id, opted_in=opted_in)
    for record in given.consents:
        keep_consent(db, account, contact_id, record)
    return contact_id


def _save_lists(db: Connection, account: Account, contact_id: int, lists: list[int] | None, *, replace: bool) -> None:
    if replace:
        db.execute(
            "DELETE FROM membership WHERE contact_id = ? AND unsubscribed_at IS NULL AND book_id IN "
            "(SELECT id FROM address_book WHERE kind = 'book') AND book_id NOT IN (SELECT value FROM json_each(?))",
            (contact_id, json.dumps(lists or [])),
        )
    now = account.clock.text()
    db.executemany(_JOIN, [(each, contact_id, now) for each in lists or []])


def _check_free(db: Connection, contact: GivenContact, known: Row | None) -> None:
    """Refuse identifiers of which one belongs to another contact."""
    for name, row in _holders(db, contact).items():
        if row is not None and (known is None or row["id"] != known["id"]):
            raise V3Error(409, "identifierConflict", "The identifiers belong to different contacts", name)


def _holders(db: Connection, contact: GivenContact) -> dict[str, Row | None]:
    """Who has the identifiers of a contact now."""
    return {
        "email": contact_by_email(db, contact.email) if contact.email else None,
        "mobileNumber": contact_by_mobile(db, contact.mobile) if contact.mobile else None,
    }


def matched(db: Connection, identifier: str, value: object) -> Row | None:
    """The contact that an identifier names; refused for a kind that there is not, and for a value it cannot have."""
    kind = identifier.lower()
    if kind == "mobilenumber":
        return contact_by_mobile(db, mobile_of(value))
    text = str(value)
    right = text.isascii() and text.isdigit() if kind == "contactid" else is_email(text)
    if kind not in IDENTIFIERS or not right:
        problem = f"The id value '{text}' is invalid for the identifier '{identifier}'"
        raise V3Error(400, "invalidId", problem, identifier)
    return find_contact(db, text)


def _known(db: Connection, call: Call) -> Row | None:
    return matched(db, call.params["identifier"], call.params["value"])


def _must_exist(call: Call, row: Row | None) -> Row:
    if row is None:
        raise contact_not_found(call)
    return row


def contact_not_found(call: Call, code: str = "contactNotFound") -> V3Error:
    """The refusal where the path names a contact that there is not."""
    identifier, value = call.params["identifier"], call.params["value"]
    details = [{"item": value, "description": f"Not found using the identifier '{identifier}'"}]
    return V3Error(404, code, "The following contacts could not be found", details=details)


def _answer(call: Call, db: Connection, contact_id: int, *, status: int = HTTPStatus.OK) -> Answer:
    row = db.execute("SELECT * FROM contact WHERE id = ?", (contact_id,)).fetchone()
    parts, shape = parts_of(call) or frozenset(PARTS), call.account.settings.shape
    (contact,) = contacts_out(db, [row], parts=parts, fields=fields_of(call), shape=shape)
    return json_answer(contact, status=status)


def _body(call: Call) -> Any:
    try:
        return call.json()
    except ApiError as refused:
        raise V3Error(400, "badJson", refused.message) from None


def read_contact(call: Call) -> Answer:
    """GET /contacts/v3/{identifier}/{value}."""
    with call.account.store.reading() as db:
        return _answer(call, db, _must_exist(call, _known(db, call))["id"])


def create_contact(call: Call) -> Answer:
    """POST /contacts/v3: 409 when there is one already."""
    body = _body(call)
    with call.account.store.writing() as db:
        given = read_given(db, call.account, body)
        for name, row in _holders(db, given.contact).items():
            if row is not None:
                raise V3Error(409, "idAlreadyExists", "A contact with this identifier exists already", name)
        contact_id = save_given(db, call.account, given, known=None)
        return _answer(call, db, contact_id, status=HTTPStatus.CREATED)


def replace_contact(call: Call) -> Answer:
    """PUT /contacts/v3/{identifier}/{value}: what is not given is cleared."""
    body = _body(call)
    with call.account.store.writing() as db:
        known = _must_exist(call, _known(db, call))
        given = read_given(db, call.account, body, _named(call, known))
        return _answer(call, db, save_given(db, call.account, given, known=known, replace=True))


def merge_contact(call: Call) -> Answer:
    """PATCH /contacts/v3/{identifier}/{value}?merge-option=: an upsert."""
    body = _body(call)
    option = call.text("merge-option", "overwrite").lower()
    if option not in MERGES:
        raise V3Error(400, "badRequest", f"merge-option must be one of {', '.join(MERGES)}", "merge-option")
    with call.account.store.writing() as db:
        known = _known(db, call)
        given = read_given(db, call.account, body, _named(call, known))
        merge_values(given.contact, known, MERGES[option])
        contact_id = save_given(db, call.account, given, known=known)
        return _answer(call, db, contact_id, status=HTTPStatus.OK if known else HTTPStatus.CREATED)


def _named(call: Call, known: Row | None) -> Named:
    """What the path says about who is meant, for :func:`read_given`."""
    if known is not None:
        return named(known)
    kind, value = call.params["identifier"].lower(), call.params["value"]
    if kind == "contactid":
        raise contact_not_found(call)
    return Named(email=value) if kind == "email" else Named(mobile=mobile_of(value))


def merge_values(contact: GivenContact, known: Row | None, option: int) -> None:
    """Drop the given values that a merge option keeps from being written."""
    held = json.loads(known["data"]) if known else {}
    if option:
        contact.values = {
            name: value
            for name, value in contact.values.items()
            if value is not None and not (option > 1 and name in held)
        }


def delete_contact(call: Call) -> Answer:
    """DELETE /contacts/v3/{identifier}/{value}: 200 with the id."""
    with call.account.store.writing() as db:
        row = _must_exist(call, _known(db, call))
        delete_contacts(db, call.account, [row["id"]])
    return json_answer({"contactId": row["id"]})


def since_of(call: Call, name: str, *, code: str = "invalidFilter") -> str | None:
    """The instant of a filter such as ``~modified=gte::2024-01-01T00:00:00Z``, as the store writes it."""
    text = call.text(f"~{name}") or call.text(name)
    match = _SINCE.fullmatch(text)
    instant = parse_instant(match[1]) if match else None
    if text and instant is None:
        raise V3Error(400, code, f"The filter '{name}' must look like gte::2024-01-01T00:00:00Z", name)
    return text_of(instant) if instant else None


def _filters(call: Call) -> tuple[str, dict[str, Any]]:
    modified, created = since_of(call, "modified"), since_of(call, "created")
    book, segment = (call.text(f"~{name}") or call.text(name) for name in ("listid", "segmentid"))
    if (modified and created) or (book and segment):
        raise V3Error(400, "invalidFilter", "These filters cannot be used together")
    members = book or segment
    number = whole_number(members) if members else 0
    if number is None:
        raise V3Error(400, "invalidFilter", "listId and segmentId are numbers")
    sql = "c.id > :after"
    if modified or created:
        sql += f" AND +c.{'modified' if modified else 'created'} >= :since"
    if members:
        # Ids of lists and segments come out of one row, and yet the one is not asked for by the filter of the other.
        sql += (
            " AND EXISTS (SELECT 1 FROM address_book b WHERE b.id = :book AND b.kind = :kind AND (b.name_key = "
            "'all contacts' OR EXISTS (SELECT 1 FROM membership m WHERE m.book_id = b.id AND m.contact_id = c.id)))"
        )
    kind = "book" if book else "segment"
    return sql, {"since": modified or created, "book": min(number, INT32), "kind": kind}


def list_contacts(call: Call) -> Answer:
    """GET /contacts/v3: pages by marker, ascending."""
    page = marked_page(call, DEFAULT_LIMIT, code="invalidFilter")
    condition, params = _filters(call)
    with call.account.store.reading() as db:
        rows = db.execute(
            f"SELECT * FROM contact c WHERE {condition} ORDER BY c.id LIMIT :limit",
            {**params, "after": page.after, "limit": page.limit + 1},
        ).fetchall()
        parts, fields = parts_of(call), fields_of(call, listing=True)
        shape = call.account.settings.shape
        items = contacts_out(db, rows[: page.limit], parts=parts, fields=fields, shape=shape)
    following = rows[page.limit - 1]["id"] if len(rows) > page.limit else None
    return json_answer(page.answer(items, following=following))


ROUTES = [
    Route("GET", "/contacts/v3", list_contacts, LOW),
    Route("POST", "/contacts/v3", create_contact, MEDIUM),
    Route("GET", "/contacts/v3/{identifier}/{value}", read_contact, HIGH),
    Route("PUT", "/contacts/v3/{identifier}/{value}", replace_contact, MEDIUM),
    Route("PATCH", "/contacts/v3/{identifier}/{value}", merge_contact, MEDIUM),
    Route("DELETE", "/contacts/v3/{identifier}/{value}", delete_contact, MEDIUM),
]

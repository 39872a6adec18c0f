"""Leaving and coming back, in the account and in one book: two levels that never move each other (contract §4.4)."""

from __future__ import annotations

import json
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING, Any

from dotdigital_sandbox.address_books import book_id_of, book_of
from dotdigital_sandbox.calls import Answer, Call, json_answer, lowered
from dotdigital_sandbox.contact_json import COLUMNS, ContactOut, ContactShape, suppression
from dotdigital_sandbox.contact_statuses import (
    BEYOND_RETURN,
    PENDING,
    RETURN_WITHOUT_CHALLENGE,
    SUBSCRIBED,
    UNSUBSCRIBED,
    lesser_suppressions,
)
from dotdigital_sandbox.contact_writing import (
    GivenContact,
    bad_email,
    challenge,
    check_room,
    contact_by_email,
    given_contact,
    insert_contact,
    is_banned,
    update_contact,
)
from dotdigital_sandbox.errors import refusal
from dotdigital_sandbox.remembered import remembered_status
from dotdigital_sandbox.routing import MEDIUM, Route
from dotdigital_sandbox.values import is_email

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

ADDED = "ContactAdded"
CHALLENGED = "ContactChallenged"
CANNOT = "ContactCannotBeUnsuppressed"


def suppress(db: Connection, account: Account, *, contact_id: int, status: str, at: str | None = None) -> None:
    """Give an account-level suppression, now or as of then.

    A contact that is suppressed already keeps its reason and date, unless it was easier to come back from that one.
    """
    at = at or account.clock.text()
    db.execute(
        "UPDATE contact SET status = ?, suppressed_at = ?, modified = ? WHERE id = ? "
        "AND (suppressed_at IS NULL OR status IN (SELECT value FROM json_each(?)))",
        (status, at, at, contact_id, json.dumps(lesser_suppressions(status))),
    )


def leave_book(db: Connection, account: Account, *, contact_id: int, book_id: int) -> None:
    """Unsubscribe from one book; somebody who was no member is remembered as not wanting to be."""
    now = account.clock.text()
    db.execute(
        "INSERT INTO membership (book_id, contact_id, added, unsubscribed_at) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE "
        "SET unsubscribed_at = excluded.unsubscribed_at WHERE unsubscribed_at IS NULL",
        (book_id, contact_id, now, now),
    )


def restore(db: Connection, account: Account, *, contact_id: int) -> None:
    """Make the contact mailable again at account level."""
    now = account.clock.text()
    db.execute(
        "UPDATE contact SET status = ?, suppressed_at = NULL, last_subscribed = ?, modified = ? "
        "WHERE id = ? AND status <> ?",
        (SUBSCRIBED, now, now, contact_id, SUBSCRIBED),
    )


def rejoin_book(db: Connection, account: Account, *, contact_id: int, book_id: int) -> None:
    """Make the contact a member again, whether it had left or never was one."""
    db.execute(
        "INSERT INTO membership (book_id, contact_id, added) VALUES (?, ?, ?) ON CONFLICT DO UPDATE "
        "SET unsubscribed_at = NULL, added = excluded.added WHERE unsubscribed_at IS NOT NULL",
        (book_id, contact_id, account.clock.text()),
    )


def unsubscribe_by_email(db: Connection, account: Account, email: str, *, book_id: int | None) -> dict[str, Any]:
    """Unsubscribe an address from the account, or from one book; answers a ContactSuppression."""
    if not is_email(email.strip()):
        raise bad_email(account.switches)
    known = contact_by_email(db, email)
    if known is None:
        if account.switches.unsubscribe_unknown == "not-found":
            raise refusal("CONTACT_NOT_FOUND")
        contact_id = insert_contact(db, account, GivenContact(email.strip()))
    else:
        contact_id = known["id"]
    if book_id is None:
        suppress(db, account, contact_id=contact_id, status=UNSUBSCRIBED)
    else:
        leave_book(db, account, contact_id=contact_id, book_id=book_id)
    row = db.execute(
        f"SELECT {COLUMNS}, c.suppressed_at, m.unsubscribed_at FROM contact c "
        "LEFT JOIN membership m ON m.contact_id = c.id AND m.book_id = ? WHERE c.id = ?",
        (book_id, contact_id),
    ).fetchone()
    if book_id is None:
        return suppression(row, row["suppressed_at"], row["status"])
    return suppression(row, row["unsubscribed_at"], UNSUBSCRIBED)


def _email_of(call: Call) -> str:
    email = call.json_object().get("email")
    if not isinstance(email, str):
        raise bad_email(call.account.switches)
    return email


def unsubscribe(call: Call) -> Answer:
    """POST /v2/contacts/unsubscribe."""
    email = _email_of(call)
    with call.account.store.writing() as db:
        return json_answer(unsubscribe_by_email(db, call.account, email, book_id=None))


def unsubscribe_from_book(call: Call) -> Answer:
    """POST /v2/address-books/{id}/contacts/unsubscribe; the account-level status stays."""
    email = _email_of(call)
    with call.account.store.writing() as db:
        book = book_of(db, book_id_of(call), writable=True)
        return json_answer(unsubscribe_by_email(db, call.account, email, book_id=book["id"]))


def _resubscribe(call: Call, *, in_book: bool, challenging: bool) -> Answer:
    body = call.json_object()
    account = call.account
    with account.store.writing() as db:
        book_id = book_of(db, book_id_of(call), writable=True)["id"] if in_book else None
        if body.get("unsubscribedcontact") is None:
            raise refusal("CONTACT_RESUBSCRIPTION_INVALID")
        keys = lowered(body["unsubscribedcontact"], code="CONTACT_RESUBSCRIPTION_INVALID")
        email = keys.get("email")
        if not isinstance(email, str) or not is_email(email.strip()):
            raise refusal("INVALID_EMAIL")
        given = given_contact(db, account.switches, body["unsubscribedcontact"])
        contact, status = come_back(db, account, given, book_id=book_id, challenging=challenging, body=body)
    return json_answer({"contact": contact, "status": status})


def come_back(
    db: Connection,
    account: Account,
    given: GivenContact,
    *,
    book_id: int | None,
    challenging: bool,
    body: dict[str, Any],
) -> tuple[ContactOut | dict[str, Any], str]:
    """Bring somebody back to the account, or to a book, as far as allowed; the contact and the result's status."""
    known = contact_by_email(db, given.email)
    held = known["status"] if known is not None else remembered_status(db, given.email)
    if is_banned(db, given.email) or held in BEYOND_RETURN:
        return _contact_or_sketch(db, account, known, given), CANNOT
    verifying = False
    if known is None:
        check_room(db, account)
        contact_id = insert_contact(db, account, given)
        known = db.execute("SELECT * FROM contact WHERE id = ?", (contact_id,)).fetchone()
        verifying = known["status"] == PENDING
    else:
        contact_id = known["id"]
        update_contact(db, account, known, GivenContact(values=given.values), suppressed_too=True)
    status = CHALLENGED if challenging and not verifying and _must_confirm(db, known, book_id) else ADDED
    if status == CHALLENGED:
        locale, url = body.get("preferredlocale") or None, body.get("returnurltouseifchallenged") or None
        challenge(
            db, account, contact_id=contact_id, book_id=book_id, purpose="resubscribe",
            locale=locale if isinstance(locale, str) else None, return_url=url if isinstance(url, str) else None,
        )  # fmt: skip
    else:
        if given.opt_in != "VerifiedDouble" or known["status"] != PENDING:
            restore(db, account, contact_id=contact_id)
        if book_id is not None:
            rejoin_book(db, account, contact_id=contact_id, book_id=book_id)
    return _contact_or_sketch(db, account, known, given), status


def _must_confirm(db: Connection, known: Row, book_id: int | None) -> bool:
    if known["status"] != SUBSCRIBED and known["status"] not in RETURN_WITHOUT_CHALLENGE:
        return True
    left = db.execute(
        "SELECT 1 FROM membership WHERE contact_id = ? AND book_id = ? AND unsubscribed_at IS NOT NULL",
        (known["id"], book_id),
    )
    return left.fetchone() is not None


def _contact_or_sketch(
    db: Connection, account: Account, known: Row | None, given: GivenContact
) -> ContactOut | dict[str, Any]:
    """The contact as it now is; strict clients need one even when the address never made it into the account."""
    if known is None:
        return {
            "id": 0,
            "email": given.email,
            "optInType": given.opt_in or "Unknown",
            "emailType": given.email_type or "Html",
            "dataFields": None,
            "status": "DomainSuppression",
        }
    row = db.execute(f"SELECT {COLUMNS} FROM contact c WHERE c.id = ?", (known["id"],)).fetchone()
    return ContactShape(db, account.switches, full=False).one(row)


def complete_challenges(db: Connection, account: Account, *, contact_id: int) -> int:
    """Click every open confirmation link of a contact; how many there were."""
    rows = db.execute("SELECT * FROM challenge WHERE contact_id = ? AND completed IS NULL", (contact_id,)).fetchall()
    for row in rows:
        complete_challenge(db, account, row)
    return len(rows)


def complete_challenge(db: Connection, account: Account, row: Row) -> None:
    """Do what the confirmation link of a challenge promises, unless its contact was shut out for good meanwhile."""
    status = db.execute("SELECT status FROM contact WHERE id = ?", (row["contact_id"],)).fetchone()["status"]
    if row["purpose"] == "optin":
        now = account.clock.text()
        db.execute(
            "UPDATE contact SET opt_in = 'VerifiedDouble', status = ?, last_subscribed = ?, modified = ? "
            "WHERE id = ? AND status = 'PendingOptIn'",
            (SUBSCRIBED, now, now, row["contact_id"]),
        )
    elif status not in BEYOND_RETURN:
        restore(db, account, contact_id=row["contact_id"])
        if row["book_id"] is not None:
            rejoin_book(db, account, contact_id=row["contact_id"], book_id=row["book_id"])
    db.execute("UPDATE challenge SET completed = ? WHERE token = ?", (account.clock.text(), row["token"]))


def resubscribe(call: Call) -> Answer:
    """POST /v2/contacts/resubscribe: somebody who left by choice must click a confirmation first."""
    return _resubscribe(call, in_book=False, challenging=True)


def resubscribe_unchallenged(call: Call) -> Answer:
    """POST /v2/contacts/resubscribe-with-no-challenge."""
    return _resubscribe(call, in_book=False, challenging=False)


def resubscribe_to_book(call: Call) -> Answer:
    """POST /v2/address-books/{id}/contacts/resubscribe."""
    return _resubscribe(call, in_book=True, challenging=True)


def resubscribe_to_book_unchallenged(call: Call) -> Answer:
    """POST /v2/address-books/{id}/contacts/resubscribe-with-no-challenge."""
    return _resubscribe(call, in_book=True, challenging=False)


ROUTES = [
    Route("POST", "/v2/contacts/unsubscribe", unsubscribe, MEDIUM),
    Route("POST", "/v2/contacts/resubscribe", resubscribe, MEDIUM),
    Route("POST", "/v2/contacts/resubscribe-with-no-challenge", resubscribe_unchallenged, MEDIUM),
    Route("POST", "/v2/address-books/{book_id}/contacts/unsubscribe", unsubscribe_from_book, MEDIUM),
    Route("POST", "/v2/address-books/{book_id}/contacts/resubscribe", resubscribe_to_book, MEDIUM),
    Route(
        "POST",
        "/v2/address-books/{book_id}/contacts/resubscribe-with-no-challenge",
        resubscribe_to_book_unchallenged,
        MEDIUM,
    ),
]

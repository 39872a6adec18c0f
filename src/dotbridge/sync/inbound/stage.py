"""Contacts on their way into the mirror: copied into a temporary table, then merged by one statement.

The number of statements a batch is constant. Everything here runs inside the caller's transaction, one a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from dotbridge.connections.services import request_deletion, unsubscribe_erased
from dotbridge.consent.conditions import erased_addresses, is_anybody_erased
from dotbridge.consent.erasure import is_deleted_on_arrival
from dotbridge.consent.turns import hold_off_erasures
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import AddressBook
from dotbridge.mirror.status import LIVE, SUPPRESSED
from dotbridge.sync.inbound.planner import prefer_index_lookups


class Merged(NamedTuple):
    """What a merge did."""

    new: int
    changed: int


_STAGE = """
    CREATE TEMP TABLE IF NOT EXISTS stage_contact (
        remote_id bigint, email text, email_key text GENERATED ALWAYS AS (lower(email)) STORED, status text,
        opt_in_type text, email_type text, data_fields jsonb, last_subscribed_at timestamptz, removed_at timestamptz,
        keeps_address boolean DEFAULT true
    ) ON COMMIT DELETE ROWS
"""
_COPY = """
    COPY stage_contact (remote_id, email, status, opt_in_type, email_type, data_fields, last_subscribed_at, removed_at)
    FROM STDIN
"""
# One look a batch in the place of a foreign key's look a row: see docs/adr/0021.
_HOLD = "SELECT FROM dotbridge_integrations_integration WHERE id = %(integration)s FOR KEY SHARE"
# A batch need not wait for the disk: the feed's cursor moves in a later transaction that does, and whatever a crash of
# the server takes away with it is then read again.
_DO_NOT_WAIT = "SET LOCAL synchronous_commit = off"
# Of one address on two ids in a batch the higher id, the younger contact, keeps it.
_SETTLE_ADDRESSES = """
    UPDATE stage_contact s SET keeps_address = false
    FROM (
        SELECT email_key, max(remote_id) AS youngest FROM stage_contact GROUP BY email_key HAVING count(*) > 1
    ) shared
    WHERE s.email_key = shared.email_key AND s.remote_id < shared.youngest
"""
# An address that has moved to another id leaves its former contact without one, before the new owner is stored. Whoever
# holds an address already took it from nobody, which costs less to see than who else may hold it. That the former one
# is in the book may be known from an upload alone, which has reached the new one: it is, if the book still lists it.
_RELEASE = """
    WITH released AS (
        UPDATE dotbridge_mirror_contact c SET email_key = NULL
        FROM stage_contact s
        WHERE s.keeps_address
          AND NOT EXISTS (
            SELECT FROM dotbridge_mirror_contact own WHERE own.integration_id = %(integration)s
              AND own.remote_id = s.remote_id AND own.email_key = s.email_key)
          AND c.integration_id = %(integration)s AND c.email_key = s.email_key AND c.remote_id <> s.remote_id
        RETURNING c.id, c.remote_id, s.email_key
    ), gone AS (
        UPDATE dotbridge_mirror_membership m SET gone_at = now()
        WHERE m.address_book_id = %(book)s AND m.contact_id = ANY(ARRAY(SELECT id FROM released)) AND m.gone_at IS NULL
    )
    INSERT INTO dotbridge_mirror_formeraddress (integration_id, remote_id, email_key, until)
    SELECT %(integration)s, remote_id, email_key, now() FROM released
    ON CONFLICT (integration_id, remote_id, email_key) DO UPDATE SET until = excluded.until, is_taken_over = false
"""
# What a feed does not say stays as it is held. Of two words against mailing the one that says since when is the more
# exact: by version 3 many a status is merely "suppressed", and no feed but that of suppressions tells the moment. The
# run's lock keeps others from writing, so a contact that is not held is new, and an upsert, which would lock even
# rows that do not differ, is not needed.
_INCOMING = """
    WITH incoming AS (
        SELECT s.remote_id, s.email, now_is.*, s.opt_in_type, s.email_type, held.id, held.email_key AS former_key,
               (held.email, held.email_key, held.status, held.opt_in_type, held.email_type, held.last_subscribed_at,
                held.suppressed_at)
                IS DISTINCT FROM (s.email, now_is.email_key, now_is.status, s.opt_in_type, s.email_type,
                                  now_is.last_subscribed_at, now_is.suppressed_at)
               OR held.data_fields <> now_is.data_fields AS differs
        FROM stage_contact s
        LEFT JOIN dotbridge_mirror_contact held
            ON held.integration_id = %(integration)s AND held.remote_id = s.remote_id
        CROSS JOIN LATERAL (
            SELECT %(sets_status)s AND (s.removed_at IS NULL AND held.suppressed_at IS NOT NULL
                AND held.status <> ALL(%(live)s) AND s.status <> ALL(%(live)s)) IS NOT TRUE AS sets_status
        ) word
        CROSS JOIN LATERAL (
            SELECT CASE WHEN s.keeps_address THEN s.email_key END AS email_key,
                   coalesce(CASE WHEN word.sets_status THEN s.status END, held.status, 'Subscribed') AS status,
                   coalesce(s.data_fields, held.data_fields, '{}') AS data_fields,
                   coalesce(s.last_subscribed_at, held.last_subscribed_at) AS last_subscribed_at,
                   CASE WHEN NOT word.sets_status THEN held.suppressed_at
                        WHEN held.status = coalesce(s.status, held.status)
                        THEN coalesce(s.removed_at, held.suppressed_at)
                        ELSE s.removed_at END AS suppressed_at
        ) now_is
    ), added AS (
        INSERT INTO dotbridge_mirror_contact
            (integration_id, remote_id, email, email_key, status, opt_in_type, email_type, data_fields,
             last_subscribed_at, suppressed_at, updated_at)
        SELECT %(integration)s, remote_id, email, email_key, status, opt_in_type, email_type, data_fields,
               last_subscribed_at, suppressed_at, now()
        FROM incoming WHERE id IS NULL
        RETURNING id
    ), changed AS (
        UPDATE dotbridge_mirror_contact c SET
            email = t.email, email_key = t.email_key, status = t.status, opt_in_type = t.opt_in_type,
            email_type = t.email_type, data_fields = t.data_fields, last_subscribed_at = t.last_subscribed_at,
            suppressed_at = t.suppressed_at, updated_at = now()
        FROM incoming t
        WHERE c.id = t.id AND t.differs
        RETURNING c.id
    ), renamed AS (
        INSERT INTO dotbridge_mirror_formeraddress (integration_id, remote_id, email_key, until)
        SELECT %(integration)s, remote_id, former_key, now()
        FROM incoming WHERE former_key IS NOT NULL AND email_key IS DISTINCT FROM former_key
        ON CONFLICT (integration_id, remote_id, email_key) DO UPDATE SET until = excluded.until, is_taken_over = false
    )
"""
_COUNTS = " SELECT (SELECT count(*) FROM added), (SELECT count(*) FROM changed)"
# Whom the book's list names is in it. A membership is written only when something about it changes, or when it is not
# live: such contacts are listed rarely, and the feed of a book's unsubscriptions asks which were listed since it was
# read. A book's own unsubscription is not undone by the contact being listed: some accounts go on listing them.
_MEMBERSHIPS = """, listed AS (
        SELECT t.id, m.id AS membership_id, m.gone_at IS NOT NULL OR m.status <> ALL(%(live)s) AS is_noted
        FROM incoming t LEFT JOIN dotbridge_mirror_membership m ON m.address_book_id = %(book)s AND m.contact_id = t.id
        WHERE t.id IS NOT NULL
    ), joined AS (
        INSERT INTO dotbridge_mirror_membership (address_book_id, contact_id, status, listed_at)
        SELECT %(book)s, id, 'Subscribed', %(listed_at)s
        FROM (SELECT id FROM added UNION ALL SELECT id FROM listed WHERE membership_id IS NULL) each
    ), noted AS (
        UPDATE dotbridge_mirror_membership m SET gone_at = NULL, listed_at = %(listed_at)s
        FROM listed l WHERE m.id = l.membership_id AND l.is_noted
    )
"""
_STAGE_MEMBERSHIPS = """
    CREATE TEMP TABLE IF NOT EXISTS stage_membership (remote_id bigint, book_id bigint, is_out boolean)
    ON COMMIT DELETE ROWS;
    CREATE INDEX IF NOT EXISTS stage_membership_of ON stage_membership (remote_id)
"""
# What the feed of the account tells beyond the books' own lists and feeds is left out, so that the mirror is the same
# by either version: an opt-out of a book that no list is connected to, which binds nobody and of which nothing would
# tell that it is over; and the books of whom the account suppresses. The one is read from the beginning when the book
# is connected, the others are told with the contact when it is back. See docs/adr/0038.
_LEAVE_OUT = """
    DELETE FROM stage_membership s
    USING dotbridge_mirror_addressbook b
    WHERE b.integration_id = %(integration)s AND b.remote_id = s.book_id AND s.is_out
      AND NOT EXISTS (SELECT FROM dotbridge_connections_listconnection n WHERE n.address_book_id = b.id)
"""
# A contact of the account's feed is told with all its books: what is not among them is over. That a list does not hold
# them by their own word is an opt-out of the book; that it holds them again is said by the book's own feed alone, which
# therefore has to be told when they were listed.
_ALL_BOOKS = """
    WITH told AS (
        SELECT c.id AS contact_id, b.id AS book_id, s.is_out
        FROM stage_membership s
        JOIN dotbridge_mirror_addressbook b ON b.integration_id = %(integration)s AND b.remote_id = s.book_id
        JOIN dotbridge_mirror_contact c ON c.integration_id = %(integration)s AND c.remote_id = s.remote_id
        WHERE s.is_out OR c.status <> ALL(%(suppressed)s)
    ), kept AS (
        INSERT INTO dotbridge_mirror_membership AS m (address_book_id, contact_id, status, unsubscribed_at, listed_at)
        SELECT book_id, contact_id, CASE WHEN bool_or(is_out) THEN 'Unsubscribed' ELSE 'Subscribed' END,
               CASE WHEN bool_or(is_out) THEN %(listed_at)s END, %(listed_at)s
        FROM told GROUP BY 1, 2
        ON CONFLICT (address_book_id, contact_id) DO UPDATE SET
            gone_at = NULL,
            status = CASE WHEN excluded.status = 'Subscribed' THEN m.status
                          WHEN m.status = ANY(%(live)s) THEN excluded.status ELSE m.status END,
            unsubscribed_at = coalesce(m.unsubscribed_at, excluded.unsubscribed_at),
            listed_at = CASE WHEN excluded.status = 'Subscribed' THEN excluded.listed_at ELSE m.listed_at END
        WHERE m.gone_at IS NOT NULL
           OR (excluded.status = 'Subscribed' AND m.status <> ALL(%(live)s))
           OR (excluded.status <> 'Subscribed' AND m.status = ANY(%(live)s))
    ), over AS (
        UPDATE dotbridge_mirror_membership m SET gone_at = %(listed_at)s
        FROM stage_contact s
        JOIN dotbridge_mirror_contact c ON c.integration_id = %(integration)s AND c.remote_id = s.remote_id
        WHERE m.contact_id = c.id AND m.gone_at IS NULL AND m.status = ANY(%(live)s)
          -- not in `told`, which has no index: every row would go through all of them
          AND NOT EXISTS (
            SELECT FROM stage_membership t
            JOIN dotbridge_mirror_addressbook b ON b.integration_id = %(integration)s AND b.remote_id = t.book_id
            WHERE t.remote_id = s.remote_id AND b.id = m.address_book_id)
    )
    UPDATE dotbridge_mirror_membership m SET gone_at = %(listed_at)s
    FROM dotbridge_mirror_contact c
    WHERE c.integration_id = %(integration)s AND c.remote_id = ANY(%(gone_ids)s) AND m.contact_id = c.id
      AND m.gone_at IS NULL AND m.status = ANY(%(live)s)
"""
# Who was erased here and is kept by Dotdigital, with the books that hold them.
_STAGE_ERASED = "CREATE TEMP TABLE IF NOT EXISTS stage_erased (remote_id bigint) ON COMMIT DELETE ROWS"
_ERASED_IN_BOOKS = """
    SELECT DISTINCT b.id, e.remote_id
    FROM stage_erased e
    JOIN stage_membership s ON s.remote_id = e.remote_id AND NOT s.is_out
    JOIN dotbridge_mirror_addressbook b ON b.integration_id = %(integration)s AND b.remote_id = s.book_id
"""
_INCOMING_MEMBERS = _INCOMING + _MEMBERSHIPS + _COUNTS
# Without statistics of its own a table that was empty a moment ago is searched by whichever index comes first: every
# row through all rows before it. PostgreSQL itself looks in once a minute only.
_MEASURE = (
    "ANALYZE dotbridge_mirror_contact (integration_id, remote_id, email_key); ANALYZE dotbridge_mirror_membership"
)


def merge_contacts(integration: Integration, lines: bytes, *, sets_status: bool) -> Merged:
    """Stage lines of `stage_line` and merge them into the mirror's contacts; the stage stays filled until the
    transaction ends.

    Identity is the id, then the normalised address; an id stands in one line only. `sets_status` says whether this feed
    speaks for the account's status; data fields are taken from whatever feed carries them.
    """
    return _merge(integration, _copied(lines), _INCOMING + _COUNTS, {"sets_status": sets_status})


def merge_members(book: AddressBook, lines: bytes, listed_at: datetime) -> Merged:
    """The same with lines of a book's own list, which speaks for the status too, and with the memberships it proves."""
    parameters = {"sets_status": True, "book": book.pk, "listed_at": listed_at}
    return _merge(book.integration, _copied(lines), _INCOMING_MEMBERS, parameters)


def merge_selected(book: AddressBook, selection: str, parameters: dict[str, Any], listed_at: datetime) -> Merged:
    """The same of members that a query selects, whose status and data fields nobody has told: what is held stays.

    Its columns are `remote_id`, `email`, `opt_in_type`, `email_type`.
    """
    fill = f"INSERT INTO stage_contact (remote_id, email, opt_in_type, email_type) {selection}"
    parameters = {**parameters, "sets_status": False, "book": book.pk, "listed_at": listed_at}
    return _merge(book.integration, lambda cursor: cursor.execute(fill, parameters), _INCOMING_MEMBERS, parameters)


def merge_account(
    integration: Integration, lines: bytes, memberships: bytes, *, gone_ids: list[int], listed_at: datetime
) -> Merged:
    """The same of contacts of the whole account, each with all of its books, as lines of `membership_line`.

    `gone_ids` are contacts that the account does not have any more.
    """
    merged = merge_contacts(integration, lines, sets_status=True)
    told: dict[str, Any] = {
        "integration": integration.pk,
        "listed_at": listed_at,
        "gone_ids": gone_ids,
        "live": list(LIVE),
        "suppressed": list(SUPPRESSED),
    }
    with connection.cursor() as cursor:
        cursor.execute(_STAGE_MEMBERSHIPS)
        with cursor.copy("COPY stage_membership (remote_id, book_id, is_out) FROM STDIN") as copy:
            copy.write(memberships)
        cursor.execute("ANALYZE stage_membership")
        if is_anybody_erased():
            cursor.execute(_ERASED_IN_BOOKS, told)
            unsubscribe_erased(cursor.fetchall())
        cursor.execute(_LEAVE_OUT, told)
        cursor.execute(_ALL_BOOKS, told)
    return merged


def _copied(lines: bytes) -> Callable[[Any], object]:
    def fill(cursor: Any) -> None:
        with cursor.copy(_COPY) as copy:
            copy.write(lines)

    return fill


def _merge(
    integration: Integration, fill: Callable[[Any], object], statement: str, parameters: dict[str, Any]
) -> Merged:
    parameters = {"book": None, **parameters, "integration": integration.pk, "live": list(LIVE)}
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, parameters)
        if cursor.rowcount == 0:
            raise Integration.DoesNotExist("The integration was deleted while its contacts were being stored.")
        cursor.execute(_STAGE)
        prefer_index_lookups()
        fill(cursor)
        _leave_out_erased(integration, parameters["book"])
        cursor.execute(_DO_NOT_WAIT)
        cursor.execute(_SETTLE_ADDRESSES)
        cursor.execute(_RELEASE, parameters)
        cursor.execute(statement, parameters)
        return Merged(*cursor.fetchone())


def _leave_out_erased(integration: Integration, book_id: int | None) -> None:
    """Whoever was erased here does not come in again; and is deleted there, where an upload on its way brought them.
    Whom Dotdigital keeps is not written to: they are unsubscribed from this book, where it is one of a list."""
    hold_off_erasures()
    erased = erased_addresses("s.email_key")
    if erased is None:
        return
    statement = f"DELETE FROM stage_contact s WHERE {erased.sql} RETURNING s.remote_id, s.email_key, s.status"
    with connection.cursor() as cursor:
        cursor.execute(statement, erased.parameters)
        found = cursor.fetchall()
        arrived = {remote_id for remote_id, email_key, _status in found if is_deleted_on_arrival(email_key)}
        kept = [remote_id for remote_id, _key, status in found if remote_id not in arrived and status in LIVE]
        cursor.execute(_STAGE_ERASED)
        cursor.execute("INSERT INTO stage_erased SELECT unnest(%s::bigint[])", [kept])
    for remote_id in arrived:
        request_deletion(integration=integration, remote_id=remote_id)
    if book_id is not None:
        unsubscribe_erased((book_id, remote_id) for remote_id in kept)


def measure_tables() -> None:
    """Have the planner know how large the mirror is: once a reading of more than one batch, after its first rows."""
    with connection.cursor() as cursor:
        cursor.execute(_MEASURE)

"""Who would be sent a campaign: the contacts of connected books whom Dotdigital mails, each counted once.

Whoever opted out here and still stands in a book, because Dotdigital has not been told yet, is held: no campaign is
sent to that book before they are out of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Value
from django.db.models.functions import NullIf, Trim

from dotbridge.connections.models import ListConnection
from dotbridge.connections.selectors import scopes_of_connection
from dotbridge.consent.conditions import blocked_addresses, erased_addresses, record_is_blocked
from dotbridge.consent.scopes import ListScopes
from dotbridge.entities.email import normalised
from dotbridge.entities.record_ids import as_record_id
from dotbridge.entities.registry import entity
from dotbridge.entities.sql import Fragment, compiled
from dotbridge.mirror.status import LIVE

_LIVE_IN_BOOK = """
    FROM dotbridge_mirror_membership m JOIN dotbridge_mirror_contact c ON c.id = m.contact_id
    WHERE m.address_book_id = ANY(%s) AND m.gone_at IS NULL AND m.status = ANY(%s) AND c.status = ANY(%s)
      AND c.email_key IS NOT NULL
"""
# Who said no: by the address; by a record, whatever address it has now; by an address that the contact had before it
# got another one in Dotdigital, and that nobody else has there.
_HELD = f"""
    WITH said AS MATERIALIZED (
        SELECT email_key FROM ({{addresses}}) a
        UNION
        -- First who they are, then their addresses: those of all records would take long.
        SELECT email_key FROM ({{records}} OFFSET 0) r WHERE email_key IS NOT NULL
    ), blocked AS MATERIALIZED (
        SELECT email_key FROM said
        UNION
        SELECT c.email_key FROM dotbridge_mirror_formeraddress f
        JOIN said ON said.email_key = f.email_key
        JOIN dotbridge_mirror_contact c ON c.integration_id = f.integration_id AND c.remote_id = f.remote_id
        WHERE f.integration_id = %s AND c.email_key IS NOT NULL
          AND NOT EXISTS (SELECT FROM dotbridge_mirror_contact o
                          WHERE o.integration_id = f.integration_id AND o.email_key = f.email_key)
    )
    SELECT c.id {_LIVE_IN_BOOK} AND c.email_key IN (SELECT email_key FROM blocked)
    {{erased}}
"""
_ERASED = f"UNION SELECT c.id {_LIVE_IN_BOOK} AND {{is_erased}}"
# Millions are told apart in memory, not on disk: the database server's memory, not the worker's.
_ROOM = "SELECT set_config('work_mem', '128MB', true), set_config('jit', 'off', true)"
_COUNT_LIVE = f"SELECT count(*) FROM (SELECT m.contact_id {_LIVE_IN_BOOK} {{once}}) person"
# Held everywhere they are: whoever may be mailed in one of the books gets it there.
_COUNT_HELD = f"""
    SELECT count(*), count(*) FILTER (WHERE books = (SELECT count(*) {_LIVE_IN_BOOK} AND c.id = person.id))
    FROM (SELECT id, count(*) AS books FROM ({{held}}) h GROUP BY id) person
"""


@dataclass(frozen=True, kw_only=True)
class Recipients:
    """How many people would be sent it, each once, and how many of the books opted out here and have to leave first."""

    number: int
    held: int


def count_recipients(links: Sequence[ListConnection]) -> Recipients:
    """How many people a campaign to the books of these connections reaches, in two statements. None reaches nobody.

    Raises UnknownEntity for a list of records that the host does not register any more.
    """
    if not links:
        return Recipients(number=0, held=0)
    books = [link.address_book_id for link in links]
    live: list[Any] = [books, list(LIVE), list(LIVE)]
    parts = [held_in_book(link) for link in links]
    held = " UNION ALL ".join(f"({part.sql})" for part in parts)
    once = "GROUP BY m.contact_id" if len(books) > 1 else ""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ROOM)
        cursor.execute(_COUNT_LIVE.format(once=once), live)
        (number,) = cursor.fetchone()
        values = [value for part in parts for value in part.parameters]
        cursor.execute(_COUNT_HELD.format(held=held), [*live, *values])
        somewhere, everywhere = cursor.fetchone()
    return Recipients(number=number - everywhere, held=somewhere)


def held_in_book(link: ListConnection) -> Fragment:
    """`id` of each contact of a book whom Dotdigital mails and who may not be mailed from here."""
    scopes, book = scopes_of_connection(link), link.address_book
    records = _blocked_records(link.marketing_list.entity, scopes)
    live: tuple[Any, ...] = ([book.pk], list(LIVE), list(LIVE))
    values: tuple[Any, ...] = (*records.parameters, book.integration_id, *live)
    erased = ""
    if is_erased := erased_addresses("c.email_key"):
        erased = _ERASED.format(is_erased=is_erased.sql)
        values = (*values, *live, *is_erased.parameters)
    text = _HELD.format(addresses=blocked_addresses(scopes), records=records.sql, erased=erased)
    return Fragment(text, values)


def _blocked_records(key: str, scopes: ListScopes) -> Fragment:
    """`email_key` of the records of an entity that may not be mailed, whether they are on the list or not."""
    listed = entity(key)
    rows = (
        listed.queryset()
        .order_by()
        .values(record_pk=F("pk"))
        .annotate(
            record_id=as_record_id(),
            email_key=normalised(NullIf(Trim(listed.email_expression()), Value(""))),
        )
        .filter(record_is_blocked(scopes, key))
    )
    return compiled(rows)

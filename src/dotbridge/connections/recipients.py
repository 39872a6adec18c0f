"""Who would be sent a campaign: the contacts of connected books whom Dotdigital mails, each counted once.

Whoever opted out here and still stands in a book, because Dotdigital has not been told yet, is held: no campaign is
sent to that book before they are out of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import F, TextField, Value
from django.db.models.functions import Cast, NullIf, Trim

from dotbridge.connections.models import ListConnection
from dotbridge.connections.selectors import scopes_of_connection
from dotbridge.consent.conditions import blocked_addresses, erased_addresses, record_is_blocked
from dotbridge.consent.scopes import ListScopes
from dotbridge.entities.email import normalised
from dotbridge.entities.registry import entity
from dotbridge.entities.sql import Fragment, compiled
from dotbridge.mirror.status import LIVE

# Who said no: by the address; by a record, whatever address it has now; by an address that the contact had before it
# got another one in Dotdigital, and that nobody else has there.
_BLOCKED = """
    said AS MATERIALIZED (
        SELECT email_key FROM ({addresses}) a UNION SELECT email_key FROM ({records}) r WHERE email_key IS NOT NULL
    ),
    blocked AS MATERIALIZED (
        SELECT email_key FROM said
        UNION
        SELECT c.email_key FROM dotbridge_mirror_formeraddress f
        JOIN said ON said.email_key = f.email_key
        JOIN dotbridge_mirror_contact c ON c.integration_id = f.integration_id AND c.remote_id = f.remote_id
        WHERE f.integration_id = %s AND c.email_key IS NOT NULL
          AND NOT EXISTS (SELECT FROM dotbridge_mirror_contact o
                          WHERE o.integration_id = f.integration_id AND o.email_key = f.email_key)
    )
"""
_IN_BOOK = """
    SELECT c.id, c.email_key IN (SELECT email_key FROM blocked) OR ({erased}) AS is_held
    FROM dotbridge_mirror_membership m JOIN dotbridge_mirror_contact c ON c.id = m.contact_id
    WHERE m.address_book_id = %s AND m.gone_at IS NULL AND m.status = ANY(%s)
      AND c.status = ANY(%s) AND c.email_key IS NOT NULL
"""
_COUNT = """
    SELECT count(*) FILTER (WHERE is_mailed), count(*) FILTER (WHERE is_held)
    FROM (SELECT bool_or(NOT is_held) AS is_mailed, bool_or(is_held) AS is_held FROM ({books}) book GROUP BY id) person
"""


@dataclass(frozen=True, kw_only=True)
class Recipients:
    """How many people would be sent it, each once, and how many of the books opted out here and have to leave first."""

    number: int
    held: int


def count_recipients(links: Sequence[ListConnection]) -> Recipients:
    """How many people a campaign to the books of these connections reaches, in one statement. None reaches nobody.

    Raises UnknownEntity for a list of records that the host does not register any more.
    """
    if not links:
        return Recipients(number=0, held=0)
    parts: list[str] = []
    values: dict[str, Any] = {}
    for number, link in enumerate(links):
        part = mailed_in_book(link).named(f"book{number}")
        parts.append(part[0])
        values |= part[1]
    with connection.cursor() as cursor:
        cursor.execute(_COUNT.format(books=" UNION ALL ".join(parts)), values)
        mailed, held = cursor.fetchone()
    return Recipients(number=mailed, held=held)


def mailed_in_book(link: ListConnection) -> Fragment:
    """`id` of each contact that Dotdigital mails in a book, and `is_held`: whether they may not be mailed from here."""
    scopes, book = scopes_of_connection(link), link.address_book
    records = _blocked_records(link.marketing_list.entity, scopes)
    erased = erased_addresses("c.email_key") or Fragment("false", ())
    blocked = _BLOCKED.format(addresses=blocked_addresses(scopes), records=records.sql)
    in_book = _IN_BOOK.format(erased=erased.sql)
    live = list(LIVE)
    values = (*records.parameters, book.integration_id, *erased.parameters, book.pk, live, live)
    return Fragment(f"(WITH {blocked} {in_book})", values)


def _blocked_records(key: str, scopes: ListScopes) -> Fragment:
    """`email_key` of the records of an entity that may not be mailed, whether they are on the list or not."""
    listed = entity(key)
    rows = (
        listed.queryset()
        .order_by()
        .values(record_pk=F("pk"))
        .annotate(
            record_id=Cast("pk", TextField()),
            email_key=normalised(NullIf(Trim(listed.email_expression()), Value(""))),
        )
        .filter(record_is_blocked(scopes, key))
    )
    return compiled(rows)

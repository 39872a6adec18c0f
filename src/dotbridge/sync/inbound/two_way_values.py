"""What has changed on which side: the addresses whose values in Dotdigital have to be looked at, and the comparison.

Three notes on each exported address make the comparison: `values`, what was sent or written; `own`, what the record
had then, where a list of higher rank has the first word on some of it; `agreed`, what Dotdigital had when it was
compared last.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple

from django.db import connection

from dotbridge.connections.models import ListConnection
from dotbridge.entities.registry import Entity
from dotbridge.mapping.canonical import canonical
from dotbridge.mapping.models import Mapping as FieldMapping
from dotbridge.mapping.two_way import TwoWayRow

ITEMS_AT_ONCE = 1000

Values = Mapping[str, str | None]

# Who is on the way to Dotdigital waits until its result is known. Before the first confirmed upload nothing was agreed,
# and the record speaks. A data field that the mirror has no word of is not an empty one. An address whose values were
# confirmed after the last comparison is looked at again, because a change there may lead back to the value seen then.
_TO_COMPARE = """
    SELECT i.id, i.email, i.email_key, i.record_id, c.remote_id,
           i.values, coalesce(i.own, i.values), i.agreed, t.values,
           (u.state = 'finished' AND i.reason = '') IS TRUE AS is_confirmed,
           (u.state = 'finished' AND i.reason = '' AND (i.agreed_at IS NULL OR u.finished_at > i.agreed_at)) IS TRUE,
           (c.updated_at >= u.finished_at) IS TRUE,
           c.updated_at, u.created_at,
           (SELECT jsonb_agg(o.values) FROM dotbridge_sync_exportitem o
            JOIN dotbridge_sync_upload ou ON ou.id = o.upload_id AND ou.state = 'finished'
                 AND ou.finished_at > coalesce(i.agreed_at, '-infinity')
            WHERE o.connection_id = ANY(%(outranked)s) AND o.email_key = i.email_key
              AND (o.record_id <> i.record_id OR o.connection_id <> ALL(%(siblings)s)))
    FROM dotbridge_sync_exportitem i
    JOIN dotbridge_mirror_contact c ON c.integration_id = %(integration)s AND c.email_key = i.email_key
    JOIN dotbridge_mirror_membership m ON m.address_book_id = %(book)s AND m.contact_id = c.id AND m.gone_at IS NULL
    LEFT JOIN dotbridge_sync_upload u ON u.id = i.upload_id
    CROSS JOIN LATERAL (
        SELECT jsonb_object_agg(name, c.data_fields ->> name) AS values
        FROM unnest(%(data_fields)s::text[]) AS name WHERE jsonb_exists(c.data_fields, name)
    ) t
    WHERE i.connection_id = %(connection)s AND i.removal_id IS NULL AND i.id > %(after)s
      AND t.values IS NOT NULL
      AND (u.id IS NULL OR u.state NOT IN ('uploading', 'sent', 'unknown'))
      AND (i.agreed IS NOT NULL OR (u.state = 'finished' AND i.reason = ''))
      AND (i.agreed IS DISTINCT FROM t.values OR u.finished_at > i.agreed_at)
    ORDER BY i.id
    LIMIT %(limit)s
"""


@dataclass(frozen=True, kw_only=True)
class WriteBackRoute:
    """One connected list with what its records and Dotdigital's contacts have in common.

    `siblings` are the lists of the account with the same entity, `outranked` those that rank lower than this one.
    `compared_until` is up to when Dotdigital's changes were compared completely before this run.
    """

    link: ListConnection
    mapping: FieldMapping
    owner: Entity
    rows: tuple[TwoWayRow, ...]
    siblings: tuple[int, ...]
    outranked: tuple[int, ...]
    compared_until: datetime | None


class Item(NamedTuple):
    """One exported address with what Dotdigital has for it now.

    `sent` is what was sent or written last, `held` what the record had then (the same, unless a list of higher rank has
    the first word), `seen` what Dotdigital had at the last comparison
    (None before the first), `theirs` what it has now. `is_confirmed`: Dotdigital has confirmed `sent`;
    `is_confirmed_since`: after `seen`; `is_read_since`: and `theirs` was read after that. `outranked` is what other
    records of this address, on lists that rank lower, have sent since.
    """

    id: int
    email: str
    email_key: str
    record_id: str
    remote_id: int
    sent: Values
    held: Values
    seen: Values | None
    theirs: Values
    is_confirmed: bool
    is_confirmed_since: bool
    is_read_since: bool
    read_at: datetime
    prepared_at: datetime | None
    outranked: Sequence[Values] | None


class Comparison(Enum):
    """How the two sides of one value stand."""

    UNCHANGED = "unchanged"  # nothing new in Dotdigital; what is new here is for the export
    EQUAL = "equal"  # both sides have the same value
    THEIRS = "theirs"  # changed in Dotdigital alone
    BOTH = "both"  # changed on both sides


def items_to_compare(route: WriteBackRoute, *, after: int) -> list[Item]:
    """The next addresses, by key, whose values in Dotdigital are not those that were compared last."""
    with connection.cursor() as cursor:
        cursor.execute(
            _TO_COMPARE,
            {
                "integration": route.link.address_book.integration_id,
                "book": route.link.address_book_id,
                "connection": route.link.pk,
                "siblings": list(route.siblings),
                "outranked": list(route.outranked),
                "data_fields": sorted(row.data_field for row in route.rows),
                "after": after,
                "limit": ITEMS_AT_ONCE,
            },
        )
        return [_item(row) for row in cursor.fetchall()]


def _item(row: tuple[Any, ...]) -> Item:
    # Django leaves jsonb undecoded in statements of one's own.
    columns = dict(zip(Item._fields, row, strict=True))
    decoded = {
        name: columns[name] and json.loads(columns[name]) for name in ("sent", "held", "seen", "theirs", "outranked")
    }
    return Item(**(columns | decoded))


def compare(row: TwoWayRow, item: Item, ours: Values) -> Comparison:
    """How one value of an address stands, given what the record would send now."""
    theirs, sent, held, here = (
        canonical(row.kind, side.get(row.data_field)) for side in (item.theirs, item.sent, item.held, ours)
    )
    if not _is_a_word(row, item, theirs) or not _has_changed_there(row, item, theirs, sent):
        return Comparison.UNCHANGED
    if theirs == here:
        return Comparison.EQUAL
    if here is not None and _was_never_agreed(row, item):
        return Comparison.UNCHANGED  # a data field that is mapped from now on: the record speaks
    if here is None and not row.clears:
        return Comparison.THEIRS  # an empty value that clears nothing does not stand against one
    return Comparison.THEIRS if here == held and item.is_confirmed else Comparison.BOTH


def _is_a_word(row: TwoWayRow, item: Item, theirs: str | None) -> bool:
    """Whether what Dotdigital has says anything at all. An empty value may be there for want of any other: nobody has
    emptied what was not sent yet, or got lost with its data field.
    """
    if theirs is None:
        return row.clears and row.data_field in item.theirs and _was_sent(row, item)
    return row.data_field in item.theirs


def _has_changed_there(row: TwoWayRow, item: Item, theirs: str | None, sent: str | None) -> bool:
    name = row.data_field
    was_sent = _was_sent(row, item)
    if was_sent and theirs == sent:
        return False  # our own value, come back
    if any(name in other and canonical(row.kind, other[name]) == theirs for other in item.outranked or ()):
        return False  # what a record that ranks lower has sent
    if was_sent and item.is_confirmed_since:
        return item.is_read_since
    if item.seen is not None and name in item.seen:
        return theirs != canonical(row.kind, item.seen[name])
    return was_sent or theirs is not None


def _was_sent(row: TwoWayRow, item: Item) -> bool:
    return bool(item.sent.get(row.data_field)) or (row.clears and row.data_field in item.sent)


def _was_never_agreed(row: TwoWayRow, item: Item) -> bool:
    return not _was_sent(row, item) and (item.seen is None or row.data_field not in item.seen)

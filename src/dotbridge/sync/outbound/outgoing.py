"""Outgoing rows: what one connected list would send, a row an address. Preparing stores them; see `next_export` too.

First the candidates are found: members without a note of ours, whose record changed or is another one, whose upload was
refused and is due again, or all of them when values are made in another way than before. Only their values are worked
out, and compared with what was sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import F, JSONField, Value
from django.utils import timezone

from dotbridge.entities.email import plausible_sql
from dotbridge.entities.registry import entity
from dotbridge.entities.sql import compiled
from dotbridge.mapping.values import mapped_values
from dotbridge.sync.outbound.consents import NO_CONSENTS, UNSENT_CONSENTS, has_consents
from dotbridge.sync.outbound.members import EvaluatedMembers, empty_table
from dotbridge.sync.outbound.ranks import Ranked, rank_parameters
from dotbridge.sync.outbound.states import MOST_ATTEMPTS, RETRIED, UNSUBSCRIBING
from dotbridge.sync.outbound.written import IS_OURS
from dotbridge.sync.sql import key_type

_PLAUSIBLE = plausible_sql("k.email").replace("%", "%%")
# Who was refused as opted out is a member again only when a newer word lifted that, so the refusal is no news any more.
# What would have to wait longer than a day was put off by a clock that was wrong.
_IS_DUE = """
    (i.reason = '' AND i.upload_id IS NULL)
    OR i.reason = ANY(%(opted_out)s)
    OR (i.reason = '' AND u.state = 'refused' AND i.attempts < %(most_attempts)s
        AND (u.retry_at <= %(now)s OR u.retry_at > %(now)s + interval '1 day'))
    OR (i.reason = ANY(%(retried)s) AND i.attempts < %(most_attempts)s
        AND u.finished_at NOT BETWEEN %(now)s - interval '1 day' AND %(now)s + interval '1 day')
"""
_CANDIDATES = """
    WITH recheck AS ({rechecks})
    INSERT INTO export_candidate (connection_id, email_key, email, record_id, item_id, is_mailable, is_handed_over)
    SELECT k.connection_id, k.email_key, k.email, k.record_id, i.id,
           CASE WHEN i.reason <> 'invalid_email' THEN true ELSE {plausible} END, i.record_id <> k.record_id
    FROM export_member k
    LEFT JOIN dotbridge_sync_exportitem i ON i.connection_id = %(connection)s AND i.email_key = k.email_key
    LEFT JOIN dotbridge_sync_upload u ON u.id = i.upload_id
    WHERE k.connection_id = %(connection)s AND k.is_primary
      AND (i.id IS NULL
           OR (i.removal_id IS NULL AND i.taken_out_at IS NULL
               AND (u.id IS NULL OR u.state IN ('prepared', 'finished', 'refused'))
               AND (%(all)s OR i.record_id <> k.record_id OR {is_due} OR (%(with_queued)s AND u.state = 'prepared')
                    OR k.record_id IN (SELECT record_id FROM recheck)
                    OR k.record_id IN (SELECT record_id FROM dotbridge_mapping_dirtyrecord
                                    WHERE mapping_id = %(mapping)s))))
"""
_RECHECKS = "SELECT record_id FROM dotbridge_sync_recheck WHERE connection_id = %(connection)s"
# Those alone that are looked at now: a proof of somebody's opt-in may come, and ask for another look, meanwhile.
_TAKE_RECHECKS = "DELETE FROM dotbridge_sync_recheck WHERE connection_id = %(connection)s RETURNING record_id"
# `theirs` is what lists that rank higher send for the data fields that they map too. Of several the last one counts:
# the keys of a jsonb object are unique, and the one aggregated last stays. A value that is missing is to be kept in
# Dotdigital; one that would be cleared is missing only where it was not worked out yet, and is no word at all.
_ROWS = """
    SELECT k.email_key, k.email, k.record_id,
           CASE WHEN theirs.values IS NULL THEN v.mapped
                ELSE jsonb_strip_nulls(v.mapped || theirs.values) END AS mapped,
           CASE WHEN theirs.values IS NOT NULL THEN v.mapped END AS own, theirs.owners,
           CASE WHEN m.id IS NOT NULL THEN 'update' WHEN c.id IS NOT NULL THEN 'add' ELSE 'new' END AS operation,
           i.id AS item_id, i.values AS former_values, i.own AS former_own, c.data_fields AS remote_values,
           i.upload_id AS former_upload_id,
           i.record_id AS former_record_id, coalesce(i.attempts, 0) AS attempts,
           u.state = 'prepared' AS is_queued,
           (i.reason <> '' OR u.state = 'refused') IS TRUE AS is_refused,
           {is_due} AS is_due, {is_ours} AS is_ours, consents.bytes AS consent_bytes
    FROM export_candidate k
    JOIN ({values}) v ON v.record_pk = k.record_id::{key_type}
    LEFT JOIN ({theirs}) theirs ON theirs.email_key = k.email_key
    LEFT JOIN dotbridge_sync_exportitem i ON i.id = k.item_id
    LEFT JOIN dotbridge_sync_upload u ON u.id = i.upload_id
    LEFT JOIN dotbridge_mirror_contact c ON c.integration_id = %(integration)s AND c.email_key = k.email_key
    LEFT JOIN dotbridge_mirror_membership m
        ON m.address_book_id = %(book)s AND m.contact_id = c.id AND m.gone_at IS NULL
    {consents}
    WHERE k.connection_id = %(connection)s AND k.is_mailable
    OFFSET 0  -- so that values are worked out once a row, however often they are looked at above
"""
_NOBODY_ABOVE = "SELECT NULL::text AS email_key, NULL::jsonb AS values, NULL::jsonb AS owners WHERE false"
_THEIRS = """
    SELECT o.email_key,
           jsonb_object_agg(f.name, o.values -> f.name ORDER BY f.priority, o.connection_id DESC) AS values,
           jsonb_object_agg(f.name, o.connection_id ORDER BY f.priority, o.connection_id DESC) AS owners
    FROM export_candidate k
    JOIN dotbridge_sync_exportitem o
         ON o.email_key = k.email_key AND o.removal_id IS NULL AND o.taken_out_at IS NULL AND o.reason = ''
    JOIN dotbridge_connections_listconnection oc ON oc.id = o.connection_id
    JOIN dotbridge_lists_marketinglist ol ON ol.id = oc.marketing_list_id
    JOIN dotbridge_mirror_addressbook ob
         ON ob.id = oc.address_book_id AND ob.integration_id = %(integration)s AND ob.gone_at IS NULL
    JOIN unnest(%(field_entities)s::text[], %(field_priorities)s::int[], %(field_names)s::text[],
                %(field_clears)s::boolean[])
         AS f (entity, priority, name, clears) ON f.entity = ol.entity AND (o.values ? f.name OR NOT f.clears)
    WHERE k.connection_id = %(connection)s
      AND (f.priority > %(priority)s OR (f.priority = %(priority)s AND o.connection_id < %(connection)s))
    GROUP BY o.email_key
"""

# A value that was sent and is not any more has nothing to be uploaded for: Dotdigital's is kept, or has no field. What
# waits in an upload that was not sent goes as it is now.
DIFFERS = """
    (item_id IS NULL OR CASE WHEN is_queued THEN former_values <> mapped ELSE NOT former_values @> mapped END)
"""
# Whether a row, of which it is known whether it `differs`, is sent. Whoever was refused waits until they are mended or
# due, and their consent records with them: these go along then.
IS_SENT = "(differs OR is_due OR (consent_bytes IS NOT NULL AND NOT is_refused)) IS TRUE"


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """Says that `export_candidate` holds whose values have to be worked out for this list, and how many they are."""

    ranked: Ranked
    number: int


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """The outgoing rows as a query, with its parameters by name."""

    sql: str
    parameters: dict[str, Any]


def has_to_compare_all(ranked: Ranked) -> bool:
    """Whether the values of all members have to be compared, because they are made in another way than before."""
    return ranked.link.compared_as != ranked.digest


def find_candidates(
    evaluated: EvaluatedMembers,
    ranked: Ranked,
    *,
    compares_all: bool,
    takes_rechecks: bool = False,
    with_queued: bool = False,
) -> Candidates:
    """Fill `export_candidate`, for this list alone.

    `takes_rechecks` where those who have to be compared again are compared now; `with_queued` takes in those who are
    prepared already and only have to be sent.
    """
    rechecks = _TAKE_RECHECKS if takes_rechecks else _RECHECKS
    statement = _CANDIDATES.format(is_due=_IS_DUE, plausible=_PLAUSIBLE, rechecks=rechecks)
    with connection.cursor() as cursor:
        empty_table("export_candidate")
        parameters = {**outgoing_parameters(ranked), "connection": evaluated.link.pk}
        cursor.execute(statement, {**parameters, "all": compares_all, "with_queued": with_queued})
        found = int(cursor.rowcount)
        if found:
            cursor.execute("ANALYZE export_candidate")
    return Candidates(ranked=ranked, number=found)


def outgoing_rows(candidates: Candidates) -> Outgoing:
    """The outgoing rows, a query over the candidates.

    Its columns: `email_key`, `email`, `record_id`, `mapped` (the values, data-field name -> text), `own` (the record's
    own values, where another list has a say), `owners` (of those data fields the connection that has it), `operation`,
    `item_id`, `former_values`, `former_own`, `remote_values`, `former_upload_id`, `former_record_id`, `attempts`,
    `is_queued`, `is_refused` (the row alone, or its whole file), `is_due`, `is_ours` (whether we have brought them to
    the book), `consent_bytes` (how large the consent records are that were not sent yet; NULL without any).
    Raises UnknownField when a mapped field is no entity field any more.
    """
    ranked = candidates.ranked
    owner = entity(ranked.link.marketing_list.entity)
    mapped = mapped_values(ranked.mapping, owner) if ranked.mapping else Value({}, JSONField())
    records = owner.queryset().order_by().values(record_pk=F("pk")).annotate(mapped=mapped)
    values, named = compiled(records).named("value")
    text = _ROWS.format(
        is_due=_IS_DUE,
        is_ours=IS_OURS,
        key_type=key_type(ranked.link),
        values=values,
        theirs=_THEIRS if ranked.has_higher else _NOBODY_ABOVE,
        consents=UNSENT_CONSENTS if has_consents(ranked.link.address_book.integration) else NO_CONSENTS,
    )
    return Outgoing(sql=text, parameters={**named, **outgoing_parameters(ranked)})


def outgoing_parameters(ranked: Ranked) -> dict[str, Any]:
    """The parameters of these statements, by name."""
    sharing = ranked.rank.sharing if ranked.rank else ()
    shared = [(each, name) for each in sharing for name in each.names]
    return {
        **rank_parameters(ranked),
        "mapping": ranked.mapping and ranked.mapping.pk,
        "book": ranked.link.address_book_id,
        "marketing_list": ranked.link.marketing_list_id,
        "now": timezone.now(),
        "most_attempts": MOST_ATTEMPTS,
        "retried": list(RETRIED),
        "opted_out": list(UNSUBSCRIBING),
        "field_entities": [each.entity for each, _name in shared],
        "field_priorities": [each.priority for each, _name in shared],
        "field_names": [name for _each, name in shared],
        "field_clears": [name in each.clearing for each, name in shared],
    }

"""Writing to the ledger: whoever has something to record gives a query, and one statement does the rest.

This is the only place that writes events, and what follows from them, except `erasure`. In one statement

1. the query's rows are taken (`said`),
2. stored as events (`recorded`),
3. turned into one state an address and one a record (`subject`): the last word of each, and the newest against mailing,
4. merged into the states (`stated`): a word against mailing always counts, a word for it only when it is newer than the
   last one against it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.db import connection

from dotbridge.consent.chain import NOW
from dotbridge.consent.models import RAISING, What
from dotbridge.consent.proofs import ConsentProof
from dotbridge.consent.turns import hold_off_erasures

# What a query has to give, in this order.
COLUMNS = (
    "scope text, scope_id bigint, what text, source text, status text, happened_at timestamptz, email_key text, "
    "entity text, record_id text, remote_id bigint, evidence text"
)
_NAMES = ", ".join(column.split()[0] for column in COLUMNS.split(", "))

# What Python can read in any time zone; PostgreSQL takes more.
EARLIEST, LATEST = "0001-01-03T00:00:00Z", "9999-12-29T00:00:00Z"

_RECORD = f"""
    WITH said ({_NAMES}) AS MATERIALIZED ({{selection}}),
    recorded AS (
        INSERT INTO dotbridge_consent_consentevent
            (learned_at, scope, scope_id, what, source, status, happened_at, email_key, entity, record_id, remote_id,
             evidence, actor, consent_text, url, ip_address, user_agent)
        SELECT {NOW}, scope, scope_id, what, source, coalesce(left(status, 64), ''),
               least(greatest(happened_at, '{EARLIEST}'), '{LATEST}'), coalesce(email_key, ''),
               coalesce(entity, ''), coalesce(record_id, ''), remote_id, coalesce(evidence, ''), %(actor)s,
               %(consent_text)s, %(consent_url)s, %(ip_address)s, %(user_agent)s
        FROM said
        RETURNING *
    ),
    subject AS (
        SELECT DISTINCT ON (e.scope, e.scope_id, v.kind, v.entity, v.subject)
               e.id, e.scope, e.scope_id, v.kind, v.entity, v.subject, e.remote_id, e.what, e.source, e.status,
               e.happened_at, e.what <> ALL(%(raising)s) AS is_out, held.is_blocked IS TRUE AS was_blocked,
               max(e.happened_at) FILTER (WHERE e.what <> ALL(%(raising)s)) OVER of_subject AS last_out_at
        FROM recorded e
        CROSS JOIN LATERAL (VALUES ('address', '', e.email_key), ('record', e.entity, e.record_id))
            v (kind, entity, subject)
        LEFT JOIN dotbridge_consent_consentstate held
            ON (held.scope, held.scope_id, held.kind, held.entity, held.subject)
             = (e.scope, e.scope_id, v.kind, v.entity, v.subject)
        WHERE v.subject <> ''
        WINDOW of_subject AS (PARTITION BY e.scope, e.scope_id, v.kind, v.entity, v.subject)
        ORDER BY e.scope, e.scope_id, v.kind, v.entity, v.subject, e.id DESC
    ),
    stated AS (
        INSERT INTO dotbridge_consent_consentstate AS s
            (scope, scope_id, kind, entity, subject, remote_id, is_blocked, what, source, status, since, last_out_at,
             event_id)
        SELECT scope, scope_id, kind, entity, subject, remote_id, is_out, what, source, status, happened_at,
               last_out_at, id
        FROM subject ORDER BY scope, scope_id, kind, entity, subject
        ON CONFLICT (scope, scope_id, kind, entity, subject) DO UPDATE SET
            (is_blocked, what, source, status, since, event_id, remote_id) =
                ROW (excluded.is_blocked, excluded.what, excluded.source, excluded.status, excluded.since,
                     excluded.event_id, coalesce(excluded.remote_id, s.remote_id)),
            last_out_at = greatest(s.last_out_at, excluded.last_out_at)
        WHERE (excluded.is_blocked AND NOT s.is_blocked)
           OR (excluded.is_blocked AND (excluded.last_out_at > s.last_out_at OR excluded.status <> s.status
                                        OR (excluded.remote_id IS NOT NULL
                                            AND excluded.remote_id IS DISTINCT FROM s.remote_id)))
           OR (NOT excluded.is_blocked AND s.is_blocked AND excluded.since > s.last_out_at)
        RETURNING s.scope, s.scope_id, s.kind, s.entity, s.subject, s.is_blocked
    )
    SELECT (SELECT count(*) FROM recorded),
           count(*) FILTER (WHERE kind = 'address' AND is_blocked AND NOT was_blocked),
           count(*) FILTER (WHERE kind = 'record' AND is_blocked AND NOT was_blocked),
           count(*) FILTER (WHERE kind = 'address' AND NOT is_blocked AND was_blocked),
           count(*) FILTER (WHERE kind = 'record' AND NOT is_blocked AND was_blocked)
    FROM (
        -- Not a join: the planner expects one row on both sides, and would compare all with all.
        SELECT kind, is_blocked, (scope, scope_id, kind, entity, subject) IN
            (SELECT scope, scope_id, kind, entity, subject FROM subject WHERE subject.was_blocked) AS was_blocked
        FROM stated
    ) stated
"""


class Recorded(NamedTuple):
    """How many events were written, and how many addresses and records may not be mailed, or may again, since then."""

    events: int
    addresses_blocked: int
    records_blocked: int
    addresses_lifted: int
    records_lifted: int


def record_events(
    *, selection: str, parameters: Mapping[str, Any], actor: str = "", proof: ConsentProof | None = None
) -> Recorded:
    """Write the events that a query gives, and the states that follow from them, in one statement. Each of them is by
    the actor, and has the proof.

    The query has the columns of `COLUMNS` and named parameters. An empty or NULL address or record is not known.
    """
    hold_off_erasures()
    raising = [What(what).value for what in RAISING]
    with connection.cursor() as cursor:
        proved = {
            "consent_text": proof.text if proof else "",
            "consent_url": proof.url if proof else "",
            "ip_address": proof.ip_address if proof else "",
            "user_agent": proof.user_agent if proof else "",
        }
        said = {**parameters, **proved, "actor": actor[:255], "raising": raising}
        cursor.execute(_RECORD.format(selection=selection), said)
        return Recorded(*cursor.fetchone())

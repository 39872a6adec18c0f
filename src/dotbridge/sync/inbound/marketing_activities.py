"""Results become marketing activities and statistics of the records they belong to, by their e-mail address.

What was read stands in `dotbridge_mirror_waitingresult` until a record with its address is found: so the activity of
somebody not yet known waits, and is applied by the run after they came. Sending, bounces and unsubscribing follow from
a recipient's activity. Dotdigital does not date the last two: a bounce is dated with the sending, an unsubscription
with the first opening, so that reading in many runs or in one leads to the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import groupby
from typing import Any, NamedTuple

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models import Exists, Max, OuterRef
from django.utils.translation import gettext_noop as _
from psycopg import sql

from dotbridge.campaigns.bulk import hold_email_campaign, record_activities, set_statistics
from dotbridge.entities.email import normalised
from dotbridge.entities.record_ids import as_record_id
from dotbridge.entities.registry import UnknownEntity, entity
from dotbridge.entities.sql import Fragment, compiled
from dotbridge.mapping.tracking.changes import collect_changes
from dotbridge.mirror.models import ResultKind, WaitingResult
from dotbridge.sync.context import Refusal, StepContext
from dotbridge.sync.cursors import is_over
from dotbridge.sync.failures import Failure, failure_of, kind_of
from dotbridge.sync.going_over import go_over
from dotbridge.sync.inbound.planner import prefer_index_lookups
from dotbridge.sync.models import CampaignPair, ExportItem, ResultMatching

log = structlog.get_logger(__name__)

# Rows applied in one transaction: few enough that none lasts long, enough that its statements cost nothing.
CHUNK = 50_000

# Nothing becomes of the results of an e-mail campaign that was deleted here, or whose list was: they wait for nobody.
_FORGET = """
    DELETE FROM dotbridge_mirror_waitingresult w
    USING dotbridge_mirror_campaign g
    JOIN dotbridge_sync_campaignpair p ON p.campaign_id = g.id
    LEFT JOIN dotbridge_campaigns_emailcampaign e ON e.id = p.email_campaign_id
    WHERE g.integration_id = %s AND w.campaign_id = g.id AND e.marketing_list_id IS NULL
"""
_NAME = """
    UPDATE dotbridge_mirror_waitingresult w SET email_key = c.email_key
    FROM dotbridge_mirror_campaign g
    JOIN dotbridge_mirror_contact c ON c.integration_id = g.integration_id
    WHERE g.integration_id = %s AND w.campaign_id = g.id AND w.email_key = ''
      AND c.remote_id = w.remote_contact_id AND c.email_key IS NOT NULL
"""
# Somebody who was given another address in Dotdigital, and by then had been sent the campaign as a record: they are
# few, and the results are that record's, whoever has the new address here.
_CREDITED = """
    CREATE TEMP TABLE credited AS
    SELECT w.id AS waiting_id, s.record_id
    FROM dotbridge_mirror_formeraddress f
    JOIN dotbridge_mirror_campaign g ON g.integration_id = f.integration_id
    JOIN dotbridge_mirror_waitingresult w ON w.campaign_id = g.id AND w.remote_contact_id = f.remote_id
    JOIN dotbridge_sync_campaignpair p ON p.campaign_id = g.id
    JOIN dotbridge_campaigns_emailcampaignstatistics s
        ON s.email_campaign_id = p.email_campaign_id AND s.entity = %s AND s.contact_id = f.remote_id
    WHERE g.id = ANY(%s)
    GROUP BY 1, 2
"""
# One position a waiting row, however many records have its address: a chunk never divides them.
_RECIPIENTS = """
    CREATE TEMP TABLE recipient AS
    SELECT dense_rank() OVER (ORDER BY campaign_id, kind, row_id) AS position, found.*
    FROM (
        SELECT w.campaign_id, w.kind, w.row_id, w.id AS waiting_id, r.record_id
        FROM dotbridge_mirror_waitingresult w
        JOIN ({records}) r ON r.email_key = w.email_key
        WHERE w.campaign_id = ANY(%s) AND w.email_key <> '' AND {candidates}
          AND w.id NOT IN (SELECT waiting_id FROM credited)
        UNION ALL
        SELECT w.campaign_id, w.kind, w.row_id, w.id, c.record_id
        FROM credited c JOIN dotbridge_mirror_waitingresult w ON w.id = c.waiting_id
    ) found
"""
# Most results that still wait belong to people whom nobody knows. Only what was just read is looked for in all records,
# and what waits longer only for the addresses of records that are new or changed since; by night, everything.
_ALL = "true"
_NEW = """(NOT w.is_tried OR w.email_key IN (
    SELECT i.email_key FROM dotbridge_sync_exportitem i
    JOIN dotbridge_connections_listconnection n ON n.id = i.connection_id
    JOIN dotbridge_mirror_addressbook b ON b.id = n.address_book_id AND b.integration_id = {integration}
    WHERE i.id > {last_item}
    UNION
    SELECT c.email_key FROM ({records}) c
    JOIN dotbridge_mapping_dirtyrecord d ON d.record_id = c.record_id
    JOIN dotbridge_mapping_mapping m ON m.id = d.mapping_id AND m.integration_id = {integration} AND m.entity = {entity}
))"""
_TRIED = """
    UPDATE dotbridge_mirror_waitingresult SET is_tried = true
    WHERE campaign_id = ANY(%s) AND NOT is_tried AND email_key <> ''
"""
ALL_ARE_MATCHED_EVERY = timedelta(days=1)
_RANGES = "SELECT campaign_id, kind, min(position), max(position) FROM recipient GROUP BY 1, 2 ORDER BY 3"
_FROM_ACTIVITIES = """
    SELECT v.type, r.record_id, v.at AS action_date, '' AS details, '' AS event
    FROM recipient r
    JOIN dotbridge_mirror_activity a ON a.id = r.row_id
    JOIN dotbridge_mirror_campaign g ON g.id = a.campaign_id
    CROSS JOIN LATERAL (VALUES
        ('send', coalesce(a.sent_at, g.sent_at), true),
        ('soft_bounce', coalesce(a.sent_at, g.sent_at), a.is_soft_bounced),
        ('hard_bounce', coalesce(a.sent_at, g.sent_at), a.is_hard_bounced),
        ('unsubscribe', coalesce(a.first_opened_at, a.sent_at, g.sent_at), a.is_unsubscribed)
    ) v (type, at, holds)
    WHERE r.position BETWEEN %s AND %s AND v.holds AND v.at IS NOT NULL
"""
_STATISTICS = """
    SELECT r.record_id, a.opens, a.clicks, a.is_soft_bounced::int + a.is_hard_bounced::int AS bounces,
           a.is_unsubscribed::int AS unsubscribes, coalesce(a.sent_at, g.sent_at) AS last_contacted_at,
           a.remote_contact_id AS contact_id
    FROM recipient r
    JOIN dotbridge_mirror_activity a ON a.id = r.row_id
    JOIN dotbridge_mirror_campaign g ON g.id = a.campaign_id
    WHERE r.position BETWEEN %s AND %s
"""
_FROM_EVENTS = """
    SELECT '{type}' AS type, r.record_id, e.happened_at AS action_date, {details} AS details,
           e.event_key::text AS event
    FROM recipient r JOIN {table} e ON e.id = r.row_id
    WHERE r.position BETWEEN %s AND %s
"""
_EVENTS = {
    ResultKind.ACTIVITY: _FROM_ACTIVITIES,
    ResultKind.OPEN: _FROM_EVENTS.format(type="open", table="dotbridge_mirror_openevent", details="''"),
    ResultKind.CLICK: _FROM_EVENTS.format(type="click", table="dotbridge_mirror_clickevent", details="e.url"),
}
# A recipient without any date has given statistics, but no activity yet.
_DONE = """
    DELETE FROM dotbridge_mirror_waitingresult w USING recipient r
    WHERE r.position BETWEEN %s AND %s AND w.id = r.waiting_id AND NOT EXISTS (
        SELECT 1 FROM dotbridge_mirror_activity a JOIN dotbridge_mirror_campaign g ON g.id = a.campaign_id
        WHERE r.kind = 'activity' AND a.id = r.row_id AND a.sent_at IS NULL AND g.sent_at IS NULL
    )
"""


class _Range(NamedTuple):
    """The positions of one campaign's waiting rows of one kind, both ends included."""

    campaign_id: int
    kind: ResultKind
    first: int
    last: int


class _Link(NamedTuple):
    """A campaign with news, the e-mail campaign made of it, and what the records of its list are."""

    entity: str
    campaign_id: int
    email_campaign_id: int
    remote_id: int


_OfEntity = tuple[str, dict[int, _Link]]


def apply_results(step: StepContext) -> None:
    """Turn what waits into statistics and marketing activities, wherever a record has its address by now.

    The records of each entity alone, and of it each campaign alone: what cannot be read or noted holds up no other.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, [step.integration.pk])
    links = _links_with_news(step)
    if not links:
        return
    with connection.cursor() as cursor:
        cursor.execute(_NAME, [step.integration.pk])
    matching, _made = ResultMatching.objects.get_or_create(integration=step.integration)
    matches_all = _matches_all(step, matching)
    last_item = ExportItem.objects.aggregate(last=Max("pk"))["last"] or 0
    if not matches_all:
        collect_changes()
    unapplied: set[int] = set()

    def apply_to(of_entity: _OfEntity) -> None:
        key, of_campaign = of_entity
        try:
            records = _addresses(key)
        except UnknownEntity as error:
            step.reject([Refusal(key, "unknown_entity", str(error))])
            return
        candidates = Fragment(_ALL, ()) if matches_all else _candidates(matching, key, records)
        refused = _apply(step, key, of_campaign, records, candidates)
        unapplied.update(refused)
        with connection.cursor() as cursor:
            cursor.execute(_TRIED, [list(of_campaign.keys() - refused)])

    entities: list[_OfEntity] = [
        (key, {link.campaign_id: link for link in of_entity})
        for key, of_entity in groupby(links, key=lambda link: link.entity)
    ]
    failed = go_over(step, entities, apply_to, _refusal)
    # Of whom it failed for, the addresses that came since the last time are looked for by the next run.
    matching.last_item_id = matching.last_item_id if failed or unapplied else last_item
    matching.all_matched_at = step.run.server_now if matches_all else matching.all_matched_at
    matching.save()


def _refusal(of_entity: _OfEntity, failure: Failure) -> Refusal:
    key, _campaigns = of_entity
    return Refusal(key, "not_applied", f"{failure.text_of(key)} {_('The next run tries again.')}")


def _candidates(matching: ResultMatching, key: str, records: Fragment) -> Fragment:
    text = _NEW.format(
        integration=matching.integration_id,
        last_item=matching.last_item_id,
        entity=sql.Literal(key).as_string(None),
        records=records.sql,
    )
    return Fragment(text, records.parameters)


def _matches_all(step: StepContext, matching: ResultMatching) -> bool:
    last = matching.all_matched_at
    return step.run.reads_everything or last is None or is_over(last, ALL_ARE_MATCHED_EVERY, step.run.server_now)


def _links_with_news(step: StepContext) -> list[_Link]:
    waiting = WaitingResult.objects.filter(campaign=OuterRef("campaign"))
    rows = CampaignPair.objects.filter(
        Exists(waiting), campaign__integration=step.integration, email_campaign__marketing_list__isnull=False
    ).values_list("email_campaign__marketing_list__entity", "campaign_id", "email_campaign_id", "campaign__remote_id")
    return sorted(_Link(*row) for row in rows)


def _addresses(key: str) -> Fragment:
    """`record_id` and `email_key` of every record of an entity. Whom a rule leaves out today was written to all the
    same, so it is not asked."""
    listed = entity(key)
    rows = (
        listed.queryset()
        .order_by()
        .annotate(record_id=as_record_id(), address_key=normalised(listed.email_expression()))
    )
    found = compiled(rows.values_list("record_id", "address_key"))
    return Fragment(f"SELECT * FROM ({found.sql}) named (record_id, email_key)", found.parameters)


def _apply(step: StepContext, key: str, links: dict[int, _Link], records: Fragment, candidates: Fragment) -> set[int]:
    """Note what each of the campaigns' recipients did; answers those of which the database did not take all."""
    refused: set[int] = set()
    with _recipients(key, list(links), records, candidates) as ranges:
        for found in ranges:
            if found.campaign_id in refused:
                continue
            link = links[found.campaign_id]
            try:
                _apply_range(step, link, found)
            except DatabaseError as error:
                # Not gone over as other things are: to renew the connection would take the temporary table along.
                refused.add(found.campaign_id)
                _note_refused(step, link, error)
    return refused


def _note_refused(step: StepContext, link: _Link, error: DatabaseError) -> None:
    failure = failure_of(error)
    log.error("failed unexpectedly", step=step.step.name, error=kind_of(error), place=failure.place)
    detail = f"{failure.text} {_('The next run tries again.')}"
    step.reject([Refusal(f"campaign {link.remote_id}", "not_applied", detail)])


def _apply_range(step: StepContext, link: _Link, found: _Range) -> None:
    for first in range(found.first, found.last + 1, CHUNK):
        last = min(first + CHUNK - 1, found.last)
        with transaction.atomic():
            _apply_chunk(step, link, found._replace(first=first, last=last))


@contextmanager
def _recipients(key: str, campaigns: list[int], records: Fragment, candidates: Fragment) -> Iterator[list[_Range]]:
    """Whom the waiting rows belong to, in a temporary table for as long as the block lasts."""
    with connection.cursor() as cursor:
        cursor.execute(_CREDITED, [key, campaigns])
        try:
            statement = _RECIPIENTS.format(records=records.sql, candidates=candidates.sql)
            cursor.execute(statement, [*records.parameters, campaigns, *candidates.parameters])
        finally:
            cursor.execute("DROP TABLE credited")
        try:
            cursor.execute("CREATE INDEX ON recipient (position)")
            cursor.execute("ANALYZE recipient")
            cursor.execute(_RANGES)
            yield [_Range(campaign, ResultKind(kind), first, last) for campaign, kind, first, last in cursor.fetchall()]
        finally:
            cursor.execute("DROP TABLE recipient")


def _apply_chunk(step: StepContext, link: _Link, chunk: _Range) -> None:
    held = hold_email_campaign(link.email_campaign_id)
    if held is None:
        return
    prefer_index_lookups()
    bounds: list[Any] = [chunk.first, chunk.last]
    recipients = None
    if chunk.kind == ResultKind.ACTIVITY:
        recipients = set_statistics(email_campaign=held, entity=link.entity, selection=_STATISTICS, parameters=bounds)
    written = record_activities(
        email_campaign=held, entity=link.entity, selection=_EVENTS[chunk.kind], parameters=bounds
    )
    with connection.cursor() as cursor:
        cursor.execute(_DONE, bounds)
        applied = cursor.rowcount
    step.count(read=applied, new=written.new, changed=written.changed)
    if recipients is not None:
        step.count(recipients=recipients.new, recipients_changed=recipients.changed)
    step.advance(applied)

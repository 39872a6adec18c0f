"""Preparing: which addresses have to be sent, because they are new here, differ from what was sent, or failed before.

One statement stores the outgoing rows and assigns them to uploads; what is unchanged is not written to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from django.db import connection
from django.db.models import Exists, OuterRef
from django.utils import timezone

from dotbridge.connections.models import ListConnection
from dotbridge.connections.selectors import exportable_connections
from dotbridge.integrations.models import WireProtocol
from dotbridge.lists.selectors import roomy_transaction
from dotbridge.mapping.tracking.services import claim_dirty_records
from dotbridge.sync.context import Refusal, StepContext
from dotbridge.sync.models import Recheck, Upload
from dotbridge.sync.outbound.file_kinds import file_kinds
from dotbridge.sync.outbound.forget import forget_departed
from dotbridge.sync.outbound.links import for_each_list
from dotbridge.sync.outbound.members import EvaluatedMembers, require_current_members
from dotbridge.sync.outbound.outgoing import (
    DIFFERS,
    IS_SENT,
    Candidates,
    find_candidates,
    has_to_compare_all,
    outgoing_rows,
)
from dotbridge.sync.outbound.ranks import LOWER_CONNECTIONS, Ranked, rank_mappings
from dotbridge.sync.outbound.rechecks import forget_changes, note_books_that_went
from dotbridge.sync.outbound.states import REASONS
from dotbridge.sync.outbound.taken_out import note_taken_out
from dotbridge.sync.outbound.written import end_past_addresses
from dotbridge.sync.rejections import note_parameters, note_statement

# The contract's limit of a file is 50 MB (§2.2). A row's JSON is never shorter than its CSV line.
UPLOAD_BYTES = 45_000_000
# What a row has beside its address and values: a comma and a line end, or the names of its parts.
ROW_BYTES = {WireProtocol.V2: 2, WireProtocol.V3: 120}
# The contract's limit of imports at work (§2.2); what does not fit waits for the next run.
MOST_UPLOADS = 25

_STORE = """
    WITH numbered AS (
        SELECT *, sum(CASE WHEN moves THEN octet_length(mapped::text) + octet_length(email)
                                             + coalesce(consent_bytes, 0) + %(row_bytes)s ELSE 0 END)
                      OVER ({window} ROWS UNBOUNDED PRECEDING) AS bytes
        FROM (
            SELECT *, {is_sent} AS moves, {choice} AS kind
            FROM (SELECT *, {differs} AS differs FROM ({rows}) outgoing) compared
        ) sorted
        WHERE moves OR record_id <> former_record_id OR former_values <> mapped OR own IS DISTINCT FROM former_own
    ){noted}, stored AS (
        INSERT INTO dotbridge_sync_exportitem AS i
            (connection_id, email_key, email, record_id, values, own, operation, was_confirmed, upload_id, reason,
             attempts)
        SELECT %(connection)s, email_key, email, record_id, mapped, own, operation, is_ours,
               CASE WHEN NOT moves THEN former_upload_id
                    WHEN bytes < %(upload_bytes)s::bigint * %(most)s
                    THEN (%(uploads)s::bigint[])[1 + kind * %(most)s + (bytes / %(upload_bytes)s)::int] END,
               '', CASE WHEN differs THEN 0 WHEN is_due THEN attempts + 1 ELSE attempts END
        FROM numbered
        {conflict}
        RETURNING upload_id, operation
    )
    SELECT upload_id, operation, count(*) FROM stored WHERE upload_id = ANY(%(uploads)s) GROUP BY 1, 2
"""
# Lists that rank lower have to look again at an address on which this one says something else now.
_NOTED = f""", noted AS (
        INSERT INTO dotbridge_sync_recheck (connection_id, record_id)
        SELECT l.connection_id, l.record_id FROM numbered n
            JOIN dotbridge_sync_exportitem l ON l.email_key = n.email_key
        WHERE (n.item_id IS NULL OR n.former_values <> n.mapped) AND l.connection_id IN ({LOWER_CONNECTIONS})
        ON CONFLICT DO NOTHING
    )"""
_CONFLICT = """
        ON CONFLICT (connection_id, email_key) DO UPDATE SET
            record_id = excluded.record_id, values = excluded.values, own = excluded.own, attempts = excluded.attempts,
            upload_id = excluded.upload_id, was_confirmed = excluded.was_confirmed,
            operation = CASE WHEN i.upload_id IS DISTINCT FROM excluded.upload_id
                             THEN excluded.operation ELSE i.operation END,
            reason = CASE WHEN i.upload_id IS DISTINCT FROM excluded.upload_id THEN '' ELSE i.reason END
"""
# One row an address; what is counted are the members who have it, as everywhere.
_COUNT_UNMAILABLE = """
    SELECT count(*) FROM export_member k
    WHERE k.connection_id = %(connection)s AND k.is_member AND k.email_key IN (
        SELECT c.email_key FROM export_candidate c
        WHERE c.connection_id = %(connection)s AND c.item_id IS NULL AND NOT c.is_mailable)
"""
_STORE_UNMAILABLE = """
    WITH stored AS (
        INSERT INTO dotbridge_sync_exportitem
            (connection_id, email_key, email, record_id, values, operation, reason, attempts)
        SELECT %(connection)s, email_key, email, record_id, '{}', 'new', 'invalid_email', 0
        FROM export_candidate WHERE connection_id = %(connection)s AND item_id IS NULL AND NOT is_mailable
        RETURNING email
    ) """


class Prepared(NamedTuple):
    """How many rows of one operation went to one upload."""

    upload_id: int
    operation: str
    rows: int


def prepare_uploads(step: StepContext) -> None:
    """Bring every connected list's items up to date and put what has to be sent into uploads."""
    # Ranked anew: what was noted as changed since the run began belongs to this comparison.
    step.run.ranks = ranks = rank_mappings(step.integration)
    for rank in ranks.values():
        claim_dirty_records(mapping=rank.mapping)
        if rank.problem:
            step.reject([Refusal(str(rank.mapping), "mapping_broken", rank.problem)])
    note_books_that_went(step.integration, ranks)
    step.count(taken_out=note_taken_out(step.integration))
    progress = _Progress(to_recheck=_to_recheck(step))
    for_each_list(step, partial(_prepare, progress))
    if step.run.only is None:
        links = exportable_connections(step.integration)
        for rank in ranks.values():
            forget_changes(rank, links, progress.compared)


@dataclass(kw_only=True)
class _Progress:
    """Which connections were compared so far, and for which records are noted that have to be compared."""

    to_recheck: set[int]
    compared: set[int] = field(default_factory=set)


def _to_recheck(step: StepContext) -> set[int]:
    links = ListConnection.objects.filter(address_book__integration=step.integration)
    return set(links.filter(Exists(Recheck.objects.filter(connection=OuterRef("pk")))).values_list("pk", flat=True))


def _prepare(progress: _Progress, step: StepContext, ranked: Ranked) -> None:
    link = ranked.link
    if link.stopped_at is not None:
        return
    evaluated = require_current_members(step, link)
    with roomy_transaction():
        forgotten = forget_departed(evaluated, ranked) if evaluated.departed else 0
        prepared = _assign(progress, step, evaluated, ranked)
        _tidy_uploads(prepared)
    step.count(forgotten=forgotten)
    progress.compared.add(link.pk)
    if ranked.has_lower and (forgotten or prepared):
        # Lists that rank lower have to look at these addresses again.
        progress.to_recheck = _to_recheck(step)
    for _upload, operation, rows in prepared:
        step.count(**{operation: rows})
    step.advance(sum(rows for _upload, _operation, rows in prepared))


def _assign(progress: _Progress, step: StepContext, evaluated: EvaluatedMembers, ranked: Ranked) -> list[Prepared]:
    """Store what differs and has to be sent, and note that it was compared."""
    link = ranked.link
    prepared = []
    candidates = find_candidates(
        evaluated, ranked, compares_all=has_to_compare_all(ranked), takes_rechecks=link.pk in progress.to_recheck
    )
    if candidates.number:
        is_first = not link.items.exists()
        _reject_unmailable(step, link)
        end_past_addresses(link)
        prepared = _store(step, candidates, is_first=is_first)
    if link.compared_as != ranked.digest:
        # Not over a mark that somebody has set meanwhile.
        ListConnection.objects.filter(pk=link.pk, compared_as=link.compared_as).update(compared_as=ranked.digest)
    return prepared


def _store(step: StepContext, candidates: Candidates, *, is_first: bool) -> list[Prepared]:
    ranked = candidates.ranked
    files = file_kinds(ranked, step.run.protocol)
    uploads = Upload.objects.bulk_create(
        Upload(
            connection=ranked.link,
            run=step.run.run,
            created_at=timezone.now(),
            protocol=step.run.protocol,
            merge_option=kind.merge,
            columns=kind.columns,
            rest_columns=kind.rest,
        )
        for kind in files.kinds
        for _number in range(MOST_UPLOADS)
    )
    ids = [upload.pk for upload in uploads]
    outgoing = outgoing_rows(candidates)
    with connection.cursor() as cursor:
        cursor.execute(
            _STORE.format(
                rows=outgoing.sql,
                differs=DIFFERS,
                is_sent=IS_SENT,
                choice=files.choice,
                window="PARTITION BY kind" if len(files.kinds) > 1 else "",
                noted=_NOTED if ranked.has_lower else "",
                conflict="" if is_first else _CONFLICT,
            ),
            {
                **outgoing.parameters,
                "uploads": ids,
                "row_bytes": ROW_BYTES[step.run.protocol],
                "upload_bytes": UPLOAD_BYTES,
                "most": MOST_UPLOADS,
                "columns": list(ranked.rank.columns) if ranked.rank else [],
            },
        )
        prepared = [Prepared(*row) for row in cursor.fetchall()]
    used = {upload_id for upload_id, _operation, _rows in prepared}
    Upload.objects.filter(pk__in=set(ids) - used).delete()
    return prepared


def _tidy_uploads(prepared: list[Prepared]) -> None:
    totals: dict[int, int] = {}
    for upload_id, _operation, rows in prepared:
        totals[upload_id] = totals.get(upload_id, 0) + rows
    for upload_id, rows in totals.items():
        Upload.objects.filter(pk=upload_id).update(row_count=rows)


def _reject_unmailable(step: StepContext, link: ListConnection) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_UNMAILABLE, {"connection": link.pk})
        (members,) = cursor.fetchone()
        if not members:
            return
        cursor.execute(
            _STORE_UNMAILABLE
            + note_statement("SELECT email AS subject, 'invalid_email' AS reason, %(detail)s AS detail FROM stored"),
            {
                **note_parameters(step.step),
                "connection": link.pk,
                "detail": str(REASONS["invalid_email"].text),
            },
        )
        step.count(rejected=members)

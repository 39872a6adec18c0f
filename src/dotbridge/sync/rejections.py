"""Rejections: a problem that lasts is one row, which says since when, how often, and whether it is over.

A rejection is met by a step. Met again, it is counted, not written once more; so a run tells what is new from what it
found as it was. It is over when a complete pass of its step does not meet it again. Two kinds are met only once, and so
are over later: what a feed of changes said about one of its rows, when a full comparison does not say it any more, or
nobody has met it for a while; and a row of an upload, when no address of the integration is refused for that reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from dotbridge.integrations.models import Integration
from dotbridge.sync.models import Rejection, Step
from dotbridge.sync.models.runs import SUBJECT_LENGTH

DETAIL_LENGTH = 2000
# The full comparison comes every seven days: what it has not met either is over.
MET_AT_LEAST_EVERY = timedelta(days=8)

# {refused} is a query of subject, reason, detail; one subject may come several times. By the unique index of the table.
_NOTE = """
    INSERT INTO dotbridge_sync_rejection AS r
        (integration_id, step_name, subject, reason, detail, step_id, first_at, last_at, times)
    SELECT %(integration)s, %(name)s, left(subject, {length}), left(reason, 64), max(detail), %(step)s,
           %(now)s, %(now)s, 1
    FROM ({refused}) refused
    GROUP BY left(subject, {length}), left(reason, 64)
    ON CONFLICT (integration_id, step_name, reason, subject) DO UPDATE SET
        first_at = CASE WHEN r.ended_at IS NULL THEN r.first_at ELSE excluded.first_at END,
        times = CASE WHEN r.ended_at IS NOT NULL THEN 1
                     WHEN r.step_id IS DISTINCT FROM excluded.step_id THEN r.times + 1
                     ELSE r.times END,
        detail = excluded.detail, step_id = excluded.step_id, last_at = excluded.last_at, ended_at = NULL
"""
_GIVEN = """
    SELECT * FROM unnest(%(subjects)s::text[], %(reasons)s::text[], %(details)s::text[]) given (subject, reason, detail)
"""
# Relies on rejection_open, and for each of its rows on export_item_once.
_END_ROWS = """
    UPDATE dotbridge_sync_rejection r SET ended_at = %(now)s
    WHERE r.integration_id = %(integration)s AND r.ended_at IS NULL AND r.step_name = ANY(%(names)s)
      AND r.reason = ANY(%(reasons)s)
      AND NOT EXISTS (
          SELECT 1 FROM dotbridge_sync_exportitem i
          JOIN dotbridge_connections_listconnection l ON l.id = i.connection_id
          JOIN dotbridge_mirror_addressbook b ON b.id = l.address_book_id
          WHERE i.email_key = lower(trim(r.subject)) AND i.reason = r.reason AND b.integration_id = r.integration_id)
"""


def note_rejections(step: Step, refusals: Iterable[tuple[str, str, str]]) -> int:
    """Note what a step could not take or send, as (subject, reason, detail); answers how many there were."""
    rows = list(refusals)
    if rows:
        subjects, reasons, details = zip(*rows, strict=True)
        with connection.cursor() as cursor:
            cursor.execute(
                note_statement(_GIVEN),
                {
                    **note_parameters(step),
                    "subjects": [_storable(subject) for subject in subjects],
                    "reasons": list(reasons),
                    "details": [_storable(detail)[:DETAIL_LENGTH] for detail in details],
                },
            )
    return len(rows)


def note_statement(refused: str) -> str:
    """The statement that notes the rows of a query: subject, reason, detail. It goes with `note_parameters`."""
    return _NOTE.format(refused=refused, length=SUBJECT_LENGTH)


def note_parameters(step: Step) -> dict[str, int | str | datetime]:
    """What `note_statement` needs to know of the step."""
    return {
        "integration": step.run.integration_id,
        "name": step.name,
        "step": step.pk,
        "now": timezone.now(),
    }


def steps_with_problems(integration: Integration) -> set[str]:
    """The names of the steps of which a problem is open."""
    return set(_open(integration).order_by().values_list("step_name", flat=True).distinct())


def new_rejections(step: Step) -> int:
    """How many of those that a step has met no step had met before, or not since they were over."""
    return Rejection.objects.filter(step=step, times=1).count()


def end_rejections(step: Step, *, except_reasons: Sequence[str], except_subjects: Sequence[str]) -> int:
    """After a complete pass of a step: what it has not met is over. Answers how many."""
    rows = _open(step.run.integration).filter(step_name=step.name, last_at__lt=step.started_at)
    rows = rows.exclude(Q(reason__in=except_reasons) | Q(subject__in=except_subjects))
    return rows.update(ended_at=timezone.now())


def end_rejections_of_rows(integration: Integration, *, steps: Sequence[str], reasons: Sequence[str]) -> int:
    """Rows of uploads that were refused and are not any more: over. Answers how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            _END_ROWS,
            {"integration": integration.pk, "now": timezone.now(), "names": list(steps), "reasons": list(reasons)},
        )
        return int(cursor.rowcount)


def end_rejections_not_met(*, now: datetime, except_steps: Sequence[str], except_reasons: Sequence[str]) -> int:
    """What has not been met for so long that even a full comparison would have, is over. Answers how many."""
    rows = Rejection.objects.filter(ended_at=None, last_at__lt=now - MET_AT_LEAST_EVERY)
    rows = rows.exclude(step_name__in=except_steps, reason__in=except_reasons)
    return rows.update(ended_at=F("last_at"))


def _open(integration: Integration) -> QuerySet[Rejection]:
    return Rejection.objects.filter(integration=integration, ended_at=None)


def _storable(text: str) -> str:
    return text.replace("\x00", "")

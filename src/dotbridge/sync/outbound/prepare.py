"""Preparing: which addresses have to be sent, because they are new here, differ from what was sent, or failed before.

One statement selects, stores and assigns to uploads; what is unchanged is not written to.
"""

from __future__ import annotations

from typing import NamedTuple

from django.db import connection, transaction
from django.utils import timezone

from dotbridge.sync.context import StepContext
from dotbridge.sync.models import Connection, Upload
from dotbridge.sync.outbound.forget import forget_departed
from dotbridge.sync.outbound.selection import unmailable_members, wanted_items
from dotbridge.sync.outbound.states import MOST_ATTEMPTS, REASONS, RETRIED
from dotbridge.sync.selectors import exportable_connections

# The contract's limit of a file is 50 MB (§2.2). A row's JSON is never shorter than its CSV line.
UPLOAD_BYTES = 45_000_000
# The contract's limit of imports at work (§2.2); what does not fit waits for the next run.
MOST_UPLOADS = 25

_PREPARE = """
    WITH wanted AS ({wanted}), judged AS (
        SELECT w.email_key, w.email, w.record_id, w.mapped,
               CASE WHEN m.id IS NOT NULL THEN 'update' WHEN c.id IS NOT NULL THEN 'add' ELSE 'new' END AS operation,
               i.id IS NULL OR i.values <> w.mapped AS differs,
               u.state = 'prepared' AS is_queued,
               coalesce(i.attempts, 0) AS attempts,
               i.upload_id AS former_upload_id,
               i.record_id AS former_record_id,
               (i.reason = '' AND i.upload_id IS NULL)
               OR (i.reason = '' AND u.state = 'refused' AND u.retry_at <= %s AND i.attempts < %s)
               OR (i.reason = ANY(%s) AND u.finished_at < %s - interval '1 day' AND i.attempts < %s) AS is_due
        FROM wanted w
        LEFT JOIN sync_exportitem i ON i.connection_id = %s AND i.email_key = w.email_key
        LEFT JOIN sync_upload u ON u.id = i.upload_id
        LEFT JOIN mirror_contact c ON c.integration_id = %s AND c.email_key = w.email_key
        LEFT JOIN mirror_membership m ON m.address_book_id = %s AND m.contact_id = c.id AND m.gone_at IS NULL
        WHERE i.id IS NULL
           OR (i.removal_id IS NULL AND (u.id IS NULL OR u.state IN ('prepared', 'finished', 'refused')))
    ), numbered AS (
        SELECT *, sum(CASE WHEN moves THEN octet_length(mapped::text) + octet_length(email) + 2 ELSE 0 END)
                      OVER (ORDER BY email_key ROWS UNBOUNDED PRECEDING) AS bytes
        FROM (SELECT *, (differs OR is_due) AND is_queued IS NOT TRUE AS moves FROM judged) j
        WHERE differs OR is_due OR record_id <> former_record_id
    ), stored AS (
        INSERT INTO sync_exportitem AS i
            (connection_id, email_key, email, record_id, values, operation, upload_id, reason, attempts)
        SELECT %s, email_key, email, record_id, mapped, operation,
               CASE WHEN moves THEN (%s::bigint[])[1 + (bytes / %s)::int] ELSE former_upload_id END,
               '', CASE WHEN differs THEN 0 WHEN moves THEN attempts + 1 ELSE attempts END
        FROM numbered
        ON CONFLICT (connection_id, email_key) DO UPDATE SET
            record_id = excluded.record_id, values = excluded.values, attempts = excluded.attempts,
            upload_id = excluded.upload_id,
            operation = CASE WHEN i.upload_id IS DISTINCT FROM excluded.upload_id
                             THEN excluded.operation ELSE i.operation END,
            reason = CASE WHEN i.upload_id IS DISTINCT FROM excluded.upload_id THEN '' ELSE i.reason END
        RETURNING upload_id, operation
    )
    SELECT upload_id, operation, count(*) FROM stored WHERE upload_id = ANY(%s) GROUP BY 1, 2
"""

_REJECT = """
    WITH refused AS ({unmailable}), stored AS (
        INSERT INTO sync_exportitem (connection_id, email_key, email, record_id, values, operation, reason, attempts)
        SELECT %s, email_key, email, record_id, '{{}}', 'new', 'invalid_email', 0 FROM refused
        ON CONFLICT (connection_id, email_key) DO NOTHING
        RETURNING email
    )
    INSERT INTO sync_rejection (step_id, subject, reason, detail, created_at)
    SELECT %s, left(email, 1000), 'invalid_email', %s, %s FROM stored
"""


class Prepared(NamedTuple):
    """How many rows of one operation went to one upload."""

    upload_id: int
    operation: str
    rows: int


def prepare_uploads(step: StepContext) -> None:
    """Bring every connected list's items up to date and put what has to be sent into uploads."""
    for link in exportable_connections(step.integration):
        with transaction.atomic():
            step.count(forgotten=forget_departed(link))
            _reject_unmailable(step, link)
            prepared = _assign(step, link)
            _tidy_uploads(prepared)
        for _upload, operation, rows in prepared:
            step.count(**{operation: rows})
        step.advance(sum(rows for _upload, _operation, rows in prepared))


def _assign(step: StepContext, link: Connection) -> list[Prepared]:
    now = timezone.now()
    uploads = Upload.objects.bulk_create(
        Upload(connection=link, run=step.run.run, created_at=now) for _number in range(MOST_UPLOADS)
    )
    ids = [upload.pk for upload in uploads]
    wanted = wanted_items(link)
    book = link.address_book
    with connection.cursor() as cursor:
        cursor.execute(
            _PREPARE.format(wanted=wanted.sql),
            [
                *wanted.parameters,
                *(now, MOST_ATTEMPTS, list(RETRIED), now, MOST_ATTEMPTS),
                *(link.pk, book.integration_id, book.pk),
                *(link.pk, ids, UPLOAD_BYTES, ids),
            ],
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


def _reject_unmailable(step: StepContext, link: Connection) -> None:
    unmailable = unmailable_members(link)
    with connection.cursor() as cursor:
        cursor.execute(
            _REJECT.format(unmailable=unmailable.sql),
            [
                *unmailable.parameters,
                *(link.pk, step.step.pk, str(REASONS["invalid_email"].text), timezone.now()),
            ],
        )
        step.count(rejected=cursor.rowcount)

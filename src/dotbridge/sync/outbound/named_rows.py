"""Rows that an import names, with what came of them and the ids of their contacts: no book has to be read for those.

Which rows were taken stands in a temporary table of this session until all of the report has arrived, so that no
transaction waits for the network. They are stored by the batch, as those of an import are: a crash between two of them
loses nothing, since the report is read again.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection, transaction

from dotbridge.entities.email import address_key
from dotbridge.sync.context import Refusal, StepContext
from dotbridge.sync.going_over import LOCK_IS_ASKED_EVERY
from dotbridge.sync.inbound.stage import measure_tables, merge_selected
from dotbridge.sync.inbound.stage_lines import escaped
from dotbridge.sync.inbound.storable import is_id
from dotbridge.sync.models import Upload
from dotbridge.sync.outbound.states import REASONS
from dotdigital import Fault, Malformed, ResultV3

AT_ONCE = 5000
# The contact itself was taken; only something that goes along with it was not.
TAKEN_ALL_THE_SAME = "consentRecordsNotApplied"
_FAILED = "failures"
_UNREPORTED = REASONS["unreported"]
_FORGET = """
    CREATE TEMP TABLE IF NOT EXISTS named_row (remote_id bigint, email_key text COLLATE "C");
    CREATE TEMP TABLE IF NOT EXISTS settled_row (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, item_id bigint, email text, remote_id bigint);
    TRUNCATE named_row, settled_row RESTART IDENTITY
"""
# How many rows an upload has the planner may not know yet: it would go through one of the tables for each row of the
# other. A row that we never sent is nobody's.
_JOIN_AT_ONCE = "SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off"
_SETTLE = """
    INSERT INTO settled_row (item_id, email, remote_id)
    SELECT i.id, i.email, n.remote_id
    FROM dotbridge_sync_exportitem i LEFT JOIN named_row n ON n.email_key = i.email_key
    WHERE i.upload_id = %s AND i.reason = ''
"""
# Of a contact that is known, what only a feed tells stays as it is.
_TAKEN = """
    SELECT DISTINCT ON (t.remote_id) t.remote_id, t.email, coalesce(held.opt_in_type, ''), coalesce(held.email_type, '')
    FROM settled_row t
    LEFT JOIN dotbridge_mirror_contact held
        ON held.integration_id = %(integration)s AND held.remote_id = t.remote_id
    WHERE t.number > %(after)s AND t.number <= %(to)s AND t.remote_id IS NOT NULL
    ORDER BY t.remote_id, t.item_id
"""
# Nobody knows what became of them. They are tried again a day later, and not for ever.
_REFUSE_UNREPORTED = """
    UPDATE dotbridge_sync_exportitem i SET reason = %(reason)s
    FROM settled_row t WHERE t.remote_id IS NULL AND i.id = t.item_id
    RETURNING i.email
"""


def forget_named_rows() -> None:
    """Begin to read a report."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET)


def note_named_rows(results: Iterable[ResultV3 | Malformed]) -> list[Fault]:
    """Note which of these rows were taken; answers the faults of those that were not."""
    faults, lines = [], []
    for result in results:
        if isinstance(result, Malformed):
            continue
        address = str(result.identifiers.get("email") or "").replace("\0", "").strip()
        if result.outcome == _FAILED:
            codes = [failure.failure_code for failure in result.failures if failure.failure_code != TAKEN_ALL_THE_SAME]
            if codes or not result.failures:
                faults.append(Fault(codes[0] if codes else "", address, {}))
                continue
        if result.contact_id is not None and is_id(result.contact_id):
            lines.append(b"%d\t%b\n" % (result.contact_id, escaped(address_key(address))))
    with connection.cursor() as cursor, cursor.copy("COPY named_row (remote_id, email_key) FROM STDIN") as copy:
        copy.write(b"".join(lines))
    return faults


def take_named_rows(step: StepContext, upload: Upload) -> None:
    """Store the ids of the rows that were taken; call it after the rows that failed were refused."""
    book = upload.connection.address_book
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_JOIN_AT_ONCE)
        cursor.execute(_SETTLE, [upload.pk])
        last = int(cursor.rowcount)
        cursor.execute("ANALYZE settled_row")
    for after in range(0, last, AT_ONCE):
        step.run.require_lock(within=LOCK_IS_ASKED_EVERY)
        slice_of = {"upload": upload.pk, "integration": book.integration_id, "after": after, "to": after + AT_ONCE}
        with transaction.atomic():
            step.count(ids_new=merge_selected(book, _TAKEN, slice_of, step.run.server_now).new)
        if after == 0 and last > AT_ONCE:
            measure_tables()


def refuse_unreported(step: StepContext) -> int:
    """Refuse the rows that the report does not name; answers how many. Call it in a transaction, after
    `take_named_rows`."""
    with connection.cursor() as cursor:
        cursor.execute(_REFUSE_UNREPORTED, {"reason": _UNREPORTED.code})
        step.reject(Refusal(email, "unreported", str(_UNREPORTED.text)) for (email,) in cursor)
        return int(cursor.rowcount)

"""Rows that an import names as taken, with the ids of their contacts: nobody has to be read back for those."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import connection

from dotbridge.sync.context import Refusal, StepContext
from dotbridge.sync.inbound.stage import merge_selected
from dotbridge.sync.inbound.storable import is_id
from dotbridge.sync.models import Upload
from dotbridge.sync.outbound.states import REASONS
from dotdigital import ImportOutcome, Outcome

# The contact itself was taken; only something that goes along with it was not.
TAKEN_ALL_THE_SAME = ("consentRecordsNotApplied",)
_STAGE = """
    CREATE TEMP TABLE IF NOT EXISTS stage_named (remote_id bigint, email_key text COLLATE "C") ON COMMIT DELETE ROWS
"""
# Of a contact that is known, what only a feed tells stays as it is. A row that we never sent is nobody's.
_TAKEN = """
    SELECT DISTINCT ON (n.remote_id) n.remote_id, i.email, coalesce(held.opt_in_type, ''), coalesce(held.email_type, '')
    FROM stage_named n
    JOIN dotbridge_sync_exportitem i ON i.upload_id = %(upload)s AND i.email_key = n.email_key AND i.reason = ''
    LEFT JOIN dotbridge_mirror_contact held
        ON held.integration_id = %(integration)s AND held.remote_id = n.remote_id
    ORDER BY n.remote_id, i.id
"""
# Nobody knows what became of them. They are tried again a day later, and not for ever.
_UNREPORTED = """
    UPDATE dotbridge_sync_exportitem i SET reason = %(reason)s
    WHERE i.upload_id = %(upload)s AND i.reason = ''
      AND NOT EXISTS (SELECT FROM stage_named n WHERE n.email_key = i.email_key)
    RETURNING i.email
"""


def take_named(step: StepContext, upload: Upload, outcome: ImportOutcome) -> int:
    """Store the ids of the rows that were taken, and refuse those that the report does not name; answers how many.

    Call it in a transaction, after the rows that failed were refused.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        with cursor.copy("COPY stage_named (remote_id, email_key) FROM STDIN") as copy:
            for remote_id, email_key in _taken(outcome):
                copy.write_row((remote_id, email_key))
        cursor.execute("ANALYZE stage_named")
        book = upload.connection.address_book
        named = {"upload": upload.pk, "integration": book.integration_id}
        merged = merge_selected(book, _TAKEN, named, step.run.server_now)
        step.count(ids_new=merged.new)
        cursor.execute(_UNREPORTED, {**named, "reason": UNREPORTED.code})
        step.reject(Refusal(email, UNREPORTED.code, str(UNREPORTED.text)) for (email,) in cursor)
        return int(cursor.rowcount)


UNREPORTED = REASONS["unreported"]


def _taken(outcome: ImportOutcome) -> Iterator[tuple[int, str]]:
    for row in outcome.rows(Outcome.CREATED, Outcome.UPDATED):
        if row.contact_id is not None and is_id(row.contact_id):
            yield row.contact_id, row.email.replace("\0", "").strip().lower()

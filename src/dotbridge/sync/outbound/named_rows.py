"""Rows that an import names, with what came of them and the ids of their contacts: no book has to be read for those.

They are stored by the batch, as those of an import are, while the next batch arrives; no transaction waits for the
network. A crash between two batches loses nothing, since the report is read again. Which rows were named stands in a
temporary table of this session: those that were not are known at the end.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from django.db import connection, transaction

from dotbridge.entities.email import address_key
from dotbridge.sync.context import Refusal, StepContext
from dotbridge.sync.going_over import LOCK_IS_ASKED_EVERY
from dotbridge.sync.inbound.stage import measure_tables, merge_selected
from dotbridge.sync.inbound.stage_lines import escaped
from dotbridge.sync.inbound.storable import is_id
from dotbridge.sync.models import Upload
from dotbridge.sync.outbound.states import REASONS
from dotdigital import Malformed, ResultV3

AT_ONCE = 5000
# The contact itself was taken; only something that goes along with it was not.
TAKEN_ALL_THE_SAME = "consentRecordsNotApplied"
_FAILED = "failures"
_UNREPORTED = REASONS["unreported"]
_FORGET = """
    CREATE TEMP TABLE IF NOT EXISTS named_row (number bigint PRIMARY KEY, remote_id bigint, email_key text COLLATE "C");
    CREATE TEMP TABLE IF NOT EXISTS unreported_row (item_id bigint);
    TRUNCATE named_row, unreported_row
"""
# Of a contact that is known, what only a feed tells stays as it is. A row that we never sent is nobody's. How many rows
# an upload has the planner may not know yet, so each row is looked up by the one index that finds a single item.
_TAKEN = """
    SELECT DISTINCT ON (n.remote_id) n.remote_id, i.email, coalesce(held.opt_in_type, ''), coalesce(held.email_type, '')
    FROM named_row n
    CROSS JOIN LATERAL (
        SELECT id, email, upload_id, reason FROM dotbridge_sync_exportitem
        WHERE email_key = n.email_key AND connection_id = %(connection)s LIMIT 1
    ) i
    LEFT JOIN dotbridge_mirror_contact held
        ON held.integration_id = %(integration)s AND held.remote_id = n.remote_id
    WHERE n.number >= %(first)s AND i.upload_id = %(upload)s AND i.reason = ''
    ORDER BY n.remote_id, i.id
"""
# All at once, lest the planner goes through one of the tables for each row of the other.
_JOIN_AT_ONCE = "SET LOCAL enable_nestloop = off; SET LOCAL enable_mergejoin = off"
_NOTE_UNREPORTED = """
    INSERT INTO unreported_row
    SELECT i.id FROM dotbridge_sync_exportitem i
    WHERE i.upload_id = %s AND i.reason = '' AND NOT EXISTS (SELECT FROM named_row n WHERE n.email_key = i.email_key)
"""
# Nobody knows what became of them. They are tried again a day later, and not for ever.
_REFUSE_UNREPORTED = """
    UPDATE dotbridge_sync_exportitem i SET reason = %(reason)s
    WHERE i.id IN (SELECT item_id FROM unreported_row)
    RETURNING i.email
"""


class RefusedRow(NamedTuple):
    """A row that an import refused: its address, Dotdigital's reason, and the sentence that version 3 gives for it."""

    email: str
    reason: str
    sentence: str = ""


@dataclass(frozen=True, kw_only=True)
class NamedRows:
    """Some rows of a report: lines of `named_row` for those that were taken, and those that were refused."""

    first: int
    lines: bytes
    refused: list[RefusedRow]


def forget_named_rows() -> None:
    """Begin to read a report."""
    with connection.cursor() as cursor:
        cursor.execute(_FORGET)


def named_rows(results: Iterator[ResultV3 | Malformed]) -> Generator[NamedRows]:
    """The rows of a report in batches, each ready to be stored."""
    first = 0
    while batch := list(islice(results, AT_ONCE)):
        yield _named_rows(first, batch)
        first += len(batch)


def _named_rows(first: int, results: list[ResultV3 | Malformed]) -> NamedRows:
    refused, lines = [], []
    for number, result in enumerate(results, start=first):
        if isinstance(result, Malformed):
            continue
        address = str(result.identifiers.get("email") or "").replace("\0", "").strip()
        if result.outcome == _FAILED:
            failures = [failure for failure in result.failures if failure.failure_code != TAKEN_ALL_THE_SAME]
            if failures:
                refused.append(RefusedRow(address, failures[0].failure_code, failures[0].description or ""))
                continue
            if not result.failures:
                refused.append(RefusedRow(address, ""))
                continue
        if result.contact_id is not None and is_id(result.contact_id):
            lines.append(b"%d\t%d\t%b\n" % (number, result.contact_id, escaped(address_key(address))))
    return NamedRows(first=first, lines=b"".join(lines), refused=refused)


def store_named_rows(step: StepContext, upload: Upload, rows: NamedRows) -> None:
    """Store the ids of the rows that were taken; those of the upload that were refused before are left out."""
    step.run.require_lock(within=LOCK_IS_ASKED_EVERY)
    book = upload.connection.address_book
    which = {
        "upload": upload.pk,
        "connection": upload.connection_id,
        "integration": book.integration_id,
        "first": rows.first,
    }
    copied = "COPY named_row (number, remote_id, email_key) FROM STDIN"
    with connection.cursor() as cursor, cursor.copy(copied) as copy:
        copy.write(rows.lines)
    with transaction.atomic():
        step.count(ids_new=merge_selected(book, _TAKEN, which, step.run.server_now).new)
    if rows.first == 0 and rows.lines.count(b"\n") == AT_ONCE:
        measure_tables()


def note_unreported(upload: Upload) -> None:
    """Find the rows that the report, which was read to its end, does not name."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ANALYZE named_row")
        cursor.execute(_JOIN_AT_ONCE)
        cursor.execute(_NOTE_UNREPORTED, [upload.pk])


def refuse_unreported(step: StepContext) -> int:
    """Refuse the rows that were found so; answers how many. Call it in a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_REFUSE_UNREPORTED, {"reason": _UNREPORTED.code})
        step.reject(Refusal(email, "unreported", str(_UNREPORTED.text)) for (email,) in cursor)
        return int(cursor.rowcount)

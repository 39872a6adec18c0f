"""The upload: rows streamed out of the database into one CSV, given to Dotdigital, and noted before and after."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import connection
from django.utils import timezone
from psycopg import sql

from dotbridge.mapping.models import EmptyValues
from dotbridge.mapping.values import column_names
from dotbridge.sync.context import Refusal, StepBlocked, StepContext, book_gone
from dotbridge.sync.failures import Failure
from dotbridge.sync.going_over import go_over
from dotbridge.sync.locks import LockLost
from dotbridge.sync.models import Upload, UploadState
from dotbridge.sync.outbound.forget import forget_departed
from dotbridge.sync.outbound.links import lists_at_work
from dotbridge.sync.outbound.members import require_current_members, roomy_transaction
from dotbridge.sync.outbound.ranks import Ranked
from dotbridge.sync.outbound.states import MOVES
from dotbridge.sync.sql import mapping_of
from dotdigital import DotdigitalError, MergeOption, NotFound, Rejected, Throttled, Transient, UnknownOutcome

TOO_MANY_IMPORTS = "ERROR_IMPORT_TOOMANYACTIVEIMPORTS"
# The steps that must have gone well for a list, in this run, before anything of it is sent.
CHECKED_BEFORE = ("removals", "list_state", "prepare")
# They are in the book and wait to be taken out of it: our note about them stays.
_RELEASE_DEPARTED = """
    UPDATE dotbridge_sync_exportitem i SET upload_id = NULL
    FROM export_departed_{n} d WHERE i.id = d.item_id AND i.upload_id = %s AND i.removal_id IS NULL
"""


def send_uploads(step: StepContext) -> None:
    """Give to Dotdigital what this run has prepared and checked. Raises StepBlocked when it takes no more for now.

    Where an earlier step of this run failed for a list, its uploads stay as they are: they were prepared for the list
    as it was, and somebody may have left it since.
    """
    lists = {ranked.link.pk: ranked for ranked in lists_at_work(step) if _was_checked(step, ranked)}
    queued = list(
        Upload.objects.filter(connection__in=lists, state=UploadState.PREPARED)
        .select_related("connection__address_book", "connection__marketing_list")
        .order_by("pk")
    )
    total = sum(upload.row_count for upload in queued)

    def send(upload: Upload) -> None:
        _check_again(step, lists[upload.connection_id], upload)
        send_upload(step, upload)
        step.advance(upload.row_count, total)

    go_over(step, queued, send, _refusal)


def _was_checked(step: StepContext, ranked: Ranked) -> bool:
    done = (step.run.went_well.get(name, set()) for name in CHECKED_BEFORE)
    return ranked.link.stopped_at is None and all(ranked.link.pk in links for links in done)


def _check_again(step: StepContext, ranked: Ranked, upload: Upload) -> None:
    """Whoever left the list, or opted out, since the upload was prepared is taken out of it."""
    require_current_members(step, ranked.link)
    with roomy_transaction(), connection.cursor() as cursor:
        forget_departed(ranked)
        cursor.execute(_RELEASE_DEPARTED.format(n=ranked.link.pk), [upload.pk])


def _refusal(upload: Upload, failure: Failure) -> Refusal:
    return Refusal(str(upload.connection), "not_done", failure.text)


def send_upload(step: StepContext, upload: Upload) -> None:
    """Send one upload. What became of it stands in its state, whatever happens on the way.

    Raises the client's Throttled or Transient when it surely was not taken: it stays prepared. Raises LockLost before
    anything is sent when another run may be at work.
    """
    with tempfile.NamedTemporaryFile(dir=_spool_dir(), prefix="upload-", suffix=".csv") as spool:
        rows = write_csv(upload, spool)
        if not rows:
            upload.delete()
            return
        step.run.require_lock()
        move(upload, UploadState.UPLOADING, row_count=rows, sent_at=timezone.now(), run=step.run.run)
        try:
            book = step.account.address_book(upload.connection.address_book.remote_id)
            answer = book.import_contacts(Path(spool.name), merge=merge_option(upload))
        except UnknownOutcome as error:
            move(upload, UploadState.UNKNOWN, message=error.text)
        except (Throttled, Transient):
            move(upload, UploadState.PREPARED, sent_at=None)
            raise
        except Rejected as error:
            _refused(step, upload, error)
        except NotFound:
            refusal = book_gone(str(upload.connection))
            move(upload, UploadState.REFUSED, message=refusal.detail)
            step.reject([refusal])
        except DotdigitalError as error:
            move(upload, UploadState.PREPARED, sent_at=None, message=error.text)
            raise
        else:
            move(upload, UploadState.SENT, remote_id=answer.id, remote_status=answer.status)
            step.count(uploaded=rows)


def _refused(step: StepContext, upload: Upload, error: Rejected) -> None:
    if error.code == TOO_MANY_IMPORTS:
        move(upload, UploadState.PREPARED, sent_at=None)
        raise StepBlocked("Dotdigital works on as many imports as it takes at once. The rest follows later.") from None
    move(upload, UploadState.REFUSED, message=error.text, finished_at=timezone.now())
    step.reject([Refusal(str(upload.connection), error.code or "refused", error.text)])


def move(upload: Upload, state: UploadState, **changes: object) -> None:
    """Move an upload to a state that `MOVES` allows, with what is to be noted. Raises ValueError for any other move.

    Raises LockLost when it is not in the state any more that we know of: only another run can have moved it.
    """
    former = UploadState(upload.state)
    if state not in MOVES[former]:
        raise ValueError(f"An upload cannot go from {former} to {state}.")
    if not Upload.objects.filter(pk=upload.pk, state=former).update(state=state, **changes):
        raise LockLost("An upload was moved by another run.")
    upload.state = state
    for name, value in changes.items():
        setattr(upload, name, value)


def merge_option(upload: Upload) -> MergeOption:
    """Empty cells clear nothing unless a row of the mapping says so."""
    mapping = mapping_of(upload.connection)
    clears = mapping is not None and mapping.rows.filter(empty_values=EmptyValues.CLEAR).exists()
    return MergeOption.OVERWRITE if clears else MergeOption.ONLY_OVERWRITE_IF_NOT_EMPTY


def write_csv(upload: Upload, file: IO[bytes]) -> int:
    """Write the upload's rows as CSV (UTF-8, header row, RFC 4180 quoting) and answer how many there are.

    Where a mapping mixes clearing and keeping, a kept cell carries the value Dotdigital has, as we last saw it. A cell
    is written as the value is, also when it starts with `=`: to Dotdigital it is data, and it has to arrive unchanged.
    """
    cell = "i.values ->> {name}"
    if merge_option(upload) == MergeOption.OVERWRITE:
        cell = f"coalesce({cell}, c.data_fields ->> {{name}})"
    columns = [
        sql.SQL(f", {cell} AS {{column}}").format(name=sql.Literal(name), column=sql.Identifier(name))
        for name in column_names(mapping_of(upload.connection))
    ]
    query = sql.SQL(
        'COPY (SELECT i.email AS "Email"{columns} FROM dotbridge_sync_exportitem i '
        "LEFT JOIN dotbridge_mirror_contact c ON c.integration_id = {integration} AND c.email_key = i.email_key "
        "WHERE i.upload_id = {upload} AND i.removal_id IS NULL) TO STDOUT (FORMAT csv, HEADER)"
    ).format(
        columns=sql.SQL("").join(columns),
        integration=sql.Literal(upload.connection.address_book.integration_id),
        upload=sql.Literal(upload.pk),
    )
    with connection.cursor() as cursor:
        with cursor.copy(query) as copy:
            for chunk in copy:
                file.write(chunk)
        file.flush()
        # COPY's own tag counts the rows; line ends do not, because values may hold some.
        return int(cursor.rowcount)


def _spool_dir() -> Path:
    folder: Path = settings.CONFIG.data_dir / "spool"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder

"""Results: what became of the uploads that Dotdigital has, row by row, and the ids it gave to new contacts."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from itertools import islice

import msgspec
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from dotbridge.integrations.models import WireProtocol
from dotbridge.integrations.protocols import Version3Denied
from dotbridge.preferences.selectors import setting
from dotbridge.sync.context import Refusal, StepContext, book_gone
from dotbridge.sync.failures import failure_of, restore_connection
from dotbridge.sync.going_over import concerns_all, go_over
from dotbridge.sync.inbound.ahead import read_ahead
from dotbridge.sync.inbound.books import unread_book
from dotbridge.sync.inbound.consent import record_refusals
from dotbridge.sync.inbound.contacts import import_contacts_of_book
from dotbridge.sync.inbound.storable import kind
from dotbridge.sync.models import Upload, UploadState
from dotbridge.sync.outbound.consents import release_consents
from dotbridge.sync.outbound.links import all_ranked
from dotbridge.sync.outbound.named_rows import (
    RefusedRow,
    forget_named_rows,
    named_rows,
    note_unreported,
    refuse_unreported,
    store_named_rows,
)
from dotbridge.sync.outbound.rechecks import recheck_refused_addresses
from dotbridge.sync.outbound.states import (
    BY_A_VALUE,
    REFUSED_STATUSES,
    UNNAMED_STATUS,
    UNSUBSCRIBING,
    UNTOLD,
    UPLOAD_MOVES,
    reason_of,
)
from dotbridge.sync.outbound.unfit_values import types_of_data_fields, unfit_values_text
from dotbridge.sync.outbound.upload import move, refuse, send_upload, upload_number, upload_refusal
from dotbridge.sync.texts import SETTLED
from dotdigital import Import, ImportV3, MergeOption, NotFound, Rejected

FAULTS_AT_ONCE = 5000
FINISHED = "Finished"
FIRST_WAIT, LONGEST_WAIT = 0.05, 5.0

_STAGE = "CREATE TEMP TABLE IF NOT EXISTS stage_fault (email text, reason text, detail text) ON COMMIT DELETE ROWS"
_APPLY = """
    WITH refused AS (
        UPDATE dotbridge_sync_exportitem i SET reason = s.reason
        FROM (SELECT DISTINCT ON (1) lower(trim(email)) AS email_key, reason, detail FROM stage_fault) s
        WHERE i.upload_id = %s AND i.email_key = s.email_key AND i.reason = ''
        RETURNING i.email, s.reason, s.detail, CASE WHEN s.reason = ANY(%s) THEN i.values END AS values
    )
    SELECT email, reason, detail, values FROM refused
"""
# Who was there before and is not listed any more are few, and an index finds them.
_IN_BOOK = """
    UPDATE dotbridge_mirror_membership m SET gone_at = NULL
    FROM dotbridge_mirror_contact c, dotbridge_mirror_addressbook b, dotbridge_sync_exportitem i
    WHERE b.id = %s AND m.address_book_id = b.id AND m.gone_at IS NOT NULL AND c.id = m.contact_id
      AND i.upload_id = %s AND i.email_key = c.email_key AND i.reason = ''
"""
# Whether the book shows value `v` of ours, `t` being Dotdigital's of data field `d`. It writes numbers, truths and
# dates in its own way (contract §1.6), and what contacts prefer it never shows.
_IS_SHOWN = r"""
    v.value = t.value OR starts_with(v.key, 'Preference:') OR CASE d.type
        WHEN 'Numeric' THEN CASE WHEN v.value ~ '^-?[0-9]+([.][0-9]+)?$' AND t.value ~ '^-?[0-9]+([.][0-9]+)?$'
                                 THEN v.value::numeric = t.value::numeric ELSE false END
        WHEN 'Boolean' THEN v.value IN ('true', 'false') AND t.value <> ''
                            AND (v.value = 'true') = (lower(t.value) IN ('true', 'yes', '1'))
        WHEN 'Date' THEN v.value <> '' AND left(v.value, 19) = left(t.value, 19)
        ELSE btrim(replace(v.value, E'\r\n', E'\n'), E' \t\n') = btrim(replace(t.value, E'\r\n', E'\n'), E' \t\n') END
"""
# Where nobody said what became of a row `i`, it counts as taken only if the book shows its values.
_IS_UNSEEN = f"""NOT EXISTS (
        SELECT 1 FROM dotbridge_mirror_contact c JOIN dotbridge_mirror_membership m ON m.contact_id = c.id
        WHERE c.integration_id = %s AND c.email_key = i.email_key AND m.address_book_id = %s AND m.gone_at IS NULL
          AND NOT EXISTS (
              SELECT 1 FROM jsonb_each_text(i.values) v
              CROSS JOIN LATERAL (SELECT coalesce(c.data_fields ->> v.key, '') AS value) t
              LEFT JOIN dotbridge_mirror_datafield d ON d.integration_id = c.integration_id AND d.name = v.key
              WHERE ({_IS_SHOWN}) IS NOT TRUE)
    )
"""
# After an unknown outcome the others are sent again. Whoever was not in the book before may arrive still, because
# Dotdigital may be at work on the file: they are ours to take out.
_RELEASE_UNSEEN = f"""
    UPDATE dotbridge_sync_exportitem i SET upload_id = NULL, was_confirmed = i.was_confirmed OR i.operation <> 'update'
    WHERE i.upload_id = %s AND {_IS_UNSEEN}
"""
_NOTE_UNSEEN = f"""
    INSERT INTO unreported_row
    SELECT i.id FROM dotbridge_sync_exportitem i WHERE i.upload_id = %s AND i.reason = '' AND {_IS_UNSEEN}
"""


def read_results(step: StepContext) -> None:
    """Ask for every upload on its way, wait a while for those at work, and apply what is finished; each alone."""
    uploads = Upload.objects.filter(connection__address_book__integration=step.integration).select_related(
        "connection__address_book"
    )
    if step.run.only is not None:
        uploads = uploads.filter(connection=step.run.only)
    # Nobody but the holder of the lock sends, and we hold it: whoever was sending these is dead.
    for upload in uploads.filter(state=UploadState.UPLOADING):
        move(upload, UploadState.UNKNOWN, message=_("The program ended while the file was being sent."))
    finished = _poll_until_done(step, list(uploads.filter(state=UploadState.SENT)))
    settled, _unsettled = _those(step, list(uploads.filter(state=UploadState.UNKNOWN)), _settle)
    finished += settled
    _read_back(step, finished)
    step.advance(0)


def finish_uploads(step: StepContext) -> None:
    """Read the results of this run's uploads. Where an address needs a second file, it is sent, and its result read."""
    read_results(step)
    second = Upload.objects.filter(run=step.run.run, first_file__isnull=False, state=UploadState.PREPARED)
    waiting = second.exclude(connection__in=step.run.left_out).select_related(
        "connection__address_book", "connection__marketing_list"
    )
    if files := list(waiting.order_by("pk")):
        go_over(step, files, partial(send_upload, step), upload_refusal)
        read_results(step)


def _those(
    step: StepContext,
    uploads: list[Upload],
    works: Callable[[StepContext, Upload], bool],
    turn: Callable[[Upload], int] | None = None,
) -> tuple[list[Upload], list[Upload]]:
    """The uploads for which it holds, each worked on alone, and those for which it could not be found out."""
    found: list[Upload] = []

    def work(upload: Upload) -> None:
        if works(step, upload):
            found.append(upload)

    failed = go_over(step, uploads, work, upload_refusal, turn=turn)
    return found, failed


def _poll_until_done(step: StepContext, pending: list[Upload]) -> list[Upload]:
    """The uploads that come to an end within the run's waiting time."""
    deadline, wait = time.monotonic() + step.run.wait_seconds, FIRST_WAIT
    done: list[Upload] = []
    turn: Callable[[Upload], int] | None = upload_number
    while pending:
        ended, failed = _those(step, pending, _poll, turn)
        done += ended
        pending = [upload for upload in pending if upload not in ended and upload not in failed]
        if not pending or time.monotonic() >= deadline:
            break
        time.sleep(wait)
        # The round is over: all that follows is waiting.
        wait, turn = min(wait * 1.5, LONGEST_WAIT), None
    return done


def _poll(step: StepContext, upload: Upload) -> bool:
    """Ask once. True when there is nothing more to ask: the upload has come to its end, good, bad or unknown.

    Whose results Dotdigital does not want to tell, or could not tell for a day, has an unknown outcome: the book tells.
    """
    try:
        answer = _status(step, upload)
        upload.polls += 1
        upload.remote_status = kind(answer.status)
        upload.save(update_fields=["polls", "remote_status"])
        if answer.status == FINISHED:
            if isinstance(answer, ImportV3):
                _apply_results(step, upload, answer.summary)
            else:
                _apply_report(step, upload)
    except NotFound:
        _give_up(step, upload, UNTOLD)
        return True
    except (Version3Denied, Rejected) as error:
        move(upload, UploadState.UNKNOWN, message=error.text)
        return True
    except Exception as error:
        if concerns_all(error) or not UPLOAD_MOVES.is_overdue(upload.sent_at):
            raise
        restore_connection()
        move(upload, UploadState.UNKNOWN, message=failure_of(error).text)
        return True
    if upload.state == UploadState.FINISHED:
        return True
    if answer.unfinished and not UPLOAD_MOVES.is_overdue(upload.sent_at):
        return False
    _give_up(step, upload, UNTOLD if answer.unfinished else upload.remote_status)
    return True


def _status(step: StepContext, upload: Upload) -> Import | ImportV3:
    if upload.protocol == WireProtocol.V3:
        with step.run.by_version_3():
            return step.account.contacts_v3.import_status(upload.remote_id)
    return step.account.import_status(upload.remote_id)


def _apply_report(step: StepContext, upload: Upload) -> None:
    report = step.account.import_report(upload.remote_id)
    faults = step.account.import_faults(upload.remote_id)
    # A transaction a chunk, and none of them open while the next chunk is awaited.
    while chunk := list(islice(faults, FAULTS_AT_ONCE)):
        _apply_refused(step, upload, [RefusedRow(fault.email, fault.reason) for fault in chunk])
    is_silent = report.refused > upload.items.exclude(reason="").count()
    if is_silent:
        _note_unseen(step, upload)
    with transaction.atomic():
        if is_silent:
            step.count(unreported=refuse_unreported(step))
        _finish(step, upload, msgspec.to_builtins(report))
    step.advance(upload.row_count)


def _note_unseen(step: StepContext, upload: Upload) -> None:
    """Find the rows that the report may have counted as refused without naming them: the book does not show them."""
    forget_named_rows()
    step.run.refresh_clock()
    book = upload.connection.address_book
    import_contacts_of_book(step, book)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_NOTE_UNSEEN, [upload.pk, book.integration_id, book.pk])


def _apply_results(step: StepContext, upload: Upload, summary: Mapping[str, int]) -> None:
    """The same by version 3, which names the rows that it took too, with the ids of their contacts."""
    forget_named_rows()
    with step.run.by_version_3():
        report = named_rows(step.account.contacts_v3.import_results(upload.remote_id))
        with read_ahead(report) as batches:
            for batch in batches:
                if batch.refused:
                    _apply_refused(step, upload, batch.refused)
                store_named_rows(step, upload, batch)
    note_unreported(upload)
    with transaction.atomic():
        step.count(unreported=refuse_unreported(step))
        _finish(step, upload, dict(summary))
    step.advance(upload.row_count)


def _finish(step: StepContext, upload: Upload, report: object) -> None:
    """An upload has come to its good end; call it in the transaction that stores what came of its rows."""
    upload.opted_out_count = upload.items.filter(reason__in=UNSUBSCRIBING).count()
    upload.rejected_count = upload.items.exclude(reason__in=("", *UNSUBSCRIBING)).count()
    move(upload, UploadState.FINISHED, report=report, finished_at=timezone.now())
    upload.save(update_fields=["rejected_count", "opted_out_count"])
    if upload.rejected_count or upload.opted_out_count:
        record_refusals(step, upload)
        release_consents(upload, refused_only=True)
        _recheck_refused(step, upload)
    note_in_book(upload)
    if upload.rest_columns:
        _prepare_rest(step, upload)
    step.count(confirmed=upload.row_count - upload.rejected_count - upload.opted_out_count)


def note_in_book(upload: Upload) -> None:
    """Whoever an upload has put into the book is there, whatever was read before."""
    with connection.cursor() as cursor:
        cursor.execute(_IN_BOOK, [upload.connection.address_book_id, upload.pk])


def _prepare_rest(step: StepContext, upload: Upload) -> None:
    """The second file of those whose first one was taken: the data fields of which an empty cell clears nothing."""
    rest = Upload.objects.create(
        connection=upload.connection,
        first_file=upload,
        run=step.run.run,
        created_at=timezone.now(),
        merge_option=MergeOption.ONLY_OVERWRITE_IF_NOT_EMPTY,
        columns=upload.rest_columns,
    )
    rest.row_count = upload.items.filter(reason="").update(upload=rest, was_confirmed=True)
    rest.save(update_fields=["row_count"])


def _recheck_refused(step: StepContext, upload: Upload) -> None:
    for ranked in all_ranked(step):
        if ranked.link.pk == upload.connection_id:
            recheck_refused_addresses(upload, ranked)


@transaction.atomic
def _apply_refused(step: StepContext, upload: Upload, rows: list[RefusedRow]) -> None:
    types = types_of_data_fields(upload.connection_id)
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        with cursor.copy("COPY stage_fault (email, reason, detail) FROM STDIN") as copy:
            for row in rows:
                reason = reason_of(row.reason)
                said = ": ".join(filter(None, (row.reason, row.sentence)))
                detail = f"{reason.text} ({said})" if said else str(reason.text)
                copy.write_row((row.email.replace("\x00", ""), reason.code, detail.replace("\x00", "")[:2000]))
        cursor.execute(_APPLY, [upload.pk, list(BY_A_VALUE)])
        refused = [
            Refusal(email, fault_code, (values and _unfit(values, types)) or detail)
            for email, fault_code, detail, values in cursor
        ]
    # Whoever may not be mailed is opted out from now on, and no problem that anybody could mend.
    step.reject(each for each in refused if each.reason not in UNSUBSCRIBING)
    step.count(refused_as_opted_out=sum(each.reason in UNSUBSCRIBING for each in refused))


def _unfit(values: str, types: Mapping[str, str]) -> str:
    return unfit_values_text(json.loads(values), types, shows_values=True)


def _give_up(step: StepContext, upload: Upload, status: str) -> None:
    refused = REFUSED_STATUSES.get(status, UNNAMED_STATUS)
    retry_at = None if refused.retry_after is None else timezone.now() + refused.retry_after
    refusal = Refusal(str(upload.connection), status, f"{upload.row_count} rows: {refused.text}")
    refuse(step, upload, refusal, remote_status=status, message=str(refused.text), retry_at=retry_at)


def _settle(step: StepContext, upload: Upload) -> bool:
    """After an unknown outcome: give an import that may be at work its time, then read the book and compare."""
    at_work = timedelta(seconds=setting("unknown_outcome_seconds"))
    if upload.sent_at is not None and abs(timezone.now() - upload.sent_at) < at_work:
        return False
    step.run.refresh_clock()
    book = upload.connection.address_book
    try:
        import_contacts_of_book(step, book)
    except NotFound:
        gone = book_gone(book.name)
        refuse(step, upload, gone, message=gone.detail)
        return True
    except Exception as error:
        if concerns_all(error) or not UPLOAD_MOVES.is_overdue(upload.sent_at):
            raise
        restore_connection()
        # Nobody can tell, and others wait for it. Twice is better than never.
        _give_up(step, upload, UNTOLD)
        return True
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_RELEASE_UNSEEN, [upload.pk, book.integration_id, book.pk])
        released = cursor.rowcount
        # No book shows them. Twice is better than never.
        release_consents(upload)
        step.count(sent_again=released, confirmed=upload.row_count - released)
        move(
            upload,
            UploadState.FINISHED,
            finished_at=timezone.now(),
            message=f"{upload.message} {SETTLED % {'number': released}}",
        )
    return True


def _names_ids(upload: Upload) -> bool:
    """Whether the report of the upload has told the ids. After an unknown outcome the book was read anyhow."""
    return upload.protocol == WireProtocol.V3 or not upload.remote_id


def _read_back(step: StepContext, finished: list[Upload]) -> None:
    """Read the ids that Dotdigital gave: the books of the uploads that have just come to their end."""
    at_their_end = [upload for upload in finished if upload.state == UploadState.FINISHED]
    books = {upload.connection.address_book for upload in at_their_end if not _names_ids(upload)}
    if not books:
        return
    step.run.refresh_clock()
    go_over(step, sorted(books, key=lambda book: book.pk), partial(import_contacts_of_book, step), unread_book)

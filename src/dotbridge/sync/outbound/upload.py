"""The upload: rows streamed out of the database into one file, given to Dotdigital, and noted before and after."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from dotbridge.conf import app_settings
from dotbridge.connections.models import RunKind
from dotbridge.connections.selectors import scopes_of_connection
from dotbridge.connections.services import request_run
from dotbridge.consent.conditions import blocked_addresses, blocked_records, erased_addresses
from dotbridge.integrations.models import WireProtocol
from dotbridge.integrations.protocols import Version3Denied
from dotbridge.lists.selectors import roomy_transaction
from dotbridge.sync.context import Refusal, StepBlocked, StepContext, book_gone
from dotbridge.sync.failures import Failure
from dotbridge.sync.going_over import go_over
from dotbridge.sync.models import Upload, UploadState
from dotbridge.sync.outbound.attempts import attempt, move_by_run
from dotbridge.sync.outbound.consents import release_consents
from dotbridge.sync.outbound.files import write_csv, write_json
from dotbridge.sync.outbound.forget import forget_departed
from dotbridge.sync.outbound.links import lists_at_work
from dotbridge.sync.outbound.members import require_current_members
from dotbridge.sync.outbound.ranks import Ranked
from dotbridge.sync.outbound.states import UPLOAD_MOVES
from dotbridge.sync.texts import PREPARED_AGAIN
from dotdigital import MergeOption, NotFound, Rejected

# After a file could not be given to Dotdigital so often, its rows go into another one.
RETRY_AFTER = timedelta(hours=1)
NOT_FINISHED = "NotFinished"
TOO_MANY_IMPORTS = ("ERROR_IMPORT_TOOMANYACTIVEIMPORTS", "contacts:tooManyActiveImports")
# The steps that must have gone well for a list, in this run, before anything of it is sent.
CHECKED_BEFORE = ("opt_outs", "removals", "prepare")
# They are in the book and wait to be taken out of it: our note about them stays.
_RELEASE_DEPARTED = """
    UPDATE dotbridge_sync_exportitem i SET upload_id = NULL
    FROM export_departed d
    WHERE d.connection_id = %s AND i.id = d.item_id AND i.upload_id = %s AND i.removal_id IS NULL
"""
# Who is on the list was worked out a moment ago, or before the first of two files went.
_RELEASE_OPTED_OUT = """
    UPDATE dotbridge_sync_exportitem i SET upload_id = NULL
    WHERE i.upload_id = %s AND (i.email_key IN ({addresses}) OR i.record_id IN ({records}) {erased})
"""


def send_uploads(step: StepContext) -> None:
    """Give to Dotdigital what this run has prepared and checked. Raises StepBlocked when it takes no more for now.

    Where an earlier step of this run failed for a list, its uploads stay as they are: they were prepared for the list
    as it was, and somebody may have left it since. Where it could not be written down who may be mailed, all stay.
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

    go_over(step, queued, send, upload_refusal, turn=upload_number, all_each_time=True)


def _was_checked(step: StepContext, ranked: Ranked) -> bool:
    done = (step.run.went_well.get(name, set()) for name in CHECKED_BEFORE)
    is_done = all(ranked.link.pk in links for links in done)
    return step.run.knows_consent and ranked.link.stopped_at is None and is_done


def _check_again(step: StepContext, ranked: Ranked, upload: Upload) -> None:
    """Whoever left the list, or opted out, since the upload was prepared is taken out of it."""
    evaluated = require_current_members(step, ranked.link)
    with roomy_transaction(), connection.cursor() as cursor:
        forget_departed(evaluated, ranked)
        cursor.execute(_RELEASE_DEPARTED, [ranked.link.pk, upload.pk])


def _release_opted_out(upload: Upload) -> None:
    scopes = scopes_of_connection(upload.connection)
    erased = erased_addresses("i.email_key")
    statement = _RELEASE_OPTED_OUT.format(
        addresses=blocked_addresses(scopes),
        records=blocked_records(scopes, upload.connection.marketing_list.entity),
        erased="" if erased is None else f"OR {erased.sql}",
    )
    with roomy_transaction(), connection.cursor() as cursor:
        cursor.execute(statement, [upload.pk, *(() if erased is None else erased.parameters)])


def upload_number(upload: Upload) -> int:
    """By what an upload is known when the next run goes on with it."""
    return upload.pk


def upload_refusal(upload: Upload, failure: Failure) -> Refusal:
    """How it is noted that an upload could not be sent, or its results not be read."""
    return Refusal(str(upload.connection), "not_done", failure.text)


def send_upload(step: StepContext, upload: Upload) -> None:
    """Send one upload. What became of it stands in its state, whatever happens on the way. Raises as `attempt`, and
    LockLost before anything is sent when another run may be at work.

    Whoever opted out here, or was erased, up to this moment is taken out of it."""
    _release_opted_out(upload)
    write = write_json if upload.protocol == WireProtocol.V3 else write_csv
    # Without a name it is gone with the process, however that ends: it is full of people.
    with tempfile.TemporaryFile(dir=_spool_dir()) as spool:
        rows = write(upload, spool)
        spool.seek(0)
        if not rows:
            upload.delete()
            return
        step.run.require_lock()
        try:
            attempt(
                upload,
                UPLOAD_MOVES,
                lambda: _call(step, upload, spool, rows),
                refused=lambda error: _refused(step, upload, error),
                unknown=UploadState.UNKNOWN,
                given_up=lambda: _given_up(step, upload),
                sent_at=None,
            )
        except Version3Denied as error:
            if step.run.protocol is WireProtocol.V3:
                raise
            _prepare_again(step, upload, error)


def _call(step: StepContext, upload: Upload, file: BinaryIO, rows: int) -> None:
    move(upload, UploadState.UPLOADING, row_count=rows, sent_at=timezone.now(), run=step.run.run)
    try:
        import_id, status = _import(step, upload, file)
    except Rejected as error:
        if error.code not in TOO_MANY_IMPORTS:
            raise
        move(upload, UploadState.PREPARED, sent_at=None)
        raise StepBlocked(
            _("Dotdigital works on as many imports as it takes at once. The rest follows later.")
        ) from None
    move(upload, UploadState.SENT, remote_id=import_id, remote_status=status)
    step.count(uploaded=rows)


def _import(step: StepContext, upload: Upload, file: BinaryIO) -> tuple[str, str]:
    """Give the file to Dotdigital; answers the import's id and how it stands."""
    if upload.protocol == WireProtocol.V3:
        with step.run.by_version_3():
            return step.account.contacts_v3.import_file(file), NOT_FINISHED
    book = step.account.address_book(upload.connection.address_book.remote_id)
    answer = book.import_contacts(file, merge=MergeOption(upload.merge_option))
    return answer.id, answer.status


def _prepare_again(step: StepContext, upload: Upload, error: Version3Denied) -> None:
    """A file of version 3 that the account does not take any more: the next export writes it anew, by version 2."""
    with transaction.atomic():
        release_consents(upload)
        step.count(sent_again=upload.items.update(upload=None))
        upload.delete()
    step.step.message = PREPARED_AGAIN % {"reason": error.text}
    run = step.run.run
    request_run(integration=step.integration, kind=RunKind.EXPORT, trigger=run.trigger, link=run.connection)


def _refused(step: StepContext, upload: Upload, error: Rejected | NotFound) -> None:
    name = str(upload.connection)
    refusal = book_gone(name) if isinstance(error, NotFound) else Refusal(name, error.code or "refused", error.text)
    refuse(step, upload, refusal, message=refusal.detail)


@transaction.atomic
def refuse(step: StepContext, upload: Upload, refusal: Refusal, **noted: object) -> None:
    """Note that a file was refused, or that nobody can tell any more what became of it: none of it counts as sent."""
    move(upload, UploadState.REFUSED, finished_at=timezone.now(), **noted)
    release_consents(upload)
    step.reject([refusal])


def _given_up(step: StepContext, upload: Upload) -> None:
    """Its rows go again in another file; so often refused, a row waits for a person."""
    Upload.objects.filter(pk=upload.pk).update(retry_at=timezone.now() + RETRY_AFTER)
    release_consents(upload)
    step.reject([Refusal(str(upload.connection), "given_up", upload.message)])


def move(upload: Upload, state: UploadState, **changes: object) -> None:
    """Move an upload to a state, with what is to be noted. Raises as `move_by_run`."""
    move_by_run(upload, UPLOAD_MOVES, state, **changes)


def _spool_dir() -> Path | None:
    folder = app_settings().spool_dir
    if folder is not None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder

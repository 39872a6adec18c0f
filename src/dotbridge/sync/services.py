"""The writers of connections, and the way to ask for a run."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from dotbridge.integrations.models import Integration
from dotbridge.lists.models import MarketingList
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.tracking.services import mark_stale
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.models import Connection, ExportItem, Removal, RunKind, Upload, UploadState
from dotbridge.sync.selectors import obstacle_to_newcomers

# The jobs module stands above this one, so its task is known here by name.
RUN_TASK = "dotbridge.run_sync"
IMPORT_PRIORITY, EXPORT_PRIORITY = 10, 0
NEXT_PRIORITY = IMPORT_PRIORITY + 1


def connect_list(*, marketing_list: MarketingList, address_book: AddressBook) -> Connection:
    """Keep a list and an address book in step from the next run on.

    Raises ValidationError when either is connected already or the book is gone.
    """
    if address_book.gone_at is not None:
        raise ValidationError({"address_book": _("This address book does not exist in Dotdigital any more.")})
    try:
        with transaction.atomic():
            return Connection.objects.create(marketing_list=marketing_list, address_book=address_book)
    except IntegrityError:
        raise ValidationError(_("The list or the address book is connected already: one list, one book.")) from None


@transaction.atomic
def disconnect_list(*, link: Connection) -> None:
    """End a connection. Nothing changes in Dotdigital: its contacts stay in the book.

    Raises ValidationError while an upload is on its way, because its result could not be noted any more.
    """
    if Upload.objects.filter(
        connection=link, state__in=[UploadState.UPLOADING, UploadState.SENT, UploadState.UNKNOWN]
    ).exists():
        raise ValidationError(_("An upload of this list is on its way. Disconnect when it is finished."))
    ExportItem.objects.filter(connection=link).delete()
    Removal.objects.filter(connection=link).delete()
    link.delete()


def refresh_data_fields(*, link: Connection) -> bool:
    """Have the next export compare the mapped values of all members. False when the list's entity is not mapped.

    The mapping is the account's, so the other lists of the same entity are compared too.
    """
    mappings = Mapping.objects.filter(
        integration_id=link.address_book.integration_id, entity=link.marketing_list.entity
    )
    return bool(mark_stale(mappings=mappings))


def set_create_entities(*, link: Connection, create_entities: bool) -> None:
    """Let runs make records of the book's contacts whose address no record has, or not any more.

    Raises ValidationError, saying what to mend, when it is switched on and no record could be made.
    """
    if create_entities and (obstacle := obstacle_to_newcomers(link)):
        raise ValidationError({"create_entities": obstacle})
    Connection.objects.filter(pk=link.pk).update(create_entities=create_entities)
    link.create_entities = create_entities


def retry_upload(*, upload: Upload) -> None:
    """Let the rows of a refused upload go again with the next export. Raises ValidationError for any other upload."""
    if not Upload.objects.filter(pk=upload.pk, state=UploadState.REFUSED).update(retry_at=timezone.now()):
        raise ValidationError(_("Only the rows of a refused upload can be sent again."))
    ExportItem.objects.filter(upload=upload).update(attempts=0)


def allow_once(*, link: Connection, by: AbstractBaseUser | None = None) -> None:
    """Let the next export do what it stopped before: to as many as it was asked for, and a few more, once.

    Raises ValidationError when it has not stopped.
    """
    changed = Connection.objects.filter(pk=link.pk, stopped_at__isnull=False).update(
        allowed_what=F("stopped_what"), allowed_rows=F("stopped_rows"), allowed_at=timezone.now(), allowed_by=by
    )
    if not changed:
        raise ValidationError(_("The export of this list has not stopped, so there is nothing to allow."))
    link.refresh_from_db()


def request_run(
    *, integration: Integration, kind: RunKind = RunKind.SYNC, trigger: str, link: Connection | None = None
) -> bool:
    """Have the worker run it soon, for all lists or for one alone. False when the same run waits already.

    The runs of an integration queue behind each other; an import goes before an export. An export that still waits when
    it is asked for again goes next, so that imports which take long do not keep it from ever going.
    """
    queueing_lock = f"{kind}-{integration.pk}" if link is None else f"{kind}-{integration.pk}-{link.pk}"
    configured = app.configure_task(
        RUN_TASK,
        lock=f"integration-{integration.pk}",
        queueing_lock=queueing_lock,
        priority=EXPORT_PRIORITY if kind == RunKind.EXPORT else IMPORT_PRIORITY,
    )
    only = {} if link is None else {"connection_id": link.pk}
    try:
        with transaction.atomic():
            configured.defer(integration_id=integration.pk, kind=str(kind), trigger=trigger, **only)
    except AlreadyEnqueued:
        if kind == RunKind.EXPORT:
            _let_go_next(queueing_lock)
        return False
    return True


def _let_go_next(queueing_lock: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE procrastinate_jobs SET priority = %s WHERE queueing_lock = %s AND status = 'todo'",
            [NEXT_PRIORITY, queueing_lock],
        )

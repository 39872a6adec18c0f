"""Removed contacts: who left the list leaves the book.

Removing is not unsubscribing: the person's status is not touched.
A bulk removal may be asked for any number of times, so after a crash it is simply asked for again.
"""

from __future__ import annotations

import time

from django.db import connection, transaction
from django.utils import timezone

from dotbridge.mirror.models import Contact, Membership
from dotbridge.mirror.status import LIVE
from dotbridge.sync.context import Refusal, StepContext
from dotbridge.sync.models import Connection, ExportItem, Removal, RemovalState
from dotbridge.sync.outbound.selection import member_keys
from dotbridge.sync.selectors import exportable_connections
from dotdigital import NotFound

# One call carries so many ids: some 60 kB.
IDS_A_CALL = 5000
FIRST_WAIT, LONGEST_WAIT = 0.05, 5.0

# Only an address that we brought to the book, or updated there, is taken out of it.
_ASSIGN = """
    WITH departed AS MATERIALIZED (
        SELECT i.id, i.email_key, i.upload_id
        FROM sync_exportitem i
        WHERE i.connection_id = %s AND i.removal_id IS NULL
          AND NOT EXISTS (SELECT 1 FROM ({members}) k WHERE k.email_key = i.email_key)
    ), left_list AS (
        SELECT i.id
        FROM departed i
        JOIN mirror_contact c ON c.integration_id = %s AND c.email_key = i.email_key AND c.status = ANY(%s)
        JOIN mirror_membership m ON m.address_book_id = %s AND m.contact_id = c.id
             AND m.gone_at IS NULL AND m.status = ANY(%s)
        LEFT JOIN sync_upload u ON u.id = i.upload_id
        WHERE u.id IS NULL OR u.state NOT IN ('uploading', 'sent', 'unknown')
        LIMIT %s
    )
    UPDATE sync_exportitem i SET removal_id = %s FROM left_list l WHERE i.id = l.id
"""


def remove_departed(step: StepContext) -> None:
    """Take out of each connected book whoever is not on its list any more, and was put there by us."""
    for link in exportable_connections(step.integration):
        for begun in Removal.objects.filter(connection=link, state__in=[RemovalState.PREPARED, RemovalState.SENT]):
            _carry_out(step, link, begun)
        while (removal := _assign(step, link)) and _carry_out(step, link, removal):
            pass


def _assign(step: StepContext, link: Connection) -> Removal | None:
    keys, book, live = member_keys(link), link.address_book, list(LIVE)
    with transaction.atomic(), connection.cursor() as cursor:
        removal = Removal.objects.create(connection=link, run=step.run.run, created_at=timezone.now())
        cursor.execute(
            _ASSIGN.format(members=keys.sql),
            [link.pk, *keys.parameters, book.integration_id, live, book.pk, live, IDS_A_CALL, removal.pk],
        )
        if cursor.rowcount == 0:
            removal.delete()
            return None
        removal.row_count = cursor.rowcount
        removal.save(update_fields=["row_count"])
    return removal


def _carry_out(step: StepContext, link: Connection, removal: Removal) -> bool:
    """Ask for a removal and wait for it. False when it failed: the next run asks again."""
    try:
        if removal.state == RemovalState.PREPARED:
            _ask(step, link, removal)
        status = _await(step, removal)
    except NotFound:
        # The book, or the vendor's note of the removal, is gone: what is left of it is found by the next reading.
        status = "Failed"
    if status == "Completed":
        _complete(step, link, removal)
    elif status == "Failed":
        _give_back(step, link, removal)
        return False
    return True


def _ask(step: StepContext, link: Connection, removal: Removal) -> None:
    ids = Contact.objects.filter(
        integration=step.integration, email_key__in=removal.items.values("email_key")
    ).values_list("remote_id", flat=True)
    deletion = step.account.address_book(link.address_book.remote_id).remove_contacts(list(ids))
    removal.remote_id, removal.state = deletion.id, RemovalState.SENT
    removal.save(update_fields=["remote_id", "state"])


def _await(step: StepContext, removal: Removal) -> str:
    if not removal.remote_id:
        return "Completed"
    deadline, wait = time.monotonic() + step.run.wait_seconds, FIRST_WAIT
    while (status := step.account.deletion(removal.remote_id).status) == "Started" and time.monotonic() < deadline:
        time.sleep(wait)
        wait = min(wait * 2, LONGEST_WAIT)
    return status


@transaction.atomic
def _complete(step: StepContext, link: Connection, removal: Removal) -> None:
    now = timezone.now()
    Membership.objects.filter(
        address_book=link.address_book, contact__email_key__in=removal.items.values("email_key")
    ).update(gone_at=now)
    ExportItem.objects.filter(removal=removal).delete()
    Removal.objects.filter(pk=removal.pk).update(state=RemovalState.COMPLETED, finished_at=now)
    step.count(removed=removal.row_count)
    step.advance(removal.row_count)


@transaction.atomic
def _give_back(step: StepContext, link: Connection, removal: Removal) -> None:
    ExportItem.objects.filter(removal=removal).update(removal=None)
    Removal.objects.filter(pk=removal.pk).update(state=RemovalState.FAILED, finished_at=timezone.now())
    step.reject(
        [
            Refusal(
                link.address_book.name,
                "removal_failed",
                "Dotdigital did not carry out a removal. It is asked for again.",
            )
        ]
    )

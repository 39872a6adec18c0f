"""Removed contacts: who left the list leaves the book.

Removing is not unsubscribing: the person's status is not touched.
A bulk removal may be asked for any number of times, so after a crash it is simply asked for again.
"""

from __future__ import annotations

import time
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from dotbridge.connections.models import ListConnection, StoppedWhat
from dotbridge.mirror.models import Contact, Membership
from dotbridge.mirror.status import LIVE
from dotbridge.sync.context import Refusal, StepContext
from dotbridge.sync.models import ExportItem, Removal, RemovalState
from dotbridge.sync.outbound.breaker import end_allowance, may_go_on, use_up_allowance
from dotbridge.sync.outbound.links import for_each_list
from dotbridge.sync.outbound.members import mark_all_departed, require_current_members
from dotbridge.sync.outbound.ranks import Ranked
from dotbridge.sync.outbound.rechecks import recheck_addresses_of_removal
from dotdigital import NotFound

# One call carries so many ids: some 60 kB.
IDS_A_CALL = 5000
FIRST_WAIT, LONGEST_WAIT = 0.05, 5.0

# Only an address that we brought to the book, or updated there, is taken out of it.
DEPARTING = """
    SELECT i.id, i.email, i.record_id
    FROM export_departed_{n} d
    JOIN dotbridge_sync_exportitem i ON i.id = d.item_id AND i.removal_id IS NULL
    JOIN dotbridge_mirror_contact c ON c.integration_id = %(integration)s AND c.email_key = i.email_key
         AND c.status = ANY(%(live)s)
    JOIN dotbridge_mirror_membership m ON m.address_book_id = %(book)s AND m.contact_id = c.id
         AND m.gone_at IS NULL AND m.status = ANY(%(live)s)
    LEFT JOIN dotbridge_sync_upload u ON u.id = i.upload_id
    WHERE u.id IS NULL OR u.state NOT IN ('uploading', 'sent', 'unknown')
"""
_ASSIGN = """
    UPDATE dotbridge_sync_exportitem i SET removal_id = %(removal)s
    FROM ({departing} LIMIT %(most)s) d WHERE i.id = d.id
"""


def remove_departed(step: StepContext) -> None:
    """Take out of each connected book whoever is not on its list any more, and was put there by us."""
    for_each_list(step, _remove_departed, in_turn=True)


def departing_parameters(link: ListConnection) -> dict[str, Any]:
    """What `DEPARTING` asks for."""
    return {"integration": link.address_book.integration_id, "book": link.address_book_id, "live": list(LIVE)}


def count_departing(link: ListConnection) -> int:
    """How many contacts of the book would be removed now; the tables of the list's members have to be filled."""
    with connection.cursor() as cursor:
        departing = DEPARTING.format(n=link.pk)
        cursor.execute(f"SELECT count(*) FROM ({departing}) d", departing_parameters(link))
        return int(cursor.fetchone()[0])


def _remove_departed(step: StepContext, ranked: Ranked) -> None:
    link = ranked.link
    for begun in Removal.objects.filter(connection=link, state__in=[RemovalState.PREPARED, RemovalState.SENT]):
        if not _carry_out(step, ranked, begun):
            step.run.left_out.add(link.pk)
    require_current_members(step, link)
    if not may_go_on(step, link, StoppedWhat.REMOVE, count_departing(link)):
        return
    while removal := _assign(step, link):
        if not _carry_out(step, ranked, removal):
            step.run.left_out.add(link.pk)
            return
        require_current_members(step, link)
    end_allowance(link, StoppedWhat.REMOVE)


def remove_everybody(step: StepContext, ranked: Ranked) -> bool | None:
    """Take out of the book all whom its list has sent, whoever is on the list. True when nobody of them is left in it,
    None while Dotdigital is at work on it, False when Dotdigital did not do it."""
    link = ranked.link
    begun = Removal.objects.filter(connection=link, state__in=[RemovalState.PREPARED, RemovalState.SENT])
    for former in list(begun):
        if not _carry_out(step, ranked, former):
            return False
    mark_all_departed(link)
    while removal := _assign(step, link):
        if not _carry_out(step, ranked, removal):
            return False
    return None if begun.all().exists() else True


def _assign(step: StepContext, link: ListConnection) -> Removal | None:
    with transaction.atomic(), connection.cursor() as cursor:
        removal = Removal.objects.create(connection=link, run=step.run.run, created_at=timezone.now())
        cursor.execute(
            _ASSIGN.format(departing=DEPARTING.format(n=link.pk)),
            {**departing_parameters(link), "removal": removal.pk, "most": IDS_A_CALL},
        )
        if cursor.rowcount == 0:
            removal.delete()
            return None
        removal.row_count = cursor.rowcount
        removal.save(update_fields=["row_count"])
        use_up_allowance(link, StoppedWhat.REMOVE, removal.row_count)
    return removal


def _carry_out(step: StepContext, ranked: Ranked, removal: Removal) -> bool:
    """Ask for a removal and wait for it. False when it failed: the next run asks again."""
    try:
        if removal.state == RemovalState.PREPARED:
            _ask(step, ranked.link, removal)
        status = _await(step, removal)
    except NotFound:
        # The book, or the vendor's note of the removal, is gone: what is left of it is found by the next reading.
        status = "Failed"
    if status == "Completed":
        _complete(step, ranked, removal)
    elif status == "Failed":
        _give_back(step, ranked.link, removal)
        return False
    return True


def _ask(step: StepContext, link: ListConnection, removal: Removal) -> None:
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
def _complete(step: StepContext, ranked: Ranked, removal: Removal) -> None:
    now = timezone.now()
    Membership.objects.filter(
        address_book=ranked.link.address_book, contact__email_key__in=removal.items.values("email_key")
    ).update(gone_at=now)
    recheck_addresses_of_removal(removal, ranked.inferiors)
    ExportItem.objects.filter(removal=removal).delete()
    Removal.objects.filter(pk=removal.pk).update(state=RemovalState.COMPLETED, finished_at=now)
    step.count(removed=removal.row_count)
    step.advance(removal.row_count)


@transaction.atomic
def _give_back(step: StepContext, link: ListConnection, removal: Removal) -> None:
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

"""Removed contacts: who left the list leaves the book.

Removing is not unsubscribing: the person's status is not touched.
A bulk removal may be asked for any number of times, so after a crash it is simply asked for again.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_noop as _

from dotbridge.connections.models import ListConnection
from dotbridge.connections.services import request_unsubscriptions
from dotbridge.mirror.models import Contact, FormerAddress, Membership
from dotbridge.mirror.status import LIVE
from dotbridge.sync.context import Refusal, StepContext
from dotbridge.sync.failures import restore_connection
from dotbridge.sync.going_over import concerns_all
from dotbridge.sync.models import ExportItem, Recheck, Removal, RemovalState
from dotbridge.sync.outbound.attempts import attempt, move_by_run
from dotbridge.sync.outbound.breaker import end_allowance, may_go_on, use_up_allowance
from dotbridge.sync.outbound.forget import bring_back_all
from dotbridge.sync.outbound.links import for_each_list
from dotbridge.sync.outbound.members import (
    EvaluatedMembers,
    forget_members,
    mark_all_departed,
    mark_opted_out,
    require_current_members,
)
from dotbridge.sync.outbound.ranks import Ranked
from dotbridge.sync.outbound.rechecks import recheck_addresses_of_removal
from dotbridge.sync.outbound.states import REMOVAL_MOVES
from dotbridge.sync.outbound.written import IS_IN_BOOK, IS_OURS, note_past_addresses
from dotdigital import NotFound, Rejected

# One call carries so many ids: some 60 kB.
IDS_A_CALL = 5000
FIRST_WAIT, LONGEST_WAIT = 0.05, 5.0
_AT_WORK = (RemovalState.PREPARED, RemovalState.SENT)

# Only an address that we brought to the book, or updated there, is taken out of it, and whoever opted out and was about
# to be sent to it. Who is about to be unsubscribed from it instead is not; once that was done Dotdigital does not mail
# them there, until they return.
DEPARTING = f"""
    SELECT i.id, i.email, i.record_id, d.is_opt_out
    FROM export_departed d
    JOIN dotbridge_sync_exportitem i ON i.id = d.item_id AND i.removal_id IS NULL
    LEFT JOIN dotbridge_sync_upload u ON u.id = i.upload_id
    WHERE d.connection_id = %(connection)s AND (d.is_opt_out OR NOT %(only_opt_outs)s)
      AND (u.id IS NULL OR u.state NOT IN ('uploading', 'sent', 'unknown')) AND {IS_IN_BOOK}
      AND (d.is_opt_out OR {IS_OURS})
      AND NOT EXISTS (SELECT FROM dotbridge_connections_contactrequest q
                      WHERE q.kind = 'unsubscribe_book' AND q.address_book_id = %(book)s
                        AND q.email_key = i.email_key AND q.state IN ('waiting', 'asked'))
"""
# They leave the file that waits for them too: it goes without them, and its end is none of theirs.
_ASSIGN = f"""
    UPDATE dotbridge_sync_exportitem i
    SET removal_id = %(removal)s,
        upload_id = (SELECT u.id FROM dotbridge_sync_upload u WHERE u.id = i.upload_id AND u.state <> 'prepared')
    FROM ({DEPARTING} LIMIT %(most)s) d WHERE i.id = d.id
"""


def remove_opted_out(step: StepContext) -> None:
    """Take out of each connected book whoever opted out here, however many they are, whatever the export waits for."""
    # Whoever is unsubscribed from the book instead stays in it.
    request_unsubscriptions(integration=step.integration)
    for_each_list(step, partial(_remove_opted_out, _begun(step)), waits=False, in_turn=True)


def remove_departed(step: StepContext) -> None:
    """Take out of each connected book whoever is not on its list any more, and was put there by us."""
    for_each_list(step, partial(_remove_departed, _begun(step)), in_turn=True)


def _begun(step: StepContext) -> dict[int, list[Removal]]:
    """The removals that an earlier step or run has not brought to their end, by connection."""
    begun = Removal.objects.filter(connection__address_book__integration=step.integration, state__in=_AT_WORK)
    by_connection: dict[int, list[Removal]] = {}
    for removal in begun.order_by("-pk"):
        by_connection.setdefault(removal.connection_id, []).append(removal)
    return by_connection


def departing_parameters(link: ListConnection, *, only_opt_outs: bool = False) -> dict[str, Any]:
    """What `DEPARTING` asks for."""
    book = link.address_book
    return {
        "connection": link.pk,
        "integration": book.integration_id,
        "book": book.pk,
        "live": list(LIVE),
        "only_opt_outs": only_opt_outs,
    }


class Departing(NamedTuple):
    """How many contacts of the book would be removed now, and how many of them because they opted out."""

    rows: int
    opted_out: int


def count_departing(evaluated: EvaluatedMembers) -> Departing:
    """How many leave the book."""
    if not evaluated.departed:
        return Departing(0, 0)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), count(*) FILTER (WHERE is_opt_out) FROM ({DEPARTING}) d",
            departing_parameters(evaluated.link),
        )
        return Departing(*cursor.fetchone())


def _remove_opted_out(begun: dict[int, list[Removal]], step: StepContext, ranked: Ranked) -> None:
    former = begun.get(ranked.link.pk, [])
    at_work = [removal for removal in former if removal.state == RemovalState.SENT]
    # Somebody who opted out may be in one that was refused before.
    for removal in former:
        if removal not in at_work:
            _carry_out(step, ranked, removal)
    try:
        _remove_opted_out_now(step, ranked)
    finally:
        # Last, because Dotdigital may not say how far these are, and that holds up nobody who has opted out since.
        for removal in at_work:
            _carry_out(step, ranked, removal)
        if any(removal.state == RemovalState.FAILED for removal in at_work):
            # They wait to leave again, and who was found to have left was worked out without them.
            forget_members(step)


def _remove_opted_out_now(step: StepContext, ranked: Ranked) -> None:
    try:
        evaluated = require_current_members(step, ranked.link)
    except Exception:
        # Who is on the list nobody knows then. Who may not be mailed is known all the same.
        restore_connection()
        _take_opted_out(step, ranked)
        raise
    if not evaluated.departed:
        return
    while removal := _assign(step, evaluated, only_opt_outs=True):
        if not _carry_out(step, ranked, removal):
            return
        evaluated = require_current_members(step, ranked.link)


def remove_opted_out_of(step: StepContext, ranked: Ranked) -> bool:
    """The same for one list, whatever has become of its rule. False when Dotdigital did not do it."""
    begun = Removal.objects.filter(connection=ranked.link, state__in=_AT_WORK)
    were_taken = [_carry_out(step, ranked, former) for former in list(begun)]
    return _take_opted_out(step, ranked) and all(were_taken)


def _take_opted_out(step: StepContext, ranked: Ranked) -> bool:
    opted_out = mark_opted_out(step, ranked.link)
    while removal := _assign(step, opted_out, only_opt_outs=True):
        if not _carry_out(step, ranked, removal):
            return False
    return True


def _remove_departed(begun: dict[int, list[Removal]], step: StepContext, ranked: Ranked) -> None:
    link = ranked.link
    for former in begun.get(link.pk, []):
        if not _carry_out(step, ranked, former):
            step.run.left_out.add(link.pk)
    evaluated = require_current_members(step, link)
    departing = count_departing(evaluated).rows
    if not may_go_on(step, link, departing):
        return
    if not departing and link.allowed_rows is None:
        return
    while removal := _assign(step, evaluated):
        if not _carry_out(step, ranked, removal):
            step.run.left_out.add(link.pk)
            return
        current = require_current_members(step, link)
        # Dotdigital may take its time, and the list's rule may be another one by now.
        if current is not evaluated and not may_go_on(step, link, count_departing(current).rows):
            return
        evaluated = current
    end_allowance(link)


def remove_everybody(step: StepContext, ranked: Ranked) -> bool | None:
    """Take out of the book all whom its list has sent, whoever is on the list, and also whom Dotdigital does not mail.
    True when nobody of them is left in it, None while Dotdigital is at work on it, False when it did not do it."""
    link = ranked.link
    begun = Removal.objects.filter(connection=link, state__in=_AT_WORK)
    for former in list(begun):
        if not _carry_out(step, ranked, former):
            return False
    bring_back_all(link)
    everybody = mark_all_departed(step, link)
    while removal := _assign(step, everybody):
        if not _carry_out(step, ranked, removal):
            return False
    return None if begun.all().exists() else True


def _assign(step: StepContext, departed: EvaluatedMembers, *, only_opt_outs: bool = False) -> Removal | None:
    link = departed.link
    if not departed.departed:
        return None
    with transaction.atomic(), connection.cursor() as cursor:
        removal = Removal.objects.create(connection=link, run=step.run.run, created_at=timezone.now())
        cursor.execute(
            _ASSIGN,
            {
                **departing_parameters(link, only_opt_outs=only_opt_outs),
                "removal": removal.pk,
                "most": IDS_A_CALL,
            },
        )
        if cursor.rowcount == 0:
            removal.delete()
            return None
        removal.row_count = cursor.rowcount
        removal.save(update_fields=["row_count"])
        if not only_opt_outs:
            use_up_allowance(link, removal.row_count)
    return removal


def _carry_out(step: StepContext, ranked: Ranked, removal: Removal) -> bool:
    """Ask for a removal and wait for it. False when it was not taken or failed: the next run asks again.

    Raises as `attempt`.
    """
    if removal.state == RemovalState.PREPARED:
        attempt(
            removal,
            REMOVAL_MOVES,
            lambda: _ask(step, ranked, removal),
            # The book is gone, or Dotdigital does not want to: what is left of it is found by the next reading.
            refused=lambda error: _give_back(step, ranked.link, removal, error.text),
            given_up=lambda: _give_back(step, ranked.link, removal, removal.message),
        )
    if removal.state == RemovalState.PREPARED:
        _reject(step, ranked.link, removal.message)
    if removal.state == RemovalState.SENT:
        _await(step, ranked, removal)
    return removal.state in (RemovalState.SENT, RemovalState.COMPLETED)


def _ask(step: StepContext, ranked: Ranked, removal: Removal) -> None:
    ids = list(contacts_of(removal).values_list("remote_id", flat=True))
    if not ids:
        # Their addresses were changed meanwhile, or they are gone: there is nobody to be asked for.
        _complete(step, ranked, removal)
        return
    deletion = step.account.address_book(ranked.link.address_book.remote_id).remove_contacts(ids)
    move_by_run(removal, REMOVAL_MOVES, RemovalState.SENT, remote_id=deletion.id, sent_at=timezone.now())


def contacts_of(removal: Removal) -> QuerySet[Contact]:
    """The contacts that we wrote to at the addresses of a removal, whatever address they have by now.

    Whom the list sends to at that other address stays: the contact is theirs.
    """
    addresses = removal.items.values("email_key")
    former = FormerAddress.objects.filter(
        integration=OuterRef("integration"), remote_id=OuterRef("remote_id"), email_key__in=addresses
    )
    others = ExportItem.objects.filter(
        connection=removal.connection, email_key=OuterRef("email_key"), removal__isnull=True
    )
    mine = Contact.objects.filter(integration=removal.connection.address_book.integration)
    return mine.filter(Q(email_key__in=addresses) | (Exists(former) & ~Exists(others)))


def _await(step: StepContext, ranked: Ranked, removal: Removal) -> None:
    deadline, wait = time.monotonic() + step.run.wait_seconds, FIRST_WAIT
    while (status := _status(step, removal)) == "Started" and time.monotonic() < deadline:
        time.sleep(wait)
        wait = min(wait * 2, LONGEST_WAIT)
    if status == "Completed":
        _complete(step, ranked, removal)
    elif status != "Started" or REMOVAL_MOVES.is_overdue(removal.sent_at):
        _give_back(step, ranked.link, removal, _("Dotdigital did not carry out a removal."))


def _status(step: StepContext, removal: Removal) -> str:
    """What Dotdigital says of it. It may be asked for any number of times, so of what nobody can tell it is again."""
    try:
        return step.account.deletion(removal.remote_id).status
    except (NotFound, Rejected):
        return "Failed"
    except Exception as error:
        if concerns_all(error) or not REMOVAL_MOVES.is_overdue(removal.sent_at):
            raise
        restore_connection()
        return "Failed"


@transaction.atomic
def _complete(step: StepContext, ranked: Ranked, removal: Removal) -> None:
    now = timezone.now()
    Membership.objects.filter(address_book=ranked.link.address_book, contact__in=contacts_of(removal)).update(
        gone_at=now
    )
    note_past_addresses(ranked.link, ExportItem.objects.filter(removal=removal))
    recheck_addresses_of_removal(removal, ranked)
    ExportItem.objects.filter(removal=removal).delete()
    move_by_run(removal, REMOVAL_MOVES, RemovalState.COMPLETED, finished_at=now)
    step.count(removed=removal.row_count)
    step.advance(removal.row_count)


@transaction.atomic
def _give_back(step: StepContext, link: ListConnection, removal: Removal, text: str) -> None:
    items = ExportItem.objects.filter(removal=removal)
    # Nothing was compared while they were leaving, and somebody may be on the list again.
    Recheck.objects.bulk_create(
        (Recheck(connection=link, record_id=record_id) for record_id in items.values_list("record_id", flat=True)),
        ignore_conflicts=True,
    )
    items.update(removal=None)
    if removal.state != RemovalState.FAILED:
        move_by_run(removal, REMOVAL_MOVES, RemovalState.FAILED, message=text, finished_at=timezone.now())
    _reject(step, link, text)


def _reject(step: StepContext, link: ListConnection, text: str) -> None:
    step.reject([Refusal(link.address_book.name, "removal_failed", f"{text} {_('It is asked for again.')}")])

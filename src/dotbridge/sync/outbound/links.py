"""Which connected lists a step of the export works on, and what happens when one of them cannot be worked on."""

from __future__ import annotations

from collections.abc import Callable

from dotbridge.connections.models import ListConnection
from dotbridge.connections.selectors import ending_connections
from dotbridge.connections.services import is_still_to_be_noted
from dotbridge.integrations.models import ExportWaitsFor
from dotbridge.sync.context import Refusal, StepBlocked, StepContext
from dotbridge.sync.failures import Failure
from dotbridge.sync.going_over import go_over
from dotbridge.sync.outbound.ranks import Ranked, rank_mappings, ranked_connections
from dotbridge.sync.selectors import books_with_unfinished_uploads, unfinished_uploads
from dotbridge.sync.texts import BOOKS_WAIT, UNFINISHED


def for_each_list(
    step: StepContext, work: Callable[[StepContext, Ranked], None], *, waits: bool = True, in_turn: bool = False
) -> None:
    """Do a step's work for each list that may be exported now, the highest rank first.

    A list for which it cannot be done is said so and left out of the rest of the run; the others go on. With `in_turn`,
    for steps that ask Dotdigital, a round that ended early is ended first; one that `waits` for nothing goes over all
    lists each time, and begins there. Raises StepBlocked while Dotdigital works on an earlier export for which all of
    them have to wait.
    """

    def of_one(ranked: Ranked) -> None:
        try:
            work(step, ranked)
        except Exception:
            step.run.left_out.add(ranked.link.pk)
            raise
        if ranked.link.pk not in step.run.left_out:
            step.note_done(ranked.link)

    turn = (lambda ranked: int(ranked.link.pk)) if in_turn else None
    go_over(step, lists_at_work(step, waits=waits), of_one, _refusal, turn=turn, all_each_time=not waits)


def all_ranked(step: StepContext) -> list[Ranked]:
    """The connections whose book still exists, the highest rank first. The mappings are ranked once a run."""
    if step.run.ranks is None:
        step.run.ranks = rank_mappings(step.integration)
    return ranked_connections(step.integration, step.run.ranks)


def lists_at_work(step: StepContext, *, waits: bool = True) -> list[Ranked]:
    """The lists that may be exported now, the highest rank first. Raises StepBlocked as `for_each_list`.

    What need not wait for an earlier export, because it concerns opt-outs, says so with `waits`. Then those that are
    ending are at work too.
    """
    ending = ending_connections(step.integration)
    if waits:
        # Who left a book that the list was connected to before is not known to have left the list yet.
        unheard = ListConnection.objects.filter(is_still_to_be_noted(), address_book__integration=step.integration)
        ending |= frozenset(unheard.values_list("pk", flat=True))
    wanted = [
        ranked
        for ranked in all_ranked(step)
        if ranked.link.pk not in step.run.left_out
        and not (waits and ranked.link.pk in ending)
        and step.run.only in (None, ranked.link)
    ]
    if not waits:
        return wanted
    if step.integration.export_waits_for == ExportWaitsFor.INTEGRATION:
        if number := unfinished_uploads(step.integration):
            raise StepBlocked(UNFINISHED % {"number": number})
        return wanted
    unfinished = books_with_unfinished_uploads(step.integration)
    waiting = [ranked for ranked in wanted if ranked.link.address_book_id in unfinished]
    number = sum(unfinished[ranked.link.address_book_id] for ranked in waiting)
    if waiting and len(waiting) == len(wanted):
        raise StepBlocked(UNFINISHED % {"number": number})
    if waiting:
        names = ", ".join(sorted(ranked.link.address_book.name for ranked in waiting))
        step.step.message = f"{UNFINISHED % {'number': number}} {BOOKS_WAIT % {'names': names}}"
    return [ranked for ranked in wanted if ranked not in waiting]


def _refusal(ranked: Ranked, failure: Failure) -> Refusal:
    name = str(ranked.link.marketing_list)
    if failure.is_remote or failure.is_gone:
        return Refusal(name, "not_done", failure.text)
    return Refusal(name, "list_unreadable", failure.text_of(ranked.link.marketing_list.entity))

"""Which connected lists a step of the export works on, and what happens when one of them cannot be worked on."""

from __future__ import annotations

from collections.abc import Callable

from django.db import DataError

from dotbridge.connections.selectors import ending_connections
from dotbridge.entities.registry import UnknownEntity, UnknownField
from dotbridge.integrations.models import ExportWaitsFor
from dotbridge.lists.rules import RuleError
from dotbridge.sync.context import Refusal, StepBlocked, StepContext
from dotbridge.sync.outbound.ranks import Ranked, rank_mappings, ranked_connections
from dotbridge.sync.selectors import books_with_unfinished_uploads, unfinished_uploads


def for_each_list(step: StepContext, work: Callable[[StepContext, Ranked], None], *, waits: bool = True) -> None:
    """Do a step's work for each list that may be exported now, the highest rank first.

    A list that cannot be worked out is said so and left out of the rest of the run; the others go on. Raises
    StepBlocked while Dotdigital works on an earlier export for which all of them have to wait.
    """
    for ranked in lists_at_work(step, waits=waits):
        try:
            work(step, ranked)
        except (RuleError, UnknownEntity, UnknownField) as error:
            _leave_out(step, ranked, str(error))
        except DataError as error:
            # Its own text may show a record's value.
            _leave_out(step, ranked, f"The database cannot work it out: {type(error).__name__}.")


def all_ranked(step: StepContext) -> list[Ranked]:
    """The connections whose book still exists, the highest rank first. The mappings are ranked once a run."""
    if step.run.ranks is None:
        step.run.ranks = rank_mappings(step.integration)
    return ranked_connections(step.integration, step.run.ranks)


def lists_at_work(step: StepContext, *, waits: bool = True) -> list[Ranked]:
    """The lists that may be exported now, the highest rank first. Raises StepBlocked as `for_each_list`.

    What need not wait for an earlier export, because it concerns opt-outs, says so with `waits`.
    """
    ending = ending_connections(step.integration)
    wanted = [
        ranked
        for ranked in all_ranked(step)
        if ranked.link.pk not in step.run.left_out
        and ranked.link.pk not in ending
        and step.run.only in (None, ranked.link)
    ]
    if not waits:
        return wanted
    if step.integration.export_waits_for == ExportWaitsFor.INTEGRATION:
        if number := unfinished_uploads(step.integration):
            raise StepBlocked(_blocked_text(number))
        return wanted
    unfinished = books_with_unfinished_uploads(step.integration)
    waiting = [ranked for ranked in wanted if ranked.link.address_book_id in unfinished]
    number = sum(unfinished[ranked.link.address_book_id] for ranked in waiting)
    if waiting and len(waiting) == len(wanted):
        raise StepBlocked(_blocked_text(number))
    if waiting:
        names = ", ".join(sorted(ranked.link.address_book.name for ranked in waiting))
        step.step.message = f"{_blocked_text(number)} Waiting: {names}."
    return [ranked for ranked in wanted if ranked not in waiting]


def _blocked_text(number: int) -> str:
    return f"Dotdigital has not finished {number} earlier upload(s). The export goes on when it has."


def _leave_out(step: StepContext, ranked: Ranked, problem: str) -> None:
    step.run.left_out.add(ranked.link.pk)
    step.reject([Refusal(str(ranked.link.marketing_list), "list_unreadable", problem)])

"""When a rejection is over: what a complete pass did not meet again, and rows that are not refused any more."""

from __future__ import annotations

from dotbridge.connections.models import ListConnection
from dotbridge.sync.context import StepContext
from dotbridge.sync.outbound.states import REASONS, REFUSED_STATUSES
from dotbridge.sync.rejections import end_rejections, end_rejections_of_rows, new_rejections

# Each of these refuses rows for reasons that stay with the row until its address or values change.
STEPS_OF_ROWS = ("prepare", "results", "earlier_results")
REASONS_OF_ROWS = tuple(REASONS)
# These wait for a person, whom no later pass can tell anything new.
WAIT_FOR_A_PERSON = tuple(status for status, refused in REFUSED_STATUSES.items() if refused.retry_after is None)
# What a feed of changes says about one row it says once. The books and campaigns themselves are looked at each time.
REASONS_OF_FEEDS = ("unreadable", "no_email", "undated", "value_refused", "not_created")
# Only these take a reason from a row.
_MOVES = ("new", "add", "update", "forgotten", "confirmed", "sent_again", "removed")


def settle_rejections(step: StepContext, *, reads_all: bool) -> None:
    """After a step went through: count what it met for the first time, and end what is over.

    `reads_all` says that it has read its feeds from their beginning. A run for one list, or the rest of a round, has
    not gone over everything, and ends nothing.
    """
    if step.step.counts.get("rejected"):
        step.count(new_rejections=new_rejections(step.step))
        step.run.steps_with_problems.add(step.step.name)
    if step.is_whole and step.run.only is None and step.step.name in step.run.steps_with_problems:
        of_rows = (*REASONS_OF_ROWS, *WAIT_FOR_A_PERSON) if step.step.name in STEPS_OF_ROWS else ()
        of_feeds = () if reads_all else REASONS_OF_FEEDS
        end_rejections(step.step, except_reasons=(*of_rows, *of_feeds), except_subjects=_left_out(step))
    if any(step.step.counts.get(name) for name in _MOVES):
        end_rejections_of_rows(step.integration, steps=STEPS_OF_ROWS, reasons=REASONS_OF_ROWS)


def _left_out(step: StepContext) -> list[str]:
    """Under these names the lists stand that this run leaves alone, so that nobody has looked at them."""
    links = ListConnection.objects.filter(pk__in=step.run.left_out).select_related("marketing_list", "address_book")
    return [name for link in links for name in (str(link), str(link.marketing_list), link.address_book.name)]

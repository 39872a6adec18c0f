"""Where the people of a list stand. The words and the numbers behind them are defined here, once for all pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from dotbridge.backoffice.parts import Part
from dotbridge.entities.faults import asking
from dotbridge.entities.registry import UnknownEntity
from dotbridge.entities.time_limits import TookTooLong
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules import RuleError
from dotbridge.lists.selectors import count_members
from dotbridge.sync.selectors import connection_standing

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# What a person waits for at most while one list is counted. Another list never waits for it.
MOST_MILLISECONDS = 8_000


class Standing(StrEnum):
    """Where one person of a list stands; everybody whom the rule matches stands in exactly one place."""

    IN_STEP = "in_step"  # Dotdigital has confirmed them as they are
    MAILABLE = "mailable"  # of a list that is not connected: they have an address of their own
    WAITING = "waiting"  # they go with the next export, or Dotdigital has not answered yet
    TAKEN_OUT = "taken_out"  # somebody took them out of the book in Dotdigital, or deleted them there
    REFUSED = "refused"  # Dotdigital refused them
    OPTED_OUT = "opted_out"  # they must not be mailed through this list
    REMOVED = "removed"  # somebody took them off the list
    BAD_ADDRESS = "bad_address"  # the address cannot be one
    NO_ADDRESS = "no_address"  # there is none
    SHARED = "shared"  # another person on the list has the same address and is sent


WORDS: dict[Standing, StrOrPromise] = {
    Standing.IN_STEP: _("In step"),
    Standing.MAILABLE: _("Can be mailed"),
    Standing.WAITING: _("Waiting"),
    Standing.TAKEN_OUT: _("Taken out in Dotdigital"),
    Standing.REFUSED: _("Refused"),
    Standing.OPTED_OUT: _("Opted out"),
    Standing.REMOVED: _("Taken off"),
    Standing.BAD_ADDRESS: _("Address not valid"),
    Standing.NO_ADDRESS: _("No address"),
    Standing.SHARED: _("Shares an address"),
}
MEANINGS: dict[Standing, StrOrPromise] = {
    Standing.IN_STEP: _("Dotdigital has confirmed them as they are."),
    Standing.MAILABLE: _("They go to Dotdigital once the list is connected."),
    Standing.WAITING: _("They go with the next export, or Dotdigital has not answered yet."),
    Standing.TAKEN_OUT: _("Taken out of the address book, or deleted, in Dotdigital. Not sent until put back."),
    Standing.REFUSED: _("Dotdigital did not take them. Each line says why."),
    Standing.OPTED_OUT: _("They unsubscribed, or Dotdigital does not mail them. Nothing is sent to them."),
    Standing.REMOVED: _("Somebody took them off this list by hand."),
    Standing.BAD_ADDRESS: _("Correct the address in the record, then they are sent."),
    Standing.NO_ADDRESS: _("Their record holds no address."),
    Standing.SHARED: _("Another person on the list has the same address; that one is sent."),
}
TONES: dict[Standing, str] = {
    Standing.IN_STEP: "good",
    Standing.MAILABLE: "info",
    Standing.WAITING: "wait",
    Standing.TAKEN_OUT: "quiet",
    Standing.REFUSED: "bad",
    Standing.OPTED_OUT: "out",
    Standing.REMOVED: "quiet",
    Standing.BAD_ADDRESS: "bad",
    Standing.NO_ADDRESS: "quiet",
    Standing.SHARED: "shared",
}


@dataclass(frozen=True, kw_only=True)
class ListStanding:
    """The numbers of one list; `total` is their sum. `problem` says why they could not be counted, if so.

    `leaving` are people who left the list and have not been taken out of the book yet; they are not in the total.
    """

    numbers: dict[Standing, int]
    leaving: int = 0
    problem: str = ""

    @property
    def total(self) -> int:
        """How many people the rule matches."""
        return sum(self.numbers.values())

    def parts(self, url: str = "", chosen: str = "") -> list[Part]:
        """As parts of a bar, each leading to its people at `url` + the state."""
        return [
            Part(
                name=standing,
                title=WORDS[standing],
                number=number,
                tone=TONES[standing],
                url=f"{url}?show={standing}" if url else "",
                is_current=standing == chosen,
            )
            for standing, number in self.numbers.items()
        ]


def standing_of(marketing_list: MarketingList) -> ListStanding:
    """Where everybody on the list stands now. Never raises for a rule that cannot be read or takes too long."""
    try:
        with asking(marketing_list.entity, milliseconds=MOST_MILLISECONDS):
            return _count(marketing_list)
    except (RuleError, UnknownEntity) as error:
        return ListStanding(numbers={}, problem=str(error))
    except TookTooLong:
        return ListStanding(numbers={}, problem=str(_("Counting this list takes too long. Make its rule simpler.")))


def _count(marketing_list: MarketingList) -> ListStanding:
    link = getattr(marketing_list, "connection", None)
    numbers: dict[Standing, int] = {}
    leaving = 0
    if link is None:
        counts = count_members(marketing_list)
        numbers[Standing.MAILABLE] = counts.mailable
    else:
        standing = connection_standing(link)
        counts = standing.members
        numbers[Standing.IN_STEP] = standing.confirmed
        # Whose whole file was refused waits for a person, and is not forgotten among those who go by themselves.
        numbers[Standing.WAITING] = max(0, standing.waiting - standing.returned)
        numbers[Standing.TAKEN_OUT] = standing.taken_out
        numbers[Standing.REFUSED] = sum(standing.rejected.values()) - counts.invalid_email + standing.returned
        leaving = max(0, -standing.waiting)
    numbers |= {
        Standing.OPTED_OUT: counts.unsubscribed,
        Standing.REMOVED: counts.removed,
        Standing.BAD_ADDRESS: counts.invalid_email,
        Standing.NO_ADDRESS: counts.without_email,
        Standing.SHARED: counts.duplicates,
    }
    return ListStanding(numbers=numbers, leaving=leaving)


def sum_of(standings: Sequence[ListStanding]) -> dict[Standing, int]:
    """The numbers of several lists together; who is on two lists counts twice."""
    totals: dict[Standing, int] = {}
    for standing in standings:
        for state, number in standing.numbers.items():
            totals[state] = totals.get(state, 0) + number
    return totals

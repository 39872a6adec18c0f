"""Where the people of a list stand. The words and the numbers behind them are defined here, once for all pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from dotbridge.backoffice.parts import Part
from dotbridge.lists.models import MarketingList
from dotbridge.lists.selectors import MemberCounts, count_members_of
from dotbridge.sync.selectors import ConnectionStanding, connection_standings

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


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


# Where people stand who are sent, or could be: of those who share an address, one.
EXPORTED = {Standing.IN_STEP, Standing.MAILABLE, Standing.WAITING, Standing.TAKEN_OUT, Standing.REFUSED}
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
    `counted_at` is when they were counted; empty: now, or never. `is_kept`: counting takes so long that a person may
    want to ask for it; `is_awaited`: newer numbers come, unless `lacks_worker` says that nobody counts.
    """

    numbers: dict[Standing, int]
    leaving: int = 0
    problem: str = ""
    counted_at: datetime | None = None
    is_kept: bool = False
    is_awaited: bool = False
    lacks_worker: bool = False

    @property
    def is_coming(self) -> bool:
        """Whether newer numbers are there soon, so that it is worth to look again."""
        return self.is_awaited and not self.lacks_worker

    @property
    def total(self) -> int:
        """How many people the rule matches."""
        return sum(self.numbers.values())

    @property
    def mailable(self) -> int:
        """How many have an address of their own and may be mailed, whatever Dotdigital made of them so far."""
        return sum(self.numbers.get(state, 0) for state in EXPORTED) - self.leaving

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


def count_standing(marketing_list: MarketingList) -> ListStanding:
    """Count where everybody on the list stands now. Pages ask `counting.standing_of`, which knows what may take long.

    Raises RuleError and UnknownEntity.
    """
    (standing,) = count_standings([marketing_list])
    return standing


def count_standings(lists: Sequence[MarketingList]) -> list[ListStanding]:
    """The same of several lists, in their order, in so many statements for all of them as one takes."""
    links = {each.pk: getattr(each, "connection", None) for each in lists}
    connected = [link for link in links.values() if link is not None]
    unconnected = [each for each in lists if links[each.pk] is None]
    standings = dict(zip([link.pk for link in connected], connection_standings(connected), strict=True))
    counts = dict(zip([each.pk for each in unconnected], count_members_of(unconnected), strict=True))
    return [_standing(counts[key] if link is None else standings[link.pk]) for key, link in links.items()]


def _standing(standing: MemberCounts | ConnectionStanding) -> ListStanding:
    numbers: dict[Standing, int] = {}
    leaving = 0
    if isinstance(standing, MemberCounts):
        counts = standing
        numbers[Standing.MAILABLE] = counts.mailable
    else:
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

"""How many calls a run will need of each tier, and how long they take on the account's package.

The vendor counts calls by tier, a minute at a time (contract §2.1); asking how far an import is, or a send, counts
nowhere. The plan counts what is known here and asks nobody: what has happened in Dotdigital meanwhile comes on top.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.integrations.models import (
    CallLimit,
    ContactsReadOf,
    Integration,
    ProtocolChoice,
    RateWindow,
    WireProtocol,
)
from dotbridge.preferences.selectors import settings_in_force
from dotbridge.sync.call_needs import (
    USUAL_ROW_BYTES,
    ReadingNeeds,
    members_of_unsent,
    pages_of_version_2,
    pages_of_version_3,
    reading_needs,
    sending_needs,
)
from dotbridge.sync.inbound.account_feed import MOST_LOOKS
from dotbridge.sync.outbound.prepare import MOST_UPLOADS, ROW_BYTES, UPLOAD_BYTES
from dotbridge.sync.outbound.removals import IDS_A_CALL
from dotdigital.limits import HIGH, LOW, MEDIUM

WINDOW_SECONDS = 60
IMPORTS = frozenset({RunKind.IMPORT, RunKind.SYNC, RunKind.RECONCILE})
EXPORTS = frozenset({RunKind.EXPORT, RunKind.SYNC})


@dataclass(frozen=True, kw_only=True)
class TierPlan:
    """One tier: the calls that a run needs of it, those left in the window, and how many a window has.

    `left` and `allowed` are None where the account has not said so, as one of the flat scheme never does. `resets_at`
    is when the window ends that `left` speaks of.
    """

    tier: str
    calls: int
    left: int | None
    allowed: int | None
    resets_at: datetime | None

    def seconds(self, now: datetime) -> int | None:
        """How long a run waits for windows of this tier; None where nobody knows."""
        if not self.calls or (self.left is not None and self.calls <= self.left):
            return 0
        if self.left is None or not self.allowed:
            return None
        first = WINDOW_SECONDS if self.resets_at is None else math.ceil((self.resets_at - now).total_seconds())
        windows = -(-(self.calls - self.left) // self.allowed)
        return first + (windows - 1) * WINDOW_SECONDS


@dataclass(frozen=True, kw_only=True)
class CallPlan:
    """What a run needs. `is_whole` is False where something is not known yet, so that it may be more."""

    tiers: tuple[TierPlan, ...]
    is_whole: bool
    made_at: datetime

    @property
    def calls(self) -> int:
        """All calls that count against a tier."""
        return sum(each.calls for each in self.tiers)

    @property
    def seconds(self) -> int | None:
        """How long the run waits for calls at most; None where the account has not told its limits. Tiers are waited
        for one after the other."""
        waits = [each.seconds(self.made_at) for each in self.tiers]
        return None if None in waits else sum(each or 0 for each in waits)

    @property
    def minutes(self) -> int | None:
        """The same in minutes begun."""
        seconds = self.seconds
        return None if seconds is None else math.ceil(seconds / 60)

    @property
    def is_short(self) -> bool:
        """Whether the calls that are left now do not do for the run."""
        return any(each.seconds(self.made_at) for each in self.tiers)

    def in_words(self) -> str:
        """Such as *12 calls, 3 minutes on your package*."""
        number = {"calls": self.calls}
        if self.is_whole:
            calls = ngettext("%(calls)s call", "%(calls)s calls", self.calls) % number
        else:
            calls = ngettext("At least %(calls)s call", "At least %(calls)s calls", self.calls) % number
        minutes = self.minutes
        if minutes is None:
            return _("%(calls)s; the account has not said yet how many it allows") % {"calls": calls}
        if minutes == 0:
            return _("%(calls)s, without waiting") % {"calls": calls}
        waits = ngettext("%(minutes)s minute on your package", "%(minutes)s minutes on your package", minutes)
        return f"{calls}, {waits % {'minutes': minutes}}"


def plan_of_run(integration: Integration, kind: RunKind) -> CallPlan:
    """What a run of the whole account needs: seven statements at most, and what the rules of lists never sent ask."""
    needed: Counter[str] = Counter()
    is_whole = True
    protocol = _protocol(integration)
    needed[HIGH] += 1
    if protocol is WireProtocol.V2:
        # Version 2 asks for the time; by version 3 the head of an answer says it.
        needed[HIGH] += 1
    if kind in IMPORTS:
        needs = reading_needs(integration, reads_everything=kind == RunKind.RECONCILE)
        by_feed = protocol is WireProtocol.V3 and not needs.events_are_unusable
        needed += _reading(integration, needs, by_feed=by_feed, reads_everything=kind == RunKind.RECONCILE)
        is_whole = bool(needs.connected_books or needs.other_books) and not needs.without_figures
        is_whole = is_whole and needs.suppressions_were_read and not needs.books_never_asked
        # Which campaigns there are is known once the connected books were asked.
        is_whole = is_whole and not (needs.connected_books and needs.listing_is_fresh is None)
    if kind in EXPORTS:
        calls, exports_are_known = _sending(integration, protocol)
        needed += calls
        is_whole = is_whole and exports_are_known
    return _plan(integration, needed, is_whole=is_whole)


def plan_of_export(link: ListConnection, *, sent: int, removed: int) -> CallPlan:
    """What an export of one list needs that sends so many rows, and takes so many contacts out of the book."""
    integration = link.address_book.integration
    protocol = _protocol(integration)
    needed: Counter[str] = Counter({HIGH: 2 if protocol is WireProtocol.V2 else 1})
    if sent:
        needed += _calls_to_send(sent, USUAL_ROW_BYTES, protocol)
    needed[MEDIUM] += -(-removed // IDS_A_CALL)
    return _plan(integration, needed, is_whole=True)


def _protocol(integration: Integration) -> WireProtocol:
    """The version that the next run uses, as far as it is known without asking."""
    if integration.protocol == ProtocolChoice.AUTOMATIC:
        return WireProtocol(integration.protocol_found)
    return WireProtocol(integration.protocol)


def _reading(integration: Integration, needs: ReadingNeeds, *, by_feed: bool, reads_everything: bool) -> Counter[str]:
    needed: Counter[str] = Counter({MEDIUM: pages_of_version_2(needs.connected_books + needs.other_books)})
    if not needs.data_fields_are_fresh or reads_everything:
        # By version 3 the marketing preferences are read with them.
        needed[MEDIUM] += 2 if _protocol(integration) is WireProtocol.V3 else 1
    if by_feed:
        needed += _account_feed(needs, reads_everything=reads_everything)
    elif needs.connected_books:
        needed[LOW] += needs.connected_books
        # A full comparison reads first what has changed, so that it compares the newest values.
        needed[LOW] += needs.connected_pages + (needs.connected_pages_of_all if reads_everything else 0)
    if not by_feed and integration.contacts_read_of == ContactsReadOf.ALL_BOOKS:
        needed[LOW] += needs.other_pages_of_all if reads_everything else needs.other_pages
    if not (by_feed and needs.suppressions_are_fresh and not reads_everything):
        needed[LOW] += 1
        if not by_feed and needs.has_suppressed and (needs.suppressions_were_read or reads_everything):
            needed[MEDIUM] += 1
    if needs.connected_books and settings_in_force("reads_campaigns")["reads_campaigns"]:
        needed += _campaigns(needs, reads_everything=reads_everything)
    return needed


def _account_feed(needs: ReadingNeeds, *, reads_everything: bool) -> Counter[str]:
    # The events, with those that our own exports made, until there are none.
    needed: Counter[str] = Counter({LOW: 1 + pages_of_version_3(needs.just_sent) * bool(needs.just_sent)})
    if not needs.events_are_followed:
        needed += Counter({MEDIUM: 2, HIGH: 1})
    needed[LOW] += pages_of_version_3(needs.just_sent if needs.contacts is None else needs.contacts)
    needed[LOW] += int(reads_everything)  # what has changed is read first, as by version 2
    needed[LOW] += needs.connected_books if reads_everything else needs.books_to_ask
    needed[HIGH] += min(needs.hints, MOST_LOOKS)
    return needed


def _campaigns(needs: ReadingNeeds, *, reads_everything: bool) -> Counter[str]:
    needed: Counter[str] = Counter({MEDIUM: pages_of_version_2(needs.campaigns_listed) + int(needs.activity_was_asked)})
    if reads_everything or not needs.listing_is_fresh:
        needed[MEDIUM] += needs.connected_books
    if reads_everything:
        return needed + Counter({MEDIUM: needs.campaigns, LOW: needs.result_pages_of_all})
    return needed + Counter({MEDIUM: needs.summaries, LOW: needs.activities + needs.opens + needs.clicks})


def _sending(integration: Integration, protocol: WireProtocol) -> tuple[Counter[str], bool]:
    """The calls of an export, and whether all that they depend on is known."""
    lists = sending_needs(integration)
    unsent = [each.connection_id for each in lists if not each.was_sent]
    members = members_of_unsent(unsent) if unsent else {}
    needed: Counter[str] = Counter()
    for each in lists:
        noted = each.prepared + each.waiting + each.changed
        rows = noted if each.was_sent else (members or {}).get(each.connection_id, 0)
        if rows:
            needed += _calls_to_send(rows, each.row_bytes, protocol)
        if each.in_flight_files and protocol is WireProtocol.V2:
            needed += _calls_for_results(each.in_flight, each.in_flight_files)
        needed[MEDIUM] += each.removals
    return needed, members is not None


def _calls_to_send(rows: int, row_bytes: int, protocol: WireProtocol) -> Counter[str]:
    """The files of so many rows, and by version 2 their results, and the pages that bring the new ids back."""
    files = min(MOST_UPLOADS, -(-rows * (row_bytes + ROW_BYTES[protocol]) // UPLOAD_BYTES))
    needed: Counter[str] = Counter({LOW: files})
    return needed if protocol is WireProtocol.V3 else needed + _calls_for_results(rows, files)


def _calls_for_results(rows: int, files: int) -> Counter[str]:
    return Counter({LOW: 2 * files + pages_of_version_2(rows), HIGH: 1})


def _plan(integration: Integration, needed: Mapping[str, int], *, is_whole: bool) -> CallPlan:
    now = timezone.now()
    allowed = dict(CallLimit.objects.filter(integration=integration).values_list("tier", "allowed"))
    windows = {each.tier: each for each in RateWindow.objects.filter(integration=integration, resets_at__gt=now)}
    tiers = []
    for tier in (LOW, MEDIUM, HIGH):
        window = windows.get(tier)
        tiers.append(
            TierPlan(
                tier=tier,
                calls=needed.get(tier, 0),
                left=window.remaining if window else allowed.get(tier),
                allowed=allowed.get(tier),
                resets_at=window.resets_at if window else None,
            )
        )
    return CallPlan(tiers=tuple(tiers), is_whole=is_whole, made_at=now)

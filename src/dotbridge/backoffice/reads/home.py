"""What Home shows: is all well, how many people, and what went on lately."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Max, Min, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import TruncDay
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dotbridge.backoffice.counting import Renew, standings_of
from dotbridge.backoffice.reads.lists import lists_with_state
from dotbridge.backoffice.reads.needs import Need
from dotbridge.backoffice.reads.standing import WORDS, ListStanding, Standing, sum_of
from dotbridge.backoffice.rights import MAY_ADD_ACCOUNT, MAY_ADD_LIST, MAY_CONNECT, MAY_SEE_ACCOUNTS, MAY_SEE_LISTS
from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.selectors import note_scopes
from dotbridge.consent.models import ConsentState, SubjectKind
from dotbridge.entities.addresses import records_with_addresses
from dotbridge.entities.email import normalised
from dotbridge.entities.faults import asking
from dotbridge.entities.registry import FaultyEntity, UnknownEntity, entity
from dotbridge.entities.time_limits import TookTooLong
from dotbridge.integrations.models import Integration, RateWindow
from dotbridge.lists.counting import being_counted
from dotbridge.lists.models import MarketingList
from dotbridge.sync.models import WENT_WELL, SyncRun, Upload, UploadState

DAYS = 30
# Imports and exports are scheduled every four minutes; three missed ones are worth a word.
LATE_AFTER = timedelta(minutes=12)
# Home counts lists one by one for so long; of the others it shows what was kept.
COUNTING_SECONDS = 1.0
# Numbers that are older are said to be.
AGE_SAID = timedelta(minutes=3)
MOST_LISTS = 12
# So many of the newest opt-outs are looked up among the records.
MOST_OPT_OUTS = 20_000
OPT_OUTS_MILLISECONDS = 2_000


@dataclass(frozen=True, kw_only=True)
class Health:
    """The first sentence of Home."""

    text: str
    tone: str
    at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number with its name and the way to what it counts; `days` are the last 30, the oldest first."""

    title: str
    number: int
    url: str = ""
    note: str = ""
    days: Sequence[int] = ()
    days_text: str = ""


@dataclass(frozen=True, kw_only=True)
class HomeLists:
    """The first connected lists with their standings, and the figures of all of them.

    `uncounted` lists have no numbers yet, so the figures are without theirs. `oldest` is when the oldest numbers were
    counted, if that is long ago. `is_coming`: newer ones are there soon.
    """

    lines: list[tuple[Any, ListStanding]]
    figures: list[Figure]
    uncounted: int
    oldest: datetime | None
    is_coming: bool


@dataclass(frozen=True, kw_only=True)
class Calls:
    """How many calls an account took in the last hour, and how many the vendor says are left until `resets_at`."""

    integration: Integration
    used: int
    left: int | None = None
    resets_at: datetime | None = None

    @property
    def fraction(self) -> float:
        """The used ones, of those that there are."""
        return self.used / (self.used + self.left) if self.left is not None and self.used + self.left else 0.0


@dataclass(frozen=True, kw_only=True)
class WalkStep:
    """A step of a newcomer's way: done, next, or later. `url` is empty where the person may not take it."""

    title: str
    text: str
    button: str
    url: str
    is_done: bool
    is_next: bool = False


def health_of(needs: Sequence[Need]) -> Health:
    """Whether all is well, in one sentence."""
    if needs:
        number = len(needs)
        text = ngettext("%(n)s thing needs you", "%(n)s things need you", number) % {"n": number}
        return Health(text=text, tone="bad" if any(need.tone == "bad" for need in needs) else "wait")
    # The newest of each account: there may be a million older ones.
    good = SyncRun.objects.filter(
        integration=OuterRef("pk"), state__in=WENT_WELL, kind__in=[RunKind.EXPORT, RunKind.SYNC]
    ).order_by("-id")
    accounts = Integration.objects.filter(is_active=True).annotate(sent_at=Subquery(good.values("finished_at")[:1]))
    newest = accounts.aggregate(at=Max("sent_at"))["at"]
    if newest is None:
        return Health(text=_("Nothing was sent yet"), tone="wait")
    if timezone.now() - newest > LATE_AFTER:
        return Health(text=_("All is well, but nothing was sent for a while"), tone="wait", at=newest)
    return Health(text=_("Everything is in step"), tone="good", at=newest)


def home_lists(*, renew: Renew = Renew.OLD) -> HomeLists:
    """The connected lists as they stand now, or as they were last counted. Who is on two lists counts on each."""
    lists = list(lists_with_state().filter(connection__isnull=False).order_by("name"))
    note_scopes(lists)
    found = standings_of(lists, seconds=COUNTING_SECONDS, renew=renew)
    lines = [(each, found[each.pk]) for each in lists]
    counted = [standing.counted_at for standing in found.values() if standing.counted_at]
    oldest = min(counted, default=None)
    return HomeLists(
        lines=lines[:MOST_LISTS],
        figures=_figures(sum_of(list(found.values())), lists),
        uncounted=sum(not standing.numbers for standing in found.values()),
        oldest=oldest if oldest and timezone.now() - oldest > AGE_SAID else None,
        is_coming=any(standing.is_coming for standing in found.values()),
    )


def connected_being_counted() -> bool:
    """Whether the worker counts any of the connected lists, or is going to."""
    return bool(being_counted(set(ListConnection.objects.values_list("marketing_list", flat=True))))


def _figures(totals: dict[Standing, int], lists: Sequence[MarketingList]) -> list[Figure]:
    finished = Upload.objects.filter(state=UploadState.FINISHED)
    lines = {
        Standing.IN_STEP: (
            _by_day(finished, Sum(F("row_count") - F("rejected_count") - F("opted_out_count"))),
            _("Confirmed by Dotdigital, day by day, the last 30 days"),
        ),
        Standing.REFUSED: (
            _by_day(finished, Sum("rejected_count")),
            _("Refused by Dotdigital, day by day, the last 30 days"),
        ),
        Standing.OPTED_OUT: (
            _opted_out_by_day(lists),
            _("Since when they are opted out, day by day, the last 30 days"),
        ),
    }
    figures = []
    for state in (Standing.IN_STEP, Standing.WAITING, Standing.REFUSED, Standing.OPTED_OUT):
        days, text = lines.get(state, ((), ""))
        figures.append(
            Figure(
                title=str(WORDS[state]),
                number=totals.get(state, 0),
                url=_door(lists, state),
                days=days,
                days_text=text,
            )
        )
    return figures


def _door(lists: Sequence[MarketingList], state: Standing) -> str:
    """To the people themselves where there is one list, else to the lists that have some."""
    if len(lists) == 1:
        return f"{reverse('dotbridge:list', args=[lists[0].pk])}?show={state}"
    return reverse("dotbridge:lists")


def _opted_out_by_day(lists: Sequence[MarketingList]) -> list[int]:
    """How many people of the lists' records opted out on each day: when it happened, as every page says since when
    somebody is opted out, and not when we learned of it. A word said here is noted for the address as well."""
    first = timezone.localdate() - timedelta(days=DAYS - 1)
    states = ConsentState.objects.filter(is_blocked=True, kind=SubjectKind.ADDRESS, since__date__gte=first)
    since = dict(states.order_by().values_list("subject").annotate(at=Min("since")).order_by("-at")[:MOST_OPT_OUTS])
    ours: set[str] = set()
    for key in {each.entity for each in lists} if since else ():
        try:
            known = entity(key)
        except UnknownEntity:
            continue
        with suppress(FaultyEntity, TookTooLong), asking(key, milliseconds=OPT_OUTS_MILLISECONDS):
            keys = records_with_addresses(known, since)
            # Columns are named before they are annotated: so a model may have a field of any name.
            named = known.queryset().order_by().filter(pk__in=keys).values(record_pk=F("pk"))
            rows = named.annotate(key=normalised(known.email_expression()))
            ours.update(rows.values_list("key", flat=True))
    days = Counter(timezone.localtime(at).date() for address, at in since.items() if address in ours)
    return [days[first + timedelta(days=place)] for place in range(DAYS)]


def _by_day(uploads: QuerySet[Any], number: Any) -> list[int]:
    first = timezone.localdate() - timedelta(days=DAYS - 1)
    found = dict(
        uploads.filter(finished_at__date__gte=first)
        .order_by()
        .annotate(day=TruncDay("finished_at"))
        .values("day")
        .annotate(number=number)
        .values_list("day", "number")
    )
    by_date = {timezone.localtime(day).date(): int(count or 0) for day, count in found.items()}
    return [by_date.get(first + timedelta(days=place), 0) for place in range(DAYS)]


def calls_of_accounts() -> list[Calls]:
    """The calls of each active account, in three queries."""
    accounts = list(Integration.objects.filter(is_active=True).order_by("name"))
    hour_ago = timezone.now() - timedelta(hours=1)
    used = dict(
        SyncRun.objects.filter(started_at__gte=hour_ago)
        .order_by()
        .values_list("integration")
        .annotate(number=Sum("requests"))
    )
    windows: dict[int, RateWindow] = {}
    for window in RateWindow.objects.filter(resets_at__gt=timezone.now()).order_by("-remaining"):
        windows[window.integration_id] = window
    return [
        Calls(
            integration=account,
            used=used.get(account.pk) or 0,
            left=windows[account.pk].remaining if account.pk in windows else None,
            resets_at=windows[account.pk].resets_at if account.pk in windows else None,
        )
        for account in accounts
    ]


def walk(may: Callable[[str], bool]) -> list[WalkStep]:
    """A newcomer's way; empty once it is gone to its end, or for who may not go it."""
    if not (may(MAY_SEE_ACCOUNTS) and may(MAY_SEE_LISTS)):
        return []
    if ListConnection.objects.exists():
        return []
    integration = Integration.objects.order_by("pk").first()
    first_list = MarketingList.objects.order_by("-pk").first()
    has_fields = integration is not None and integration.mappings.exists()
    account_url = reverse("dotbridge:account", args=[integration.pk]) if integration else ""
    steps = [
        WalkStep(
            title=_("Connect your Dotdigital account"),
            text=_("With the address and password of an API user."),
            button=_("Connect an account"),
            url=reverse("dotbridge:account-add") if may(MAY_ADD_ACCOUNT) else "",
            is_done=integration is not None,
        ),
        WalkStep(
            title=_("Map your fields"),
            text=_("Once the account was read, the names are mapped by themselves. Add what else you need."),
            button=_("See the fields"),
            url=account_url,
            is_done=has_fields,
        ),
        WalkStep(
            title=_("Make a list"),
            text=_("A rule on your own records. Whoever matches it is on the list."),
            button=_("Make a list"),
            url=reverse("dotbridge:list-add") if may(MAY_ADD_LIST) else "",
            is_done=first_list is not None,
        ),
        WalkStep(
            title=_("Connect the list"),
            text=_("Choose its address book, and look at what will happen first."),
            button=_("Connect the list"),
            url=reverse("dotbridge:list-connect", args=[first_list.pk]) if first_list and may(MAY_CONNECT) else "",
            is_done=False,
        ),
    ]
    following = next(place for place, step in enumerate(steps) if not step.is_done)
    return [replace(step, is_next=place == following) for place, step in enumerate(steps)]

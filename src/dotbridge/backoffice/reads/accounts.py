"""How a connected account is doing: each feed with when it last went well and when it goes next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from dotbridge.backoffice.labels import grouped
from dotbridge.connections.models import CampaignSend, ListConnection, RunKind, SendState
from dotbridge.integrations.models import Integration
from dotbridge.lists.models import MarketingList
from dotbridge.mirror.models import AddressBook, DataField
from dotbridge.preferences.selectors import settings_in_force
from dotbridge.sync.models import WENT_WELL, EventSubscription, SyncRun

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, kw_only=True)
class Feed:
    """One direction or kind of work: when it last went well, when it is due next, and whether that is too long ago."""

    title: StrOrPromise
    last: datetime | None
    next: datetime | None
    tone: str
    word: StrOrPromise


@dataclass(frozen=True, kw_only=True)
class AccountFacts:
    """What an account has, in numbers, with the lists that are connected to it."""

    books: int
    data_fields: int
    lists: list[MarketingList]
    events_problem: str


# What it is called, the kinds of runs that do it, and the setting that says how often; weekly without one.
_FEEDS: tuple[tuple[StrOrPromise, tuple[str, ...], str], ...] = (
    (_("Reading from Dotdigital"), (RunKind.IMPORT, RunKind.SYNC), "import_every_seconds"),
    (_("Sending to Dotdigital"), (RunKind.EXPORT, RunKind.SYNC), "export_every_seconds"),
    (_("Changes of records"), (RunKind.CHANGES, RunKind.EXPORT, RunKind.SYNC), "changes_every_seconds"),
    (_("Comparing everything anew"), (RunKind.RECONCILE,), ""),
)
_WEEK = timedelta(days=7)


def feeds_of(integration: Integration) -> list[Feed]:
    """The feeds of an account, in two statements."""
    intervals = settings_in_force(*(name for _title, _kinds, name in _FEEDS if name))
    good = SyncRun.objects.filter(integration=integration, state__in=WENT_WELL).order_by()
    last = dict(good.values_list("kind").annotate(at=Max("finished_at")))
    feeds = []
    for title, kinds, name in _FEEDS:
        every = timedelta(seconds=intervals[name]) if name else _WEEK
        moments = [at for kind in kinds if (at := last.get(kind))]
        newest = max(moments, default=None)
        tone, word = _age(integration, newest, every)
        due = newest + every if newest and integration.is_active else None
        feeds.append(Feed(title=title, last=newest, next=due, tone=tone, word=word))
    return feeds


def _age(integration: Integration, newest: datetime | None, every: timedelta) -> tuple[str, StrOrPromise]:
    if not integration.is_active:
        return "quiet", _("Switched off")
    if newest is None:
        return "quiet", _("Not yet")
    if timezone.now() - newest > 3 * every:
        return "bad", _("Late")
    return "good", _("On time")


def facts_of(integration: Integration) -> AccountFacts:
    """What was read from an account, and who uses it."""
    links = ListConnection.objects.filter(address_book__integration=integration).select_related("marketing_list")
    return AccountFacts(
        books=AddressBook.objects.filter(integration=integration, gone_at=None).count(),
        data_fields=DataField.objects.filter(integration=integration, gone_at=None, preference_id=None).count(),
        lists=[link.marketing_list for link in links.order_by("marketing_list__name")],
        events_problem=EventSubscription.objects.filter(integration=integration, unusable_until__gt=timezone.now())
        .values_list("reason", flat=True)
        .first()
        or "",
    )


def what_goes_on(integration: Integration) -> str:
    """What it means that an account was switched off, and which campaigns that does not stop."""
    sends = CampaignSend.objects.filter(integration=integration, is_test=False)
    taken = sends.filter(state__in=[SendState.ASKED, SendState.ACCEPTED]).count()
    waiting = sends.filter(state=SendState.WAITING).count()
    said = [
        gettext(
            "Switched off: no run starts until it is switched on again. Who opts out here is told to Dotdigital only "
            "then."
        )
    ]
    if taken:
        text = ngettext(
            "%(n)s campaign that Dotdigital has taken already is sent all the same: stop it there.",
            "%(n)s campaigns that Dotdigital has taken already are sent all the same: stop them there.",
            taken,
        )
        said.append(text % {"n": grouped(taken)})
    if waiting:
        text = ngettext(
            "%(n)s campaign waits and is sent once the account is switched on again, unless it is taken back on its "
            "page.",
            "%(n)s campaigns wait and are sent once the account is switched on again, unless they are taken back on "
            "their pages.",
            waiting,
        )
        said.append(text % {"n": grouped(waiting)})
    return " ".join(said)

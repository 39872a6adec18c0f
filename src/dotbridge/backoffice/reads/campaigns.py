"""How a campaign went: its figures beside those of the campaigns before it, by hour, by link and by person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import TruncHour
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from dotbridge.backoffice.labels import one_decimal
from dotbridge.backoffice.reads.campaign_tables import with_figures
from dotbridge.campaigns.models import EmailCampaign
from dotbridge.entities.email import address_key
from dotbridge.mirror.models import Activity, Campaign, ClickEvent, Contact, OpenEvent
from dotbridge.sync.models import ExportItem, PastAddress

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

COMPARED_WITH = 10
HOURS = 48
MOST_LINKS = 20


class Did(StrEnum):
    """What somebody did with a campaign."""

    DELIVERED = "delivered"
    OPENED = "opened"
    NOT_OPENED = "not-opened"
    CLICKED = "clicked"
    BOUNCED = "bounced"
    OPTED_OUT = "opted-out"


DID_WORDS: dict[Did, StrOrPromise] = {
    Did.DELIVERED: _("Delivered"),
    Did.OPENED: _("Opened"),
    Did.NOT_OPENED: _("Did not open"),
    Did.CLICKED: _("Clicked"),
    Did.BOUNCED: _("Bounced"),
    Did.OPTED_OUT: _("Opted out"),
}
_BOUNCED = Q(is_soft_bounced=True) | Q(is_hard_bounced=True)
DID_CONDITIONS: dict[Did, Q] = {
    Did.DELIVERED: ~_BOUNCED,
    Did.OPENED: Q(opens__gt=0),
    Did.NOT_OPENED: ~_BOUNCED & Q(opens=0),
    Did.CLICKED: Q(clicks__gt=0),
    Did.BOUNCED: _BOUNCED,
    Did.OPTED_OUT: Q(is_unsubscribed=True),
}
# The figure, the one it is a share of, and whether more of it is good news.
_CARDS: tuple[tuple[Did, str, str, bool], ...] = (
    (Did.DELIVERED, "delivered", "mails_sent", True),
    (Did.OPENED, "opened", "delivered", True),
    (Did.CLICKED, "clicked", "delivered", True),
    (Did.BOUNCED, "bounced", "mails_sent", False),
    (Did.OPTED_OUT, "unsubscribed", "delivered", False),
)


@dataclass(frozen=True, kw_only=True)
class CampaignCard:
    """One of the five figures: its number, its share, and the share's difference to the average before, in points."""

    did: Did
    title: StrOrPromise
    number: int | None
    share: float | None
    difference: float | None
    is_good_news: bool

    @property
    def points(self) -> str:
        """The difference with its sign, in percentage points."""
        points = round((self.difference or 0) * 100, 1)
        sign = "\N{MINUS SIGN}" if points < 0 else "+"
        return f"{sign}{one_decimal(abs(points))}"

    @property
    def is_better(self) -> bool:
        """Whether the difference is good news. One that is shown as none is no bad news."""
        points = round((self.difference or 0) * 100, 1)
        return points == 0 or (points > 0) == self.is_good_news


@dataclass(frozen=True, kw_only=True)
class Hour:
    """One hour after a campaign was sent."""

    begins_at: datetime
    opens: int
    clicks: int


@dataclass(frozen=True, kw_only=True)
class LinkClicked:
    """One link of a mail."""

    url: str
    clicks: int
    people: int


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """One person whom a campaign was sent to."""

    email: str
    url: str
    opens: int
    clicks: int
    is_bounced: bool
    is_opted_out: bool
    sent_at: datetime | None


def campaigns_with_figures() -> QuerySet[Any]:
    """The e-mail campaigns, those sent last first, with what Dotdigital says of each."""
    campaigns = EmailCampaign.objects.select_related("marketing_list", "marketing_campaign")
    return with_figures(campaigns.order_by("-sent_at", "-pk"))


def cards_of(campaign: Any) -> list[CampaignCard]:
    """The five figures of one of `campaigns_with_figures`, beside the average of those sent before it."""
    before: Sequence[Any] = ()
    if campaign.sent_at is not None:
        former = with_figures(EmailCampaign.objects.filter(sent_at__lt=campaign.sent_at).order_by("-sent_at"))
        before = list(former.filter(delivered__gt=0)[:COMPARED_WITH])
    cards = []
    for did, name, of, is_good_news in _CARDS:
        share = _share(campaign, name, of)
        shares = [each for other in before if (each := _share(other, name, of)) is not None]
        difference = share - sum(shares) / len(shares) if share is not None and shares else None
        cards.append(
            CampaignCard(
                did=did,
                title=DID_WORDS[did],
                number=getattr(campaign, name),
                share=share,
                difference=difference,
                is_good_news=is_good_news,
            )
        )
    return cards


def figures_as_rows(campaigns: Iterable[Any]) -> Iterator[list[Any]]:
    """Rows for a spreadsheet, their headings first: one of `campaigns_with_figures` a row, with its five figures.

    Each is a number and a share, a fraction as spreadsheets want it; empty where Dotdigital has given none yet.
    """
    heads = [
        head
        for did, *_rest in _CARDS
        for head in (str(DID_WORDS[did]), gettext("%(figure)s, share") % {"figure": DID_WORDS[did]})
    ]
    yield [gettext("Campaign"), gettext("Subject"), gettext("Sent"), gettext("List"), gettext("Mails sent"), *heads]
    for campaign in campaigns:
        sent_at = timezone.localtime(campaign.sent_at).strftime("%Y-%m-%d %H:%M") if campaign.sent_at else ""
        row = [campaign.name, campaign.subject, sent_at, str(campaign.marketing_list or ""), campaign.mails_sent]
        for _did, name, of, _is_good_news in _CARDS:
            share = _share(campaign, name, of)
            row += [getattr(campaign, name), None if share is None else round(share, 4)]
        yield row


def _share(campaign: Any, name: str, of: str) -> float | None:
    number, whole = getattr(campaign, name), getattr(campaign, of)
    return number / whole if number is not None and whole else None


def hours_of(remote: Campaign) -> list[Hour]:
    """Opens and clicks in each of the first hours that had any, without gaps, in two statements."""
    opens = _by_hour(OpenEvent.objects.filter(campaign=remote))
    clicks = _by_hour(ClickEvent.objects.filter(campaign=remote))
    if not opens and not clicks:
        return []
    first = min([*opens, *clicks])
    last = min(max([*opens, *clicks]), first + timedelta(hours=HOURS - 1))
    hours = int((last - first).total_seconds() // 3600) + 1
    moments = [first + timedelta(hours=place) for place in range(hours)]
    return [Hour(begins_at=at, opens=opens.get(at, 0), clicks=clicks.get(at, 0)) for at in moments]


def _by_hour(events: QuerySet[Any]) -> dict[datetime, int]:
    rows = events.order_by().annotate(hour=TruncHour("happened_at", tzinfo=timezone.get_default_timezone()))
    return dict(rows.values("hour").annotate(number=Count("pk")).order_by("hour").values_list("hour", "number")[:500])


def links_of(remote: Campaign) -> list[LinkClicked]:
    """The links that were clicked, the most clicked first."""
    rows = (
        ClickEvent.objects.filter(campaign=remote)
        .order_by()
        .values("url")
        .annotate(clicks=Count("pk"), people=Count("remote_contact_id", distinct=True))
        .order_by("-clicks", "url")[:MOST_LINKS]
    )
    return [LinkClicked(**row) for row in rows]


def counts_of_people(remote: Campaign) -> dict[Did, int]:
    """How many people did what, as far as Dotdigital names them, in one statement."""
    counts = Activity.objects.filter(campaign=remote).aggregate(
        **{did.name: Count("pk", filter=condition) for did, condition in DID_CONDITIONS.items()}
    )
    return {did: counts[did.name] for did in Did}


def people_of(remote: Campaign, did: Did | None, search: str = "") -> QuerySet[Activity]:
    """Those who did it, or everybody."""
    found = Activity.objects.filter(campaign=remote)
    if did is not None:
        found = found.filter(DID_CONDITIONS[did])
    if search:
        found = found.filter(email_key__contains=address_key(search))
    return found.order_by("email_key", "pk")


def recipients(remote: Campaign, activities: Sequence[Activity]) -> list[Recipient]:
    """A page of people with the way to each: to the record that is or was sent at this address, else to the contact."""
    keys = {activity.email_key for activity in activities if activity.email_key}
    # Who opted out is sent no more, and all the same the one who did this.
    past = PastAddress.objects.filter(email_key__in=keys, integration=remote.integration_id, ended_at=None)
    items = ExportItem.objects.filter(
        email_key__in=keys, connection__address_book__integration=remote.integration_id
    ).values_list("email_key", "connection__marketing_list__entity", "record_id")
    records = {
        key: reverse("dotbridge:person-record", args=[entity, pk])
        for key, entity, pk in [*past.values_list("email_key", "entity", "record_id"), *items]
        if pk
    }
    ids = {activity.remote_contact_id for activity in activities}
    contacts = {
        remote_id: reverse("dotbridge:person-contact", args=[pk])
        for remote_id, pk in Contact.objects.filter(integration=remote.integration_id, remote_id__in=ids).values_list(
            "remote_id", "pk"
        )
    }
    return [
        Recipient(
            email=activity.email or str(activity.remote_contact_id),
            url=records.get(activity.email_key) or contacts.get(activity.remote_contact_id, ""),
            opens=activity.opens,
            clicks=activity.clicks,
            is_bounced=activity.is_soft_bounced or activity.is_hard_bounced,
            is_opted_out=activity.is_unsubscribed,
            sent_at=activity.sent_at,
        )
        for activity in activities
    ]

"""Campaigns that wait to be sent: what is known of each, how its sends stand, and what can be chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from dotbridge.connections.models import CampaignSend, ListConnection, Look, LookKind, LookState
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import Campaign, CampaignContent, Draft
from dotbridge.studio.hosts import application_of_region
from dotbridge.sync.texts import stored_text

MOST_SENDS = 20


@dataclass(frozen=True, kw_only=True)
class DraftPage:
    """A campaign by its id in an account. `draft` is None once somebody was sent it, or it was deleted."""

    integration: Integration
    remote_id: int
    name: str
    draft: Draft | None
    sends: list[CampaignSend]

    @property
    def is_busy(self) -> bool:
        """Whether a send of it, or a test, is still on its way."""
        return any(send.is_open for send in self.sends)

    @property
    def newest(self) -> CampaignSend | None:
        """The newest send that was no test."""
        return next((send for send in self.sends if not send.is_test), None)


def drafts_with_state() -> QuerySet[Draft]:
    """The campaigns that nobody was sent, the newest first, each with `send_state` of its newest send, if any."""
    newest = CampaignSend.objects.filter(
        integration=OuterRef("integration"), remote_id=OuterRef("remote_id"), is_test=False
    ).order_by("-pk")
    drafts = Draft.objects.filter(integration__is_active=True).select_related("integration")
    return drafts.annotate(send_state=Subquery(newest.values("state")[:1])).order_by("-remote_id", "pk")


def draft_page(integration: Integration, remote_id: int) -> DraftPage | None:
    """What is known of a campaign; None when neither the account has it unsent nor anybody has had it sent."""
    draft = Draft.objects.filter(integration=integration, remote_id=remote_id).select_related("integration").first()
    found = CampaignSend.objects.filter(integration=integration, remote_id=remote_id)
    # However many tests there were, what went to people comes first: somebody may have to decide about it.
    sends = list(found.order_by("is_test", "-id").select_related("requested_by", "integration")[:MOST_SENDS])
    sends.sort(key=lambda send: -send.pk)
    if draft is None and not sends:
        return None
    name = draft.name if draft else sends[0].name
    return DraftPage(integration=integration, remote_id=remote_id, name=name, draft=draft, sends=sends)


def sent_campaign(integration: Integration, remote_id: int) -> int | None:
    """The key of the e-mail campaign that an import has made of it; None as long as it has not."""
    campaign = Campaign.objects.filter(integration=integration, remote_id=remote_id, pair__isnull=False)
    return campaign.values_list("pair__email_campaign", flat=True).first()


def is_known(integration: Integration, remote_id: int) -> bool:
    """Whether it is a campaign that somebody may look at here: one of the account's that is listed, sent or not."""
    tables = (Draft, Campaign, CampaignSend)
    return any(table.objects.filter(integration=integration, remote_id=remote_id).exists() for table in tables)


def send_words(send: CampaignSend) -> str:
    """How a send stands, in a few words."""
    if send.remote_status == "Scheduled" and send.is_open and send.send_at is not None:
        return _("Scheduled for %(moment)s") % {"moment": moment_words(send.send_at)}
    if send.remote_status == "Sending" and send.is_open:
        return _("Dotdigital is sending it")
    return str(send.get_state_display())


def moment_words(moment: Any) -> str:
    """A moment in the time zone of whoever looks, with its name."""
    local = timezone.localtime(moment)
    return f"{date_format(local, 'DATETIME_FORMAT')} {local.tzname()}"


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a campaign says, as far as it was read, and whether it is being read at this moment."""

    content: CampaignContent | None
    is_waiting: bool
    problem: str


def preview_of(integration: Integration, remote_id: int) -> Preview:
    """The content of a campaign, and how the reading of it stands."""
    content = CampaignContent.objects.filter(integration=integration, remote_id=remote_id).first()
    look = Look.objects.filter(integration=integration, kind=LookKind.CONTENT, remote_id=remote_id).first()
    is_waiting = look is not None and look.state == LookState.WAITING
    return Preview(content=content, is_waiting=is_waiting, problem=stored_text(look.message) if look else "")


def sendable_links(integration: Integration) -> QuerySet[ListConnection]:
    """The connections of an account whose books a campaign can be sent to, by the names of their lists."""
    links = ListConnection.objects.filter(
        address_book__integration=integration, address_book__gone_at=None, ending=None
    )
    return links.select_related("marketing_list", "address_book__integration").order_by("marketing_list__name")


def open_in_dotdigital(integration: Integration) -> str:
    """The address of the account's own web application. Dotdigital names no address of a single campaign."""
    return f"{application_of_region(integration)}/"

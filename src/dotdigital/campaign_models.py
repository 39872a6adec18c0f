"""Campaigns, sends and their results as the vendor answers them (contract §4.8, §4.9)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import msgspec
from msgspec.structs import force_setattr

from dotdigital.decoding import moment
from dotdigital.models import Id, Scalar, TaskId


class Dated(msgspec.Struct, frozen=True, rename="camel"):
    """A row whose ``dates`` are made aware, and None for "never"."""

    # Named and not looked for: there are millions of such rows.
    dates: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for name in self.dates:
            force_setattr(self, name, moment(getattr(self, name)))


class FromAddress(msgspec.Struct, frozen=True):
    """A sender address of the account."""

    id: Id = 0
    email: str | None = None


class Tag(msgspec.Struct, frozen=True):
    """A label of a campaign."""

    name: str = ""


class Campaign(Dated, frozen=True, rename="camel"):
    """A campaign (contract §4.8). Lists have no contents; type, tags and dates come with details or filters only."""

    dates = ("sent_date", "scheduled_date")

    id: Id
    name: str = ""
    subject: str = ""
    from_name: str = ""
    from_address: FromAddress | None = None
    html_content: str | None = None
    plain_text_content: str | None = None
    reply_action: str = ""
    reply_to_address: str | None = None
    is_split_test: bool = False
    status: str = ""
    custom_reply_to_address: str | None = None
    type: str | None = None
    tags: list[Tag | str] = []
    split_test_options: Any = None
    sent_date: datetime | None = None
    scheduled_date: datetime | None = None

    @property
    def tag_names(self) -> list[str]:
        """The labels, whichever of the service's two spellings they came in."""
        return [tag if isinstance(tag, str) else tag.name for tag in self.tags]


class Send(Dated, frozen=True, rename="camel"):
    """A send (contract §4.8). ``status`` is NotSent, Scheduled, Sending, Sent or Cancelled."""

    dates = ("send_date",)

    id: TaskId
    campaign_id: Id = 0
    address_book_ids: list[Id] | None = None
    contact_ids: list[Id] | None = None
    send_date: datetime | None = None
    split_test_options: Any = None
    status: str = ""


class CampaignSummary(Dated, frozen=True, rename="camel"):
    """The figures of a campaign (contract §4.9): counts, ratios from 0 to 1, and money as the service writes it."""

    dates = ("date_sent",)

    date_sent: datetime | None = None
    num_unique_opens: int = 0
    num_unique_text_opens: int = 0
    num_total_unique_opens: int = 0
    num_opens: int = 0
    num_text_opens: int = 0
    num_total_opens: int = 0
    num_clicks: int = 0
    num_text_clicks: int = 0
    num_total_clicks: int = 0
    num_page_views: int = 0
    num_total_page_views: int = 0
    num_text_page_views: int = 0
    num_forwards: int = 0
    num_text_forwards: int = 0
    num_estimated_forwards: int = 0
    num_text_estimated_forwards: int = 0
    num_total_estimated_forwards: int = 0
    num_replies: int = 0
    num_text_replies: int = 0
    num_total_replies: int = 0
    num_hard_bounces: int = 0
    num_text_hard_bounces: int = 0
    num_total_hard_bounces: int = 0
    num_soft_bounces: int = 0
    num_text_soft_bounces: int = 0
    num_total_soft_bounces: int = 0
    num_unsubscribes: int = 0
    num_text_unsubscribes: int = 0
    num_total_unsubscribes: int = 0
    num_isp_complaints: int = 0
    num_text_isp_complaints: int = 0
    num_total_isp_complaints: int = 0
    num_mail_blocks: int = 0
    num_text_mail_blocks: int = 0
    num_total_mail_blocks: int = 0
    num_sent: int = 0
    num_text_sent: int = 0
    num_total_sent: int = 0
    num_recipients_clicked: int = 0
    num_delivered: int = 0
    num_text_delivered: int = 0
    num_total_delivered: int = 0
    percentage_delivered: float = 0.0
    percentage_unique_opens: float = 0.0
    percentage_opens: float = 0.0
    percentage_unsubscribes: float = 0.0
    percentage_replies: float = 0.0
    percentage_hard_bounces: float = 0.0
    percentage_soft_bounces: float = 0.0
    percentage_users_clicked: float = 0.0
    percentage_clicks_to_opens: float = 0.0
    revenue: str | float | None = None
    conversion_rate: float | None = None
    assisted_revenue: str | float | None = None
    num_orders: int | None = None
    num_assisted_orders: int | None = None


class CampaignActivity(Dated, frozen=True, rename="camel"):
    """What one contact did with a campaign that was sent to them (contract §4.9). Dates are None for "never"."""

    dates = ("date_sent", "date_first_opened", "date_last_opened")

    contact_id: Id
    email: str | None = None
    num_opens: int = 0
    num_page_views: int = 0
    num_clicks: int = 0
    num_forwards: int = 0
    num_estimated_forwards: int = 0
    num_replies: int = 0
    date_sent: datetime | None = None
    date_first_opened: datetime | None = None
    date_last_opened: datetime | None = None
    first_open_ip: str | None = None
    unsubscribed: bool = False
    soft_bounced: bool = False
    hard_bounced: bool = False


class Group(Dated, frozen=True, rename="camel"):
    """A group of links."""

    dates = ("date_created",)

    name: str | None = None
    date_created: datetime | None = None


class Click(Dated, frozen=True, rename="camel"):
    """One click on one link. ``groups`` are filled by the read with groups only."""

    dates = ("date_clicked",)

    contact_id: Id
    email: str | None = None
    url: str | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    date_clicked: datetime | None = None
    keyword: str | None = None
    groups: list[Group] = []


class Open(Dated, frozen=True, rename="camel"):
    """One opening of the mail."""

    dates = ("date_opened",)

    contact_id: Id
    email: str | None = None
    mail_client: str | None = None
    mail_client_version: str | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    is_html: bool = False
    is_forward: bool = False
    date_opened: datetime | None = None


class PageView(Dated, frozen=True, rename="camel"):
    """One page seen after a click."""

    dates = ("date_viewed",)

    contact_id: Id
    email: str | None = None
    url: str | None = None
    date_viewed: datetime | None = None


class Reply(Dated, frozen=True, rename="camel"):
    """A reply to the mail. ``reply_type`` is Reply, AutoReply, ChallengeResponse or Unsafe."""

    dates = ("date_replied",)

    contact_id: Id
    email: str | None = None
    from_address: str | None = None
    to_address: str | None = None
    subject: str | None = None
    message: str | None = None
    is_html: bool = False
    date_replied: datetime | None = None
    reply_type: str = ""
    custom_reply_to_address: str | None = None


class RoiDetail(Dated, frozen=True, rename="camel"):
    """A value that a marked page reported."""

    dates = ("date_entered",)

    contact_id: Id
    email: str | None = None
    marker_name: str | None = None
    data_type: str = ""
    value: Scalar = None
    date_entered: datetime | None = None


class BookmarkView(msgspec.Struct, frozen=True, rename="camel"):
    """How often a contact's shared bookmark was seen."""

    contact_id: Id
    email: str | None = None
    bookmark_name: str | None = None
    num_views: int = 0


class Revenue(Dated, frozen=True, rename="camel"):
    """What a campaign earned. The service spells the first key both campaignID and campaignId, so it is left out."""

    dates = ("date_sent", "date_last_sent")

    date_sent: datetime | None = None
    date_last_sent: datetime | None = None
    currency: str | None = None
    revenue: str | float | None = None
    num_orders: int | None = None
    conversion_rate: float | None = None

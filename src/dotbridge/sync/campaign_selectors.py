"""What an e-mail campaign's page shows of Dotdigital: the campaign it was made of, and its figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from dotbridge.campaigns.models import EmailCampaign
from dotbridge.mirror.models import Campaign, CampaignSummary

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the block. A share is a fraction, 0.888 for 88.8 %; anything else is a count."""

    name: str
    label: StrOrPromise
    explanation: StrOrPromise
    value: float
    is_share: bool


@dataclass(frozen=True, kw_only=True)
class FigureGroup:
    """Figures that belong together."""

    label: StrOrPromise
    figures: tuple[Figure, ...]


@dataclass(frozen=True, kw_only=True)
class StatisticsBlock:
    """The figures of a campaign as Dotdigital counts them, of all its recipients, known to the CRM or not."""

    as_of: datetime
    sent_at: datetime | None
    groups: tuple[FigureGroup, ...]


_SHOWN: tuple[tuple[StrOrPromise, tuple[tuple[str, StrOrPromise, StrOrPromise], ...]], ...] = (
    (
        _("Delivery"),
        (
            ("num_total_sent", _("Sent"), _("Mails that were sent.")),
            ("num_total_delivered", _("Delivered"), _("Mails that did not bounce.")),
            ("percentage_delivered", _("Delivered, share"), _("Of the mails that were sent.")),
        ),
    ),
    (
        _("Engagement"),
        (
            ("num_total_opens", _("Opens"), _("Every opening counts.")),
            ("num_total_unique_opens", _("Unique opens"), _("Each person counts once.")),
            ("percentage_unique_opens", _("Unique opens, share"), _("Of the mails that were delivered.")),
            (
                "num_total_estimated_forwards",
                _("Estimated forwards"),
                _("People whom forwarding is thought to have reached."),
            ),
        ),
    ),
    (
        _("Interaction"),
        (
            ("num_recipients_clicked", _("Recipients who clicked"), _("Each person counts once.")),
            ("percentage_users_clicked", _("Recipients who clicked, share"), _("Of the mails that were delivered.")),
            ("num_total_clicks", _("Clicks"), _("Every click counts.")),
            ("percentage_clicks_to_opens", _("Clicks to opens"), _("Clicks for each opening.")),
            ("num_total_page_views", _("Page views"), _("Pages seen on the website after a click.")),
            ("num_total_replies", _("Replies"), _("Answers to the mail.")),
            ("percentage_replies", _("Replies, share"), _("Of the mails that were delivered.")),
            ("total_forwards", _("Forwards"), _("Mails passed on with the forwarding link.")),
        ),
    ),
    (
        _("Negative"),
        (
            ("num_total_hard_bounces", _("Hard bounces"), _("Addresses that do not exist.")),
            ("percentage_hard_bounces", _("Hard bounces, share"), _("Of the mails that were sent.")),
            ("num_total_soft_bounces", _("Soft bounces"), _("Mailboxes that could not take the mail this time.")),
            ("percentage_soft_bounces", _("Soft bounces, share"), _("Of the mails that were delivered.")),
            ("num_total_unsubscribes", _("Unsubscribes"), _("People who want no more mails.")),
            ("percentage_unsubscribes", _("Unsubscribes, share"), _("Of the mails that were delivered.")),
            ("num_total_isp_complaints", _("Complaints"), _("People who called it spam.")),
            ("num_total_mail_blocks", _("Mail blocks"), _("Mails that the receiving side refused.")),
        ),
    ),
)


def campaign_behind(email_campaign: EmailCampaign) -> Campaign | None:
    """The campaign in Dotdigital that an e-mail campaign was made of, gone or not; None for one made here."""
    return Campaign.objects.filter(pair__email_campaign=email_campaign).first()


def statistics_block(email_campaign: EmailCampaign) -> StatisticsBlock | None:
    """The figures of an e-mail campaign in the order they are shown; None as long as Dotdigital gave none."""
    summary = CampaignSummary.objects.filter(campaign__pair__email_campaign=email_campaign).first()
    if summary is None:
        return None
    groups = tuple(
        FigureGroup(
            label=label,
            figures=tuple(
                Figure(
                    name=name,
                    label=title,
                    explanation=explanation,
                    value=_value(summary, name),
                    is_share=name.startswith("percentage_"),
                )
                for name, title, explanation in lines
            ),
        )
        for label, lines in _SHOWN
    )
    return StatisticsBlock(as_of=summary.read_at, sent_at=summary.date_sent, groups=groups)


def _value(summary: CampaignSummary, name: str) -> float:
    if name == "total_forwards":
        # Dotdigital gives no total of these.
        return summary.num_forwards + summary.num_text_forwards
    return float(getattr(summary, name)) if name.startswith("percentage_") else int(getattr(summary, name))

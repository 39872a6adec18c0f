"""Records made of campaigns: once somebody was sent it and its book has a list, an e-mail and a marketing campaign.

That may be at its first import or at any later one. Whatever was already read of it is applied in the same run.
"""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from dotbridge.campaigns.codes import free_code
from dotbridge.campaigns.models import NAME_LENGTH, EmailCampaign, ReportPeriod
from dotbridge.campaigns.services import create_email_campaign, create_marketing_campaign
from dotbridge.connections.selectors import connected_campaigns
from dotbridge.lists.models import MarketingList
from dotbridge.mirror.campaign_models import NOT_SENT_YET
from dotbridge.mirror.models import Campaign
from dotbridge.sync.context import Refusal, StepContext
from dotbridge.sync.failures import Failure
from dotbridge.sync.going_over import go_over
from dotbridge.sync.models import CampaignPair


def make_records(step: StepContext) -> None:
    """Make the records of every campaign that has none and that anybody was sent, also one that goes on sending.

    What was deleted here since is not made again.
    """

    def make(campaign: Campaign) -> None:
        try:
            _make_records(campaign, owner=step.integration.default_owner)
        except ValidationError as error:
            step.reject([Refusal(f"campaign {campaign.remote_id}", "no_record", " ".join(error.messages))])
        else:
            step.count(records_made=1)

    def refusal(campaign: Campaign, failure: Failure) -> Refusal:
        return Refusal(
            f"campaign {campaign.remote_id}", "no_record", f"{failure.text} {_('The next run tries again.')}"
        )

    made = CampaignPair.objects.filter(campaign=OuterRef("pk"))
    without = connected_campaigns(step.integration).filter(~Exists(made)).exclude(status__in=NOT_SENT_YET)
    go_over(step, without, make, refusal)


@transaction.atomic
def _make_records(campaign: Campaign, *, owner: AbstractBaseUser | None) -> EmailCampaign:
    name = campaign.name or _("Campaign %(number)s") % {"number": campaign.remote_id}
    marketing_campaign = create_marketing_campaign(
        name=name,
        code=free_code(name=name, number=campaign.remote_id),
        description=_("Made of the Dotdigital campaign “%(name)s”.") % {"name": name},
        report_period=ReportPeriod.DAY,
        owner=owner,
        is_automatic=True,
    )
    email_campaign = create_email_campaign(
        name=name[:NAME_LENGTH],
        marketing_list=_list_of(campaign),
        marketing_campaign=marketing_campaign,
        description=campaign.subject,
        sender_name=campaign.from_name,
        sender_email=campaign.from_address,
        sent_at=campaign.sent_at,
        owner=owner,
    )
    CampaignPair.objects.create(campaign=campaign, email_campaign=email_campaign)
    return email_campaign


def _list_of(campaign: Campaign) -> MarketingList | None:
    """The list of the oldest of its books that has one, whatever the books are called by now."""
    lists = MarketingList.objects.filter(
        connection__address_book__campaigns=campaign, connection__address_book__gone_at=None
    )
    return lists.order_by("connection__address_book__remote_id").first()

"""Everything that changes a campaign. What imports bring in bulk is written by `bulk`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dotbridge.campaigns.models import (
    CampaignCode,
    EmailCampaign,
    MarketingCampaign,
    ReportPeriod,
    Schedule,
    Transport,
)
from dotbridge.lists.models import MarketingList

# What a merge may take from any of the merged campaigns; everything else is the remaining one's own.
MERGEABLE = ("name", "start_date", "end_date", "description", "budget", "report_period", "owner")
CHANGEABLE = frozenset({*MERGEABLE, "code"})


def create_marketing_campaign(
    *,
    name: str,
    code: str,
    start_date: date | None = None,
    end_date: date | None = None,
    description: str = "",
    budget: Decimal | None = None,
    report_period: ReportPeriod = ReportPeriod.DAY,
    owner: AbstractBaseUser | None = None,
    is_automatic: bool = False,
) -> MarketingCampaign:
    """A new marketing campaign.

    Raises ValidationError, by field: for a code that any campaign has or ever had, and for whatever does not fit.
    """
    made = MarketingCampaign(
        name=name,
        code=code,
        start_date=start_date,
        end_date=end_date,
        description=description,
        budget=budget,
        report_period=report_period,
        owner_id=owner.pk if owner else None,
        is_automatic=is_automatic,
    )
    return _save(made)


def update_marketing_campaign(*, marketing_campaign: MarketingCampaign, **changes: Any) -> MarketingCampaign:
    """Change the named fields (those of MERGEABLE, and the code). A former code stays the campaign's own.

    Raises ValidationError as creating does, and TypeError for a field that cannot be changed; then nothing is changed.
    """
    if unknown := set(changes) - CHANGEABLE:
        raise TypeError(f"{', '.join(sorted(unknown))} cannot be changed; these can: {', '.join(sorted(CHANGEABLE))}")
    changed = MarketingCampaign.objects.get(pk=marketing_campaign.pk)
    for field, value in changes.items():
        setattr(changed, field, value)
    _save(changed)
    marketing_campaign.refresh_from_db()
    return marketing_campaign


def create_email_campaign(
    *,
    name: str,
    marketing_list: MarketingList | None,
    marketing_campaign: MarketingCampaign | None = None,
    description: str = "",
    sender_name: str = "",
    sender_email: str = "",
    sent_at: datetime | None = None,
    owner: AbstractBaseUser | None = None,
) -> EmailCampaign:
    """A new e-mail campaign that Dotdigital sends, or has sent at `sent_at`. Raises ValidationError, by field."""
    made = EmailCampaign(
        name=name,
        marketing_list=marketing_list,
        marketing_campaign=marketing_campaign,
        description=description,
        sender_name=sender_name,
        sender_email=sender_email,
        schedule=Schedule.MANUAL,
        transport=Transport.DOTDIGITAL,
        sent_at=sent_at,
        owner_id=owner.pk if owner else None,
    )
    made.full_clean()
    made.save()
    return made


def set_sent_at(*, email_campaign: EmailCampaign, sent_at: datetime) -> None:
    """Note when it was sent, as far as that was found out."""
    EmailCampaign.objects.filter(pk=email_campaign.pk).update(sent_at=sent_at)


@transaction.atomic
def delete_email_campaign(*, email_campaign: EmailCampaign) -> None:
    """Delete an e-mail campaign with its statistics and activities. One that was imported is not imported again."""
    # An import that writes activities of it holds it; this waits for that.
    for held in EmailCampaign.objects.select_for_update().filter(pk=email_campaign.pk):
        held.delete()


@transaction.atomic
def delete_marketing_campaign(*, marketing_campaign: MarketingCampaign) -> None:
    """Delete a marketing campaign and free its codes. Its e-mail campaigns and activities stay, outside of any."""
    for held in MarketingCampaign.objects.select_for_update().filter(pk=marketing_campaign.pk):
        held.delete()


@transaction.atomic
def merge_campaigns(
    *,
    remaining: MarketingCampaign,
    others: Sequence[MarketingCampaign],
    chosen: Mapping[str, MarketingCampaign] | None = None,
) -> MarketingCampaign:
    """Make one marketing campaign of several: the others go, and all that hung on them is the remaining one's.

    `chosen` names the campaign that a field of MERGEABLE is taken from; without, the remaining one's stays. E-mail
    campaigns and activities follow, and the codes of all, former ones too, lead to the remaining campaign.
    Raises ValidationError when a field or a campaign is not among them, or the result does not fit together.
    """
    ids = {remaining.pk, *(other.pk for other in others)}
    if len(ids) != len(others) + 1 or len(ids) < 2:
        raise ValidationError(_("Choose two or more different campaigns to merge."))
    campaigns = _hold(ids)
    merged = campaigns[remaining.pk]
    for field, source in (chosen or {}).items():
        if field not in MERGEABLE:
            raise ValidationError(_("%(field)s cannot be chosen in a merge.") % {"field": field})
        if source.pk not in campaigns:
            raise ValidationError({field: _("Choose it from one of the merged campaigns.")})
        setattr(merged, field, getattr(campaigns[source.pk], field))
    _save(merged)
    _move_to(merged, [pk for pk in campaigns if pk != merged.pk])
    remaining.refresh_from_db()
    return remaining


def _hold(ids: set[int]) -> dict[int, MarketingCampaign]:
    campaigns = MarketingCampaign.objects.select_for_update().filter(pk__in=ids).order_by("pk")
    held = {each.pk: each for each in campaigns}
    if len(held) != len(ids):
        raise ValidationError(_("One of the campaigns does not exist any more. Look at the list again."))
    return held


def _move_to(merged: MarketingCampaign, gone: list[int]) -> None:
    EmailCampaign.objects.filter(marketing_campaign__in=gone).update(marketing_campaign=merged)
    CampaignCode.objects.filter(marketing_campaign__in=gone).update(marketing_campaign=merged)
    MarketingCampaign.objects.filter(pk__in=gone).delete()


def _save(campaign: MarketingCampaign) -> MarketingCampaign:
    """Write the campaign and claim its code for ever; the codes' own table says whose each is."""
    campaign.full_clean()
    try:
        with transaction.atomic():
            campaign.save()
            _claim_code(campaign)
    except IntegrityError:
        raise _code_taken() from None
    return campaign


def _claim_code(campaign: MarketingCampaign) -> None:
    claim, _created = CampaignCode.objects.get_or_create(code=campaign.code, defaults={"marketing_campaign": campaign})
    if claim.marketing_campaign_id != campaign.pk:
        raise _code_taken()


def _code_taken() -> ValidationError:
    return ValidationError({"code": _("This code belongs, or belonged, to another campaign. Choose another one.")})

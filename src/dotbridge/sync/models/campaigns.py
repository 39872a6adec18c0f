"""What the sync keeps of campaigns: which record was made of which, and when the address books were last asked."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from dotbridge.campaigns.models import EmailCampaign
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import Campaign


class CampaignPair(models.Model):
    """The e-mail campaign that was made of a campaign. Once deleted here it is not made again: the pair stays."""

    campaign = models.OneToOneField(Campaign, models.CASCADE, related_name="pair", verbose_name=_("campaign"))
    email_campaign = models.OneToOneField(
        EmailCampaign, models.SET_NULL, null=True, related_name="pair", verbose_name=_("e-mail campaign")
    )
    created_at = models.DateTimeField(_("made"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("pair of campaigns")
        verbose_name_plural = _("pairs of campaigns")

    def __str__(self) -> str:
        return f"{self.campaign_id} → {self.email_campaign_id}"


class ResultMatching(models.Model):
    """Up to which note of an exported address waiting results were looked for, and when for all records."""

    integration = models.OneToOneField(Integration, models.CASCADE, related_name="result_matching")
    last_item_id = models.BigIntegerField(default=0)
    all_matched_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("matching of results")
        verbose_name_plural = _("matchings of results")

    def __str__(self) -> str:
        return f"{self.integration_id}: {self.last_item_id}"


class CampaignListing(models.Model):
    """What the account's list of campaigns looked like when the connected books were last asked for theirs."""

    integration = models.OneToOneField(Integration, models.CASCADE, related_name="campaign_listing")
    fingerprint = models.CharField(max_length=64)
    listed_at = models.DateTimeField()

    class Meta:
        verbose_name = _("listing of campaigns")
        verbose_name_plural = _("listings of campaigns")

    def __str__(self) -> str:
        return f"{self.integration_id}: {self.listed_at:%Y-%m-%d %H:%M:%S}"

"""The figures of a campaign, one row a campaign (contract §4.9)."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from dotbridge.mirror.campaign_models import Campaign


class CampaignSummary(models.Model):
    """All counters that Dotdigital keeps of a campaign, by its own names.

    `num_x` counts mails with HTML, `num_text_x` those without, `num_total_x` both. Percentages are fractions: 0.888 is
    88.8 %, and opens may exceed 1. Money is text, as Dotdigital writes it.
    """

    campaign = models.OneToOneField(Campaign, models.CASCADE, related_name="summary", verbose_name=_("campaign"))
    read_at = models.DateTimeField(_("as of"))
    date_sent = models.DateTimeField(null=True)
    num_unique_opens = models.IntegerField(default=0)
    num_unique_text_opens = models.IntegerField(default=0)
    num_total_unique_opens = models.IntegerField(default=0)
    num_opens = models.IntegerField(default=0)
    num_text_opens = models.IntegerField(default=0)
    num_total_opens = models.IntegerField(default=0)
    num_clicks = models.IntegerField(default=0)
    num_text_clicks = models.IntegerField(default=0)
    num_total_clicks = models.IntegerField(default=0)
    num_page_views = models.IntegerField(default=0)
    num_total_page_views = models.IntegerField(default=0)
    num_text_page_views = models.IntegerField(default=0)
    num_forwards = models.IntegerField(default=0)
    num_text_forwards = models.IntegerField(default=0)
    num_estimated_forwards = models.IntegerField(default=0)
    num_text_estimated_forwards = models.IntegerField(default=0)
    num_total_estimated_forwards = models.IntegerField(default=0)
    num_replies = models.IntegerField(default=0)
    num_text_replies = models.IntegerField(default=0)
    num_total_replies = models.IntegerField(default=0)
    num_hard_bounces = models.IntegerField(default=0)
    num_text_hard_bounces = models.IntegerField(default=0)
    num_total_hard_bounces = models.IntegerField(default=0)
    num_soft_bounces = models.IntegerField(default=0)
    num_text_soft_bounces = models.IntegerField(default=0)
    num_total_soft_bounces = models.IntegerField(default=0)
    num_unsubscribes = models.IntegerField(default=0)
    num_text_unsubscribes = models.IntegerField(default=0)
    num_total_unsubscribes = models.IntegerField(default=0)
    num_isp_complaints = models.IntegerField(default=0)
    num_text_isp_complaints = models.IntegerField(default=0)
    num_total_isp_complaints = models.IntegerField(default=0)
    num_mail_blocks = models.IntegerField(default=0)
    num_text_mail_blocks = models.IntegerField(default=0)
    num_total_mail_blocks = models.IntegerField(default=0)
    num_sent = models.IntegerField(default=0)
    num_text_sent = models.IntegerField(default=0)
    num_total_sent = models.IntegerField(default=0)
    num_recipients_clicked = models.IntegerField(default=0)
    num_delivered = models.IntegerField(default=0)
    num_text_delivered = models.IntegerField(default=0)
    num_total_delivered = models.IntegerField(default=0)
    percentage_delivered = models.FloatField(default=0.0)
    percentage_unique_opens = models.FloatField(default=0.0)
    percentage_opens = models.FloatField(default=0.0)
    percentage_unsubscribes = models.FloatField(default=0.0)
    percentage_replies = models.FloatField(default=0.0)
    percentage_hard_bounces = models.FloatField(default=0.0)
    percentage_soft_bounces = models.FloatField(default=0.0)
    percentage_users_clicked = models.FloatField(default=0.0)
    percentage_clicks_to_opens = models.FloatField(default=0.0)
    revenue = models.CharField(max_length=64, blank=True)
    conversion_rate = models.FloatField(null=True)
    assisted_revenue = models.CharField(max_length=64, blank=True)
    num_orders = models.IntegerField(null=True)
    num_assisted_orders = models.IntegerField(null=True)

    class Meta:
        verbose_name = _("campaign summary")
        verbose_name_plural = _("campaign summaries")

    def __str__(self) -> str:
        return f"{self.campaign_id}: {self.num_total_sent}"

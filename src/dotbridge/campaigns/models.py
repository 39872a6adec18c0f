"""Marketing campaigns, the e-mail campaigns in them, and what came of each for each record. Written by `services` and
`bulk` alone, read through `selectors`."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from dotbridge.entities.record_ids import RECORD_ID_LENGTH
from dotbridge.lists.models import MarketingList

CODE_LENGTH = 20
NAME_LENGTH = 255


class ReportPeriod(models.TextChoices):
    """How finely a campaign's report is drawn."""

    HOUR = "hour", _("Hourly")
    DAY = "day", _("Daily")
    MONTH = "month", _("Monthly")


class MarketingCampaign(models.Model):
    """One effort of marketing, in which any number of e-mail campaigns take part."""

    name = models.CharField(_("name"), max_length=NAME_LENGTH)
    code = models.CharField(
        _("code"),
        max_length=CODE_LENGTH,
        unique=True,
        validators=[RegexValidator(r"\A[A-Za-z0-9_-]+\Z", _("Letters, digits, hyphen and underscore only."))],
        help_text=_("For tracking: up to 20 letters, digits, hyphens and underscores."),
    )
    start_date = models.DateField(_("start"), null=True, blank=True)
    end_date = models.DateField(_("end"), null=True, blank=True)
    description = models.TextField(_("description"), blank=True)
    budget = models.DecimalField(
        _("budget"), max_digits=14, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    report_period = models.CharField(_("report"), max_length=8, choices=ReportPeriod, default=ReportPeriod.DAY)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("owner")
    )
    is_automatic = models.BooleanField(_("made by an import"), default=False, editable=False)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("marketing campaign")
        verbose_name_plural = _("marketing campaigns")
        ordering = ["-start_date", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(start_date__isnull=True) | Q(end_date__isnull=True) | Q(start_date__lte=F("end_date")),
                name="marketing_campaign_starts_before_it_ends",
                violation_error_message=_("A campaign cannot end before it starts."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.code})"


class CampaignCode(models.Model):
    """Every code that a marketing campaign has or ever had. Links with it are out in the world: nobody else gets it."""

    code = models.CharField(_("code"), max_length=CODE_LENGTH, unique=True)
    marketing_campaign = models.ForeignKey(
        MarketingCampaign, models.CASCADE, related_name="codes", verbose_name=_("marketing campaign")
    )
    since = models.DateTimeField(_("since"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("campaign code")
        verbose_name_plural = _("campaign codes")
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.code


class Schedule(models.TextChoices):
    """When an e-mail campaign is sent."""

    MANUAL = "manual", _("Manual")


class Transport(models.TextChoices):
    """Who sends an e-mail campaign."""

    DOTDIGITAL = "dotdigital", _("Dotdigital")


class EmailCampaign(models.Model):
    """A mail to the people of a marketing list."""

    name = models.CharField(_("name"), max_length=NAME_LENGTH)
    marketing_list = models.ForeignKey(
        MarketingList,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="email_campaigns",
        verbose_name=_("marketing list"),
    )
    marketing_campaign = models.ForeignKey(
        MarketingCampaign,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="email_campaigns",
        verbose_name=_("marketing campaign"),
    )
    description = models.TextField(_("description"), blank=True)
    sender_name = models.CharField(_("sender's name"), max_length=NAME_LENGTH, blank=True)
    sender_email = models.CharField(_("sender's address"), max_length=NAME_LENGTH, blank=True)
    schedule = models.CharField(_("schedule"), max_length=16, choices=Schedule, default=Schedule.MANUAL)
    transport = models.CharField(_("sent by"), max_length=32, choices=Transport, default=Transport.DOTDIGITAL)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("owner")
    )
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("e-mail campaign")
        verbose_name_plural = _("e-mail campaigns")
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class EmailCampaignStatistics(models.Model):
    """What one record did with one e-mail campaign. `contact_id` is whom Dotdigital has sent it: the record that they
    were then stays theirs, whatever address they have later."""

    email_campaign = models.ForeignKey(
        EmailCampaign, models.CASCADE, related_name="statistics", verbose_name=_("e-mail campaign"), db_index=False
    )
    entity = models.CharField(_("entity"), max_length=100)
    record_id = models.CharField(_("record"), max_length=RECORD_ID_LENGTH)
    opens = models.IntegerField(_("opens"), default=0)
    clicks = models.IntegerField(_("clicks"), default=0)
    bounces = models.SmallIntegerField(_("bounces"), default=0, help_text=_("A soft and a hard one are two."))
    unsubscribes = models.SmallIntegerField(_("unsubscribes"), default=0)
    last_contacted_at = models.DateTimeField(_("last contacted"), null=True, blank=True)
    contact_id = models.BigIntegerField(null=True, editable=False)

    class Meta:
        verbose_name = _("recipient")
        verbose_name_plural = _("recipients")
        constraints = [
            models.UniqueConstraint(fields=["email_campaign", "entity", "record_id"], name="campaign_statistics_once")
        ]
        # A list's rule asks of each record when it was last written to, and how often.
        indexes = [models.Index(fields=["record_id", "entity"], name="campaign_statistics_of_record")]

    def __str__(self) -> str:
        return f"{self.email_campaign_id}/{self.record_id}"


class ActivityType(models.TextChoices):
    """What happened. Dotdigital does not say which campaign a complaint was about, so there is none of these."""

    SEND = "send", _("Sent")
    OPEN = "open", _("Opened")
    CLICK = "click", _("Clicked")
    SOFT_BOUNCE = "soft_bounce", _("Soft-bounced")
    HARD_BOUNCE = "hard_bounce", _("Hard-bounced")
    UNSUBSCRIBE = "unsubscribe", _("Unsubscribed")


class MarketingActivity(models.Model):
    """One thing that happened between an e-mail campaign, and so its marketing campaign, and a record."""

    type = models.CharField(_("what"), max_length=16, choices=ActivityType)
    email_campaign = models.ForeignKey(
        EmailCampaign, models.CASCADE, related_name="activities", verbose_name=_("e-mail campaign"), db_index=False
    )
    entity = models.CharField(_("entity"), max_length=100)
    record_id = models.CharField(_("record"), max_length=RECORD_ID_LENGTH)
    action_date = models.DateTimeField(_("when"))
    details = models.TextField(_("details"), blank=True, help_text=_("A click's link."))
    natural_key = models.UUIDField(help_text=_("Says what happened to whom, so that the same event is kept once."))

    class Meta:
        verbose_name = _("marketing activity")
        verbose_name_plural = _("marketing activities")
        ordering = ["-action_date", "-pk"]
        constraints = [
            # Its first column also finds all activities of an e-mail campaign.
            models.UniqueConstraint(fields=["email_campaign", "natural_key"], name="marketing_activity_once"),
        ]
        indexes = [
            # The page of a record shows what it did.
            models.Index(fields=["record_id", "entity"], name="marketing_activity_of_record"),
            # The page of a marketing campaign counts by type.
            models.Index(fields=["email_campaign", "type"], name="marketing_activity_by_type"),
            # The list of all activities shows the newest first.
            models.Index(fields=["action_date", "id"], name="marketing_activity_by_date"),
        ]

    def __str__(self) -> str:
        return f"{self.get_type_display()} {self.record_id}"

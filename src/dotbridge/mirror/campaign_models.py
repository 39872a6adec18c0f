"""Campaigns of the account, their figures, and what each recipient did with them, as we last saw it.

Contents are not stored: nobody reads them here, and one may be megabytes long. Neither are the network addresses and
browsers of recipients; they only help to tell two events apart.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from dotbridge.integrations.models import Integration

UNSENT = "Unsent"
SENT = "Sent"
# Nobody has got a mail of these yet. Any other status means that some have, or are getting one all day (contract §4.5).
NOT_SENT_YET = (UNSENT, "RequiresSystemApproval", "RequiresSMSApproval", "RequiresWorkflowApproval")


class Campaign(models.Model):
    """A campaign that was sent to a connected address book."""

    integration = models.ForeignKey(
        Integration, models.CASCADE, related_name="campaigns", verbose_name=_("integration"), db_index=False
    )
    remote_id = models.BigIntegerField(_("id in Dotdigital"))
    name = models.CharField(_("name"), max_length=255)
    subject = models.CharField(_("subject"), max_length=255, blank=True)
    from_name = models.CharField(_("sender's name"), max_length=255, blank=True)
    from_address = models.CharField(_("sender's address"), max_length=255, blank=True)
    reply_action = models.CharField(_("what becomes of replies"), max_length=64, blank=True)
    reply_to_address = models.CharField(_("replies go to"), max_length=255, blank=True)
    status = models.CharField(_("status"), max_length=64, blank=True)
    is_split_test = models.BooleanField(_("split test"), default=False)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True, help_text=_("As its figures say."))
    gone_at = models.DateTimeField(_("gone since"), null=True, blank=True)
    active_at = models.DateTimeField(
        _("last known to be active"),
        null=True,
        blank=True,
        help_text=_("By Dotdigital's clock. Results read up to a later moment are complete."),
    )
    sent_when_read = models.IntegerField(
        _("sent, when its recipients were read"),
        null=True,
        blank=True,
        help_text=_("Dotdigital's list of changes leaves out who was only sent it: another number needs all of them."),
    )
    recipients_read_at = models.DateTimeField(_("all recipients last read"), null=True, blank=True)
    first_seen_at = models.DateTimeField(_("first seen"), db_default=Now(), editable=False)
    address_books = models.ManyToManyField(
        "dotbridge_mirror.AddressBook",
        through="CampaignBook",
        related_name="campaigns",
        verbose_name=_("address books"),
    )

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        ordering = ["-remote_id"]
        constraints = [models.UniqueConstraint(fields=["integration", "remote_id"], name="campaign_once")]

    def __str__(self) -> str:
        return self.name


class CampaignBook(models.Model):
    """That a campaign was sent to an address book."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, verbose_name=_("campaign"), db_index=False)
    address_book = models.ForeignKey("dotbridge_mirror.AddressBook", models.CASCADE, verbose_name=_("address book"))

    class Meta:
        verbose_name = _("address book of a campaign")
        verbose_name_plural = _("address books of campaigns")
        constraints = [models.UniqueConstraint(fields=["campaign", "address_book"], name="campaign_book_once")]

    def __str__(self) -> str:
        return f"{self.campaign_id}/{self.address_book_id}"


class Activity(models.Model):
    """What one contact did with one campaign. Times are NULL for "never"."""

    campaign = models.ForeignKey(
        Campaign, models.CASCADE, related_name="activities", verbose_name=_("campaign"), db_index=False
    )
    remote_contact_id = models.BigIntegerField(_("contact's id in Dotdigital"))
    email = models.TextField(_("e-mail"), blank=True)
    email_key = models.TextField(_("e-mail, normalised"), blank=True)
    opens = models.IntegerField(_("opens"), default=0)
    clicks = models.IntegerField(_("clicks"), default=0)
    page_views = models.IntegerField(_("page views"), default=0)
    forwards = models.IntegerField(_("forwards"), default=0)
    estimated_forwards = models.IntegerField(_("estimated forwards"), default=0)
    replies = models.IntegerField(_("replies"), default=0)
    sent_at = models.DateTimeField(_("sent"), null=True)
    first_opened_at = models.DateTimeField(_("first opened"), null=True)
    last_opened_at = models.DateTimeField(_("last opened"), null=True)
    is_unsubscribed = models.BooleanField(_("unsubscribed"), default=False)
    is_soft_bounced = models.BooleanField(_("soft-bounced"), default=False)
    is_hard_bounced = models.BooleanField(_("hard-bounced"), default=False)

    class Meta:
        verbose_name = _("activity")
        verbose_name_plural = _("activities")
        # Its first column also finds all rows of a campaign.
        constraints = [models.UniqueConstraint(fields=["campaign", "remote_contact_id"], name="activity_once")]

    def __str__(self) -> str:
        return f"{self.campaign_id}/{self.remote_contact_id}"


class OpenEvent(models.Model):
    """One opening of a campaign's mail."""

    campaign = models.ForeignKey(
        Campaign, models.CASCADE, related_name="open_events", verbose_name=_("campaign"), db_index=False
    )
    remote_contact_id = models.BigIntegerField(_("contact's id in Dotdigital"))
    email_key = models.TextField(_("e-mail, normalised"), blank=True)
    happened_at = models.DateTimeField(_("opened"))
    mail_client = models.CharField(_("mail client"), max_length=255, blank=True)
    is_forward = models.BooleanField(_("of a forwarded mail"), default=False)
    event_key = models.UUIDField(help_text=_("Made of all that Dotdigital says of the event, which has no id."))

    class Meta:
        verbose_name = _("opening")
        verbose_name_plural = _("openings")
        constraints = [models.UniqueConstraint(fields=["campaign", "event_key"], name="open_event_once")]

    def __str__(self) -> str:
        return f"{self.campaign_id}/{self.remote_contact_id}"


class ClickEvent(models.Model):
    """One click on a link of a campaign."""

    campaign = models.ForeignKey(
        Campaign, models.CASCADE, related_name="click_events", verbose_name=_("campaign"), db_index=False
    )
    remote_contact_id = models.BigIntegerField(_("contact's id in Dotdigital"))
    email_key = models.TextField(_("e-mail, normalised"), blank=True)
    happened_at = models.DateTimeField(_("clicked"))
    url = models.TextField(_("link"), blank=True)
    event_key = models.UUIDField(help_text=_("Made of all that Dotdigital says of the event, which has no id."))

    class Meta:
        verbose_name = _("click")
        verbose_name_plural = _("clicks")
        constraints = [models.UniqueConstraint(fields=["campaign", "event_key"], name="click_event_once")]

    def __str__(self) -> str:
        return f"{self.campaign_id}/{self.remote_contact_id}"


class ResultKind(models.TextChoices):
    """Which table of results a waiting row belongs to."""

    ACTIVITY = "activity", _("Activity")
    OPEN = "open", _("Opening")
    CLICK = "click", _("Click")


class WaitingResult(models.Model):
    """A result that has not become a marketing activity yet: it was just read, or nobody of its address is known."""

    # A row stands here only between being read and being applied; a foreign key would be checked for each for nothing.
    campaign = models.ForeignKey(
        Campaign,
        models.CASCADE,
        related_name="waiting",
        db_index=False,
        db_constraint=False,
        verbose_name=_("campaign"),
    )
    kind = models.CharField(_("kind"), max_length=8, choices=ResultKind.choices)
    row_id = models.BigIntegerField(_("row"))
    remote_contact_id = models.BigIntegerField(_("contact's id in Dotdigital"))
    email_key = models.TextField(_("e-mail, normalised"), blank=True)
    is_tried = models.BooleanField(
        _("looked for"),
        default=False,
        db_default=False,
        help_text=_("No record had this address. It is looked for again when records come, and by night."),
    )

    class Meta:
        verbose_name = _("waiting result")
        verbose_name_plural = _("waiting results")
        constraints = [models.UniqueConstraint(fields=["campaign", "kind", "row_id"], name="waiting_result_once")]
        indexes = [
            # Rows that came without an address are given their contact's, once it is known.
            models.Index(fields=["campaign"], condition=Q(email_key=""), name="waiting_result_nameless"),
            # Each import looks at what was just read, and for the addresses of new records.
            models.Index(fields=["campaign"], condition=Q(is_tried=False), name="waiting_result_untried"),
            models.Index(fields=["email_key"], condition=Q(is_tried=True), name="waiting_result_by_email"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign_id}/{self.kind}/{self.row_id}"

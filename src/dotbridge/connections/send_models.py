"""Campaigns that people have sent by Dotdigital, and what they want to see of the account before."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from dotbridge.integrations.models import Integration


class SendState(models.TextChoices):
    """Where a send stands. *Asked* is written before the call: found so later, its outcome has to be looked up, and
    where it cannot be told the send is *unknown* and waits for a person. It is never asked for twice."""

    WAITING = "waiting", _("Waiting for the worker")
    ASKED = "asked", _("Being asked for")
    ACCEPTED = "accepted", _("Taken by Dotdigital")
    SENT = "sent", _("Sent")
    CANCELLED = "cancelled", _("Cancelled in Dotdigital")
    FAILED = "failed", _("Not sent")
    UNKNOWN = "unknown", _("Outcome unknown")
    WITHDRAWN = "withdrawn", _("Taken back")


OPEN_SENDS = (SendState.WAITING, SendState.ASKED, SendState.ACCEPTED)


class CampaignSend(models.Model):
    """One campaign that somebody had sent: to the books of connected lists, or as a test to themselves alone.

    `fingerprint` is that of the content that was looked at, `recipients` the number that was typed. A test is sent as a
    copy of the campaign, which is deleted afterwards: what was sent in Dotdigital cannot be edited any more.
    """

    integration = models.ForeignKey(
        Integration, models.CASCADE, related_name="sends", verbose_name=_("integration"), db_index=False
    )
    remote_id = models.BigIntegerField(_("id in Dotdigital"))
    name = models.CharField(_("name"), max_length=255)
    is_test = models.BooleanField(_("test"), default=False)
    connection_ids = ArrayField(models.BigIntegerField(), verbose_name=_("connections"), default=list)
    book_ids = ArrayField(
        models.BigIntegerField(),
        verbose_name=_("address books"),
        default=list,
        help_text=_("Their ids in Dotdigital. None at all would mean everybody, so there is always one."),
    )
    recipients = models.IntegerField(_("recipients confirmed"), default=0)
    fingerprint = models.CharField(max_length=64, blank=True)
    send_at = models.DateTimeField(_("to be sent"), null=True, help_text=_("Empty: at once."))
    state = models.CharField(_("state"), max_length=12, choices=SendState.choices, default=SendState.WAITING)
    send_id = models.CharField(_("number of the send"), max_length=64, blank=True)
    remote_status = models.CharField(_("state in Dotdigital"), max_length=64, blank=True)
    copy_id = models.BigIntegerField(_("copy that a test is sent as"), null=True)
    message = models.TextField(_("what happened"), blank=True)
    attempts = models.SmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("looked at again from"), null=True, editable=False)
    called_at = models.DateTimeField(_("Dotdigital was asked"), null=True, editable=False)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("asked by")
    )
    created_at = models.DateTimeField(_("asked for"), db_default=Now(), editable=False)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("campaign send")
        verbose_name_plural = _("campaign sends")
        ordering = ["-id"]
        permissions = [("send_campaigns", _("Can send campaigns by Dotdigital"))]
        constraints = [
            # Two clicks, two tabs, two people: a campaign is sent once, unless it surely was not.
            models.UniqueConstraint(
                fields=["integration", "remote_id"],
                condition=models.Q(is_test=False) & ~models.Q(state__in=["failed", "cancelled", "withdrawn"]),
                name="campaign_sent_once",
            ),
            models.UniqueConstraint(
                fields=["integration", "remote_id", "requested_by"],
                condition=models.Q(is_test=True, state__in=["waiting", "asked", "accepted"]),
                name="campaign_test_once",
            ),
            # To nobody in particular means to everybody.
            models.CheckConstraint(
                condition=models.Q(is_test=True) | models.Q(book_ids__len__gt=0), name="campaign_send_has_books"
            ),
        ]
        indexes = [
            # The open ones are looked for each minute.
            models.Index(
                fields=["integration"],
                condition=models.Q(state__in=["waiting", "asked", "accepted"]),
                name="campaign_send_open",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_open(self) -> bool:
        """Whether the worker is still at it."""
        return self.state in OPEN_SENDS


class LookKind(models.TextChoices):
    """What is read of the account because a person wants to see it."""

    CONTENT = "content", _("The content of a campaign")
    TEMPLATES = "templates", _("Templates and senders")


class LookState(models.TextChoices):
    """Where a reading stands. When it is done it goes."""

    WAITING = "waiting", _("Waiting for the worker")
    FAILED = "failed", _("Given up")


class Look(models.Model):
    """Something of the account that a person waits to see. `remote_id` is a campaign's, 0 for what the account has."""

    integration = models.ForeignKey(
        Integration, models.CASCADE, related_name="looks", verbose_name=_("integration"), db_index=False
    )
    kind = models.CharField(_("what"), max_length=16, choices=LookKind.choices)
    remote_id = models.BigIntegerField(_("id in Dotdigital"), default=0)
    state = models.CharField(_("state"), max_length=8, choices=LookState.choices, default=LookState.WAITING)
    message = models.TextField(_("what happened"), blank=True)
    attempts = models.SmallIntegerField(_("attempts"), default=0)
    due_at = models.DateTimeField(_("tried again from"), null=True, editable=False)
    created_at = models.DateTimeField(_("asked for"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("look")
        verbose_name_plural = _("looks")
        constraints = [models.UniqueConstraint(fields=["integration", "kind", "remote_id"], name="look_once")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.remote_id or ''}".strip()

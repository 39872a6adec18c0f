"""What somebody has to know, who was told of it by which way, and who wants to be told of what."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from dotbridge.notifications.kinds import Kind


class Notification(models.Model):
    """One thing that is not as it should be, once, from its beginning to its end.

    `subject` names what it is about ("integration:3"). `details` are the names and numbers of its text; `page` and
    `page_id` the back office's page that shows it. `since` is when it began, `noted_at` when we saw it first, `met_at`
    when we saw it last.
    """

    kind = models.CharField(_("what"), max_length=32, choices=Kind)
    subject = models.CharField(max_length=100)
    details = models.JSONField(default=dict)
    page = models.CharField(max_length=64)
    page_id = models.BigIntegerField(null=True)
    since = models.DateTimeField(_("since"), db_default=Now())
    noted_at = models.DateTimeField(_("seen first"), db_default=Now())
    met_at = models.DateTimeField(_("seen last"), db_default=Now())
    told_at = models.DateTimeField(_("told"), null=True)
    ended_at = models.DateTimeField(_("over since"), null=True)

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        ordering = ["-id"]
        default_permissions = ()
        constraints = [
            # The same thing is told once, as long as it lasts.
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=models.Q(ended_at=None), name="notification_once"
            ),
        ]
        indexes = [
            models.Index(fields=["ended_at"], condition=models.Q(ended_at__isnull=False), name="notification_ended"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class MailState(models.TextChoices):
    """Where a mail stands. *Sending* is written before the server is asked, so that a mail never goes twice."""

    NONE = "none", _("Not wanted")
    WAITING = "waiting", _("Waits")
    SENDING = "sending", _("Being sent")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Given up")


class Delivery(models.Model):
    """One notification for one person: whether it stands in their list and was seen, and its mails.

    `mail` is that of its beginning, `end_mail` that of its end; who got no first one gets no second one.
    """

    notification = models.ForeignKey(Notification, models.CASCADE, related_name="deliveries", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    is_shown = models.BooleanField(default=True)
    seen_at = models.DateTimeField(null=True)
    mail = models.CharField(max_length=8, choices=MailState, default=MailState.NONE)
    end_mail = models.CharField(max_length=8, choices=MailState, default=MailState.NONE)
    attempts = models.SmallIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name = _("delivery of a notification")
        verbose_name_plural = _("deliveries of notifications")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["notification", "user"], name="delivery_once")]
        indexes = [
            # Each page counts what somebody has not seen.
            models.Index(fields=["user"], condition=models.Q(seen_at=None, is_shown=True), name="delivery_unseen"),
            # Looked for each minute.
            models.Index(
                fields=["due_at"],
                condition=models.Q(mail__in=["waiting", "sending"]) | models.Q(end_mail__in=["waiting", "sending"]),
                name="delivery_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.notification_id} for {self.user_id}"


class Choice(models.Model):
    """Whether one person wants to be told of one kind, and how. Without a row the kind's own manner holds."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=32, choices=Kind)
    is_shown = models.BooleanField(default=True)
    is_mailed = models.BooleanField(default=False)

    class Meta:
        verbose_name = _("choice of notifications")
        verbose_name_plural = _("choices of notifications")
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["user", "kind"], name="choice_once")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.kind}"

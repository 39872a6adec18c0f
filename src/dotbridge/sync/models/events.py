"""Our subscription to an account's events, and whom they were about."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from dotbridge.integrations.models import Integration


class EventSubscription(models.Model):
    """One an integration, found again by its name should its id be lost.

    `heard_since` is from when on, by Dotdigital's clock, no event can have been missed; `read_at` is when, by ours, the
    events were read last. `unusable_until` is set while the account does not offer events that we can follow, and
    `reason` says why.
    """

    integration = models.OneToOneField(Integration, models.CASCADE, related_name="event_subscription")
    name = models.CharField(max_length=50)
    remote_id = models.BigIntegerField(null=True)
    checkpoint = models.TextField(default="")
    heard_since = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    unusable_until = models.DateTimeField(null=True)
    reason = models.CharField(max_length=255, default="")

    class Meta:
        verbose_name = _("event subscription")
        verbose_name_plural = _("event subscriptions")

    def __str__(self) -> str:
        return self.name


class EventHint(models.Model):
    """Something happened to a contact, by its id in Dotdigital: it has to be looked at."""

    integration = models.ForeignKey(Integration, models.CASCADE, related_name="+", db_index=False)
    remote_id = models.BigIntegerField()

    class Meta:
        verbose_name = _("event hint")
        verbose_name_plural = _("event hints")
        constraints = [models.UniqueConstraint(fields=["integration", "remote_id"], name="event_hint_once")]

    def __str__(self) -> str:
        return str(self.remote_id)

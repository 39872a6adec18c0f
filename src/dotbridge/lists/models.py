"""Marketing lists, and the records taken off them. Written by `services` alone, read through `selectors`."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

# A record's primary key as text: any host model fits, whatever its key.
RECORD_ID_LENGTH = 64


class MarketingList(models.Model):
    """The records of one entity that a rule matches, live; minus the removed ones and those who may not be mailed."""

    name = models.CharField(_("name"), max_length=255, unique=True)
    description = models.TextField(_("description"), blank=True)
    entity = models.CharField(_("entity"), max_length=100)
    rule = models.JSONField(_("rule"), default=dict, blank=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("marketing list")
        verbose_name_plural = _("marketing lists")
        ordering = ["name"]
        permissions = [
            ("opt_out_members", _("Can unsubscribe members of a list")),
            ("opt_in_members", _("Can subscribe people to a list again")),
        ]

    def __str__(self) -> str:
        return self.name


class RemovedItem(models.Model):
    """A record that somebody took off the list, although its rule matches."""

    marketing_list = models.ForeignKey(
        MarketingList, verbose_name=_("marketing list"), on_delete=models.CASCADE, related_name="removed_items"
    )
    record_id = models.CharField(_("record"), max_length=RECORD_ID_LENGTH)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )

    class Meta:
        verbose_name = _("removed item")
        verbose_name_plural = _("removed items")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["marketing_list", "record_id"], name="lists_removed_once"),
        ]

    def __str__(self) -> str:
        return self.record_id

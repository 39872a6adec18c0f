"""What can be looked at before it is sent: campaigns that nobody was sent yet, contents, templates and senders."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from dotbridge.integrations.models import Integration


class Draft(models.Model):
    """A campaign of the account that nobody was sent yet. It goes when the account does not list it as such."""

    integration = models.ForeignKey(
        Integration, models.CASCADE, related_name="drafts", verbose_name=_("integration"), db_index=False
    )
    remote_id = models.BigIntegerField(_("id in Dotdigital"))
    name = models.CharField(_("name"), max_length=255)
    subject = models.CharField(_("subject"), max_length=255, blank=True)
    from_name = models.CharField(_("sender's name"), max_length=255, blank=True)
    from_address = models.CharField(_("sender's address"), max_length=255, blank=True)
    status = models.CharField(_("status"), max_length=64, blank=True)
    is_split_test = models.BooleanField(_("split test"), default=False)

    class Meta:
        verbose_name = _("campaign not sent")
        verbose_name_plural = _("campaigns not sent")
        ordering = ["-remote_id"]
        constraints = [models.UniqueConstraint(fields=["integration", "remote_id"], name="draft_once")]

    def __str__(self) -> str:
        return self.name


class CampaignContent(models.Model):
    """What a campaign says, read because somebody wanted to see it. Only the last reading is kept."""

    integration = models.ForeignKey(
        Integration, models.CASCADE, related_name="+", verbose_name=_("integration"), db_index=False
    )
    remote_id = models.BigIntegerField(_("id in Dotdigital"))
    html = models.TextField(_("HTML"), blank=True)
    plain_text = models.TextField(_("plain text"), blank=True)
    fingerprint = models.CharField(
        max_length=64, help_text=_("Of subject, sender and both contents: another one is another mail.")
    )
    read_at = models.DateTimeField(_("read"))

    class Meta:
        verbose_name = _("content of a campaign")
        verbose_name_plural = _("contents of campaigns")
        constraints = [models.UniqueConstraint(fields=["integration", "remote_id"], name="campaign_content_once")]

    def __str__(self) -> str:
        return f"{self.integration_id}/{self.remote_id}"


class Template(models.Model):
    """A template of the account, of which a campaign can be made."""

    integration = models.ForeignKey(
        Integration, models.CASCADE, related_name="templates", verbose_name=_("integration"), db_index=False
    )
    remote_id = models.BigIntegerField(_("id in Dotdigital"))
    name = models.CharField(_("name"), max_length=255)
    subject = models.CharField(_("subject"), max_length=255, blank=True)
    from_name = models.CharField(_("sender's name"), max_length=255, blank=True)

    class Meta:
        verbose_name = _("template")
        verbose_name_plural = _("templates")
        ordering = ["name", "remote_id"]
        constraints = [models.UniqueConstraint(fields=["integration", "remote_id"], name="template_once")]

    def __str__(self) -> str:
        return self.name


class SenderAddress(models.Model):
    """An address that the account may send from."""

    integration = models.ForeignKey(
        Integration, models.CASCADE, related_name="sender_addresses", verbose_name=_("integration"), db_index=False
    )
    remote_id = models.BigIntegerField(_("id in Dotdigital"))
    email = models.CharField(_("e-mail"), max_length=255)

    class Meta:
        verbose_name = _("sender address")
        verbose_name_plural = _("sender addresses")
        ordering = ["email"]
        constraints = [models.UniqueConstraint(fields=["integration", "remote_id"], name="sender_address_once")]

    def __str__(self) -> str:
        return self.email

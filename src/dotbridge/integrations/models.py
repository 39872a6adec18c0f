"""Connected Dotdigital accounts and what is left of their call quota."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

DEFAULT_BASE_URL = "https://r1-api.dotdigital.com"


class Integration(models.Model):
    """One connected Dotdigital account. Its password is stored sealed and leaves this app only into a request."""

    name = models.CharField(_("name"), max_length=255, unique=True)
    username = models.CharField(
        _("API user"),
        max_length=255,
        help_text=_(
            "The API user's e-mail, such as apiuser-0123456789ab@apiconnector.com. Make one for this use alone."
        ),
    )
    password_sealed = models.TextField(_("password (sealed)"), editable=False)
    base_url = models.CharField(
        _("base URL"),
        max_length=255,
        default=DEFAULT_BASE_URL,
        help_text=_("Where the account is asked for first. Its own region is found from there."),
    )
    endpoint = models.CharField(_("region found"), max_length=255, blank=True, editable=False)
    account_id = models.BigIntegerField(_("account id"), null=True, editable=False)
    account_name = models.CharField(_("account name"), max_length=255, blank=True, editable=False)
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Only active integrations are synchronised.")
    )
    checked_at = models.DateTimeField(_("last connected"), null=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("integration")
        verbose_name_plural = _("integrations")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class RateWindow(models.Model):
    """What the vendor last said is left of one tier's quota. Shared by every process that calls for the account."""

    integration = models.ForeignKey(Integration, models.CASCADE, related_name="rate_windows")
    tier = models.CharField(max_length=32)
    remaining = models.IntegerField()
    resets_at = models.DateTimeField()

    class Meta:
        verbose_name = _("rate window")
        verbose_name_plural = _("rate windows")
        constraints = [models.UniqueConstraint(fields=["integration", "tier"], name="rate_window_one_a_tier")]

    def __str__(self) -> str:
        return f"{self.tier}: {self.remaining}"

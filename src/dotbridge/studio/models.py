"""Single sign-on into the web application of an account: how it is set up, and who has allowed it."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from dotbridge.integrations.models import Integration


class SignOn(models.Model):
    """The OAuth client that the vendor has registered for an account. Its secret is stored sealed."""

    integration = models.OneToOneField(
        Integration, models.CASCADE, related_name="sign_on", verbose_name=_("integration")
    )
    client_id = models.CharField(_("client id"), max_length=255)
    secret_sealed = models.TextField(_("client secret (sealed)"), editable=False)
    domain = models.CharField(
        _("custom domain"),
        max_length=255,
        blank=True,
        help_text=_("Where the application is, as https://HOST. Empty: where the account's region has it."),
    )

    class Meta:
        verbose_name = _("single sign-on")
        verbose_name_plural = _("single sign-ons")

    def __str__(self) -> str:
        return str(self.integration)


class Grant(models.Model):
    """That one person has let us open an account for them. The refresh token is stored sealed; no other one is kept.

    `claimed_until`: somebody is exchanging it at this moment, and the vendor may give another one for it.
    `refused_at`: the vendor does not take it any more, so the person has to allow it again.
    """

    integration = models.ForeignKey(
        Integration, models.CASCADE, related_name="grants", verbose_name=_("integration"), db_index=False
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person"))
    refresh_token_sealed = models.TextField(_("refresh token (sealed)"), editable=False)
    claimed_until = models.DateTimeField(_("being exchanged until"), null=True, editable=False)
    refused_at = models.DateTimeField(_("refused since"), null=True, editable=False)
    granted_at = models.DateTimeField(_("allowed"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        permissions = [("use_studio", _("Can open Email Studio"))]
        constraints = [models.UniqueConstraint(fields=["integration", "user"], name="studio_grant_once")]

    def __str__(self) -> str:
        return f"{self.integration_id}/{self.user_id}"


class PendingSignOn(models.Model):
    """Somebody was sent to the vendor and has not come back. Its state is good once, for this person and session."""

    state_digest = models.CharField(max_length=64, unique=True)
    session_digest = models.CharField(max_length=64)
    integration = models.ForeignKey(Integration, models.CASCADE, related_name="+", verbose_name=_("integration"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", verbose_name=_("person"))
    verifier_sealed = models.TextField(editable=False)
    redirect_uri = models.TextField(_("way back"))
    created_at = models.DateTimeField(_("sent"))

    class Meta:
        verbose_name = _("pending sign-on")
        verbose_name_plural = _("pending sign-ons")

    def __str__(self) -> str:
        return f"{self.integration_id}/{self.user_id}"

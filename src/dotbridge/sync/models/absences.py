"""What a complete listing of the account did not name any more, until it is believed to be gone."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from dotbridge.integrations.models import Integration


class Listing(models.TextChoices):
    """The listings by which we learn that something was deleted in Dotdigital."""

    ADDRESS_BOOKS = "address_books", _("Address books")
    DATA_FIELDS = "data_fields", _("Data fields")
    CAMPAIGNS = "campaigns", _("Campaigns")


class Absence(models.Model):
    """One thing that complete readings have not named since. `believed_at` is when a person said that it is gone."""

    integration = models.ForeignKey(
        Integration, models.CASCADE, related_name="absences", verbose_name=_("integration"), db_index=False
    )
    listing = models.CharField(_("listing"), max_length=16, choices=Listing.choices)
    object_id = models.BigIntegerField(_("which"))
    first_missed_at = models.DateTimeField(_("missing since"))
    readings = models.IntegerField(_("complete readings without it"), default=1)
    believed_at = models.DateTimeField(_("confirmed by a person"), null=True)

    class Meta:
        verbose_name = _("absence")
        verbose_name_plural = _("absences")
        constraints = [models.UniqueConstraint(fields=["integration", "listing", "object_id"], name="absence_once")]

    def __str__(self) -> str:
        return f"{self.listing} {self.object_id}"

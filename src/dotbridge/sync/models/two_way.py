"""What the sync keeps of the way back: who won where both sides had changed, and which contacts became records."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from dotbridge.entities.record_ids import RECORD_ID_LENGTH


class Winner(models.TextChoices):
    """Whose value counts from then on."""

    DOTDIGITAL = "dotdigital", _("Dotdigital")
    RECORD = "record", _("The record")


class Ground(models.TextChoices):
    """Why that side won."""

    NEWER = "newer", _("Its change is the newer one")
    IN_DOUBT = "in_doubt", _("Nobody knows which change is newer, so the record keeps its value")


class ValueConflict(models.Model):
    """One value that was changed on both sides since they were compared last, with both values: none is lost."""

    connection = models.ForeignKey(
        "dotbridge_connections.ListConnection", models.CASCADE, related_name="conflicts", verbose_name=_("connection")
    )
    run = models.ForeignKey(
        "dotbridge_sync.SyncRun", models.SET_NULL, null=True, related_name="conflicts", verbose_name=_("run")
    )
    email = models.TextField(_("e-mail"))
    record_id = models.CharField(_("record"), max_length=RECORD_ID_LENGTH)
    entity_field = models.CharField(_("entity field"), max_length=255)
    data_field = models.CharField(_("data field"), max_length=64)
    record_value = models.TextField(_("value of the record"), blank=True)
    dotdigital_value = models.TextField(_("value in Dotdigital"), blank=True)
    winner = models.CharField(_("won"), max_length=16, choices=Winner.choices)
    ground = models.CharField(_("because"), max_length=16, choices=Ground.choices)
    created_at = models.DateTimeField(_("when"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("value changed on both sides")
        verbose_name_plural = _("values changed on both sides")
        ordering = ["-id"]
        indexes = [models.Index(fields=["created_at"], name="value_conflict_by_time")]

    def __str__(self) -> str:
        return f"{self.record_id}: {self.data_field}"


class Newcomer(models.Model):
    """A contact of a connected book whose address no record had, and what became of it.

    Once a record was made of it none is made again: somebody may have deleted it on purpose. One that was refused is
    tried again when what Dotdigital or the mapping says of it has changed.
    """

    connection = models.ForeignKey(
        "dotbridge_connections.ListConnection",
        models.CASCADE,
        related_name="newcomers",
        verbose_name=_("connection"),
        db_index=False,
    )
    remote_id = models.BigIntegerField(_("id in Dotdigital"))
    record_id = models.CharField(
        _("record"), max_length=RECORD_ID_LENGTH, blank=True, help_text=_("Empty when it was refused.")
    )
    fingerprint = models.CharField(max_length=64)
    created_at = models.DateTimeField(_("when"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("newcomer")
        verbose_name_plural = _("newcomers")
        constraints = [models.UniqueConstraint(fields=["connection", "remote_id"], name="newcomer_once")]

    def __str__(self) -> str:
        return f"{self.connection_id}/{self.remote_id}"

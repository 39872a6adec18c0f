"""Who changed what. The rows are written by triggers alone (`installing`), and nobody changes or deletes one."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Verb(models.TextChoices):
    """What was done with a record."""

    MADE = "INSERT", _("made")
    CHANGED = "UPDATE", _("changed")
    DELETED = "DELETE", _("deleted")


class AuditEntry(models.Model):
    """One record made, changed or deleted.

    `changes` is {column: [before, after]}; of a secret {column: null}: that it changed, and nothing of what it was.
    `about_model` and `about_id` are the record on whose page it stands: of a mapping's row the mapping. `actor` is the
    name that the person had then, empty where the product changed something by itself. `origin` says by which way.
    """

    at = models.DateTimeField(_("when"), db_default=Now())
    actor_id = models.CharField(_("account number"), max_length=255, blank=True)
    actor = models.CharField(_("who"), max_length=255, blank=True)
    origin = models.CharField(_("by way of"), max_length=32, blank=True)
    verb = models.CharField(_("what was done"), max_length=6, choices=Verb)
    model = models.CharField(_("kind of record"), max_length=100)
    record_id = models.CharField(_("record"), max_length=255)
    record = models.TextField(_("its name"), blank=True)
    about_model = models.CharField(max_length=100)
    about_id = models.CharField(max_length=255)
    changes = models.JSONField(_("before and after"), default=dict)

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("audit")
        ordering = ["-id"]
        default_permissions = ("view",)
        indexes = [
            # A page shows the newest changes of its own record.
            models.Index(fields=["about_model", "about_id", "-id"], name="audit_about"),
            # All changes are looked through by kind and by person.
            models.Index(fields=["model", "-id"], name="audit_of_model"),
            models.Index(fields=["actor", "-id"], name="audit_by_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.record_id}"

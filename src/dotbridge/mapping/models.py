"""Which fields of an entity are sent as which data fields."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from dotbridge.entities.registry import UnknownEntity, entity
from dotbridge.integrations.models import Integration
from dotbridge.mapping.tracking import models as tracking_models  # noqa: F401 - Django finds an app's tables through this module
from dotbridge.mirror.models import DataField


class Mapping(models.Model):
    """How the records of one entity are described to one account."""

    integration = models.ForeignKey(
        Integration, models.CASCADE, related_name="mappings", verbose_name=_("integration"), db_index=False
    )
    entity = models.CharField(_("entity"), max_length=255)
    sync_priority = models.IntegerField(
        _("sync priority"),
        default=0,
        help_text=_("Where records of several entities share an address, the higher number has the first word."),
    )
    stale_at = models.DateTimeField(
        _("something else changed at"),
        null=True,
        editable=False,
        help_text=_("Something that was not tracked record by record. All members are compared again for it."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("mapping")
        verbose_name_plural = _("mappings")
        ordering = ["integration", "-sync_priority", "entity"]
        constraints = [
            models.UniqueConstraint(
                fields=["integration", "entity"],
                name="mapping_once",
                violation_error_message=_("A mapping for this entity exists already in this integration."),
            )
        ]

    def __str__(self) -> str:
        try:
            label = str(entity(self.entity).label)
        except UnknownEntity:
            label = self.entity
        return f"{label} → {self.integration}"


class EmptyValues(models.TextChoices):
    """What becomes of Dotdigital's value when ours is empty."""

    KEEP = "keep", _("Keep Dotdigital's value")
    CLEAR = "clear", _("Clear it in Dotdigital")


class MappingRow(models.Model):
    """One data field and the entity fields that fill it, joined with a space when there are several."""

    mapping = models.ForeignKey(Mapping, models.CASCADE, related_name="rows", verbose_name=_("mapping"), db_index=False)
    entity_fields = models.JSONField(_("entity fields"), default=list)
    data_field = models.ForeignKey(DataField, models.PROTECT, related_name="mapping_rows", verbose_name=_("data field"))
    is_two_way = models.BooleanField(
        _("two-way"),
        default=False,
        help_text=_("Values changed in Dotdigital are written back. One direct field of the entity only."),
    )
    empty_values = models.CharField(
        _("when ours is empty"), max_length=8, choices=EmptyValues.choices, default=EmptyValues.KEEP
    )

    class Meta:
        verbose_name = _("mapping row")
        verbose_name_plural = _("mapping rows")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["mapping", "data_field"],
                name="mapping_row_once",
                violation_error_message=_("The same data field can be mapped only one time."),
            )
        ]

    def __str__(self) -> str:
        return f"{' + '.join(self.entity_fields)} → {self.data_field}"

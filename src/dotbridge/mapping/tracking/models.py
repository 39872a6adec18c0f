"""The change log, and what comes out of it."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _


class Change(models.Model):
    """What one statement changed in one tracked table. The triggers write it, `take_changes` takes it away.

    `source` is "table.column", and `keys` are that column's values in the rows that changed; without keys it may be any
    row. `origin` is the integration whose own values were written into the records; nobody else's change has one.
    There is no index but the key: the log is written all the time and read from its beginning only.
    """

    source = models.TextField()
    origin = models.BigIntegerField(null=True)
    keys = ArrayField(models.TextField(), null=True)

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")

    def __str__(self) -> str:
        return self.source


class DirtyRecord(models.Model):
    """A record whose values have to be compared with what was sent, for one mapping.

    It is claimed by the comparison that begins; a change that arrives meanwhile takes the claim away again.
    """

    pk = models.CompositePrimaryKey("mapping_id", "record_id")
    mapping = models.ForeignKey(
        "dotbridge_mapping.Mapping", models.CASCADE, related_name="dirty_records", db_index=False
    )
    record_id = models.TextField()
    is_claimed = models.BooleanField(default=False, db_default=False)

    class Meta:
        verbose_name = _("changed record")
        verbose_name_plural = _("changed records")

    def __str__(self) -> str:
        return f"{self.mapping_id}/{self.record_id}"

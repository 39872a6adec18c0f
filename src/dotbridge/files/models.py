"""What is kept of loads: the report of each, and what people chose for the columns of a file's shape."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class FileLoad(models.Model):
    """One load of a file, with its report. `who` is the name of whoever asked for it."""

    entity = models.CharField(_("entity"), max_length=100)
    file = models.CharField(_("file"), max_length=255)
    who = models.CharField(_("who"), max_length=150, blank=True)
    loaded_at = models.DateTimeField(_("loaded at"), db_default=Now(), editable=False)
    report = models.JSONField(_("report"))
    undone_at = models.DateTimeField(_("undone at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("file load")
        verbose_name_plural = _("file loads")
        ordering = ["-loaded_at", "-pk"]
        # For its list, and for taking the old ones away.
        indexes = [models.Index(fields=["-loaded_at"], name="dotbridge_files_load_by_time")]

    def __str__(self) -> str:
        return self.file


class LoadedRecord(models.Model):
    """A record that a load has made (`before` is empty) or changed, with the values of its columns. Kept for a day."""

    load = models.ForeignKey(FileLoad, verbose_name=_("file load"), on_delete=models.CASCADE, related_name="records")
    record = models.CharField(_("record"), max_length=100)
    before = models.JSONField(_("before"), null=True)
    after = models.JSONField(_("after"))

    class Meta:
        verbose_name = _("loaded record")
        verbose_name_plural = _("loaded records")

    def __str__(self) -> str:
        return self.record


class FileShape(models.Model):
    """Which field each column of such a file goes to, as a person chose it: it is the same for the next one.

    `columns` maps names of columns to fields; `shape` is a digest of the names of all columns, in their order.
    """

    entity = models.CharField(_("entity"), max_length=100)
    shape = models.CharField(_("shape"), max_length=64)
    columns = models.JSONField(_("columns"))

    class Meta:
        verbose_name = _("file shape")
        verbose_name_plural = _("file shapes")
        constraints = [models.UniqueConstraint(fields=["entity", "shape"], name="dotbridge_files_one_shape")]

    def __str__(self) -> str:
        return ", ".join(self.columns)

"""What is kept of loads: the file until it is loaded, how far its load is, and the report of each.

Of every shape of file that people have chosen the columns of is kept what they chose.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from dotbridge.files.targets import file_target, is_file_target
from dotbridge.files.texts import in_words


class LoadState(models.TextChoices):
    """How a load stands. `MOVES` says what may follow what."""

    OPEN = "open", _("not loaded yet")
    WAITING = "waiting", _("waits for the worker")
    RUNNING = "running", _("at work")
    LOADED = "loaded", _("loaded")
    UNDOING = "undoing", _("is being undone")
    ASKS = "asks", _("needs an answer")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


# From which states a load can be asked for: those in which nothing is at work and nothing was loaded.
CAN_START = (LoadState.OPEN, LoadState.ASKS, LoadState.FAILED, LoadState.CANCELLED)
AT_WORK = (LoadState.WAITING, LoadState.RUNNING, LoadState.UNDOING)
MOVES: dict[LoadState, tuple[LoadState, ...]] = {
    **dict.fromkeys(CAN_START, (LoadState.WAITING,)),
    LoadState.WAITING: (LoadState.RUNNING, LoadState.CANCELLED),
    # One that is taken up again was left behind by a worker that died.
    LoadState.RUNNING: (
        LoadState.RUNNING,
        LoadState.LOADED,
        LoadState.OPEN,
        LoadState.ASKS,
        LoadState.FAILED,
        LoadState.CANCELLED,
    ),
    LoadState.LOADED: (LoadState.UNDOING,),
    LoadState.UNDOING: (LoadState.LOADED,),
}


class FileLoad(models.Model):
    """One load of a file, with its report. `who` is the name of whoever asked for it.

    `choices` is what a person said of the file. With `only_looks` the worker goes through the whole file and writes
    nothing. `fraction` says how far it is, 0 to 1; `message` why it asks or failed, as `texts.kept` keeps it, empty for
    nothing; so are the texts in `report`. `loaded_at` is empty until it is
    loaded, and from then on everything it has done is in the database.
    """

    entity = models.CharField(_("entity"), max_length=100)
    file = models.CharField(_("file"), max_length=255)
    who = models.CharField(_("who"), max_length=150, blank=True)
    state = models.CharField(_("state"), max_length=20, choices=LoadState, default=LoadState.OPEN)
    size = models.BigIntegerField(_("size"), default=0)
    choices = models.JSONField(_("choices"), default=dict, blank=True)
    only_looks = models.BooleanField(_("only looks"), default=False)
    step = models.CharField(_("step"), max_length=20, blank=True)
    rows_done = models.BigIntegerField(_("rows so far"), default=0)
    fraction = models.FloatField(_("how far"), default=0)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    message = models.JSONField(_("message"), default=dict, blank=True)
    made_at = models.DateTimeField(_("given at"), db_default=Now(), editable=False)
    asked_at = models.DateTimeField(_("asked for at"), null=True, blank=True, editable=False)
    cancel_asked_at = models.DateTimeField(_("cancelling asked for at"), null=True, blank=True, editable=False)
    loaded_at = models.DateTimeField(_("loaded at"), null=True, blank=True, editable=False)
    report = models.JSONField(_("report"), default=dict)
    undone_at = models.DateTimeField(_("undone at"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("file load")
        verbose_name_plural = _("file loads")
        ordering = ["-pk"]
        # For taking the old ones away.
        indexes = [models.Index(fields=["made_at"], name="dotbridge_files_load_by_time")]

    def __str__(self) -> str:
        return self.file

    @property
    def message_in_words(self) -> str:
        """Why it asks or failed, in the language of the moment; empty for nothing."""
        return str(in_words(self.message) or "")

    @property
    def report_in_words(self) -> dict[str, Any]:
        """The report, in the language of the moment."""
        report: dict[str, Any] = in_words(self.report)
        if not is_file_target(self.entity):
            return report
        target = file_target(self.entity)
        for column in report.get("columns", ()):
            column["label"] = target.label_of(column["field"]) if column["field"] else ""
        for problem in report.get("problems", ()):
            if problem["fields"]:
                problem["column"] = ", ".join(map(target.label_of, problem["fields"]))
        return report

    @property
    def is_at_work(self) -> bool:
        """Whether a worker has it, or is to have it."""
        return self.state in AT_WORK


class FilePiece(models.Model):
    """A piece of a file that waits to be loaded: in the database, where a worker on another machine finds it.

    All pieces of a file are of one size but the last. They go when the file was loaded, else after a day.
    """

    load = models.ForeignKey(
        # The constraint below has an index that begins with it.
        FileLoad,
        verbose_name=_("file load"),
        on_delete=models.CASCADE,
        related_name="pieces",
        db_index=False,
    )
    number = models.PositiveIntegerField(_("number"))
    content = models.BinaryField(_("content"))

    class Meta:
        verbose_name = _("piece of a file")
        verbose_name_plural = _("pieces of files")
        constraints = [models.UniqueConstraint(fields=["load", "number"], name="dotbridge_files_one_piece")]

    def __str__(self) -> str:
        return f"{self.load_id}/{self.number}"


class LoadedRecord(models.Model):
    """A record that a load has made (`before` is empty) or changed, with the values of its columns. Kept for a day.

    Of one that it has made `after` holds a number that changes with any of its columns.
    """

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

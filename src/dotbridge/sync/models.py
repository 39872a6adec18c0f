"""Connections between lists and address books, the runs that keep them in step, and what each run did."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from dotbridge.integrations.models import Integration
from dotbridge.lists.models import MarketingList
from dotbridge.mirror.models import AddressBook
from dotbridge.sync import (  # noqa: F401 - Django finds an app's tables through this module
    campaign_models,
    request_models,
    two_way_models,
)


class StoppedWhat(models.TextChoices):
    """What a run would have done to too many at once."""

    REMOVE = "remove", _("Take contacts out of the address book")
    UNSUBSCRIBE = "unsubscribe", _("Unsubscribe records from the list")


class Connection(models.Model):
    """One marketing list and the one address book it is kept in step with. The database allows no second of either."""

    marketing_list = models.OneToOneField(
        MarketingList, models.PROTECT, related_name="connection", verbose_name=_("marketing list")
    )
    address_book = models.OneToOneField(
        AddressBook, models.PROTECT, related_name="connection", verbose_name=_("address book")
    )
    create_entities = models.BooleanField(
        _("create new entities"),
        default=False,
        help_text=_("Make a record of each contact of the book whose address no record has."),
    )
    created_at = models.DateTimeField(_("connected"), auto_now_add=True)
    compared_as = models.CharField(
        max_length=64, blank=True, help_text=_("How values were made when all were compared. Empty: compare all again.")
    )
    stopped_at = models.DateTimeField(_("stopped since"), null=True, editable=False)
    stopped_what = models.CharField(_("stopped before"), max_length=16, choices=StoppedWhat.choices, blank=True)
    stopped_rows = models.IntegerField(_("how many it concerned"), default=0)
    stopped_of = models.IntegerField(_("of how many"), default=0)
    allowed_what = models.CharField(_("allowed once"), max_length=16, choices=StoppedWhat.choices, blank=True)
    allowed_rows = models.IntegerField(_("how many are allowed once"), null=True, editable=False)
    allowed_at = models.DateTimeField(_("allowed"), null=True, editable=False)
    allowed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("allowed by")
    )

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")
        ordering = ["marketing_list__name"]

    def __str__(self) -> str:
        return f"{self.marketing_list} ↔ {self.address_book}"


class RunKind(models.TextChoices):
    """Which half of the work a run does."""

    SYNC = "sync", _("Import and export")
    IMPORT = "import", _("Import")
    EXPORT = "export", _("Export")
    CHANGES = "changes", _("Field changes")
    DATA_FIELDS = "data_fields", _("Data fields")
    RECONCILE = "reconcile", _("Full comparison")
    REQUESTS = "requests", _("What people asked for")


class State(models.TextChoices):
    """How a run or a step stands."""

    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Succeeded")
    PARTIAL = "partial", _("Partly done")
    FAILED = "failed", _("Failed")
    SKIPPED = "skipped", _("Skipped")
    BLOCKED = "blocked", _("Waiting")
    INTERRUPTED = "interrupted", _("Interrupted")


class SyncRun(models.Model):
    """One pass over an integration. It ends in a state that says what really happened."""

    integration = models.ForeignKey(Integration, models.CASCADE, related_name="runs", verbose_name=_("integration"))
    kind = models.CharField(_("kind"), max_length=16, choices=RunKind.choices)
    connection = models.ForeignKey(
        Connection,
        models.SET_NULL,
        null=True,
        related_name="runs",
        verbose_name=_("list"),
        help_text=_("When the run was for one list only."),
    )
    trigger = models.CharField(_("started by"), max_length=32)
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.RUNNING)
    message = models.TextField(_("what happened"), blank=True)
    requests = models.IntegerField(_("calls to Dotdigital"), default=0)
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        ordering = ["-id"]
        indexes = [
            # A run left "running" by a dead worker is looked for at each start.
            models.Index(fields=["integration"], condition=models.Q(state="running"), name="run_running"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"

    @property
    def has_failed(self) -> bool:
        """Whether something went wrong that is more than a rejected row."""
        return self.state == State.FAILED or self.steps.filter(state=State.FAILED).exists()


class Step(models.Model):
    """One connector's part of a run, with its counts."""

    run = models.ForeignKey(SyncRun, models.CASCADE, related_name="steps", verbose_name=_("run"))
    name = models.CharField(_("step"), max_length=64)
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.RUNNING)
    message = models.TextField(_("what happened"), blank=True)
    counts = models.JSONField(_("counts"), default=dict)
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("step")
        verbose_name_plural = _("steps")
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name


class Rejection(models.Model):
    """One thing a step could not take or send, why, and what is to be done about it. The rest went on."""

    step = models.ForeignKey(Step, models.CASCADE, related_name="rejections", verbose_name=_("step"))
    subject = models.TextField(_("what"), help_text=_("The address, name or id that was refused."))
    reason = models.CharField(_("reason"), max_length=64)
    detail = models.TextField(_("in detail"), blank=True)
    created_at = models.DateTimeField(_("when"), auto_now_add=True)

    class Meta:
        verbose_name = _("rejection")
        verbose_name_plural = _("rejections")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.reason


class Cursor(models.Model):
    """Up to which moment, by Dotdigital's clock, one feed of one object was read completely."""

    integration = models.ForeignKey(Integration, models.CASCADE, related_name="cursors")
    feed = models.CharField(max_length=64)
    object_id = models.BigIntegerField(default=0, help_text=_("The address book's id here; 0 for the whole account."))
    position = models.DateTimeField()

    class Meta:
        verbose_name = _("cursor")
        verbose_name_plural = _("cursors")
        constraints = [models.UniqueConstraint(fields=["integration", "feed", "object_id"], name="cursor_once")]

    def __str__(self) -> str:
        return f"{self.feed} {self.object_id}: {self.position:%Y-%m-%d %H:%M:%S}"


class UploadState(models.TextChoices):
    """Where an upload stands. The allowed moves are in `outbound/states.py`."""

    PREPARED = "prepared", _("Prepared")
    UPLOADING = "uploading", _("Being sent")
    SENT = "sent", _("Dotdigital is working on it")
    FINISHED = "finished", _("Finished")
    REFUSED = "refused", _("Refused")
    UNKNOWN = "unknown", _("Outcome unknown")


UNFINISHED_UPLOADS = (UploadState.PREPARED, UploadState.UPLOADING, UploadState.SENT, UploadState.UNKNOWN)


class Upload(models.Model):
    """One CSV given to Dotdigital. What became of its rows follows from its state and each row's own reason."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="uploads", verbose_name=_("connection"))
    run = models.ForeignKey(SyncRun, models.SET_NULL, null=True, related_name="uploads", verbose_name=_("run"))
    state = models.CharField(_("state"), max_length=16, choices=UploadState.choices, default=UploadState.PREPARED)
    remote_id = models.CharField(_("import id"), max_length=64, blank=True)
    remote_status = models.CharField(_("status in Dotdigital"), max_length=64, blank=True)
    message = models.TextField(_("what happened"), blank=True)
    row_count = models.IntegerField(_("rows"), default=0)
    rejected_count = models.IntegerField(_("rows rejected"), default=0)
    report = models.JSONField(_("Dotdigital's report"), default=dict)
    polls = models.IntegerField(_("times asked"), default=0)
    created_at = models.DateTimeField(_("prepared"))
    sent_at = models.DateTimeField(_("sent"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    retry_at = models.DateTimeField(
        _("rows may be sent again from"), null=True, help_text=_("Empty: only when a person says so.")
    )

    class Meta:
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")
        ordering = ["-id"]
        indexes = [
            # Asked at the start of each export: is anything unfinished?
            models.Index(
                fields=["connection"],
                condition=models.Q(state__in=["prepared", "uploading", "sent", "unknown"]),
                name="upload_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} ({self.get_state_display()})"


class RemovalState(models.TextChoices):
    """Where a bulk removal stands. It may be asked for any number of times, so no outcome is ever unknown."""

    PREPARED = "prepared", _("Prepared")
    SENT = "sent", _("Dotdigital is working on it")
    COMPLETED = "completed", _("Completed")
    FAILED = "failed", _("Failed")


class Removal(models.Model):
    """One bulk removal of contacts from an address book. It never touches their subscription."""

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="removals", verbose_name=_("connection"))
    run = models.ForeignKey(SyncRun, models.SET_NULL, null=True, related_name="removals", verbose_name=_("run"))
    state = models.CharField(_("state"), max_length=16, choices=RemovalState.choices, default=RemovalState.PREPARED)
    remote_id = models.CharField(_("deletion id"), max_length=64, blank=True)
    row_count = models.IntegerField(_("contacts"), default=0)
    created_at = models.DateTimeField(_("prepared"))
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("removal")
        verbose_name_plural = _("removals")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.pk} ({self.get_state_display()})"


class Operation(models.TextChoices):
    """What an upload means for one address."""

    NEW = "new", _("New to Dotdigital")
    ADD = "add", _("Added to this book")
    UPDATE = "update", _("Updated")


class ExportItem(models.Model):
    """What one address of a connected list is to look like in Dotdigital, and which upload carries it there.

    It is confirmed when its upload is finished and it has no reason of its own; waiting when it has no upload.
    """

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="items", verbose_name=_("connection"))
    email_key = models.TextField(_("e-mail, normalised"))
    email = models.TextField(_("e-mail"))
    record_id = models.CharField(_("record"), max_length=64)
    values = models.JSONField(_("values"), default=dict)
    own = models.JSONField(
        _("the record's own values"),
        null=True,
        help_text=_("Where a list of higher rank has the first word on some of the values."),
    )
    operation = models.CharField(_("operation"), max_length=8, choices=Operation.choices)
    upload = models.ForeignKey(Upload, models.SET_NULL, null=True, related_name="items", verbose_name=_("upload"))
    removal = models.ForeignKey(
        Removal, models.SET_NULL, null=True, related_name="items", verbose_name=_("removal"), db_index=False
    )
    reason = models.CharField(_("rejected because"), max_length=64, blank=True)
    attempts = models.SmallIntegerField(_("attempts"), default=0)
    agreed = models.JSONField(
        _("Dotdigital's values when compared last"),
        null=True,
        help_text=_("Of the data fields that are synchronised both ways."),
    )
    agreed_at = models.DateTimeField(_("compared last"), null=True)

    class Meta:
        verbose_name = _("exported address")
        verbose_name_plural = _("exported addresses")
        constraints = [models.UniqueConstraint(fields=["connection", "email_key"], name="export_item_once")]
        indexes = [
            models.Index(fields=["connection", "reason"], condition=~models.Q(reason=""), name="export_item_rejected"),
            models.Index(fields=["removal"], condition=models.Q(removal__isnull=False), name="export_item_removing"),
        ]

    def __str__(self) -> str:
        return f"{self.connection_id}/{self.pk}"


class Recheck(models.Model):
    """A record whose values have to be worked out and compared again for one connected list."""

    id = models.BigAutoField(primary_key=True)
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="rechecks", verbose_name=_("connection"))
    record_id = models.CharField(_("record"), max_length=64)

    class Meta:
        verbose_name = _("record to compare")
        verbose_name_plural = _("records to compare")
        constraints = [models.UniqueConstraint(fields=["connection", "record_id"], name="recheck_once")]

    def __str__(self) -> str:
        return f"{self.connection_id}/{self.record_id}"

"""Exports: what each address of a connected list is to look like, and the uploads and removals that carry it there."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from dotbridge.connections.models import ListConnection
from dotbridge.entities.record_ids import RECORD_ID_LENGTH
from dotbridge.integrations.models import Integration, WireProtocol
from dotbridge.sync.models.runs import SyncRun


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
    """One file given to Dotdigital. What became of its rows follows from its state and each row's own reason."""

    connection = models.ForeignKey(ListConnection, models.CASCADE, related_name="uploads", verbose_name=_("connection"))
    run = models.ForeignKey(SyncRun, models.SET_NULL, null=True, related_name="uploads", verbose_name=_("run"))
    first_file = models.OneToOneField(
        "self", models.SET_NULL, null=True, related_name="second_file", verbose_name=_("second file of")
    )
    state = models.CharField(_("state"), max_length=16, choices=UploadState.choices, default=UploadState.PREPARED)
    remote_id = models.CharField(_("import id"), max_length=64, blank=True)
    remote_status = models.CharField(_("status in Dotdigital"), max_length=64, blank=True)
    message = models.TextField(_("what happened"), blank=True)
    protocol = models.CharField(
        _("by version"),
        max_length=4,
        choices=WireProtocol.choices,
        default=WireProtocol.V2,
        help_text=_("How it is sent, and where its results are found."),
    )
    columns = models.JSONField(_("data fields in the file"), default=list)
    merge_option = models.CharField(
        _("merge option"), max_length=64, help_text=_("What an empty cell does to Dotdigital's value.")
    )
    rest_columns = models.JSONField(
        _("data fields of the second file"),
        default=list,
        help_text=_("Sent when this one is finished, because an empty cell means something else there."),
    )
    row_count = models.IntegerField(_("rows"), default=0)
    rejected_count = models.IntegerField(
        _("rows rejected"), default=0, help_text=_("Without those of people who may not be mailed.")
    )
    opted_out_count = models.IntegerField(_("rows of people who may not be mailed"), default=0)
    report = models.JSONField(_("Dotdigital's report"), default=dict)
    attempts = models.SmallIntegerField(_("attempts to send it"), default=0)
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
            models.Index(fields=["created_at"], name="upload_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} ({self.get_state_display()})"

    @property
    def is_refused(self) -> bool:
        """Whether Dotdigital refused the file as a whole."""
        return self.state == UploadState.REFUSED

    @property
    def refused_number(self) -> int:
        """How many rows Dotdigital did not take: all, when it refused the file. Without who may not be mailed."""
        return self.row_count if self.is_refused else self.rejected_count


class RemovalState(models.TextChoices):
    """Where a bulk removal stands. It may be asked for any number of times, so no outcome is ever unknown."""

    PREPARED = "prepared", _("Prepared")
    SENT = "sent", _("Dotdigital is working on it")
    COMPLETED = "completed", _("Completed")
    FAILED = "failed", _("Failed")


class Removal(models.Model):
    """One bulk removal of contacts from an address book. It never touches their subscription."""

    connection = models.ForeignKey(
        ListConnection, models.CASCADE, related_name="removals", verbose_name=_("connection")
    )
    run = models.ForeignKey(SyncRun, models.SET_NULL, null=True, related_name="removals", verbose_name=_("run"))
    state = models.CharField(_("state"), max_length=16, choices=RemovalState.choices, default=RemovalState.PREPARED)
    remote_id = models.CharField(_("deletion id"), max_length=64, blank=True)
    message = models.TextField(_("what happened"), blank=True)
    row_count = models.IntegerField(_("contacts"), default=0)
    attempts = models.SmallIntegerField(_("attempts to ask for it"), default=0)
    created_at = models.DateTimeField(_("prepared"))
    sent_at = models.DateTimeField(_("asked for"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("removal")
        verbose_name_plural = _("removals")
        ordering = ["-id"]
        indexes = [models.Index(fields=["created_at"], name="removal_by_time")]

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

    connection = models.ForeignKey(ListConnection, models.CASCADE, related_name="items", verbose_name=_("connection"))
    email_key = models.TextField(_("e-mail, normalised"), db_collation="C")
    email = models.TextField(_("e-mail"))
    record_id = models.CharField(_("record"), max_length=RECORD_ID_LENGTH)
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
    taken_out_at = models.DateTimeField(
        _("taken out in Dotdigital"), null=True, help_text=_("Not sent again until a person has them put back.")
    )
    was_confirmed = models.BooleanField(
        _("was confirmed before"),
        default=False,
        db_default=False,
        help_text=_("By an upload before the present one: the contact is ours to take out of the book."),
    )
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
        constraints = [models.UniqueConstraint(fields=["email_key", "connection"], name="export_item_once")]
        indexes = [
            models.Index(fields=["connection", "reason"], condition=~models.Q(reason=""), name="export_item_rejected"),
            models.Index(
                fields=["connection"], condition=models.Q(taken_out_at__isnull=False), name="export_item_taken_out"
            ),
            models.Index(fields=["removal"], condition=models.Q(removal__isnull=False), name="export_item_removing"),
        ]

    def __str__(self) -> str:
        return f"{self.connection_id}/{self.pk}"


class SentConsent(models.Model):
    """An opt-in with its proof that was sent to an account as a consent record, by the event's number in the ledger.

    While its upload is on its way it is not known whether it arrived; of what was refused there is no note.
    """

    integration = models.ForeignKey(
        Integration, models.CASCADE, related_name="sent_consents", verbose_name=_("integration"), db_index=False
    )
    event_id = models.BigIntegerField(_("event"))
    upload = models.ForeignKey(
        Upload, models.SET_NULL, null=True, related_name="sent_consents", verbose_name=_("upload")
    )

    class Meta:
        verbose_name = _("consent record sent")
        verbose_name_plural = _("consent records sent")
        constraints = [models.UniqueConstraint(fields=["event_id", "integration"], name="sent_consent_once")]

    def __str__(self) -> str:
        return f"{self.integration_id}/{self.event_id}"


class PastAddress(models.Model):
    """An address under which a record was written to: an opt-out of that contact binds the record.

    `ended_at` is empty while it is the last one, and nobody else is written to at it. Otherwise only an opt-out that
    happened before counts.
    """

    integration = models.ForeignKey(
        Integration, models.CASCADE, related_name="past_addresses", verbose_name=_("integration"), db_index=False
    )
    email_key = models.TextField(_("e-mail, normalised"), db_collation="C")
    entity = models.CharField(_("entity"), max_length=100)
    record_id = models.CharField(_("record"), max_length=RECORD_ID_LENGTH)
    ended_at = models.DateTimeField(_("until"), null=True)

    class Meta:
        verbose_name = _("past address")
        verbose_name_plural = _("past addresses")
        constraints = [
            models.UniqueConstraint(
                fields=["integration", "email_key", "entity", "record_id"], name="past_address_once"
            ),
        ]
        indexes = [
            # A record that is written to again ends what was the last one.
            models.Index(fields=["entity", "record_id"], condition=models.Q(ended_at=None), name="past_address_last"),
        ]

    def __str__(self) -> str:
        return f"{self.entity} {self.record_id}"


class Recheck(models.Model):
    """A record whose values have to be worked out and compared again for one connected list."""

    id = models.BigAutoField(primary_key=True)
    connection = models.ForeignKey(
        ListConnection, models.CASCADE, related_name="rechecks", verbose_name=_("connection"), db_index=False
    )
    record_id = models.CharField(_("record"), max_length=RECORD_ID_LENGTH)

    class Meta:
        verbose_name = _("record to compare")
        verbose_name_plural = _("records to compare")
        constraints = [models.UniqueConstraint(fields=["connection", "record_id"], name="recheck_once")]

    def __str__(self) -> str:
        return f"{self.connection_id}/{self.record_id}"


class BookRemainder(models.Model):
    """An address that we brought to a book and that is still in it, though our note of it was deleted: it had left the
    list, and Dotdigital did not mail it. Should it do so again, the note comes back."""

    connection = models.ForeignKey(
        ListConnection, models.CASCADE, related_name="remainders", verbose_name=_("connection"), db_index=False
    )
    email_key = models.TextField(_("e-mail, normalised"), db_collation="C")
    email = models.TextField(_("e-mail"))
    record_id = models.CharField(_("record"), max_length=RECORD_ID_LENGTH)

    class Meta:
        verbose_name = _("address left in a book")
        verbose_name_plural = _("addresses left in a book")
        constraints = [models.UniqueConstraint(fields=["connection", "email_key"], name="book_remainder_once")]

    def __str__(self) -> str:
        return f"{self.connection_id}/{self.pk}"

"""Runs: what each did, up to where each feed was read, and what could not be taken."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.integrations.models import Integration

# What a rejection is about, in its first so many characters: an address at its longest.
SUBJECT_LENGTH = 320


class State(models.TextChoices):
    """How a run or a step stands."""

    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Succeeded")
    PARTIAL = "partial", _("Partly done")
    FAILED = "failed", _("Failed")
    SKIPPED = "skipped", _("Skipped")
    BLOCKED = "blocked", _("Waiting")
    WAITING = "waiting", _("Waits for Dotdigital")
    INTERRUPTED = "interrupted", _("Interrupted")


# How a run stands that did what it was for, or most of it.
WENT_WELL = (State.SUCCEEDED, State.PARTIAL)


class SyncRun(models.Model):
    """One pass over an integration. It ends in a state that says what really happened."""

    integration = models.ForeignKey(
        Integration, models.CASCADE, related_name="runs", verbose_name=_("integration"), db_index=False
    )
    kind = models.CharField(_("kind"), max_length=16, choices=RunKind.choices)
    connection = models.ForeignKey(
        ListConnection,
        models.SET_NULL,
        null=True,
        related_name="runs",
        verbose_name=_("list"),
        help_text=_("When the run was for one list only."),
    )
    trigger = models.CharField(_("started by"), max_length=32)
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.RUNNING)
    message = models.TextField(_("what happened"), blank=True)
    is_refused = models.BooleanField(
        _("not let in"),
        default=False,
        db_default=False,
        help_text=_("Dotdigital did not accept the credentials or the address: a person has to correct them."),
    )
    requests = models.IntegerField(_("calls to Dotdigital"), default=0)
    waits_until = models.DateTimeField(
        _("waits until"),
        null=True,
        help_text=_("When the account's limit of calls opens again. Until then Dotdigital is not asked."),
    )
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True)
    times = models.IntegerField(
        _("runs"), default=1, help_text=_("So many runs of one hour that found nothing to do are kept as this one.")
    )
    is_folded = models.BooleanField(default=False, help_text=_("Its hour was looked at for quiet runs."))

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        ordering = ["-id"]
        indexes = [
            # A run left "running" by a dead worker is looked for at each start.
            models.Index(fields=["integration"], condition=models.Q(state="running"), name="run_running"),
            # Asked at each start: may Dotdigital be asked yet, and whose files has it finished since?
            models.Index(fields=["integration"], condition=models.Q(state="waiting"), name="run_waiting"),
            # The newest run of an integration, also of one that has none among a million of others.
            models.Index(fields=["integration", "-id"], name="run_newest"),
            # When each kind of work last ended well, and whether a run is the last one of its kind and outcome.
            models.Index(fields=["integration", "kind", "state", "-id"], name="run_newest_of_kind"),
            # What the last hour cost, and what is old enough to go.
            models.Index(fields=["started_at"], name="run_by_time"),
            models.Index(fields=["started_at"], condition=models.Q(is_folded=False), name="run_unfolded"),
            models.Index(fields=["started_at"], condition=models.Q(state="skipped"), name="run_skipped"),
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
    """One thing that steps could not take or send, and why, however often they met it. The rest went on."""

    integration = models.ForeignKey(
        Integration, models.CASCADE, related_name="rejections", verbose_name=_("integration"), db_index=False
    )
    step_name = models.CharField(_("step"), max_length=64)
    subject = models.TextField(_("what"), help_text=_("The address, name or id that was refused."), db_collation="C")
    reason = models.CharField(_("reason"), max_length=64)
    detail = models.TextField(_("in detail"), blank=True)
    step = models.ForeignKey(Step, models.SET_NULL, null=True, related_name="rejections", verbose_name=_("met last by"))
    first_at = models.DateTimeField(_("since"))
    last_at = models.DateTimeField(_("met last"))
    times = models.IntegerField(_("times"), default=1, help_text=_("So many steps have met it."))
    ended_at = models.DateTimeField(_("over since"), null=True)

    class Meta:
        verbose_name = _("rejection")
        verbose_name_plural = _("rejections")
        ordering = ["-last_at", "-id"]
        constraints = [
            # A subject is no longer than the index can hold.
            models.UniqueConstraint(fields=["integration", "step_name", "reason", "subject"], name="rejection_once"),
        ]
        indexes = [
            # Asked after each step: what of it was not met again?
            models.Index(
                fields=["integration", "step_name", "last_at"],
                condition=models.Q(ended_at=None),
                name="rejection_open",
            ),
            models.Index(fields=["ended_at"], condition=models.Q(ended_at__isnull=False), name="rejection_ended"),
            models.Index(fields=["-last_at", "-id"], name="rejection_newest"),
        ]

    def __str__(self) -> str:
        return self.reason


class Cursor(models.Model):
    """Up to which moment, by Dotdigital's clock, one feed of one object was read completely."""

    integration = models.ForeignKey(Integration, models.CASCADE, related_name="cursors", db_index=False)
    feed = models.CharField(max_length=64)
    object_id = models.BigIntegerField(default=0, help_text=_("The address book's id here; 0 for the whole account."))
    position = models.DateTimeField()

    class Meta:
        verbose_name = _("cursor")
        verbose_name_plural = _("cursors")
        constraints = [models.UniqueConstraint(fields=["integration", "feed", "object_id"], name="cursor_once")]

    def __str__(self) -> str:
        return f"{self.feed} {self.object_id}: {self.position:%Y-%m-%d %H:%M:%S}"


class Turn(models.Model):
    """Where a step begins the next time, because the last time it ended before it had gone over everything."""

    integration = models.ForeignKey(Integration, models.CASCADE, related_name="turns", db_index=False)
    step = models.CharField(max_length=64)
    object_id = models.BigIntegerField(help_text=_("The book, list or campaign whose turn it is, by its id here."))
    is_rest = models.BooleanField(
        default=False, help_text=_("Only what comes after it is left of the round: calls or time ended it.")
    )

    class Meta:
        verbose_name = _("turn")
        verbose_name_plural = _("turns")
        constraints = [models.UniqueConstraint(fields=["integration", "step"], name="turn_once")]

    def __str__(self) -> str:
        return f"{self.step} {self.object_id}"


class Reading(models.Model):
    """A first reading that was not ended yet, and its place: a long one is cut into several runs."""

    integration = models.ForeignKey(Integration, models.CASCADE, related_name="readings", db_index=False)
    feed = models.CharField(max_length=64)
    object_id = models.BigIntegerField()
    began_at = models.DateTimeField(help_text=_("By Dotdigital's clock: what has changed since is read afterwards."))
    skip = models.IntegerField(help_text=_("So many rows of the list were read."))
    marker = models.TextField(default="", help_text=_("Where a list goes on that Dotdigital continues by markers."))
    last_ids = models.JSONField(help_text=_("The ids read last. They tell whether rows have gone before the place."))

    class Meta:
        verbose_name = _("reading")
        verbose_name_plural = _("readings")
        constraints = [models.UniqueConstraint(fields=["integration", "feed", "object_id"], name="reading_once")]

    def __str__(self) -> str:
        return f"{self.feed} {self.object_id}: {self.skip}"

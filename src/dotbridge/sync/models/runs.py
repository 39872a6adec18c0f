"""Runs: what each did, up to where each feed was read, and what could not be taken."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.integrations.models import Integration


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


class SyncRun(models.Model):
    """One pass over an integration. It ends in a state that says what really happened."""

    integration = models.ForeignKey(Integration, models.CASCADE, related_name="runs", verbose_name=_("integration"))
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
    requests = models.IntegerField(_("calls to Dotdigital"), default=0)
    waits_until = models.DateTimeField(
        _("waits until"),
        null=True,
        help_text=_("When the account's limit of calls opens again. Until then Dotdigital is not asked."),
    )
    started_at = models.DateTimeField(_("started"))
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("run")
        verbose_name_plural = _("runs")
        ordering = ["-id"]
        indexes = [
            # A run left "running" by a dead worker is looked for at each start.
            models.Index(fields=["integration"], condition=models.Q(state="running"), name="run_running"),
            # Asked at each start: may Dotdigital be asked yet, and whose files has it finished since?
            models.Index(fields=["integration"], condition=models.Q(state="waiting"), name="run_waiting"),
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


class Turn(models.Model):
    """Where a step begins the next time, because the last time it ended before it had gone over everything."""

    integration = models.ForeignKey(Integration, models.CASCADE, related_name="turns")
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

    integration = models.ForeignKey(Integration, models.CASCADE, related_name="readings")
    feed = models.CharField(max_length=64)
    object_id = models.BigIntegerField()
    began_at = models.DateTimeField(help_text=_("By Dotdigital's clock: what has changed since is read afterwards."))
    skip = models.IntegerField(help_text=_("So many rows of the list were read."))
    last_ids = models.JSONField(help_text=_("The ids read last. They tell whether rows have gone before the place."))

    class Meta:
        verbose_name = _("reading")
        verbose_name_plural = _("readings")
        constraints = [models.UniqueConstraint(fields=["integration", "feed", "object_id"], name="reading_once")]

    def __str__(self) -> str:
        return f"{self.feed} {self.object_id}: {self.skip}"

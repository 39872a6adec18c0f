"""Files that are read on a schedule, so that their people here are as they are there, and each reading of one."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from dotbridge.files.models import FileLoad
from dotbridge.files.texts import in_words
from dotbridge.lists.models import MarketingList


class Holds(models.TextChoices):
    """What such a file holds: everybody, so that who is missing leaves the list, or only what is new."""

    EVERYBODY = "everybody", _("everybody: who is missing leaves the list")
    CHANGES = "changes", _("changes: nobody leaves the list")


class ScheduledFile(models.Model):
    """A file, or the newest one of a folder, that is read every so often and loaded when it has changed.

    `digest` is that of the file that was loaded last. `came_at` is when a new file was there last.
    `problem` says why the last reading came to nothing, as `texts.kept` keeps it, empty for nothing; `problem_since`
    when that began. `allowed_leaving` is how many may leave once, because a person said so.
    """

    name = models.CharField(_("name"), max_length=150, unique=True)
    entity = models.CharField(_("what the people become"), max_length=100)
    url = models.CharField(_("where it is"), max_length=1000)
    username = models.CharField(_("user name"), max_length=200, blank=True)
    sealed_secret = models.TextField(_("password"), blank=True, editable=False)
    host_key = models.TextField(_("key of the server"), blank=True, editable=False)
    every_minutes = models.PositiveIntegerField(
        _("every so many minutes"), default=60, validators=[MinValueValidator(5), MaxValueValidator(7 * 24 * 60)]
    )
    holds = models.CharField(_("what it holds"), max_length=20, choices=Holds, default=Holds.CHANGES)
    marketing_list = models.ForeignKey(
        MarketingList,
        verbose_name=_("list"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="scheduled_files",
    )
    most_leaving_percent = models.PositiveSmallIntegerField(
        _("most that may leave at once, per cent"),
        default=10,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
    )
    must_come_hours = models.PositiveIntegerField(
        _("a new file must come within so many hours"),
        null=True,
        blank=True,
        default=48,
        validators=[MinValueValidator(1), MaxValueValidator(24 * 90)],
    )
    choices = models.JSONField(_("choices"), default=dict, blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    next_at = models.DateTimeField(_("next reading"), db_default=Now(), editable=False)
    came_at = models.DateTimeField(_("came last"), null=True, blank=True, editable=False)
    digest = models.CharField(_("digest"), max_length=64, blank=True, editable=False)
    problem = models.JSONField(_("problem"), default=dict, blank=True, editable=False)
    problem_since = models.DateTimeField(_("problem since"), null=True, blank=True, editable=False)
    allowed_leaving = models.PositiveIntegerField(_("may leave once"), default=0, editable=False)

    class Meta:
        verbose_name = _("scheduled file")
        verbose_name_plural = _("scheduled files")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def trouble(self) -> str:
        """Why the last reading came to nothing, in the language of the moment; empty for nothing."""
        return str(in_words(self.problem) or "")


class Reading(models.Model):
    """A file that was there and had changed, its load, and what became of the list.

    `held` are people who would have left the list, too many at once to be believed. Empty numbers: not loaded yet.
    """

    scheduled_file = models.ForeignKey(
        ScheduledFile, verbose_name=_("scheduled file"), on_delete=models.CASCADE, related_name="readings"
    )
    load = models.OneToOneField(
        FileLoad, verbose_name=_("file load"), on_delete=models.CASCADE, related_name="scheduled_reading"
    )
    digest = models.CharField(_("digest"), max_length=64)
    read_at = models.DateTimeField(_("read at"), db_default=Now(), editable=False)
    joined = models.PositiveIntegerField(_("came onto the list"), null=True, blank=True)
    left = models.PositiveIntegerField(_("left the list"), null=True, blank=True)
    held = models.PositiveIntegerField(_("did not leave, as they are too many"), null=True, blank=True)
    known = models.PositiveIntegerField(_("on the list before"), null=True, blank=True)

    class Meta:
        verbose_name = _("reading of a scheduled file")
        verbose_name_plural = _("readings of scheduled files")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.scheduled_file_id}/{self.pk}"

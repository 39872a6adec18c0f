"""Marketing lists, and the records taken off them. Written by `services` alone, read through `selectors`."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from dotbridge.entities.email import LONGEST_ADDRESS
from dotbridge.entities.record_ids import RECORD_ID_LENGTH

# What is no address may be anything; so much of it is shown again.
LONGEST_NOTED = LONGEST_ADDRESS


class ListType(models.TextChoices):
    """How a list comes to its records."""

    DYNAMIC = "dynamic", _("Dynamic")
    ON_DEMAND = "on_demand", _("On demand")
    MANUAL = "manual", _("Manual")


class MarketingList(models.Model):
    """Records of one entity, minus the removed ones and those who may not be mailed.

    A dynamic list holds what its rule matches, live. An on-demand one holds what its rule matched when it was last
    refreshed, a manual one what people put on it: `ListedRecord`. `columns` is what its pages show, a list of
    {"field", "label", "sort"}; see `columns.read_columns`.
    """

    name = models.CharField(_("name"), max_length=255, unique=True)
    description = models.TextField(_("description"), blank=True)
    entity = models.CharField(_("entity"), max_length=100)
    type = models.CharField(_("type"), max_length=16, choices=ListType, default=ListType.DYNAMIC)
    rule = models.JSONField(_("rule"), default=dict, blank=True)
    columns = models.JSONField(_("columns"), default=list, blank=True)
    include_previously_contacted = models.BooleanField(
        _("include previously contacted"),
        default=False,
        help_text=_("Whoever was sent a campaign through the list stays on it, also when the rule matches no more."),
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("owner")
    )
    refresh_every = models.DurationField(
        _("refresh every"), null=True, blank=True, help_text=_("For on-demand lists; empty: only when asked.")
    )
    refreshed_at = models.DateTimeField(_("refreshed"), null=True, blank=True, editable=False)
    refreshed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("refreshed by"),
        help_text=_("Empty: by the schedule."),
    )
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("marketing list")
        verbose_name_plural = _("marketing lists")
        ordering = ["name"]
        permissions = [
            ("opt_out_members", _("Can unsubscribe members of a list")),
            ("opt_in_members", _("Can subscribe people to a list again")),
            ("export_people", _("Can download people as a file")),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_live(self) -> bool:
        """Whether the rule is asked each time; otherwise what stands on the list counts."""
        return self.type == ListType.DYNAMIC


class ListCount(models.Model):
    """How many people of a list stood where when they were last counted: what pages show where counting takes long.

    `numbers` are by the names of `backoffice.reads.standing.Standing`, empty before the first count; `leaving` are in
    the address book still. `counted_at` is when the last count began that came to its end, `tried_at` when the last one
    did, whatever came of it: `problem` says why it came to nothing, and the numbers of the one before stay.
    `milliseconds` is how long it took. `changed_at` is when somebody was put on the list or taken off it.
    """

    marketing_list = models.OneToOneField(
        MarketingList,
        verbose_name=_("marketing list"),
        primary_key=True,
        on_delete=models.CASCADE,
        related_name="kept_count",
    )
    numbers = models.JSONField(default=dict)
    leaving = models.PositiveIntegerField(default=0)
    counted_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField()
    milliseconds = models.PositiveIntegerField(default=0)
    problem = models.TextField(blank=True, default="")
    changed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("kept numbers of a list")
        verbose_name_plural = _("kept numbers of lists")
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.marketing_list_id)


class AddressLoad(models.Model):
    """Addresses that somebody put on a manual list at once, and what came of them."""

    marketing_list = models.ForeignKey(
        MarketingList, verbose_name=_("marketing list"), on_delete=models.CASCADE, related_name="address_loads"
    )
    name = models.CharField(_("file"), max_length=255, blank=True, help_text=_("Empty: they were typed or pasted."))
    added = models.PositiveIntegerField(_("added"), default=0)
    already = models.PositiveIntegerField(_("on the list already"), default=0)
    undone_at = models.DateTimeField(_("undone at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False, db_index=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )

    class Meta:
        verbose_name = _("load of addresses")
        verbose_name_plural = _("loads of addresses")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name or str(_("Pasted addresses"))


class ListedRecord(models.Model):
    """A record that stands on an on-demand or manual list."""

    marketing_list = models.ForeignKey(
        MarketingList,
        verbose_name=_("marketing list"),
        on_delete=models.CASCADE,
        related_name="listed_records",
        db_index=False,
    )
    record_id = models.CharField(_("record"), max_length=RECORD_ID_LENGTH)
    load = models.ForeignKey(
        AddressLoad,
        verbose_name=_("load"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="listed_records",
        db_index=False,
    )
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )

    class Meta:
        verbose_name = _("listed record")
        verbose_name_plural = _("listed records")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["marketing_list", "record_id"], name="lists_listed_once"),
        ]
        # Few records come from a load, and taking one back, or forgetting it, asks for those alone.
        indexes = [models.Index(fields=["load"], condition=models.Q(load__isnull=False), name="lists_listed_of_load")]

    def __str__(self) -> str:
        return self.record_id


class RemovedItem(models.Model):
    """A record that somebody took off the list, although its rule matches."""

    marketing_list = models.ForeignKey(
        MarketingList,
        verbose_name=_("marketing list"),
        on_delete=models.CASCADE,
        related_name="removed_items",
        db_index=False,
    )
    record_id = models.CharField(_("record"), max_length=RECORD_ID_LENGTH)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("created by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )

    class Meta:
        verbose_name = _("removed item")
        verbose_name_plural = _("removed items")
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["marketing_list", "record_id"], name="lists_removed_once"),
        ]

    def __str__(self) -> str:
        return self.record_id


class WhyNoted(models.TextChoices):
    """Why an address of a load is worth a look."""

    NOT_FOUND = "not_found", _("No record has this address")
    NOT_AN_ADDRESS = "not_an_address", _("This cannot be an address")
    TAKEN_OFF = "taken_off", _("Taken off this list by hand, and stays off")
    SHARED = "shared", _("Several records have this address; the first one was taken")


class NotedAddress(models.Model):
    """An address of a load that nobody was added for, or that somebody has to look at."""

    load = models.ForeignKey(
        AddressLoad, verbose_name=_("load"), on_delete=models.CASCADE, related_name="noted", db_index=False
    )
    why = models.CharField(_("why"), max_length=16, choices=WhyNoted)
    text = models.CharField(_("address"), max_length=LONGEST_NOTED)
    email_key = models.CharField(_("address in small letters"), max_length=LONGEST_NOTED, db_index=True)

    class Meta:
        verbose_name = _("noted address")
        verbose_name_plural = _("noted addresses")
        ordering = ["pk"]
        # A page of a report shows those of one kind, in the order of the file.
        indexes = [models.Index(fields=["load", "why", "id"], name="lists_noted_of_load")]

    def __str__(self) -> str:
        return self.text

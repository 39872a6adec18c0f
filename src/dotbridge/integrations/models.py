"""Connected Dotdigital accounts and what is left of their call quota."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

DEFAULT_BASE_URL = "https://r1-api.dotdigital.com"


class ForcedComparison(models.TextChoices):
    """Which mapped values are compared anew every night, although nothing is known to have changed."""

    NONE = "none", _("None")
    VIRTUAL = "virtual", _("Records with mapped fields that are worked out")
    ALWAYS = "always", _("Of every mapped entity")


class ExportWaitsFor(models.TextChoices):
    """What an export waits for while Dotdigital still works on an earlier one."""

    INTEGRATION = "integration", _("Every upload to the account")
    ADDRESS_BOOK = "address_book", _("Uploads to the same address book")


class ContactsReadOf(models.TextChoices):
    """Of which address books the contacts are read."""

    ALL_BOOKS = "all", _("Every address book")
    CONNECTED_BOOKS = "connected", _("Address books that a list is connected to")


class WireProtocol(models.TextChoices):
    """In which version of its API contacts are read from Dotdigital and sent there."""

    V2 = "v2", _("Version 2")
    V3 = "v3", _("Version 3")


class ProtocolChoice(models.TextChoices):
    """Which version an integration is to use."""

    AUTOMATIC = "automatic", _("Version 3 where the account offers it, else version 2")
    V3 = WireProtocol.V3.value, WireProtocol.V3.label
    V2 = WireProtocol.V2.value, WireProtocol.V2.label


class Integration(models.Model):
    """One connected Dotdigital account. Its password is stored sealed and leaves this app only into a request."""

    name = models.CharField(_("name"), max_length=255, unique=True)
    username = models.CharField(
        _("API user"),
        max_length=255,
        help_text=_(
            "The API user's e-mail, such as apiuser-0123456789ab@apiconnector.com. Make one for this use alone."
        ),
    )
    password_sealed = models.TextField(_("password (sealed)"), editable=False)
    base_url = models.CharField(
        _("base URL"),
        max_length=255,
        default=DEFAULT_BASE_URL,
        help_text=_("Where the account is asked for first. Its own region is found from there."),
    )
    endpoint = models.CharField(_("region found"), max_length=255, blank=True, editable=False)
    account_id = models.BigIntegerField(_("account id"), null=True, editable=False)
    account_name = models.CharField(_("account name"), max_length=255, blank=True, editable=False)
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Only active integrations are synchronised.")
    )
    default_owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("default owner"),
        help_text=_("Whose the campaigns are that an import makes."),
    )
    data_fields_hours = models.PositiveIntegerField(
        _("hours between readings of the data fields"),
        default=24,
        validators=[MaxValueValidator(24 * 31)],
        help_text=_("0 reads them with every import."),
    )
    forced_comparison = models.CharField(
        _("compared every night"),
        max_length=8,
        choices=ForcedComparison.choices,
        default=ForcedComparison.VIRTUAL,
        help_text=_("What is worked out, such as an age, changes by itself. At 01:00 the values are compared."),
    )
    export_waits_for = models.CharField(
        _("an export waits for"),
        max_length=16,
        choices=ExportWaitsFor.choices,
        default=ExportWaitsFor.INTEGRATION,
        help_text=_(
            "While Dotdigital works on an upload nothing new is sent: to the whole account, or to that address book."
        ),
    )
    contacts_read_of = models.CharField(
        _("contacts are read of"),
        max_length=12,
        choices=ContactsReadOf.choices,
        default=ContactsReadOf.ALL_BOOKS,
        help_text=_("Connected books are read first. Where calls are short, leave the others out."),
    )
    protocol = models.CharField(
        _("version of the API for contacts"),
        max_length=12,
        choices=ProtocolChoice.choices,
        default=ProtocolChoice.AUTOMATIC,
        help_text=_("How we talk to Dotdigital. Version 3 needs far fewer calls. Opt-outs are read by both."),
    )
    protocol_found = models.CharField(
        _("version in use"), max_length=4, choices=WireProtocol.choices, default=WireProtocol.V2, editable=False
    )
    protocol_reason = models.CharField(_("why this version"), max_length=255, blank=True, editable=False)
    protocol_asked_at = models.DateTimeField(_("asked which versions there are"), null=True, editable=False)
    bulk_from = models.TimeField(
        _("large readings from"),
        null=True,
        blank=True,
        help_text=_(
            "First readings, full comparisons and results of past campaigns wait for this time of the day. Opt-outs, "
            "exports and what a person starts never wait. Empty: at any time."
        ),
    )
    bulk_until = models.TimeField(
        _("large readings until"),
        null=True,
        blank=True,
        help_text=_("It may be past midnight: from 22:00 until 06:00. What has begun is ended within minutes."),
    )
    breaker_rows = models.PositiveIntegerField(
        _("stop and ask above so many contacts"),
        default=1000,
        validators=[MinValueValidator(1)],
        help_text=_("A run that would take more contacts than this out of one book, or off one list, asks first."),
    )
    breaker_percent = models.PositiveSmallIntegerField(
        _("stop and ask above so many percent"),
        default=20,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("The same as a share of the book. A few contacts never stop a run, whatever their share."),
    )
    # Whose mapping somebody has deleted: none is made by itself again.
    unmapped_entities = models.JSONField(default=list, editable=False)
    checked_at = models.DateTimeField(_("last connected"), null=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("integration")
        verbose_name_plural = _("integrations")
        ordering = ["name"]
        constraints = [
            # Two integrations of one account would have one address book on two lists.
            models.UniqueConstraint(fields=["account_id"], name="integration_once_an_account"),
            # A window has two ends, and some length.
            models.CheckConstraint(
                condition=models.Q(bulk_from=None, bulk_until=None)
                | models.Q(bulk_from__isnull=False, bulk_until__isnull=False)
                & ~models.Q(bulk_from=models.F("bulk_until")),
                name="integration_bulk_window",
                violation_error_message=_("Give both times of large readings, not the same, or none."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class RateWindow(models.Model):
    """What the vendor last said is left of one tier's quota. Shared by every process that calls for the account."""

    integration = models.ForeignKey(Integration, models.CASCADE, related_name="rate_windows", db_index=False)
    tier = models.CharField(max_length=32)
    remaining = models.IntegerField()
    resets_at = models.DateTimeField()

    class Meta:
        verbose_name = _("rate window")
        verbose_name_plural = _("rate windows")
        constraints = [models.UniqueConstraint(fields=["integration", "tier"], name="rate_window_one_a_tier")]

    def __str__(self) -> str:
        return f"{self.tier}: {self.remaining}"


class CallLimit(models.Model):
    """How many calls of one tier the account's package allows in a window, as the vendor said last.

    It stays when a window is over, so that it can be said beforehand how long many calls will take.
    """

    integration = models.ForeignKey(Integration, models.CASCADE, related_name="call_limits", db_index=False)
    tier = models.CharField(max_length=32)
    allowed = models.IntegerField()

    class Meta:
        verbose_name = _("limit of calls")
        verbose_name_plural = _("limits of calls")
        constraints = [models.UniqueConstraint(fields=["integration", "tier"], name="call_limit_one_a_tier")]

    def __str__(self) -> str:
        return f"{self.tier}: {self.allowed}"

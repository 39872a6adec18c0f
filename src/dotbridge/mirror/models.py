"""What Dotdigital has, as we last saw it. Nothing here is ours to decide; only imports write it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from dotbridge.integrations.models import Integration
from dotbridge.mirror.campaign_models import (
    Activity,
    Campaign,
    CampaignBook,
    ClickEvent,
    OpenEvent,
    ResultKind,
    WaitingResult,
)
from dotbridge.mirror.draft_models import CampaignContent, Draft, SenderAddress, Template
from dotbridge.mirror.status import LIVE, SUBSCRIBED
from dotbridge.mirror.summary_models import CampaignSummary

__all__ = [
    "Activity",
    "AddressBook",
    "Campaign",
    "CampaignBook",
    "CampaignContent",
    "CampaignSummary",
    "ClickEvent",
    "Contact",
    "DataField",
    "Draft",
    "FormerAddress",
    "Membership",
    "OpenEvent",
    "ResultKind",
    "SenderAddress",
    "Template",
    "WaitingResult",
]


class AddressBook(models.Model):
    """A list of contacts in Dotdigital."""

    integration = models.ForeignKey(
        Integration, models.CASCADE, related_name="address_books", verbose_name=_("integration"), db_index=False
    )
    remote_id = models.BigIntegerField(_("id in Dotdigital"))
    name = models.CharField(_("name"), max_length=255)
    visibility = models.CharField(_("visibility"), max_length=64, blank=True)
    contact_count = models.IntegerField(_("contacts"), default=0, help_text=_("As Dotdigital counts them."))
    gone_at = models.DateTimeField(_("gone since"), null=True, blank=True)
    updated_at = models.DateTimeField(_("last seen changed"), auto_now=True)

    class Meta:
        verbose_name = _("address book")
        verbose_name_plural = _("address books")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["integration", "remote_id"], name="address_book_once")]

    def __str__(self) -> str:
        return self.name


# Beside Dotdigital's types of data fields: a marketing preference is filled like a field that is true or false.
PREFERENCE = "Preference"
# Its name here, which no data field can have; one in a category is called Preference:Category>Name, as in an import.
PREFERENCE_PREFIX = "Preference:"


class DataField(models.Model):
    """A field that every contact of the account has. Its type and visibility never change in Dotdigital.

    A marketing preference stands here too, of the type PREFERENCE and with its id: what a contact may be opted into.
    """

    integration = models.ForeignKey(
        Integration, models.CASCADE, related_name="data_fields", verbose_name=_("integration"), db_index=False
    )
    name = models.CharField(_("name"), max_length=64)
    type = models.CharField(_("type"), max_length=32)
    visibility = models.CharField(_("visibility"), max_length=32, blank=True)
    default_value = models.JSONField(_("default value"), null=True, blank=True)
    preference_id = models.BigIntegerField(_("id of the preference"), null=True, editable=False)
    notes = models.TextField(_("notes"), blank=True, help_text=_("Kept here only; Dotdigital does not see them."))
    gone_at = models.DateTimeField(_("gone since"), null=True, blank=True)
    leaving_since = models.DateTimeField(
        _("being deleted since"), null=True, blank=True, help_text=_("Nothing is mapped to it any more.")
    )

    class Meta:
        verbose_name = _("data field")
        verbose_name_plural = _("data fields")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["integration", "name"], name="data_field_once")]

    def __str__(self) -> str:
        return self.name


class Contact(models.Model):
    """A person in the account, with the status of the whole account."""

    integration = models.ForeignKey(
        Integration,
        models.CASCADE,
        related_name="contacts",
        verbose_name=_("integration"),
        db_constraint=False,
        db_index=False,
    )
    remote_id = models.BigIntegerField(_("id in Dotdigital"))
    email = models.TextField(_("e-mail"))
    email_key = models.TextField(  # noqa: DJ001 - NULL is outside the unique constraint, the empty text is not
        _("e-mail, normalised"),
        null=True,
        db_collation="C",
        help_text=_("Empty when the address has since been given to another contact."),
    )
    status = models.CharField(_("status"), max_length=64, default=SUBSCRIBED)
    suppressed_at = models.DateTimeField(_("suppressed at"), null=True, blank=True)
    opt_in_type = models.CharField(_("opt-in"), max_length=64, blank=True)
    email_type = models.CharField(_("e-mail type"), max_length=64, blank=True)
    data_fields = models.JSONField(_("data fields"), default=dict)
    last_subscribed_at = models.DateTimeField(_("last subscribed"), null=True, blank=True)
    updated_at = models.DateTimeField(_("last seen changed"))

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        constraints = [
            models.UniqueConstraint(fields=["integration", "remote_id"], name="contact_once_by_id"),
            # The export finds a member's contact by this one.
            models.UniqueConstraint(fields=["integration", "email_key"], name="contact_once_by_email"),
        ]
        indexes = [
            # Each export asks who must not be mailed; they are few.
            models.Index(fields=["integration"], condition=~models.Q(status__in=LIVE), name="contact_not_live"),
        ]

    def __str__(self) -> str:
        return self.email


class Membership(models.Model):
    """A contact's place in an address book, with the status of that book alone."""

    address_book = models.ForeignKey(
        AddressBook,
        models.CASCADE,
        related_name="memberships",
        verbose_name=_("address book"),
        db_constraint=False,
        db_index=False,
    )
    contact = models.ForeignKey(Contact, models.CASCADE, related_name="memberships", verbose_name=_("contact"))
    status = models.CharField(_("status in this book"), max_length=64, default=SUBSCRIBED)
    unsubscribed_at = models.DateTimeField(_("unsubscribed at"), null=True, blank=True)
    listed_at = models.DateTimeField(
        _("listed"), help_text=_("When they were found in the book's list; while nothing changes, it stays as it is.")
    )
    gone_at = models.DateTimeField(_("gone since"), null=True, blank=True)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["address_book", "contact"], name="membership_once")]
        indexes = [
            models.Index(fields=["address_book"], condition=~models.Q(status__in=LIVE), name="membership_not_live"),
            # Each export asks who was taken out.
            models.Index(fields=["address_book"], condition=models.Q(gone_at__isnull=False), name="membership_gone"),
        ]

    def __str__(self) -> str:
        return f"{self.address_book_id}/{self.contact_id}: {self.status}"


class FormerAddress(models.Model):
    """An address that a contact had before it got another one in Dotdigital: by it we find whom we wrote to."""

    integration = models.ForeignKey(
        Integration, models.CASCADE, related_name="former_addresses", verbose_name=_("integration"), db_index=False
    )
    email_key = models.TextField(_("e-mail, normalised"), db_collation="C")
    remote_id = models.BigIntegerField(_("id in Dotdigital"))
    until = models.DateTimeField(_("until"))
    is_taken_over = models.BooleanField(
        _("another contact of a connected book has it"), default=False, db_default=False, editable=False
    )

    class Meta:
        verbose_name = _("former address")
        verbose_name_plural = _("former addresses")
        constraints = [
            models.UniqueConstraint(fields=["integration", "remote_id", "email_key"], name="former_address_once"),
        ]
        indexes = [
            # Whoever leaves a list is looked for under the address that we wrote to.
            models.Index(fields=["integration", "email_key"], name="former_address_by_email"),
        ]

    def __str__(self) -> str:
        return f"{self.remote_id}"

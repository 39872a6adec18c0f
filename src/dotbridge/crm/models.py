"""The example host: a small CRM, as a customer of ours could have it. The product itself never looks in here."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from dotbridge.entities.email import normalised
from dotbridge.files.keys import name_key

# Long enough for whatever people paste into a name field.
LONGEST_TEXT = 500


class Account(models.Model):
    """A company."""

    name = models.CharField(_("name"), max_length=LONGEST_TEXT)
    industry = models.CharField(_("industry"), max_length=100, blank=True)
    city = models.CharField(_("city"), max_length=LONGEST_TEXT, blank=True)
    country = models.CharField(_("country"), max_length=100, blank=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering = ["name", "pk"]
        # For its list, and for files, whose companies are looked up by name.
        indexes = [
            models.Index(fields=["name", "id"], name="crm_account_by_name"),
            models.Index(name_key("name"), name="crm_account_by_key"),
        ]

    def __str__(self) -> str:
        return self.name


class Contact(models.Model):
    """A person whom the company knows. Has any number of addresses, one of them primary."""

    first_name = models.CharField(_("first name"), max_length=LONGEST_TEXT, blank=True)
    last_name = models.CharField(_("last name"), max_length=LONGEST_TEXT, blank=True)
    account = models.ForeignKey(
        Account, verbose_name=_("account"), null=True, blank=True, on_delete=models.SET_NULL, related_name="contacts"
    )
    job_title = models.CharField(_("job title"), max_length=LONGEST_TEXT, blank=True)
    phone = models.CharField(_("phone"), max_length=100, blank=True)
    birthday = models.DateField(_("birthday"), null=True, blank=True)
    lead_score = models.IntegerField(_("lead score"), null=True, blank=True)
    is_vip = models.BooleanField(_("VIP"), default=False)
    language = models.CharField(_("language"), max_length=20, blank=True)
    notes = models.TextField(_("notes"), blank=True)
    external_id = models.CharField(
        _("external id"),
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text=_("Under which another system knows the person."),
    )
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    updated_at = models.DateTimeField(_("updated at"), auto_now=True)

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        # By key, which needs no index of its own: names of 500 characters would not fit into one.
        ordering = ["-pk"]
        # For files, which find people by it.
        indexes = [
            models.Index(fields=["external_id"], condition=~Q(external_id=""), name="crm_contact_by_external_id")
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or str(_("Nameless contact"))


class ContactEmail(models.Model):
    """One address of a contact, as it was typed: it may be shared, misspelt or no address at all."""

    contact = models.ForeignKey(Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="emails")
    email = models.CharField(_("e-mail"), max_length=LONGEST_TEXT)
    is_primary = models.BooleanField(_("primary"), default=False)

    class Meta:
        verbose_name = _("e-mail address")
        verbose_name_plural = _("e-mail addresses")
        constraints = [
            models.UniqueConstraint(
                fields=["contact"],
                condition=Q(is_primary=True),
                name="crm_one_primary_email",
                violation_error_message=_("A contact has one primary address."),
            )
        ]
        # Looking a person up by address, whatever its letter case: the loader does it for every row.
        indexes = [models.Index(normalised("email"), name="crm_contactemail_by_key")]

    def __str__(self) -> str:
        return self.email


class ContactPhone(models.Model):
    """A further phone number of a contact, beyond the one on the contact itself."""

    contact = models.ForeignKey(Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="phones")
    phone = models.CharField(_("phone"), max_length=100)

    class Meta:
        verbose_name = _("further phone number")
        verbose_name_plural = _("further phone numbers")

    def __str__(self) -> str:
        return self.phone


class Lead(models.Model):
    """Somebody who may become a customer."""

    class Status(models.TextChoices):
        NEW = "new", _("New")
        CONTACTED = "contacted", _("Contacted")
        QUALIFIED = "qualified", _("Qualified")
        LOST = "lost", _("Lost")

    first_name = models.CharField(_("first name"), max_length=LONGEST_TEXT, blank=True)
    last_name = models.CharField(_("last name"), max_length=LONGEST_TEXT, blank=True)
    company = models.CharField(_("company"), max_length=LONGEST_TEXT, blank=True)
    email = models.CharField(_("e-mail"), max_length=LONGEST_TEXT, blank=True)
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.NEW)
    source = models.CharField(_("source"), max_length=100, blank=True)
    estimated_value = models.DecimalField(_("estimated value"), max_digits=12, decimal_places=2, null=True, blank=True)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("lead")
        verbose_name_plural = _("leads")
        ordering = ["-created_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.company or str(_("Nameless lead"))


class Customer(models.Model):
    """A company or person who has bought something."""

    name = models.CharField(_("name"), max_length=LONGEST_TEXT)
    contact_first_name = models.CharField(_("contact's first name"), max_length=LONGEST_TEXT, blank=True)
    contact_last_name = models.CharField(_("contact's last name"), max_length=LONGEST_TEXT, blank=True)
    email = models.CharField(_("e-mail"), max_length=LONGEST_TEXT, blank=True)
    account = models.ForeignKey(
        Account, verbose_name=_("account"), null=True, blank=True, on_delete=models.SET_NULL, related_name="customers"
    )
    customer_since = models.DateField(_("customer since"), null=True, blank=True)
    lifetime_value = models.DecimalField(_("lifetime value"), max_digits=14, decimal_places=2, default=0)
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name


class Order(models.Model):
    """What a contact ordered."""

    class Status(models.TextChoices):
        OPEN = "open", _("Open")
        PAID = "paid", _("Paid")
        CANCELLED = "cancelled", _("Cancelled")

    contact = models.ForeignKey(
        Contact, verbose_name=_("contact"), on_delete=models.CASCADE, related_name="orders", db_index=False
    )
    number = models.CharField(_("number"), max_length=40, blank=True)
    placed_at = models.DateTimeField(_("placed"), null=True, blank=True)
    delivered_on = models.DateField(_("delivered"), null=True, blank=True)
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.OPEN)
    items = models.IntegerField(_("items"), default=1)
    total = models.DecimalField(_("total"), max_digits=12, decimal_places=2, null=True, blank=True)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        ordering = ["-pk"]
        # A rule asks for the orders of a contact in a period.
        indexes = [models.Index(fields=["contact", "placed_at"], name="crm_order_of_contact")]

    def __str__(self) -> str:
        return self.number

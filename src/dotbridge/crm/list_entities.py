"""The CRM's records that can be on a marketing list: what a host writes to have its own models there."""

from collections.abc import Sequence

from django.db.models import BooleanField, ExpressionWrapper, F, OuterRef, Q, Subquery, Value
from django.db.models.functions import Concat, Trim
from django.utils.translation import gettext_lazy as _

from dotbridge.crm.models import Contact, ContactEmail, Customer, Lead
from dotbridge.entities.days import DaysSince, LocalDay, YearsSince
from dotbridge.entities.email import normalised
from dotbridge.entities.registry import FieldKind, NewRecord, VirtualField, register

BIG_SPENDER_FROM = 10_000
PRIMARY_ADDRESS_READS = ("emails__email", "emails__is_primary")
DAYS_SINCE_CREATED = VirtualField(
    name="days_since_created",
    label=_("Days since created"),
    kind=FieldKind.INTEGER,
    expression=DaysSince(LocalDay(F("created_at"))),
    reads=("created_at",),
)


def _full_name(first: str, last: str) -> VirtualField:
    return VirtualField(
        name="full_name",
        label=_("Full name"),
        kind=FieldKind.STRING,
        expression=Trim(Concat(F(first), Value(" "), F(last))),
        reads=(first, last),
    )


def _primary_address() -> Subquery:
    return Subquery(ContactEmail.objects.filter(contact=OuterRef("pk"), is_primary=True).values("email"))


def _create_contacts(newcomers: Sequence[NewRecord]) -> None:
    Contact.objects.bulk_create([newcomer.record for newcomer in newcomers])
    ContactEmail.objects.bulk_create(
        ContactEmail(contact_id=newcomer.record.pk, email=newcomer.email, is_primary=True) for newcomer in newcomers
    )


def _erase_contacts(email_key: str) -> None:
    having = ContactEmail.objects.alias(key=normalised("email")).filter(key=email_key)
    Contact.objects.filter(emails__in=having).delete()


def _erase_leads(email_key: str) -> None:
    Lead.objects.alias(key=normalised("email")).filter(key=email_key).delete()


def _erase_customers(email_key: str) -> None:
    Customer.objects.alias(key=normalised("email")).filter(key=email_key).delete()


register(
    Contact,
    email=_primary_address(),
    email_reads=PRIMARY_ADDRESS_READS,
    default_priority=20,
    modified_at="updated_at",
    create=_create_contacts,
    erase=_erase_contacts,
    virtual_fields=[
        _full_name("first_name", "last_name"),
        VirtualField(
            name="primary_email",
            label=_("Primary e-mail"),
            kind=FieldKind.STRING,
            expression=_primary_address(),
            reads=PRIMARY_ADDRESS_READS,
        ),
        VirtualField(
            name="age_in_years",
            label=_("Age in years"),
            kind=FieldKind.INTEGER,
            expression=YearsSince(F("birthday")),
            reads=("birthday",),
        ),
        DAYS_SINCE_CREATED,
    ],
)
register(
    Lead,
    email="email",
    erase=_erase_leads,
    default_priority=10,
    virtual_fields=[_full_name("first_name", "last_name"), DAYS_SINCE_CREATED],
)
register(
    Customer,
    email="email",
    erase=_erase_customers,
    virtual_fields=[
        _full_name("contact_first_name", "contact_last_name"),
        VirtualField(
            name="is_big_spender",
            label=_("Big spender"),
            kind=FieldKind.BOOLEAN,
            expression=ExpressionWrapper(Q(lifetime_value__gte=BIG_SPENDER_FROM), output_field=BooleanField()),
            reads=("lifetime_value",),
        ),
    ],
)

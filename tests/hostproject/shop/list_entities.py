"""Which of the shop's records can be on a marketing list."""

from collections.abc import Sequence

from django.db.models import Count, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce
from shop.models import Customer, CustomerEmail, Order

from dotbridge.entities.registry import FieldKind, NewRecord, VirtualField, register


def primary_address() -> Subquery:
    return Subquery(CustomerEmail.objects.filter(customer=OuterRef("pk"), is_primary=True).values("email")[:1])


def of_orders(what: Count | Sum) -> Subquery:
    mine = Order.objects.filter(customer=OuterRef("pk")).order_by().values("customer")
    return Subquery(mine.annotate(worked_out=what).values("worked_out"))


def create_customers(newcomers: Sequence[NewRecord]) -> None:
    for newcomer in newcomers:
        newcomer.record.region_id = "north"
    Customer.everybody.bulk_create([newcomer.record for newcomer in newcomers])
    CustomerEmail.objects.bulk_create(
        CustomerEmail(customer=newcomer.record, email=newcomer.email) for newcomer in newcomers
    )


def erase_customers(email: str) -> None:
    Customer.everybody.filter(emails__email__iexact=email).delete()


register(
    Customer,
    email=primary_address(),
    email_reads=("emails__email", "emails__is_primary"),
    manager="living",
    fields=[
        "id",
        "loyalty_card",
        "first_name",
        "last_name",
        "full_name",
        "birthday",
        "interests",
        "extra__shoe_size",
        "region__name",
    ],
    modified_at="updated_at",
    create=create_customers,
    erase=erase_customers,
    virtual_fields=[
        VirtualField(
            name="order_count",
            label="Orders",
            kind=FieldKind.INTEGER,
            expression=Coalesce(of_orders(Count("pk")), 0),
            reads=("orders__id",),
        ),
        VirtualField(
            name="items_per_order",
            label="Items per order",
            kind=FieldKind.INTEGER,
            # Nobody thought of an order without items.
            expression=of_orders(Sum("items") / Sum("items")),
            reads=("orders__items",),
        ),
    ],
)

"""What the shop keeps: customers with UUID keys and several addresses each, soft deletion, orders."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Value
from django.db.models.functions import Concat


class Region(models.Model):
    code = models.CharField(max_length=10, primary_key=True)
    name = models.CharField(max_length=50)

    def __str__(self) -> str:
        return self.name


class Living(models.Manager["Customer"]):
    def get_queryset(self) -> Any:
        return super().get_queryset().filter(deleted_at=None)


class Customer(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    loyalty_card = models.UUIDField(default=uuid.uuid4)
    first_name = models.CharField(max_length=50)
    last_name = models.CharField(max_length=50)
    full_name = models.GeneratedField(
        expression=Concat(F("first_name"), Value(" "), F("last_name")),
        output_field=models.CharField(max_length=101),
        db_persist=True,
    )
    region = models.ForeignKey(Region, models.PROTECT)
    birthday = models.DateField(null=True, blank=True)
    interests = ArrayField(models.CharField(max_length=30), default=list, blank=True)
    extra = models.JSONField(default=dict, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)
    # The first is what Django takes by default: it sees deleted customers too.
    everybody = models.Manager()
    living = Living()

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}"


class CustomerEmail(models.Model):
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="emails")
    email = models.EmailField()
    is_primary = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.email


class Order(models.Model):
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="orders")
    placed_at = models.DateTimeField()
    total = models.DecimalField(max_digits=10, decimal_places=2)
    items = models.PositiveIntegerField(default=1)

    class Meta:
        db_table = '"shop_orders"'

    def __str__(self) -> str:
        return f"{self.placed_at:%Y-%m-%d} {self.total}"

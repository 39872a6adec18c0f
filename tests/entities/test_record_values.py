"""What is worked out of one record: what takes too long, or cannot be, takes nothing else along."""

from __future__ import annotations

import time

import pytest
from django.db.models import F, FloatField, Func, IntegerField, TextField
from django.db.models.functions import Cast

from dotbridge.crm.models import Contact
from dotbridge.entities.record_values import values_of_record
from dotbridge.entities.registry import entity

pytestmark = pytest.mark.django_db

NAMES = [f"name_{place}" for place in range(9)]


def asked_beside(**others: Cast) -> tuple[dict[str, object], float]:
    contact = Contact.objects.create(first_name="Ann")
    names = {name: F("first_name") for name in NAMES}
    begin = time.monotonic()
    found = values_of_record(entity("crm.contact"), contact.pk, names | others, milliseconds=2_000)
    return found, time.monotonic() - begin


def test_all_are_worked_out_at_once() -> None:
    found, _seconds = asked_beside(other=Cast("lead_score", TextField()))
    assert found == {**dict.fromkeys(NAMES, "Ann"), "other": None}


def test_one_that_the_database_refuses_is_missing() -> None:
    found, _seconds = asked_beside(refused=Cast("first_name", IntegerField()))
    assert found == dict.fromkeys(NAMES, "Ann")


def test_one_that_takes_too_long_is_missing_and_the_time_is_that_of_all() -> None:
    sleep = Func(template="pg_sleep(60)", output_field=FloatField())
    found, seconds = asked_beside(slow=Cast(sleep, TextField()))
    assert "slow" not in found
    assert found.items() >= dict.fromkeys(NAMES[:5], "Ann").items()
    assert seconds < 10


def test_of_nobody_nothing_is_known() -> None:
    assert values_of_record(entity("crm.contact"), 0, {"name": F("first_name")}, milliseconds=2_000) == {}

"""What a person searches for, or has erased, never keeps the database busy for long; the page says what to do then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from dotbridge.audit.models import AuditEntry
from dotbridge.backoffice.pages import audit, campaigns, person_acts, problems
from dotbridge.backoffice.reads import fields, people
from dotbridge.consent.erasure import receipt_of
from dotbridge.crm.models import Contact
from dotbridge.mirror.models import Activity
from dotbridge.sync.models import Rejection
from tests.backoffice.conftest import texts
from tests.backoffice.world import World

LONGER = "takes too long at present"


@contextmanager
def slow(model: Any, words: str = "LIKE") -> Iterator[None]:
    """A database that takes half a second longer over statements about a model."""
    table = f'"{model._meta.db_table}"'

    def wait(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if table in sql and words in sql:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(0.5)")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wait):
        yield


def test_searches_end_and_say_so(back_office: Client, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for page in (audit, campaigns, problems):
        monkeypatch.setattr(page, "MOST_MILLISECONDS", 50)
    recipients = reverse("dotbridge:campaign-people", args=[world.email_campaign.pk])
    with slow(Activity):
        assert LONGER in texts(back_office.get(recipients, {"q": "ann"}))
    cause = {"reason": world.rejection.reason, "q": "ann"}
    with slow(Rejection):
        assert LONGER in texts(back_office.get(reverse("dotbridge:activity-problem"), cause))
    with slow(AuditEntry):
        assert LONGER in texts(back_office.get(reverse("dotbridge:activity-audit"), {"q": "mona"}))


def test_who_could_not_be_searched_in_time_is_not_called_nobody(
    back_office: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "SEARCH_MILLISECONDS", 50)
    with slow(Contact):
        page = texts(back_office.get(reverse("dotbridge:people"), {"q": "ann.0"}))
        everywhere = texts(back_office.get(reverse("dotbridge:search"), {"q": "ann.0"}))
    assert "These could not be searched in time: Contacts." in page
    assert "Nobody found" not in page
    assert "not all could be searched in time" in everywhere


def test_an_erasure_that_takes_too_long_does_nothing_and_names_the_way(
    back_office: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(person_acts, "FORGET_MILLISECONDS", 50)
    record = world.people[0]
    address = record.emails.get().email
    forget = reverse("dotbridge:person-record-act", args=["crm.contact", record.pk, "forget"])
    given = {"confirmed": "yes", "address": address, "is_remote": "on"}
    with slow(Activity, "UPDATE"):
        page = texts(back_office.post(forget, given))
    assert "Nothing was done" in page
    assert "dotbridge consent erase --remotely" in page
    assert Contact.objects.filter(pk=record.pk).exists()
    assert receipt_of(address) is None
    assert "The person is forgotten" in texts(back_office.post(forget, given, follow=True))


def test_the_values_of_one_person_are_looked_for_and_it_is_said_when_there_is_none(
    back_office: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = reverse("dotbridge:mapping", args=[world.mapping.pk])
    assert "Nobody found" in texts(back_office.get(page, {"q": "zoe"}))
    assert "Nobody found" not in texts(back_office.get(page, {"q": "ann.0"}))
    monkeypatch.setattr(fields, "SAMPLE_MILLISECONDS", 50)
    with slow(Contact, "SELECT"):
        late = texts(back_office.get(page, {"q": "ann.0"}))
    assert LONGER in late
    assert "Nobody found" not in late


def test_whom_a_mapping_would_send_again_is_worked_out_for_so_long_in_all(
    back_office: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No statement alone takes too long; of a thousand connected lists each asks several."""
    monkeypatch.setattr(fields, "IMPACT_MILLISECONDS", 900)
    row = reverse("dotbridge:mapping-row", args=[world.mapping.pk, world.mapping.rows.get().pk])
    with slow(Contact, "SELECT"):
        page = texts(
            back_office.post(row, {"data_field": str(world.field.pk), "first": "job_title", "empty_values": "keep"})
        )
    assert "It takes too long to work out how many people are sent again." in page
    assert world.mapping.rows.get().entity_fields != ["job_title"]

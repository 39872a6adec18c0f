"""The way back: what is changed in Dotdigital arrives in the records, once, and nothing echoes."""

from __future__ import annotations

import datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dotbridge.crm.models import Contact
from dotbridge.integrations.models import Integration, ProtocolChoice
from dotbridge.mapping.models import EmptyValues, Mapping, MappingRow
from dotbridge.mapping.services import set_mapping_row
from dotbridge.sync.models import ExportItem, Rejection, State, ValueConflict
from tests.accounts import RemoteAccount, steps_of
from tests.sync.two_way_account import change, connect_two_way, person, sync, writes


def test_values_of_every_type_arrive_in_the_record(integration: Integration, remote: RemoteAccount) -> None:
    ann = person("ann@example.com", lead_score=1)
    link = connect_two_way(integration, remote)
    sync(integration)
    change(remote, "ANN@example.com", FIRSTNAME="Anna", NICK="A\nB", SCORE="42", VIP="Yes", BORN="1980-02-29T00:00:00")

    run = sync(integration)

    ann.refresh_from_db()
    assert (ann.first_name, ann.last_name, ann.notes) == ("Anna", "Bee", "A\nB")
    assert (ann.lead_score, ann.is_vip, ann.birthday) == (42, True, datetime.date(1980, 2, 29))
    assert steps_of(run)["two_way"]["written"] == 1
    assert run.state == State.SUCCEEDED
    assert ExportItem.objects.get(connection=link).values["FIRSTNAME"] == "Anna"


def test_nothing_echoes_in_ten_runs_after_a_change_on_each_side(
    integration: Integration, remote: RemoteAccount
) -> None:
    ann = person("ann@example.com", lead_score=7, birthday=datetime.date(1990, 5, 1))
    bob = person("bob@example.com", first_name="Bob")
    link = connect_two_way(integration, remote)
    sync(integration)
    change(remote, "ann@example.com", FIRSTNAME="Anna", SCORE=7.5)
    Contact.objects.filter(pk=bob.pk).update(last_name="Cee", is_vip=True)
    sync(integration)
    remote.sandbox.clear_calls()

    runs = [sync(integration) for _number in range(10)]

    assert writes(remote) == []
    assert {run.state for run in runs} == {State.SUCCEEDED}
    assert steps_of(runs[-1])["two_way"].get("written", 0) == 0
    held = remote.contacts(link.address_book.remote_id)
    assert held["bob@example.com"]["LASTNAME"] == "Cee"
    assert held["bob@example.com"]["VIP"] is True
    assert held["ann@example.com"]["FIRSTNAME"] == Contact.objects.get(pk=ann.pk).first_name == "Anna"


def test_a_value_that_does_not_fit_is_refused_once_and_the_rest_goes_on(
    integration: Integration, remote: RemoteAccount
) -> None:
    ann = person("ann@example.com")
    bob = person("bob@example.com")
    connect_two_way(integration, remote)
    sync(integration)
    change(remote, "ann@example.com", FIRSTNAME="x" * 600, LASTNAME="Fits")
    change(remote, "bob@example.com", SCORE="7.5", NICK="taken")

    runs = [sync(integration) for _number in range(3)]

    ann.refresh_from_db()
    bob.refresh_from_db()
    assert (ann.first_name, ann.last_name) == ("Ann", "Fits")
    assert (bob.lead_score, bob.notes) == (None, "taken")
    assert [run.state for run in runs] == [State.PARTIAL, State.SUCCEEDED, State.SUCCEEDED]
    refused = {each.subject: each.detail for each in Rejection.objects.filter(reason="value_refused")}
    assert Rejection.objects.count() == 2
    assert "FIRSTNAME → first_name" in refused["ann@example.com"]
    assert "500" in refused["ann@example.com"]
    assert "SCORE → lead_score" in refused["bob@example.com"]
    assert "'7.5'" in refused["bob@example.com"]
    assert "whole number" in refused["bob@example.com"]


@pytest.mark.parametrize("protocol", [ProtocolChoice.V2, ProtocolChoice.V3])
@pytest.mark.parametrize(
    ("rule", "expected"), [(EmptyValues.KEEP, ("Ann", 5)), (EmptyValues.CLEAR, ("", None))], ids=["keep", "clear"]
)
def test_an_empty_value_in_dotdigital(
    integration: Integration, remote: RemoteAccount, rule: str, expected: tuple[str, int | None]
) -> None:
    ann = person("ann@example.com", lead_score=5)
    connect_two_way(integration, remote, FIRSTNAME=rule, SCORE=rule)
    sync(integration)
    change(remote, "ann@example.com", FIRSTNAME=None, SCORE=None)
    sync(integration)
    remote.sandbox.clear_calls()

    for _number in range(3):
        sync(integration)

    ann.refresh_from_db()
    assert (ann.first_name, ann.lead_score) == expected
    assert writes(remote) == []


@pytest.mark.parametrize(
    ("rule", "expected"), [(EmptyValues.KEEP, "Ann"), (EmptyValues.CLEAR, None)], ids=["keep", "clear"]
)
def test_an_empty_value_of_ours(
    integration: Integration, remote: RemoteAccount, rule: str, expected: str | None
) -> None:
    ann = person("ann@example.com")
    link = connect_two_way(integration, remote, FIRSTNAME=rule)
    sync(integration)
    sync(integration)
    Contact.objects.filter(pk=ann.pk).update(first_name="")

    for _number in range(3):
        sync(integration)

    ann.refresh_from_db()
    assert ann.first_name == ""
    assert remote.contacts(link.address_book.remote_id)["ann@example.com"]["FIRSTNAME"] == expected


def test_what_dotdigital_knew_before_fills_what_is_empty_here(integration: Integration, remote: RemoteAccount) -> None:
    ann = person("ann@example.com", notes="")
    link = connect_two_way(integration, remote)
    remote.create_contact("ann@example.com", book=link.address_book.remote_id, NICK="Annie", FIRSTNAME="Other")

    for _number in range(2):
        sync(integration)

    ann.refresh_from_db()
    assert (ann.notes, ann.first_name) == ("Annie", "Ann")


def test_a_row_that_is_two_way_from_now_on(integration: Integration, remote: RemoteAccount) -> None:
    """What was changed in Dotdigital since we sent it comes in; of a data field never sent the record speaks."""
    ann = person("ann@example.com", notes="ours")
    link = connect_two_way(integration, remote)
    mapping = Mapping.objects.get(integration=integration, entity="crm.contact")
    MappingRow.objects.filter(mapping=mapping).update(is_two_way=False)
    MappingRow.objects.filter(mapping=mapping, data_field__name="NICK").delete()
    for _number in range(2):
        sync(integration)
    change(remote, "ann@example.com", FIRSTNAME="Anna", NICK="theirs")
    sync(integration)
    ann.refresh_from_db()
    assert ann.first_name == "Ann"

    MappingRow.objects.filter(mapping=mapping).update(is_two_way=True)
    nick = integration.data_fields.get(name="NICK")
    set_mapping_row(mapping=mapping, data_field=nick, entity_fields=["notes"], is_two_way=True)
    sync(integration)

    ann.refresh_from_db()
    assert (ann.first_name, ann.notes) == ("Anna", "ours")
    held = remote.contacts(link.address_book.remote_id)["ann@example.com"]
    assert (held["FIRSTNAME"], held["NICK"]) == ("Anna", "ours")
    assert not ValueConflict.objects.exists()
    remote.sandbox.clear_calls()
    sync(integration)
    assert writes(remote) == []


def test_the_statements_do_not_grow_with_the_rows(integration: Integration, remote: RemoteAccount) -> None:
    link = connect_two_way(integration, remote)
    for number in range(120):
        person(f"reader.{number}@example.com")
    sync(integration)

    def statements(changed: int) -> int:
        for number in range(changed):
            change(remote, f"reader.{number}@example.com", FIRSTNAME=f"Name {number} of {changed}", SCORE=changed)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            run = sync(integration)
        assert steps_of(run)["two_way"]["written"] == changed
        names = [query["sql"] for query in captured]
        start = next(
            i for i, sql in enumerate(names) if "'two_way'" in sql and 'INSERT INTO "dotbridge_sync_step"' in sql
        )
        end = next(i for i, sql in enumerate(names) if 'INSERT INTO "dotbridge_sync_step"' in sql and i > start)
        return end - start

    assert link.pk
    assert statements(4) == statements(100)

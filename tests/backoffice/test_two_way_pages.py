"""The settings of a connection, values that were changed on both sides, and contacts that became records."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from dotbridge.connections.models import ListConnection
from dotbridge.connections.services import connect_list
from dotbridge.entities.registry import FieldKind, entity
from dotbridge.lists.services import create_list
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.services import set_mapping_row
from dotbridge.mapping.two_way import TwoWayRow, missing_fields, obstacle_to_creating
from dotbridge.mirror.models import DataField
from dotbridge.sync.models import Ground, Newcomer, ValueConflict, Winner
from tests.backoffice.conftest import texts
from tests.backoffice.world import World


def settings_of(link: ListConnection) -> str:
    return reverse("dotbridge:list-connection", args=[link.marketing_list_id])


@pytest.fixture
def of_customers(world: World) -> ListConnection:
    """A connected list of an entity that has a required field."""
    return connect_list(marketing_list=create_list(name="Shops", entity="crm.customer"), address_book=world.free_book)


def test_entities_are_created_where_somebody_says_so(back_office: Client, world: World) -> None:
    page = texts(back_office.get(settings_of(world.link)))
    assert "At present" not in page
    said = texts(back_office.post(settings_of(world.link), {"create_entities": "on"}, follow=True))
    assert "contacts without a record become records" in said
    assert ListConnection.objects.get(pk=world.link.pk).create_entities
    assert "checked" in texts(back_office.get(settings_of(world.link)))
    assert LogEntry.objects.filter(object_id=str(world.marketing_list.pk)).count() == 1
    assert "No records are made" in texts(back_office.post(settings_of(world.link), {}, follow=True))
    assert not ListConnection.objects.get(pk=world.link.pk).create_entities


def test_the_switch_is_refused_until_required_fields_are_mapped_both_ways(
    back_office: Client, of_customers: ListConnection
) -> None:
    (name,) = missing_fields(entity("crm.customer"), ())
    page = texts(back_office.get(settings_of(of_customers)))
    assert "At present this cannot be switched on." in page
    refused = texts(back_office.post(settings_of(of_customers), {"create_entities": "on"}))
    assert f"Map each of these required fields both ways, or give it a default: {name}." in refused
    assert not ListConnection.objects.get(pk=of_customers.pk).create_entities
    mapping = Mapping.objects.create(integration=of_customers.address_book.integration, entity="crm.customer")
    field = DataField.objects.get(integration=mapping.integration, name="LASTNAME")
    set_mapping_row(mapping=mapping, data_field=field, entity_fields=["name"], is_two_way=True)
    back_office.post(settings_of(of_customers), {"create_entities": "on"})
    assert ListConnection.objects.get(pk=of_customers.pk).create_entities


def test_what_is_switched_on_and_broken_later_can_be_switched_off(
    back_office: Client, of_customers: ListConnection
) -> None:
    ListConnection.objects.filter(pk=of_customers.pk).update(create_entities=True)
    assert "At present no record can be made." in texts(back_office.get(settings_of(of_customers)))
    back_office.post(settings_of(of_customers), {})
    assert not ListConnection.objects.get(pk=of_customers.pk).create_entities


def test_an_obstacle_names_its_mend() -> None:
    lead = entity("crm.lead")
    rows = [
        TwoWayRow(data_field=name.upper(), path=name, kind=FieldKind.STRING, clears=False)
        for name in missing_fields(lead, ())
    ]
    assert obstacle_to_creating(lead, rows) == ""


def test_the_settings_are_for_those_who_may_change_connections(logged_in: Callable[..., Client], world: World) -> None:
    person = logged_in("dotbridge_lists.view_marketinglist")
    assert "Compare everybody anew" not in texts(person.get(settings_of(world.link)))
    person.post(settings_of(world.link), {"create_entities": "on"})
    assert not ListConnection.objects.get(pk=world.link.pk).create_entities
    may = logged_in("dotbridge_lists.view_marketinglist", "dotbridge_connections.change_listconnection")
    may.post(settings_of(world.link), {"create_entities": "on"})
    assert ListConnection.objects.get(pk=world.link.pk).create_entities


def test_a_list_without_connection_has_no_settings(back_office: Client, world: World) -> None:
    alone = create_list(name="Alone", entity="crm.contact")
    page = texts(back_office.get(reverse("dotbridge:list-connection", args=[alone.pk])))
    assert "Not connected" in page
    assert "create_entities" not in page


def test_a_conflict_shows_both_values_and_who_won(back_office: Client, world: World) -> None:
    address = reverse("dotbridge_tables:dotbridge_sync_valueconflict_change", args=[world.conflict.pk])
    page = texts(back_office.get(address))
    assert "The record kept its value" in page
    assert str(Ground.IN_DOUBT.label) in page
    ValueConflict.objects.update(winner=Winner.DOTDIGITAL, dotdigital_value="Anne", ground=Ground.NEWER)
    page = texts(back_office.get(address))
    assert "<strong>Anne</strong>" in page
    assert "was written into the record" in page


@pytest.mark.parametrize("name", ["dotbridge_sync_valueconflict", "dotbridge_sync_newcomer"])
@pytest.mark.parametrize(("query", "found"), [("", True), ("?list=LIST", True), ("?list=99999999", False)])
def test_what_came_back_is_filtered_by_list(
    back_office: Client, world: World, name: str, query: str, found: bool
) -> None:
    address = reverse(f"dotbridge_tables:{name}_changelist") + query.replace("LIST", str(world.marketing_list.pk))
    response = back_office.get(address)
    assert bool(response.context["cl"].result_list) is found


def test_a_newcomer_shows_what_became_of_it(back_office: Client, world: World) -> None:
    page = texts(back_office.get(reverse("dotbridge_tables:dotbridge_sync_newcomer_changelist")))
    assert "ANN.0@example.com" in page
    assert "Record made" in page
    assert "Bee 1" in page
    assert "Refused; see the rejections" in page
    assert "contact 900" in page
    made = back_office.get(reverse("dotbridge_tables:dotbridge_sync_newcomer_changelist") + "?record_id__isempty=0")
    assert [each.record_id for each in made.context["cl"].result_list] == [str(world.people[1].pk)]
    Newcomer.objects.exclude(record_id="").update(record_id="99999999")
    assert "which does not exist any more" in texts(
        back_office.get(reverse("dotbridge_tables:dotbridge_sync_newcomer_changelist"))
    )

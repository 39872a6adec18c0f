"""Data fields on the screens: asking for one, being rid of one, and following what becomes of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.connections.models import AccountChange, ChangeKind, ChangeState
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.services import create_default_mappings, set_mapping_row
from dotbridge.mirror.models import DataField
from tests.backoffice.conftest import texts
from tests.backoffice.world import World

ADD = "dotbridge_tables:dotbridge_mirror_datafield_add"
LIST = "dotbridge_tables:dotbridge_mirror_datafield_changelist"


def typed(world: World, **values: str) -> dict[str, str]:
    whole = {"integration": str(world.integration.pk), "name": "LOYALTY", "type": "Numeric", "visibility": "Private"}
    return {**whole, "default_value": "0", "notes": "ours", **values}


def page_of(change: AccountChange, page: str = "change") -> str:
    return reverse(f"dotbridge_tables:dotbridge_connections_accountchange_{page}", args=[change.pk])


def test_a_data_field_is_asked_for(back_office: Client, world: World) -> None:
    response = back_office.post(reverse(ADD), typed(world), follow=True)
    change = AccountChange.objects.get(name="LOYALTY")
    assert (change.kind, change.state) == (ChangeKind.CREATE_DATA_FIELD, ChangeState.WAITING)
    assert change.details == {"type": "Numeric", "visibility": "Private", "default": "0", "notes": "ours"}
    assert str(change.requested_by) == "mona"
    assert ProcrastinateJob.objects.filter(args__kind="requests").count() == 1
    page = texts(response)
    assert "Waiting for the worker" in page
    assert "No worker is running" in page
    assert 'hx-trigger="every 5s"' in page, "nobody comes soon"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"name": "FIRSTNAME"}, "A data field with this name exists already"),
        ({"name": "x" * 21}, "at most 20"),
        ({"name": "a b"}, "Only letters"),
        ({"name": ""}, "This field is required"),
        ({"default_value": "many"}, "The default value must be numeric"),
        ({"type": "Date"}, "must be a valid date"),
        ({"type": "Boolean", "default_value": "perhaps"}, "must be yes or no"),
        ({"type": "Colour"}, "Select a valid choice"),
        ({"integration": "999999"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_made_is_said_at_the_form_and_nothing_typed_is_lost(
    back_office: Client, world: World, values: dict[str, str], said: str
) -> None:
    page = texts(back_office.post(reverse(ADD), typed(world, **values)))
    assert said in page
    assert ">ours</textarea>" in page
    assert AccountChange.objects.count() == 1


def test_the_same_field_is_not_asked_for_twice(back_office: Client, world: World) -> None:
    back_office.post(reverse(ADD), typed(world))
    assert "asked for already" in texts(back_office.post(reverse(ADD), typed(world, name="loyalty")))


def test_a_data_field_is_deleted_after_the_consequences_were_said(back_office: Client, world: World) -> None:
    address = reverse("dotbridge_tables:dotbridge_mirror_datafield_delete", args=[world.free_field.pk])
    page = texts(back_office.get(address))
    assert "0 contacts that we know of have a value" in page
    assert not AccountChange.objects.filter(kind=ChangeKind.DELETE_DATA_FIELD).exists()
    page = texts(back_office.post(address, {"confirmed": "yes"}, follow=True))
    change = AccountChange.objects.get(kind=ChangeKind.DELETE_DATA_FIELD)
    assert change.name == "SCORE"
    assert "Being deleted" in page
    assert "asked for already" in texts(back_office.post(address, {"confirmed": "yes"}, follow=True))


def test_a_mapped_field_is_not_deleted_and_says_where_it_is_used(back_office: Client, world: World) -> None:
    field = DataField.objects.create(integration=world.integration, name="NICK", type="String")
    set_mapping_row(mapping=world.mapping, data_field=field, entity_fields=["first_name"])
    address = reverse("dotbridge_tables:dotbridge_mirror_datafield_delete", args=[field.pk])
    page = texts(back_office.get(address))
    assert "in use and cannot be deleted" in page
    assert "first_name" in page
    assert "Yes, delete it" not in page
    page = texts(back_office.post(address, {"confirmed": "yes"}, follow=True))
    assert "in use and cannot be deleted" in page
    assert not AccountChange.objects.filter(kind=ChangeKind.DELETE_DATA_FIELD).exists()
    own = texts(back_office.get(reverse("dotbridge_tables:dotbridge_mirror_datafield_change", args=[field.pk])))
    assert reverse("dotbridge_tables:dotbridge_mapping_mapping_change", args=[world.mapping.pk]) in own


def test_only_those_who_may_ask_for_changes(logged_in: Callable[..., Client], world: World) -> None:
    viewer = logged_in("dotbridge_mirror.view_datafield", "dotbridge_connections.view_accountchange")
    assert viewer.get(reverse(ADD)).status_code == 403
    assert viewer.post(reverse(ADD), typed(world)).status_code == 403
    deletion = reverse("dotbridge_tables:dotbridge_mirror_datafield_delete", args=[world.free_field.pk])
    assert viewer.post(deletion, {"confirmed": "yes"}).status_code == 403
    for page in ("retry", "discard"):
        assert viewer.post(page_of(world.change, page)).status_code == 403
    assert "Try again" not in texts(viewer.get(page_of(world.change)))
    assert reverse(ADD) not in texts(viewer.get(reverse(LIST)))
    assert DataField.objects.filter(leaving_since=None).count() == DataField.objects.count()
    adder = logged_in("dotbridge_mirror.add_datafield")
    assert adder.post(reverse(ADD), typed(world)).status_code == 302


def test_a_failed_change_is_tried_again_or_discarded(back_office: Client, world: World) -> None:
    assert back_office.get(page_of(world.change, "retry")).status_code == 405
    page = texts(back_office.post(page_of(world.change, "retry"), follow=True))
    assert "tried again in a moment" in page
    world.change.refresh_from_db()
    assert world.change.state == ChangeState.WAITING
    assert "Only what failed can be tried again" in texts(back_office.post(page_of(world.change, "retry"), follow=True))
    page = texts(back_office.post(page_of(world.change, "discard"), follow=True))
    assert "Discarded: Create a data field: NEW-0" in page
    assert not AccountChange.objects.exists()


def test_what_dotdigital_was_asked_for_is_not_discarded(back_office: Client, world: World) -> None:
    AccountChange.objects.update(state=ChangeState.ASKED)
    page = texts(back_office.post(page_of(world.change, "discard"), follow=True))
    assert "cannot be taken back" in page
    assert AccountChange.objects.exists()


def test_a_mapping_that_is_deleted_is_not_made_again_by_the_next_reading_of_the_data_fields(
    back_office: Client, world: World
) -> None:
    mapping = Mapping.objects.get(integration=world.integration, entity="crm.contact")
    name = mapping.entity
    page = reverse("dotbridge_tables:dotbridge_mapping_mapping_delete", args=[mapping.pk])
    back_office.post(page, {"post": "yes"})
    assert not Mapping.objects.filter(pk=mapping.pk).exists()
    create_default_mappings(integration=world.integration)
    assert not Mapping.objects.filter(integration=world.integration, entity=name).exists()

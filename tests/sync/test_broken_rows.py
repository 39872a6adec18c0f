"""A mapped data field that changes in Dotdigital afterwards breaks its own row, and nothing else."""

from __future__ import annotations

import pytest

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.crm.models import Contact
from dotbridge.integrations.models import Integration
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.mapping.services import set_mapping_row
from dotbridge.mapping.soundness import broken_rows, sound_rows
from dotbridge.mirror.models import DataField
from dotbridge.sync.models import State
from tests.accounts import RemoteAccount, add_contact, connect, sync


@pytest.fixture
def link(integration: Integration, remote: RemoteAccount) -> ListConnection:
    add_contact("ann@example.com", "Ann", job_title="Smith")
    remote.create_book("Readers")
    remote.create_field("FAV-JOB_1", "String")
    return connect(integration, book="Readers", rows={"FAV-JOB_1": ["job_title"]})


def test_a_name_with_a_hyphen_is_mapped_like_any_other(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    assert sync(integration).state == State.SUCCEEDED
    assert remote.contacts(link.address_book.remote_id)["ann@example.com"]["FAV-JOB_1"] == "Smith"
    Contact.objects.update(job_title="Baker")
    assert sync(integration).state == State.SUCCEEDED
    assert remote.contacts(link.address_book.remote_id)["ann@example.com"]["FAV-JOB_1"] == "Baker"


def test_a_field_deleted_and_made_anew_with_another_type_breaks_its_row_alone(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    sync(integration)
    remote.ask("DELETE", "/v2/data-fields/FAV-JOB_1")
    sync(integration, kind=RunKind.DATA_FIELDS)
    mapping = Mapping.objects.get(integration=integration, entity="crm.contact")
    ((row, problem),) = broken_rows(mapping)
    assert (row.data_field.name, problem) == (
        "FAV-JOB_1",
        "The data field FAV-JOB_1 does not exist in Dotdigital any more.",
    )

    remote.create_field("FAV-JOB_1", "Numeric")
    Contact.objects.update(first_name="Anna")
    run = sync(integration, force_data_fields=True)

    assert not run.has_failed
    held = remote.contacts(link.address_book.remote_id)["ann@example.com"]
    assert (held["FIRSTNAME"], held["FAV-JOB_1"]) == ("Anna", None)
    ((_row, problem),) = broken_rows(mapping)
    assert "cannot fill a data field of type Numeric: it must be a number" in problem

    remote.ask("DELETE", "/v2/data-fields/FAV-JOB_1")
    remote.create_field("FAV-JOB_1", "String")
    sync(integration, force_data_fields=True)
    assert broken_rows(mapping) == []
    assert remote.contacts(link.address_book.remote_id)["ann@example.com"]["FAV-JOB_1"] == "Smith"


def test_a_field_deleted_and_made_anew_is_filled_again(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    sync(integration)
    remote.ask("DELETE", "/v2/data-fields/FAV-JOB_1")
    sync(integration, force_data_fields=True)
    remote.create_field("FAV-JOB_1", "String")
    sync(integration, force_data_fields=True)
    assert remote.contacts(link.address_book.remote_id)["ann@example.com"]["FAV-JOB_1"] == "Smith"


def test_a_field_that_left_the_model_breaks_its_row_alone(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    MappingRow.objects.filter(data_field__name="FAV-JOB_1").update(entity_fields=["shoe_size"])
    run = sync(integration)
    assert not run.has_failed
    assert remote.contacts(link.address_book.remote_id)["ann@example.com"]["FIRSTNAME"] == "Ann"
    mapping = Mapping.objects.get(integration=integration, entity="crm.contact")
    assert ["FAV-JOB_1" not in row.data_field.name for row in sound_rows(mapping)] == [True, True, True]
    ((_row, problem),) = broken_rows(mapping)
    assert "shoe_size" in problem


def test_a_type_that_dotdigital_invents_is_not_filled(integration: Integration, link: ListConnection) -> None:
    DataField.objects.filter(name="FAV-JOB_1").update(type="Colour")
    mapping = Mapping.objects.get(integration=integration, entity="crm.contact")
    ((_row, problem),) = broken_rows(mapping)
    assert problem == "Data fields of type Colour cannot be filled."


def test_a_field_that_is_gone_is_not_mapped_anew_but_its_row_can_be_kept(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    mapping = Mapping.objects.get(integration=integration, entity="crm.contact")
    field = DataField.objects.get(name="FAV-JOB_1")
    DataField.objects.filter(pk=field.pk).update(gone_at=link.created_at)
    field.refresh_from_db()
    set_mapping_row(mapping=mapping, data_field=field, entity_fields=["job_title"], empty_values="clear")
    MappingRow.objects.filter(data_field=field).delete()
    with pytest.raises(Exception, match="does not exist in Dotdigital any more"):
        set_mapping_row(mapping=mapping, data_field=field, entity_fields=["job_title"])

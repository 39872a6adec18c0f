"""What an export has to compare: dirty records, marks, and mappings that work values out in another way than before."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dotbridge.entities.registry import UnknownEntity
from dotbridge.integrations.models import Integration
from dotbridge.mapping.models import EmptyValues, Mapping, MappingRow
from dotbridge.mapping.tracking.models import DirtyRecord
from dotbridge.mapping.tracking.selectors import digest_of, dirty_records
from dotbridge.mapping.tracking.services import claim_dirty_records, forget_claimed_records, mark_stale
from dotbridge.mirror.models import DataField
from tests.mapping.tracking_world import COMPARED, compare, compares_everything

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Integration:
    return Integration.objects.create(name="Shop", username="u", password_sealed="")


@pytest.fixture
def leads(account: Integration) -> Mapping:
    """A mapping of one row that was compared a moment ago."""
    mapping = Mapping.objects.create(integration=account, entity="crm.lead")
    add_row(mapping, "COMPANY", ["company"])
    return compared(mapping)


def add_row(mapping: Mapping, name: str, fields: list[str]) -> MappingRow:
    data_field, _made = DataField.objects.get_or_create(integration=mapping.integration, name=name, type="String")
    return MappingRow.objects.create(mapping=mapping, data_field=data_field, entity_fields=fields)


def compared(mapping: Mapping) -> Mapping:
    compare(mapping)
    return mapping


def note(mapping: Mapping, *records: str) -> None:
    DirtyRecord.objects.bulk_create(
        [DirtyRecord(mapping=mapping, record_id=record) for record in records],
        update_conflicts=True,
        unique_fields=["mapping", "record_id"],
        update_fields=["is_claimed"],
    )


def test_a_new_mapping_has_to_be_compared_once(account: Integration) -> None:
    mapping = Mapping.objects.create(integration=account, entity="crm.lead")
    assert compares_everything(mapping)
    compared(mapping)
    assert not compares_everything(mapping)


def test_whatever_changes_the_values_is_seen_however_it_was_changed(leads: Mapping) -> None:
    row = MappingRow.objects.get()

    def is_seen() -> bool:
        seen = compares_everything(leads)
        compared(leads)
        return seen and not compares_everything(leads)

    MappingRow.objects.bulk_create([MappingRow(mapping=leads, data_field=field_of(leads), entity_fields=["source"])])
    assert is_seen()
    MappingRow.objects.filter(pk=row.pk).update(entity_fields=["company", "last_name"])
    assert is_seen()
    MappingRow.objects.filter(pk=row.pk).update(empty_values=EmptyValues.CLEAR)
    assert is_seen()
    Mapping.objects.update(sync_priority=7)
    assert is_seen()
    other = Mapping.objects.create(integration=leads.integration, entity="crm.contact")
    assert is_seen(), "records of another entity may share an address"
    add_row(other, "COMPANY", ["job_title"])
    assert is_seen()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM dotbridge_mapping_mappingrow WHERE mapping_id = %s", [leads.pk])
    assert is_seen()


def field_of(mapping: Mapping) -> DataField:
    return DataField.objects.create(integration=mapping.integration, name="SOURCE", type="String")


def test_another_account_changes_nothing(leads: Mapping) -> None:
    other = Integration.objects.create(name="Other", username="u", password_sealed="")
    Mapping.objects.create(integration=other, entity="crm.lead", sync_priority=3)
    assert not compares_everything(leads)


def test_a_mark_is_taken_off_by_the_comparison_that_saw_it(leads: Mapping) -> None:
    assert mark_stale(mappings=Mapping.objects.filter(pk=leads.pk)) == 1
    assert compares_everything(leads)
    compared(leads)
    assert not compares_everything(leads)


@pytest.mark.parametrize("is_marked_before", [True, False])
def test_a_mark_that_is_set_during_a_comparison_stays(leads: Mapping, is_marked_before: bool) -> None:
    if is_marked_before:
        mark_stale(mappings=Mapping.objects.all())
    digest = digest_of(leads)
    mark_stale(mappings=Mapping.objects.all())
    COMPARED[leads.pk] = digest
    assert compares_everything(leads)


def test_a_row_that_is_changed_during_a_comparison_is_compared_next_time(leads: Mapping) -> None:
    mark_stale(mappings=Mapping.objects.all())
    digest = digest_of(leads)
    MappingRow.objects.update(empty_values=EmptyValues.CLEAR)
    COMPARED[leads.pk] = digest
    assert compares_everything(leads)


def test_compared_records_are_forgotten_and_those_that_changed_meanwhile_are_not(leads: Mapping) -> None:
    note(leads, "1", "2")
    claim_dirty_records(mapping=leads)
    note(leads, "2", "3")
    assert not compares_everything(leads)
    assert forget_claimed_records(mapping=leads) == 1
    assert set(dirty_records(leads).values_list("record_id", flat=True)) == {"2", "3"}


def test_a_comparison_that_is_given_up_is_begun_again(leads: Mapping) -> None:
    note(leads, "1")
    claim_dirty_records(mapping=leads)
    note(leads, "2")
    assert compare(leads) == 2


def test_only_the_records_of_the_mapping_are_claimed_and_forgotten(leads: Mapping) -> None:
    other = compared(Mapping.objects.create(integration=leads.integration, entity="crm.contact"))
    note(leads, "1")
    note(other, "1")
    compared(leads)
    assert [record.mapping_id for record in DirtyRecord.objects.all()] == [other.pk]
    assert not DirtyRecord.objects.get().is_claimed


def test_a_mapping_goes_with_its_dirty_records(leads: Mapping) -> None:
    note(leads, "1")
    leads.delete()
    assert not DirtyRecord.objects.exists()


def test_a_data_field_that_is_gone_is_seen(leads: Mapping) -> None:
    DataField.objects.update(gone_at=timezone.now())
    assert compares_everything(leads)


def test_an_entity_that_is_gone_is_told(account: Integration) -> None:
    mapping = Mapping.objects.create(integration=account, entity="crm.nobody")
    with pytest.raises(UnknownEntity):
        digest_of(mapping)


def test_statements_do_not_grow_with_the_records(leads: Mapping) -> None:
    counts = []
    for size in (5, 500):
        note(leads, *map(str, range(size)))
        with CaptureQueriesContext(connection) as captured:
            compared(leads)
        counts.append(len(captured))
    assert counts[0] == counts[1]

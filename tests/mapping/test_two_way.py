"""Which mapping rows may be two-way, and what a row that was right once becomes when its field changes."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from dotbridge.crm.models import Contact, Customer, Lead
from dotbridge.entities.registry import entity
from dotbridge.integrations.models import Integration
from dotbridge.mapping.models import EmptyValues, Mapping, MappingRow
from dotbridge.mapping.services import set_mapping_row
from dotbridge.mapping.two_way import missing_fields, problem_of_two_way, two_way_rows
from dotbridge.mirror.models import DataField


@pytest.fixture
def leads(integration: Integration) -> Mapping:
    return Mapping.objects.create(integration=integration, entity="crm.lead")


def field(mapping: Mapping, name: str, kind: str = "String") -> DataField:
    found, _made = DataField.objects.get_or_create(integration=mapping.integration, name=name, type=kind)
    return found


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("full_name", "virtual"),
        ("email", "address says who"),
        ("id", "key or is not editable"),
        ("created_at", "key or is not editable"),
    ],
)
def test_fields_that_cannot_be_written(leads: Mapping, path: str, why: str) -> None:
    with pytest.raises(ValidationError) as refused:
        set_mapping_row(mapping=leads, data_field=field(leads, "TEXT"), entity_fields=[path], is_two_way=True)
    assert why in str(refused.value.message_dict["is_two_way"])


def test_one_entity_field_is_in_step_with_one_data_field(leads: Mapping) -> None:
    row: dict[str, Any] = {"mapping": leads, "entity_fields": ["company"], "is_two_way": True}
    set_mapping_row(data_field=field(leads, "ONE"), **row)
    set_mapping_row(data_field=field(leads, "ONE"), **row)

    with pytest.raises(ValidationError) as refused:
        set_mapping_row(data_field=field(leads, "TWO"), **row)
    assert "already" in str(refused.value.message_dict["is_two_way"])
    set_mapping_row(data_field=field(leads, "TWO"), mapping=leads, entity_fields=["company"])


def test_rows_that_are_broken_are_told_and_the_others_go_on(leads: Mapping) -> None:
    set_mapping_row(
        mapping=leads,
        data_field=field(leads, "GOOD"),
        entity_fields=["company"],
        is_two_way=True,
        empty_values=EmptyValues.CLEAR,
    )
    for name, path in {"GONE": "no_such_field", "TWICE": "company"}.items():
        MappingRow.objects.create(mapping=leads, data_field=field(leads, name), entity_fields=[path], is_two_way=True)

    found = two_way_rows(leads)

    assert [(row.data_field, row.path, row.clears) for row in found.rows] == [("GOOD", "company", True)]
    assert [name for name, _problem in found.broken] == ["GONE", "TWICE"]
    assert two_way_rows(None).rows == ()


def test_required_fields_without_a_row_are_missing(leads: Mapping) -> None:
    set_mapping_row(mapping=leads, data_field=field(leads, "TEXT"), entity_fields=["company"], is_two_way=True)
    rows = two_way_rows(leads).rows

    assert missing_fields(entity("crm.contact"), rows) == []
    assert missing_fields(entity("crm.customer"), rows) == [str(Customer._meta.get_field("name").verbose_name)]
    assert Contact._meta.get_field("is_vip").has_default()


def test_a_unique_field_cannot_be_written(leads: Mapping, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule: no key and no unique field goes both ways: two contacts with one value could not both be written."""
    monkeypatch.setattr(Lead._meta.get_field("company"), "unique", True)
    problem = problem_of_two_way(entity("crm.lead"), ["company"])
    assert problem is not None
    assert "cannot be written into it" in str(problem)


def test_nothing_is_written_through_a_view_that_takes_no_changes(
    leads: Mapping, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE VIEW crm_lead_once AS SELECT DISTINCT * FROM crm_lead")
        cursor.execute("CREATE VIEW crm_lead_all AS SELECT * FROM crm_lead")
    row: dict[str, Any] = {"mapping": leads, "entity_fields": ["company"], "is_two_way": True}
    monkeypatch.setattr(Lead._meta, "db_table", "crm_lead_all")
    set_mapping_row(data_field=field(leads, "TEXT"), **row)
    monkeypatch.setattr(Lead._meta, "db_table", "crm_lead_once")
    with pytest.raises(ValidationError) as refused:
        set_mapping_row(data_field=field(leads, "TEXT"), **row)
    assert refused.value.message_dict["is_two_way"] == [
        "Lead is a view of the database, and what it shows cannot be changed through it."
    ]

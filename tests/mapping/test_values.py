"""What a mapped value looks like when it is sent, and whether Dotdigital reads it as it was meant."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import DecimalField, FloatField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast

from dotbridge.crm.models import Account, Contact, Lead
from dotbridge.entities import registry
from dotbridge.entities.registry import FieldKind, VirtualField, entity, register
from dotbridge.integrations.models import Integration
from dotbridge.mapping.models import EmptyValues, Mapping
from dotbridge.mapping.services import create_default_mappings, delete_mapping, set_mapping_row
from dotbridge.mapping.values import mapped_values
from dotbridge.mirror.models import DataField
from tests.accounts import RemoteAccount, add_contact, connect, sync


@pytest.fixture
def fields(integration: Integration) -> dict[str, DataField]:
    kinds = {"TEXT": "String", "NUMBER": "Numeric", "DAY": "Date", "FLAG": "Boolean"}
    return {
        name: DataField.objects.create(integration=integration, name=name, type=kind) for name, kind in kinds.items()
    }


def values_of(mapping: Mapping, record: Any) -> dict[str, str]:
    queryset = type(record).objects.filter(pk=record.pk).annotate(mapped=mapped_values(mapping, entity(mapping.entity)))
    found: dict[str, str] = queryset.get().mapped
    return found


def test_each_type_in_the_form_that_imports_read(integration: Integration, fields: dict[str, DataField]) -> None:
    mapping = Mapping.objects.create(integration=integration, entity="crm.lead")
    moment = datetime.datetime(2026, 3, 29, 1, 30, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    lead = Lead.objects.create(first_name="Ann", last_name="Bee", estimated_value=Decimal("1234.50"))
    Lead.objects.filter(pk=lead.pk).update(created_at=moment)
    set_mapping_row(mapping=mapping, data_field=fields["TEXT"], entity_fields=["first_name", "company", "last_name"])
    set_mapping_row(mapping=mapping, data_field=fields["NUMBER"], entity_fields=["estimated_value"])
    set_mapping_row(mapping=mapping, data_field=fields["DAY"], entity_fields=["created_at"])

    assert values_of(mapping, lead) == {"TEXT": "Ann Bee", "NUMBER": "1234.50", "DAY": "2026-03-28T23:30:00"}


@pytest.mark.parametrize("is_16", [True, False])
def test_any_number_of_data_fields_can_be_mapped(
    integration: Integration, monkeypatch: pytest.MonkeyPatch, is_16: bool
) -> None:
    """Before version 16 of PostgreSQL an object is made by a function, which takes fifty pairs."""
    monkeypatch.setattr(connection.features, "is_postgresql_16", is_16)
    mapping = Mapping.objects.create(integration=integration, entity="crm.lead")
    for number in range(120):
        data_field = DataField.objects.create(integration=integration, name=f"TEXT_{number}", type="String")
        set_mapping_row(mapping=mapping, data_field=data_field, entity_fields=["first_name"])
    lead = Lead.objects.create(first_name="Ann")
    assert values_of(mapping, lead) == {f"TEXT_{number}": "Ann" for number in range(120)}


def test_booleans_dates_and_related_fields(integration: Integration, fields: dict[str, DataField]) -> None:
    mapping = Mapping.objects.create(integration=integration, entity="crm.contact")
    set_mapping_row(mapping=mapping, data_field=fields["FLAG"], entity_fields=["is_vip"])
    set_mapping_row(mapping=mapping, data_field=fields["DAY"], entity_fields=["birthday"])
    set_mapping_row(mapping=mapping, data_field=fields["TEXT"], entity_fields=["account__name"])
    account = Account.objects.create(name="Acme")
    birthday = datetime.date(1980, 2, 29)
    contact = Contact.objects.create(first_name="Ann", is_vip=True, birthday=birthday, account=account)
    bare = Contact.objects.create(first_name="Bob")

    assert values_of(mapping, contact) == {"FLAG": "true", "DAY": "1980-02-29T00:00:00", "TEXT": "Acme"}
    assert values_of(mapping, bare) == {"FLAG": "false"}


def test_dates_and_flags_in_a_text_field(integration: Integration, fields: dict[str, DataField]) -> None:
    mapping = Mapping.objects.create(integration=integration, entity="crm.contact")
    set_mapping_row(mapping=mapping, data_field=fields["TEXT"], entity_fields=["birthday", "is_vip", "lead_score"])
    contact = Contact.objects.create(birthday=datetime.date(1980, 2, 29), is_vip=True, lead_score=7)
    assert values_of(mapping, contact) == {"TEXT": "1980-02-29 true 7"}


@pytest.mark.parametrize(("empty_values", "expected"), [(EmptyValues.KEEP, {}), (EmptyValues.CLEAR, {"TEXT": ""})])
def test_empty_values(
    integration: Integration, fields: dict[str, DataField], empty_values: str, expected: dict[str, str]
) -> None:
    mapping = Mapping.objects.create(integration=integration, entity="crm.contact")
    set_mapping_row(mapping=mapping, data_field=fields["TEXT"], entity_fields=["job_title"], empty_values=empty_values)
    assert values_of(mapping, Contact.objects.create(job_title="")) == expected


def test_a_mapping_without_rows_sends_addresses_alone(integration: Integration) -> None:
    mapping = Mapping.objects.create(integration=integration, entity="crm.contact")
    assert values_of(mapping, Contact.objects.create()) == {}


@pytest.mark.parametrize(
    ("name", "entity_fields", "more", "field", "text"),
    [
        ("NUMBER", ["first_name"], {}, "entity_fields", "cannot fill a data field of type Numeric"),
        ("DAY", ["lead_score"], {}, "entity_fields", "cannot fill a data field of type Date"),
        ("FLAG", ["first_name"], {}, "entity_fields", "cannot fill a data field of type Boolean"),
        ("NUMBER", ["lead_score", "lead_score"], {}, "entity_fields", "only to a data field of type String"),
        ("TEXT", [], {}, "entity_fields", "At least one"),
        ("TEXT", ["no_such_field"], {}, "entity_fields", "no_such_field"),
        ("TEXT", ["first_name", "last_name"], {"is_two_way": True}, "is_two_way", "one direct field"),
        ("TEXT", ["account__name"], {"is_two_way": True}, "is_two_way", "one direct field"),
    ],
)
def test_a_row_that_could_not_be_exported_is_refused(
    integration: Integration,
    fields: dict[str, DataField],
    name: str,
    entity_fields: list[str],
    more: dict[str, Any],
    field: str,
    text: str,
) -> None:
    mapping = Mapping.objects.create(integration=integration, entity="crm.contact")
    with pytest.raises(ValidationError) as caught:
        set_mapping_row(mapping=mapping, data_field=fields[name], entity_fields=entity_fields, **more)
    assert text in " ".join(caught.value.message_dict[field])


def test_a_data_field_of_another_account_is_refused(integration: Integration, fields: dict[str, DataField]) -> None:
    other = Integration.objects.create(name="Other", username="u", password_sealed="x")
    mapping = Mapping.objects.create(integration=other, entity="crm.contact")
    with pytest.raises(ValidationError, match="another account"):
        set_mapping_row(mapping=mapping, data_field=fields["TEXT"], entity_fields=["first_name"])


def test_default_mappings_need_their_data_fields_and_are_made_once(integration: Integration) -> None:
    DataField.objects.create(integration=integration, name="LASTNAME", type="String")
    assert create_default_mappings(integration=integration) == 2
    assert create_default_mappings(integration=integration) == 0
    assert {row.data_field.name for mapping in Mapping.objects.all() for row in mapping.rows.all()} == {"LASTNAME"}


def test_a_mapping_that_somebody_deleted_does_not_come_back_by_itself(integration: Integration) -> None:
    other = Integration.objects.create(name="Other", username="u", password_sealed="x")
    for account in (integration, other):
        DataField.objects.create(integration=account, name="LASTNAME", type="String")
        create_default_mappings(integration=account)
    delete_mapping(mapping=Mapping.objects.get(integration=integration, entity="crm.contact"))
    Mapping.objects.filter(integration=other, entity="crm.contact").delete()
    assert create_default_mappings(integration=integration) == 0
    assert create_default_mappings(integration=other) == 1
    made = Mapping.objects.create(integration=integration, entity="crm.contact")
    delete_mapping(mapping=made)
    assert create_default_mappings(integration=integration) == 0


@pytest.mark.parametrize(
    ("expression", "sent"),
    [
        (Cast("lead_score", FloatField()) / 3, "33.333333333"),
        (Cast("lead_score", DecimalField(max_digits=40, decimal_places=30)) / 3, "33.333333333"),
        (Cast(Value("-0.30000000000000004"), FloatField()), "-0.3"),
        (Cast(Value("1e-12"), FloatField()), "0"),
        (Cast(Value("1200"), FloatField()), "1200"),
        (Cast(Value("NaN"), FloatField()), "NaN"),
        (Cast(Value("Infinity"), FloatField()), "Infinity"),
        (Cast(Value(None), FloatField()), None),
    ],
)
def test_a_number_has_no_more_decimal_places_than_dotdigital_takes(
    integration: Integration,
    fields: dict[str, DataField],
    monkeypatch: pytest.MonkeyPatch,
    expression: Combinable,
    sent: str | None,
) -> None:
    """The vendor takes nine, and refuses the whole row for a tenth: an average or a third would keep everybody out."""
    others = {key: other for key, other in registry._registered.items() if key != "crm.contact"}
    monkeypatch.setattr(registry, "_registered", others)
    ratio = VirtualField(name="ratio", label="Ratio", kind=FieldKind.DECIMAL, expression=expression)
    register(Contact, email="job_title", virtual_fields=[ratio])
    mapping = Mapping.objects.create(integration=integration, entity="crm.contact")
    set_mapping_row(mapping=mapping, data_field=fields["NUMBER"], entity_fields=["ratio"])

    found = values_of(mapping, Contact.objects.create(lead_score=100))

    assert found == ({} if sent is None else {"NUMBER": sent})


def test_dotdigital_reads_each_type_back(integration: Integration, remote: RemoteAccount) -> None:
    for name, kind in {"SCORE": "Numeric", "VIP": "Boolean", "BIRTHDAY": "Date", "AGE-GROUP": "String"}.items():
        remote.create_field(name, kind)
    add_contact(
        "ann@example.com", lead_score=-7, is_vip=True, birthday=datetime.date(1900, 1, 1), language='yes, no\n"x"'
    )
    book = remote.create_book("Readers")
    rows = {"SCORE": ["lead_score"], "VIP": ["is_vip"], "BIRTHDAY": ["birthday"], "AGE-GROUP": ["language"]}
    connect(integration, book="Readers", rows=rows)

    sync(integration)

    values = remote.contacts(book)["ann@example.com"]
    assert (values["SCORE"], values["VIP"], values["AGE-GROUP"]) == (-7, True, 'yes, no\n"x"')
    assert values["BIRTHDAY"].startswith("1900-01-01T00:00:00")


def test_a_mapping_is_called_by_its_entity_also_when_that_is_gone(integration: Integration) -> None:
    assert str(Mapping(integration=integration, entity="crm.contact")) == "Contact → Test account"
    assert str(Mapping(integration=integration, entity="gone.model")) == "gone.model → Test account"

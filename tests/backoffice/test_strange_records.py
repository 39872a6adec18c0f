"""Pages over records that a host may have: a moment at the end of the calendar, a number that is none, keys as long as
an address, a model whose table is not there; and lists of which something is gone."""
# ruff: noqa: DJ008 - nobody reads the names of these records

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, models
from django.db.models.functions import Cast
from django.test import Client
from django.test.utils import isolate_apps
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from dotbridge.connections.services import connect_list
from dotbridge.consent.models import ConsentState
from dotbridge.crm.models import Lead
from dotbridge.entities import registry
from dotbridge.entities.registry import FieldKind, VirtualField, register
from dotbridge.integrations.models import Integration
from dotbridge.lists.models import ListType, MarketingList, RemovedItem
from dotbridge.lists.services import create_list, unsubscribe_records
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.mirror.models import DataField
from tests.backoffice.conftest import texts
from tests.backoffice.world import World

LONG = ["A/7 " + letter * 200 for letter in "abc"]


def page_of(marketing_list: MarketingList, name: str = "list") -> str:
    return reverse(f"dotbridge:{name}", args=[marketing_list.pk])


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("never", ["9999-12-31 23:59:59+00", "0001-01-01 00:00:00+00"])
def test_what_stands_for_never_is_shown_and_carried_away(back_office: Client, zone: str, never: str) -> None:
    Lead.objects.create(first_name="Ann", last_name="Bee", email="ann@example.com")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE crm_lead SET created_at = %s, estimated_value = 'NaN'", [never])
    leads = create_list(
        name="Leads", entity="crm.lead", columns=[{"field": "created_at"}, {"field": "estimated_value"}]
    )
    with timezone.override(zone):
        page = back_office.get(page_of(leads))
        ((line,),) = [page.context["people"]]
        assert [value for _label, value in line["cells"]][1] == "NaN"
        for form in ("csv", "xlsx"):
            content = b"".join(back_office.get(reverse("dotbridge:list-file", args=[leads.pk, form])))
    assert load_workbook(io.BytesIO(content)).active["D2"].value == "NaN"


def test_a_list_with_a_column_that_is_gone_is_renamed_and_its_rule_mended(back_office: Client) -> None:
    leads = create_list(name="Leads", entity="crm.lead", rule={"rules": [{"field": "company", "operator": "notNull"}]})
    MarketingList.objects.update(columns=[{"field": "gone", "label": "", "sort": ""}])
    settings = page_of(leads, "list-settings")
    seen = back_office.get(settings).context["seen"]
    posted = {"name": "Renamed", "type": ListType.DYNAMIC.value, "description": "", "seen": seen}
    assert "Changed: Name." in texts(back_office.post(settings, posted, follow=True))
    rule = {"rules": [{"field": "company", "operator": "null"}]}
    where = page_of(leads, "list-rule")
    posted = {"rule": json.dumps(rule), "seen": back_office.get(where).context["seen"]}
    assert "Changed: Rule." in texts(back_office.post(where, posted, follow=True))
    assert MarketingList.objects.get().rule == rule


@pytest.mark.parametrize(
    "rule",
    [
        {"rules": [{"field": "company", "operator": "\ud800"}]},
        {"rules": [{"field": "estimated_value", "operator": "=", "value": "0." + "1" * 20_000}]},
        {"rules": [], "kept": [json.loads("[" * 150 + "]" * 150)]},
    ],
    ids=["operator", "endless", "deep"],
)
def test_a_rule_that_cannot_be_is_refused_in_words(back_office: Client, rule: Any) -> None:
    leads = create_list(name="Leads", entity="crm.lead")
    where = page_of(leads, "list-rule")
    posted = {"rule": json.dumps(rule), "seen": back_office.get(where).context["seen"]}
    page = back_office.post(where, posted)
    assert page.status_code == 200
    assert page.context["form"].errors["rule"]
    assert MarketingList.objects.get().rule == {}


def test_fields_beyond_the_third_stay_with_their_data_field(back_office: Client, world: World) -> None:
    row = MappingRow.objects.get(mapping=world.mapping)
    joined = ["first_name", "last_name", "full_name", "account__name", "account__city"]
    MappingRow.objects.update(entity_fields=joined)
    where = reverse("dotbridge:mapping-row", args=[world.mapping.pk, row.pk])
    page = back_office.get(where)
    form = page.context["form"]
    posted = {name: form[name].value() for name in form.fields if form[name].value()}
    posted |= {"empty_values": "clear", "seen": page.context["seen"], "confirmed": "yes"}
    back_office.post(where, posted)
    row.refresh_from_db()
    assert (row.entity_fields, row.empty_values) == (joined, "clear")


@pytest.fixture
def sensors(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> Iterator[type[models.Model]]:
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    with isolate_apps("dotbridge.crm"):

        class Sensor(models.Model):
            path = models.CharField(max_length=255, primary_key=True)
            email = models.EmailField()
            key = models.TextField(default="a field of any name")

            class Meta:
                app_label = "crm"

    with connection.schema_editor() as editor:
        editor.create_model(Sensor)
    for key in LONG:
        Sensor.objects.create(path=key, email=f"{key[-1]}@example.com")
    register(Sensor, email="email")
    yield Sensor
    with connection.schema_editor() as editor:
        editor.delete_model(Sensor)


@pytest.mark.django_db(transaction=True)
def test_people_are_chosen_by_keys_of_any_length(back_office: Client, sensors: Any) -> None:
    chosen = create_list(name="Sensors", entity="crm.sensor")
    for verb in ("remove", "unsubscribe"):
        posted = {"verb": verb, "record": [LONG[0] if verb == "remove" else LONG[1]], "confirmed": "yes"}
        back_office.post(page_of(chosen, "list-change-people"), posted)
    assert [item.record_id for item in RemovedItem.objects.all()] == [LONG[0]]
    assert ConsentState.objects.filter(subject=LONG[1], is_blocked=True).exists()
    picked = create_list(name="Picked", entity="crm.sensor", type=ListType.MANUAL)
    back_office.post(page_of(picked, "list-pick-add"), {"record": LONG})
    assert picked.listed_records.count() == 3
    found = back_office.get(page_of(picked, "list-pick"), {"after": LONG[1]}).context["candidates"]
    assert [each.record_id for each, _name in found] == [LONG[2]]
    found = back_office.get(page_of(chosen), {"after": LONG[1]}).context["people"]
    assert [line["person"].record_id for line in found] == [LONG[2]]
    assert back_office.get(page_of(chosen), {"after": "\0"}).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_home_counts_the_opt_outs_of_models_of_any_kind(back_office: Client, sensors: Any, world: World) -> None:
    chosen = create_list(name="Sensors", entity="crm.sensor")
    connect_list(marketing_list=chosen, address_book=world.free_book)
    unsubscribe_records(marketing_list=chosen, record_ids=[LONG[0]])
    unsubscribe_records(marketing_list=world.marketing_list, record_ids=[world.people[1].pk])

    def opted_out_today() -> int:
        found = back_office.get(reverse("dotbridge:home-lists")).context["found"]
        (days,) = [figure.days for figure in found.figures if str(figure.title) == "Opted out"]
        return int(days[-1])

    both = opted_out_today()
    with renamed_column():
        assert opted_out_today() == both - 1


@pytest.mark.django_db(transaction=True)
def test_a_model_that_cannot_be_asked_hides_no_other_people(back_office: Client, sensors: Any) -> None:
    Lead.objects.create(first_name="Ann", last_name="Bee", email="ann@example.com")
    picked = create_list(name="Picked", entity="crm.sensor", type=ListType.MANUAL)
    with renamed_column():
        assert "ann@example.com" in texts(back_office.get(reverse("dotbridge:people")))
        assert "cannot work this out" in texts(back_office.get(page_of(picked, "list-pick")))


@contextmanager
def renamed_column() -> Iterator[None]:
    """As before a migration."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE crm_sensor RENAME email TO mail")
        yield
        cursor.execute("ALTER TABLE crm_sensor RENAME mail TO email")


def test_one_list_that_cannot_be_worked_out_leaves_a_person_their_page(
    back_office: Client, monkeypatch: pytest.MonkeyPatch, integration: Integration
) -> None:
    monkeypatch.setattr(registry, "_registered", {})
    age = VirtualField(
        name="age", label="Age", kind=FieldKind.INTEGER, expression=Cast("company", models.IntegerField())
    )
    register(Lead, email="email", virtual_fields=[age])
    lead = Lead.objects.create(first_name="Ann", last_name="Bee", email="ann@example.com", company="no number")
    for name in ("Every", "Some", "Each"):
        create_list(name=name, entity="crm.lead")
    rule = {"rules": [{"field": "age", "operator": ">", "value": 1}]}
    create_list(name="By age", entity="crm.lead", rule=rule)
    mapping = Mapping.objects.create(integration=integration, entity="crm.lead")
    number = DataField.objects.create(integration=integration, name="AGE", type="Numeric")
    MappingRow.objects.create(mapping=mapping, data_field=number, entity_fields=["age"])
    page = back_office.get(reverse("dotbridge:person-record", args=["crm.lead", lead.pk]))
    assert [line.marketing_list.name for line in page.context["person"].lists] == ["Each", "Every", "Some"]
    assert "Whether they are on these lists could not be worked out:" in texts(page)
    assert [each.name for each in page.context["person"].doubtful_lists] == ["By age"]
    assert [value.is_doubtful for value in page.context["person"].values] == [True]


def test_a_rule_that_nobody_asks_needs_nobody(back_office: Client, world: World) -> None:
    gone = {"rules": [{"field": "gone", "operator": "null"}]}
    for kind, needs_somebody in ((ListType.MANUAL, False), (ListType.ON_DEMAND, True)):
        MarketingList.objects.filter(pk=world.marketing_list.pk).update(type=kind, rule=gone)
        home = texts(back_office.get(reverse("dotbridge:home")))
        assert ("the rule cannot be read" in home) is needs_somebody

"""Lists over models of a host that are unlike ours: keys that are texts, addresses in columns of another kind.

The kind: what Django and PostgreSQL allow a host and no model of ours has. An address in a plain text column, under a
collation that takes capital letters for small ones or under any other, in a type of the host's own; a foreign key that
names something else than the primary key; a key as long as an address.
"""
# ruff: noqa: DJ001, DJ008 - nobody reads the names of these records

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, models
from django.test.utils import isolate_apps

from dotbridge.consent.models import Source
from dotbridge.consent.services import opt_out_addresses
from dotbridge.entities import registry
from dotbridge.entities.addresses import records_with_addresses
from dotbridge.entities.checks import check_entities
from dotbridge.entities.registry import Entity, RegistrationError, register
from dotbridge.lists.catalogue import search_values
from dotbridge.lists.listed_services import add_records, refresh_list
from dotbridge.lists.models import ListedRecord, ListType, MarketingList
from dotbridge.lists.previews import what_changes
from dotbridge.lists.selectors import count_members, mailable_members, members
from dotbridge.lists.services import create_list, update_list

pytestmark = pytest.mark.django_db(transaction=True)

LARGEST_KEY = 2**63 - 1
LONG = "A/7 é%'\"?#" + "x" * 245


class TypeOfOurOwn(models.TextField):
    """As a host writes one, for a type of an extension."""

    def db_type(self, connection: Any) -> str:
        return "character varying(200)"


class Club:
    """Divers named by a text, and dives that name them by their badge."""

    def __init__(self, collation: str) -> None:
        class Diver(models.Model):
            licence = models.CharField(max_length=255, primary_key=True, db_column="Licence No")
            badge = models.IntegerField(unique=True)
            text = models.TextField(null=True)
            own_type = TypeOfOurOwn(db_column="E-Mail")
            any_case = models.EmailField(db_collation=collation)
            foreign = models.EmailField(db_collation="POSIX")
            blocked = models.ManyToManyField("self", symmetrical=False, related_name="+")

            class Meta:
                app_label = "crm"
                db_table = "Diver's List"

        class Dive(models.Model):
            diver = models.ForeignKey(Diver, models.CASCADE, to_field="badge", related_name="dives")
            depth = models.IntegerField()

            class Meta:
                app_label = "crm"

        self.diver, self.dive = Diver, Dive


@pytest.fixture
def any_case() -> Iterator[str]:
    """A collation that takes capital letters for small ones; where PostgreSQL was built without ICU, another one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu')")
        if not cursor.fetchone()[0]:
            yield "POSIX"
            return
        cursor.execute("CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
        yield "nocase"
        cursor.execute("DROP COLLATION nocase")


@pytest.fixture
def club(monkeypatch: pytest.MonkeyPatch, any_case: str) -> Iterator[Club]:
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    with isolate_apps("dotbridge.crm"):
        made = Club(any_case)
    with connection.schema_editor() as editor:
        editor.create_model(made.diver)
        editor.create_model(made.dive)
    # The badges are not the order of the keys: whoever takes one for the other is found out.
    for licence, badge in ((LONG, 2), ("2", 3), ("3", 1)):
        address = f"Diver.{badge}@Example.com"
        made.diver.objects.create(
            licence=licence, badge=badge, text=address, own_type=address, any_case=address, foreign=address
        )
    yield made
    with connection.schema_editor() as editor:
        editor.delete_model(made.dive)
        editor.delete_model(made.diver)


def listed(owner: Entity, **condition: Any) -> MarketingList:
    MarketingList.objects.all().delete()
    rule = {"combinator": "and", "rules": [condition] if condition else []}
    return create_list(name="Divers", entity=owner.key, rule=rule)


def on_it(owner: Entity, **condition: Any) -> set[str]:
    return {str(row["record_pk"]) for row in members(listed(owner, **condition))}


@pytest.mark.parametrize("column", ["text", "own_type", "any_case", "foreign"])
def test_an_address_may_stand_in_any_text_column(club: Club, column: str, admin_user: Any) -> None:
    owner = register(club.diver, email=column)
    assert check_entities() == []
    divers = listed(owner)
    assert count_members(divers).mailable == 3
    assert records_with_addresses(owner, ["diver.2@example.com"]) == {LONG}
    opt_out_addresses(addresses=["DIVER.2@example.com"], source=Source.PERSON)
    assert {row["record_pk"] for row in mailable_members(divers)} == {"2", "3"}
    for operator, value in (("contains", "iver.3"), ("beginsWith", "DIVER.3"), ("=", "Diver.3@Example.com")):
        assert on_it(owner, field=column, operator=operator, value=value) == {"2"}
    assert on_it(owner, field=column, operator="doesNotEndWith", value="3@example.com") == {"3"}
    assert [choice.value for choice in search_values(owner, column, "diver.1", viewer=admin_user)] == [
        "Diver.1@Example.com"
    ]


def test_letter_case_counts_for_equal_texts_whatever_the_columns_collation(club: Club) -> None:
    owner = register(club.diver, email="text")
    assert on_it(owner, field="any_case", operator="=", value="diver.2@example.com") == set()
    assert on_it(owner, field="any_case", operator="in", value=["Diver.2@Example.com"]) == {LONG}


def test_many_records_are_those_that_name_the_record_and_by_what_they_name_it(club: Club) -> None:
    owner = register(club.diver, email="text")
    diver = club.diver.objects.get(badge=2)
    club.dive.objects.create(diver=diver, depth=40)
    diver.blocked.add(club.diver.objects.get(badge=3))
    assert on_it(owner, field="dives", measure="exists", operator="=", value=True) == {LONG}
    assert on_it(owner, field="dives", measure="max", of="depth", operator="=", value=40) == {LONG}
    assert on_it(owner, field="blocked", measure="count", operator="=", value=1) == {LONG}


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Entity, Any]]:
    """Fans of records, whose fields are called as columns of ours, with the largest keys that there are."""
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    with isolate_apps("dotbridge.crm"):

        class Record(models.Model):
            title = models.TextField()

            class Meta:
                app_label = "crm"

        class Fan(models.Model):
            id = models.BigIntegerField(primary_key=True)
            record = models.ForeignKey(Record, models.CASCADE)
            email = models.EmailField()
            email_key = models.TextField(default="own")
            mapped = models.TextField(default="own")

            class Meta:
                app_label = "crm"

        class Room(models.Model):
            fan = models.ForeignKey(Fan, models.CASCADE, related_name="rooms")
            measured = models.IntegerField()

            class Meta:
                app_label = "crm"

    with connection.schema_editor() as editor:
        for model in (Record, Fan, Room):
            editor.create_model(model)
    record = Record.objects.create(title="Blue")
    for key in (LARGEST_KEY, 7, -LARGEST_KEY):
        Fan.objects.create(id=key, record=record, email=f"fan.{key}@example.com")
    Room.objects.create(fan_id=7, measured=40)
    yield register(Fan, email="email"), Fan
    with connection.schema_editor() as editor:
        for model in (Room, Fan, Record):
            editor.delete_model(model)


def test_fields_of_a_host_may_be_called_as_columns_of_ours(shop: tuple[Entity, Any]) -> None:
    owner, _model = shop
    for measure, of in (("max", "measured"), ("sum", "measured")):
        assert on_it(owner, field="rooms", measure=measure, of=of, operator="=", value=40) == {"7"}
    fans = listed(owner)
    change = what_changes(fans, {"rules": [{"field": "id", "operator": "=", "value": 7}]})
    assert (change.adds, change.takes_out) == (0, 2)
    assert change.leaving is not None
    assert {row["email_key"] for row in change.leaving} == {
        f"fan.{key}@example.com" for key in (LARGEST_KEY, -LARGEST_KEY)
    }
    update_list(marketing_list=fans, type=ListType.ON_DEMAND)
    assert refresh_list(marketing_list=fans).total == 3


def test_keys_as_large_as_there_are_stand_on_a_list(shop: tuple[Entity, Any]) -> None:
    owner, _model = shop
    fans = create_list(name="Fans", entity=owner.key, type=ListType.MANUAL)
    given = [LARGEST_KEY, -LARGEST_KEY, 7, LARGEST_KEY + 1]
    assert add_records(marketing_list=fans, record_ids=given).added == 3
    ListedRecord.objects.create(marketing_list=fans, record_id="9" * 19)
    assert {row["record_pk"] for row in members(fans)} == {LARGEST_KEY, -LARGEST_KEY, 7}


@isolate_apps("dotbridge.crm")
def test_what_cannot_name_a_record_is_refused_with_the_reason() -> None:
    class Endless(models.Model):
        path = models.CharField(max_length=256, primary_key=True)
        email = models.EmailField()

        class Meta:
            app_label = "crm"

    with pytest.raises(RegistrationError, match=r"crm\.endless .* of up to 256 characters\. .* 255 at most"):
        register(Endless, email="email")


@isolate_apps("dotbridge.crm")
def test_a_field_that_is_called_as_one_of_ours_is_refused_with_the_reason() -> None:
    class Copy(models.Model):
        record_pk = models.IntegerField()
        email = models.EmailField()

        class Meta:
            app_label = "crm"

    with pytest.raises(RegistrationError, match=r"crm\.copy has a field called 'record_pk'"):
        register(Copy, email="email")


@isolate_apps("dotbridge.crm")
def test_a_key_of_several_columns_is_refused_with_the_reason() -> None:
    class Seat(models.Model):
        pk = models.CompositePrimaryKey("row", "number")
        row = models.IntegerField()
        number = models.IntegerField()
        email = models.EmailField()

        class Meta:
            app_label = "crm"

    with pytest.raises(RegistrationError, match=r"crm\.seat has a primary key of several columns"):
        register(Seat, email="email")

"""Lists over models whose managers join, count and put together, whose records have no name, and whose keys are texts
of an order of their own.

The kind: what a host's model does by itself before anything is asked of it. A record counts once, whatever its manager
has joined to it; a key is the same text for the list, the file and the change log, whatever its column's collation.
"""
# ruff: noqa: DJ001, DJ008 - records without names are what this is about

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, models, transaction
from django.db.models import Count
from django.test.utils import isolate_apps

from dotbridge.connections.services import connect_list
from dotbridge.consent.models import Source
from dotbridge.entities import registry
from dotbridge.entities.days import DaysSince, YearsSince
from dotbridge.entities.registry import Entity, FieldKind, RegistrationError, VirtualField, register
from dotbridge.lists.listed_services import add_records
from dotbridge.lists.models import ListType, MarketingList
from dotbridge.lists.previews import count_and_sample, what_changes
from dotbridge.lists.selectors import count_members, members
from dotbridge.lists.services import create_list, remove_records, unsubscribe_records
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.inbound.two_way_records import lock_targets
from dotbridge.sync.outbound.next_export import ExportKind, next_export
from tests.mapping.tracking_world import dirty_ids, make_integration, map_fields, quiet

pytestmark = pytest.mark.django_db(transaction=True)


class Counting(models.Manager[Any]):
    def get_queryset(self) -> Any:
        return super().get_queryset().annotate(number_of_tours=Count("tours"))


class PuttingTogether(models.Manager[Any]):
    def get_queryset(self) -> Any:
        return super().get_queryset().filter(stops__isnull=False).distinct()


class Park:
    """Rangers who are named by a text, guide tours, and tours that have stops."""

    def __init__(self, collation: str) -> None:
        class Ranger(models.Model):
            badge = models.CharField(max_length=20, primary_key=True, db_collation=collation)
            email = models.EmailField()
            nickname = models.TextField(null=True)
            born = models.DateField(null=True)
            every = models.Manager()
            objects = Counting()

            class Meta:
                app_label = "crm"
                default_manager_name = "objects"

            def __str__(self) -> str:
                return self.nickname  # type: ignore[return-value] - as hosts write it, and sometimes there is none

        class Tour(models.Model):
            ranger = models.ForeignKey(Ranger, models.CASCADE, related_name="tours")
            price = models.DecimalField(max_digits=6, decimal_places=2)
            held_on = models.DateField(null=True)
            objects = PuttingTogether()

            class Meta:
                app_label = "crm"

        class Stop(models.Model):
            tour = models.ForeignKey(Tour, models.CASCADE, related_name="stops")
            name = models.TextField()

            class Meta:
                app_label = "crm"

        self.ranger, self.tour, self.stop = Ranger, Tour, Stop
        self.models = (Ranger, Tour, Stop)


@pytest.fixture
def any_case() -> Iterator[str]:
    """An order in which capital letters do not come before the small ones."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu')")
        yield "und-x-icu" if cursor.fetchone()[0] else "POSIX"


@pytest.fixture
def park(monkeypatch: pytest.MonkeyPatch, any_case: str) -> Iterator[Park]:
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    with isolate_apps("dotbridge.crm"):
        made = Park(any_case)
    with connection.schema_editor() as editor:
        for model in made.models:
            editor.create_model(model)
    for badge, tours in (("a", 2), ("B", 0), ("c", 3)):
        ranger = made.ranger.every.create(badge=badge, email=f"{badge}@example.com", nickname=badge)
        for number in range(tours):
            tour = made.tour.objects.create(ranger=ranger, price=10, held_on=datetime.date(2026, 1, 1 + number))
            for name in ("in", "out"):
                made.stop.objects.create(tour=tour, name=name)
    yield made
    with connection.schema_editor() as editor:
        for model in reversed(made.models):
            editor.delete_model(model)


def listed(owner: Entity, *conditions: Any, **options: Any) -> MarketingList:
    name = f"List {MarketingList.objects.count()}"
    return create_list(name=name, entity=owner.key, rule={"rules": list(conditions)}, **options)


def on_it(owner: Entity, *conditions: Any) -> set[str]:
    return {str(row["record_pk"]) for row in members(listed(owner, *conditions))}


def test_a_key_of_an_order_of_its_own_names_its_record_everywhere(park: Park) -> None:
    owner = register(park.ranger, email="email", manager="every")
    rangers = listed(owner)
    remove_records(marketing_list=rangers, record_ids=["a"])
    unsubscribe_records(marketing_list=rangers, record_ids=["B"], source=Source.PERSON)
    assert {row["record_pk"] for row in members(rangers)} == {"c"}
    picked = create_list(name="Picked", entity=owner.key, type=ListType.MANUAL)
    assert add_records(marketing_list=picked, record_ids=["a", "c"]).added == 2
    assert {row["record_pk"] for row in members(picked)} == {"a", "c"}
    of_both = {"field": "lists.member_of", "operator": "in", "value": [rangers.pk, picked.pk]}
    assert on_it(owner, of_both) == {"a", "c"}


def test_such_a_key_goes_into_the_file_and_comes_out_of_the_change_log(park: Park) -> None:
    owner = register(park.ranger, email="email", manager="every", fields=["nickname"], virtual_fields=[tours()])
    # Of two who share an address the one whose key comes first by its own order is sent.
    park.ranger.every.update(email="all@example.com")
    integration = make_integration()
    book = AddressBook.objects.create(integration=integration, remote_id=7, name="Rangers")
    mapping = map_fields(integration, owner.key, "nickname", "tours_held")
    link = connect_list(marketing_list=listed(owner), address_book=book)
    with next_export(link) as planned:
        assert planned.numbers().counts[ExportKind.NEW] == 1
        assert [row.record_id for row in planned.rows()] == [park.ranger.every.order_by("badge").first().badge]
    quiet()
    park.tour.objects.filter(ranger="c").update(price=11)
    assert dirty_ids(mapping) == {"c"}
    park.stop.objects.filter(tour__ranger="a").update(name="pause")
    assert dirty_ids(mapping) == {"a", "c"}


def tours() -> VirtualField:
    return VirtualField(
        name="tours_held",
        label="Tours",
        kind=FieldKind.INTEGER,
        expression=models.functions.Length("nickname"),
        reads=("tours__price", "tours__stops__name"),
    )


def test_a_record_counts_once_whatever_its_manager_has_joined_to_it(park: Park) -> None:
    owner = register(park.ranger, email="email")
    rangers = listed(owner)
    assert count_members(rangers).mailable == 3
    change = what_changes(rangers, {"rules": [{"field": "badge", "operator": "!=", "value": "B"}]})
    assert (change.adds, change.takes_out, change.stays) == (0, 1, 2)


def test_records_of_a_manager_that_counts_are_locked_to_be_written_to(park: Park) -> None:
    owner = register(park.ranger, email="email", fields=["nickname"])
    mapping = map_fields(make_integration(), owner.key, "nickname", two_way=("nickname",))
    with transaction.atomic():
        targets = lock_targets(owner, mapping, ["a", "c", "nobody"])
    assert {key: target.values for key, target in targets.items()} == {"a": {"F0": "a"}, "c": {"F0": "c"}}


@pytest.mark.parametrize(
    ("measure", "of", "value", "badges"),
    [
        ("count", None, 2, {"a"}),
        ("sum", "price", 30, {"c"}),
        ("latest", "held_on", "2026-01-03", {"c"}),
    ],
)
def test_many_records_count_once_each_although_their_manager_puts_them_together(
    park: Park, measure: str, of: str | None, value: Any, badges: set[str]
) -> None:
    owner = register(park.ranger, email="email", manager="every")
    assert on_it(owner, {"field": "tours", "measure": measure, "of": of, "operator": "=", "value": value}) == badges


def test_a_record_that_its_host_cannot_name_takes_no_others_along(park: Park) -> None:
    owner = register(park.ranger, email="email", manager="every")
    park.ranger.every.filter(badge="B").update(nickname=None)
    names = {record.record_id: record.name for record in count_and_sample(owner, {}).sample}
    assert names == {"a": "a", "B": "ranger B", "c": "c"}


def test_a_day_that_never_comes_is_no_number_of_days(park: Park) -> None:
    fields = [
        VirtualField(name=name, label=name, kind=FieldKind.INTEGER, expression=expression, reads=("born",))
        for name, expression in (("days", DaysSince("born")), ("years", YearsSince("born")))
    ]
    owner = register(park.ranger, email="email", manager="every", virtual_fields=fields)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE crm_ranger SET born = CASE badge WHEN 'a' THEN 'infinity' ELSE '-infinity' END::date")
    for field in ("days", "years"):
        assert on_it(owner, {"field": field, "operator": "null", "value": None}) == {"a", "B", "c"}


@pytest.mark.parametrize("key", [models.DateTimeField, models.FloatField, models.GenericIPAddressField])
@isolate_apps("dotbridge.crm")
def test_a_key_whose_text_is_another_one_in_python_is_refused(key: type[models.Field[Any, Any]]) -> None:
    class Meter(models.Model):
        number = key(primary_key=True)
        email = models.EmailField()

        class Meta:
            app_label = "crm"

    class Water(Meter):
        class Meta:
            app_label = "crm"

    for model in (Meter, Water):
        with pytest.raises(RegistrationError, match=f"of the type {key.__name__}, whose text in the database"):
            register(model, email="email")


@isolate_apps("dotbridge.crm")
def test_numbers_to_choose_from_are_the_same_however_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))

    class Dive(models.Model):
        email = models.EmailField()
        share = models.FloatField(choices=[(None, "not said"), (0.5, "half"), (1.0, "all of it")])
        price = models.DecimalField(max_digits=5, decimal_places=2, choices=[(Decimal("1.50"), "reduced")])

        class Meta:
            app_label = "crm"

    owner = register(Dive, email="email")
    for field, value in (("share", 1), ("share", "0.50"), ("price", "1.5")):
        assert listed(owner, {"field": field, "operator": "=", "value": value})
    assert [value for value, _label in owner.field("share").choices] == [0.5, 1.0]


@isolate_apps("dotbridge.crm")
def test_what_a_function_offers_is_asked_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    offered: list[tuple[str, str]] = []

    def asked() -> list[tuple[str, str]]:
        assert offered, "As from a table that is not there yet when models are registered."
        return offered

    class Boat(models.Model):
        email = models.EmailField()
        harbour = models.TextField(choices=asked)

        class Meta:
            app_label = "crm"

    owner = register(Boat, email="email")
    offered.append(("bremen", "Bremen"))
    assert [value for value, _label in owner.field("harbour").choices] == ["bremen"]
    offered.append(("kiel", "Kiel"))
    assert listed(owner, {"field": "harbour", "operator": "=", "value": "kiel"})

"""Models of other hosts: UUID keys, soft deletion, defaults of every kind, odd names of tables and columns."""
# ruff: noqa: DJ008, DJ012 - nobody reads the names of these records

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.postgres.functions import RandomUUID
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, models
from django.db.models import Value
from django.db.models.functions import Cast, Concat, Now
from django.test.utils import isolate_apps
from django.utils import timezone

from dotbridge.crm.models import Account, Contact, Customer
from dotbridge.entities import registry
from dotbridge.entities.registry import register
from dotbridge.files import targets
from dotbridge.files.entity_targets import register_entities
from dotbridge.files.errors import FileRefused
from dotbridge.files.models import FileLoad
from dotbridge.files.services import undo_load
from dotbridge.files.targets import FileField, Role, RowsOfTheirOwn, register_file_target
from dotbridge.files.undoing import Undone
from tests.files.conftest import OptOutKeeper, counts, load

pytestmark = pytest.mark.django_db(transaction=True)


class Living(models.Manager):  # type: ignore[type-arg]
    def get_queryset(self) -> Any:
        return super().get_queryset().filter(deleted_at=None, shop__in=["{north}", "south %"])


class Shop:
    """A shop's members: UUID keys, soft deletion, levels in a table of their own."""

    def __init__(self) -> None:
        class Level(models.Model):
            id = models.UUIDField(primary_key=True, default=uuid.uuid4)
            title = models.CharField(max_length=20)
            rank = models.IntegerField(default=7)

            class Meta:
                app_label = "crm"
                db_table = "odd level"

        class Member(models.Model):
            id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_column="member key")
            mail = models.EmailField(db_column="mail address")
            full = models.CharField(max_length=100, db_column="full name", default="nobody")
            level = models.ForeignKey(Level, models.SET_NULL, null=True)
            height = models.FloatField(null=True)
            since = models.DateTimeField(null=True)
            extra = models.JSONField(default=dict)
            shop = models.CharField(max_length=20, default="{north}")
            deleted_at = models.DateTimeField(null=True)
            made_at = models.DateTimeField(auto_now_add=True)
            changed_at = models.DateTimeField(auto_now=True)
            stamped_at = models.DateTimeField(db_default=Now())
            objects = Living()
            everybody = models.Manager()

            class Meta:
                app_label = "crm"
                db_table = "odd member"

        self.level, self.member = Level, Member


@pytest.fixture
def own_registries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
    monkeypatch.setattr(targets, "_registered", dict(targets._registered))


@pytest.fixture
def shop(own_registries: None) -> Iterator[Shop]:
    with isolate_apps("dotbridge.crm"):
        made = Shop()
    with connection.schema_editor() as editor:
        for model in (made.level, made.member):
            editor.create_model(model)
    register(made.member, email="mail")
    register_file_target(
        made.member,
        address="mail",
        fields=[
            FileField("full", role=Role.FULL_NAME),
            FileField("level", by="title", spellings="grade"),
            FileField("height"),
            FileField("since"),
        ],
        same_person=["full"],
    )
    yield made
    with connection.schema_editor() as editor:
        for model in (made.member, made.level):
            editor.delete_model(model)


def test_a_model_of_another_host(shop: Shop, keeper: OptOutKeeper) -> None:
    member, level = shop.member, shop.level
    gold = level.objects.create(title="Gold", rank=1)
    known = member.everybody.create(mail="KNOWN@example.com", full="Ann")
    member.everybody.create(mail="gone@example.com", full="Gone", deleted_at=timezone.now())
    before = known.changed_at
    file = (
        "E-mail,Name,Grade,Height,Since,Opt out\n"
        'known@example.com,Ann Byron,GOLD,"1,75",17/05/2020 10:30,\n'
        "gone@example.com,New,silver  one,1.8,,yes\n"
        "c@example.com,,Silver One,,2020-05-17T10:30:00+02:00,\n"
    )
    dry = load(file, entity="crm.member", dry_run=True)
    assert counts(dry) == (2, 1, 0, 0)
    assert level.objects.count() == 1
    assert counts(load(file, entity="crm.member")) == (2, 1, 0, 0)
    known.refresh_from_db()
    assert (known.full, known.level_id, known.height) == ("Ann Byron", gold.pk, 1.75)
    assert known.since == datetime.datetime(2020, 5, 17, 10, 30, tzinfo=datetime.UTC)
    assert known.changed_at > before
    new = member.objects.get(mail="gone@example.com")
    assert (new.full, new.extra, new.shop, new.deleted_at) == ("New", {}, "{north}", None)
    assert new.made_at
    assert new.stamped_at
    assert (new.level.title, new.level.rank) == ("silver one", 7)
    last = member.objects.get(mail="c@example.com")
    assert (last.full, last.level_id) == ("nobody", new.level_id)
    assert last.since == datetime.datetime(2020, 5, 17, 8, 30, tzinfo=datetime.UTC)
    assert [(row.record_id, row.email) for row in keeper.rows] == [(new.pk, "gone@example.com")]
    assert counts(load(file, entity="crm.member")) == (0, 0, 3, 0)
    assert member.everybody.count() == 4


@pytest.mark.parametrize("kind", ["counted", "worked out"])
def test_a_key_comes_from_the_hosts_table_whatever_its_name(kind: str, own_registries: None) -> None:
    with isolate_apps("dotbridge.crm"):

        class Reader(models.Model):
            key = (
                models.AutoField(primary_key=True, db_column="Reader's Key")
                if kind == "counted"
                else models.CharField(
                    primary_key=True,
                    max_length=60,
                    db_column="Reader's Key",
                    db_default=Concat(Value("100%-"), Cast(RandomUUID(), models.TextField())),
                )
            )
            mail = models.EmailField()

            class Meta:
                app_label = "crm"
                db_table = "Reader's Club"

    with connection.schema_editor() as editor:
        editor.create_model(Reader)
    register(Reader, email="mail", takes_files=True)
    register_entities()
    assert counts(load("email\na@example.com\nb@example.com\n", entity="crm.reader")) == (2, 0, 0, 0)
    keys = list(Reader.objects.values_list("pk", flat=True))
    assert len(set(keys)) == 2
    assert all(str(key).startswith("100%-") or kind == "counted" for key in keys)
    Reader.objects.create(mail="c@example.com")
    with connection.schema_editor() as editor:
        editor.delete_model(Reader)


def test_a_load_into_a_wide_table_is_taken_back(own_registries: None) -> None:
    columns = [f"answer_{number}" for number in range(120)]
    with isolate_apps("dotbridge.crm"):

        class Survey(models.Model):
            mail = models.EmailField()
            for name in columns:
                locals()[name] = models.CharField(max_length=9, blank=True)
            del name

            class Meta:
                app_label = "crm"

    with connection.schema_editor() as editor:
        editor.create_model(Survey)
    register(Survey, email="mail", takes_files=True)
    register_entities()
    for value in ("was", "is"):
        report = load(
            f"email,{','.join(columns)}\na@example.com,{','.join([value] * len(columns))}\n", entity="crm.survey"
        )
    assert set(Survey.objects.values_list(*columns).get()) == {"is"}
    assert undo_load(load=FileLoad.objects.get(pk=report.number)) == Undone(restored=1, deleted=0, kept=0)
    assert set(Survey.objects.values_list(*columns).get()) == {"was"}
    with connection.schema_editor() as editor:
        editor.delete_model(Survey)


def test_what_a_host_cannot_mean_is_told_when_it_registers(own_registries: None) -> None:
    def refused(model: Any, why: str, *fields: FileField, **options: Any) -> None:
        with pytest.raises(ImproperlyConfigured, match=why):
            register_file_target(model, **{"address": "email", "fields": fields, **options})

    refused(Contact, r"crm\.contact is registered for files already")
    del targets._registered["crm.customer"]
    refused(Customer, "has no field 'nose' that a file could fill", FileField("nose"))
    refused(Customer, "has no field 'mail' that a file could fill", address="mail")
    refused(Customer, "'account' needs `by` if, and only if, it is a relation", FileField("account"))
    refused(Customer, "'name' needs `by`", FileField("name", by="name"))
    refused(Customer, "has no field 'title' that a file could fill", FileField("account", by="title"))
    refused(Customer, "same_person names 'name', which is none of its fields", same_person=["name"])
    own = RowsOfTheirOwn(model=Customer, record="account", value="nose")
    refused(Customer, "has no field 'nose' that a file could fill", address=own)
    with isolate_apps("dotbridge.crm"):

        class Diver(models.Model):
            licence = models.CharField(max_length=20, primary_key=True)
            email = models.EmailField()

            class Meta:
                app_label = "crm"

        refused(Diver, "crm.diver has a primary key, 'licence', that nothing fills by itself")


@pytest.fixture
def no_bobs() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE crm_contact ADD CONSTRAINT \"no Bobs\" CHECK (first_name <> 'Bob')")
    yield
    with connection.cursor() as cursor:
        cursor.execute('ALTER TABLE crm_contact DROP CONSTRAINT "no Bobs"')


def test_a_rule_of_the_hosts_table_is_told_by_its_name_and_nobodys_row_is_shown(no_bobs: None) -> None:
    file = "E-mail,First name\na@example.com,Ann\nb@example.com,Bob\n"
    with pytest.raises(FileRefused, match=r"does not allow it: no Bobs\. Nothing was loaded") as refused:
        load(file)
    assert "b@example.com" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert not Contact.objects.exists()


@pytest.fixture
def visitor(own_registries: None) -> Iterator[Any]:
    with isolate_apps("dotbridge.crm"):

        class Visitor(models.Model):
            mail = models.EmailField()
            name = models.CharField(max_length=50, blank=True)
            birth_date = models.DateField(null=True, blank=True)
            phone = models.CharField(max_length=40, blank=True)
            shoe_size = models.IntegerField("Schuhgröße", null=True, blank=True)
            club = models.CharField(max_length=10, choices=[("a", "Alpha"), ("b", "Beta")], blank=True)
            customer_number = models.IntegerField(null=True, blank=True)
            secret = models.CharField(max_length=10, default="kept")
            internal = models.CharField(max_length=10, default="kept", editable=False)
            extra = models.JSONField(default=dict)
            account = models.ForeignKey(Account, models.SET_NULL, null=True)
            changed_at = models.DateTimeField(auto_now=True)

            class Meta:
                app_label = "crm"

        with connection.schema_editor() as editor:
            editor.create_model(Visitor)
        yield Visitor
        with connection.schema_editor() as editor:
            editor.delete_model(Visitor)


def test_a_registered_entity_takes_files_where_its_host_says_so(visitor: Any) -> None:
    register(visitor, email="mail", exclude=["secret"], takes_files=True)
    register_entities()
    target = targets.file_target("crm.visitor")
    assert list(target.fields) == ["name", "birth_date", "phone", "shoe_size", "club", "customer_number"]
    content = (
        "E-Mail;Name;Geburtstag;Telefon;Schuhgröße;Club;Kundennummer;Secret\n"
        "a@example.com;Ada Byron;17.5.1990;+44 20 7946 0001;38;Beta;7;no\n"
    )
    report = load(content, entity="crm.visitor")
    assert (counts(report), report.unused_columns) == ((1, 0, 0, 0), ["Secret"])
    ada = visitor.objects.get()
    assert (ada.name, ada.birth_date, ada.phone) == ("Ada Byron", datetime.date(1990, 5, 17), "+44 20 7946 0001")
    assert (ada.shoe_size, ada.club, ada.customer_number, ada.secret, ada.extra) == (38, "b", 7, "kept", {})
    assert counts(load("Kundennummer;E-Mail\n7;new@example.com\n", entity="crm.visitor")) == (0, 1, 0, 0)
    assert visitor.objects.get().mail == "new@example.com"


def test_an_entity_takes_no_files_unless_its_host_says_so(visitor: Any) -> None:
    register(visitor, email="mail")
    register_entities()
    assert not targets.is_file_target("crm.visitor")


def test_an_entity_whose_address_is_no_field_of_its_own_says_what_to_do(visitor: Any) -> None:
    register(visitor, email=models.F("account__name"), takes_files=True)
    with pytest.raises(ImproperlyConfigured, match=r"crm\.visitor takes files, .* file_targets\.py"):
        register_entities()


def test_a_target_of_the_hosts_own_goes_before_what_is_registered(visitor: Any) -> None:
    register_file_target(visitor, address="mail", fields=[FileField("name")])
    register(visitor, email="mail", takes_files=True)
    register_entities()
    assert list(targets.file_target("crm.visitor").fields) == ["name"]

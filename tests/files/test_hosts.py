"""Models of other hosts: UUID keys, soft deletion, defaults of every kind, odd names of tables and columns."""
# ruff: noqa: DJ008, DJ012 - nobody reads the names of these records

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, models
from django.db.models.functions import Now
from django.test.utils import isolate_apps
from django.utils import timezone

from dotbridge.crm.models import Contact, Customer
from dotbridge.entities import registry
from dotbridge.entities.registry import register
from dotbridge.files import targets
from dotbridge.files.targets import FileField, Role, RowsOfTheirOwn, register_file_target
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

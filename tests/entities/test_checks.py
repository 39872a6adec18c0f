"""What a host cannot have meant with a registration is told when the program starts, with the host's own line.

The kind: expressions, paths and kinds that were believed until a list asked for them. Beside virtual fields these are
the address, what it reads, and the functions that make and erase records.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Func, IntegerField, OuterRef, Subquery, Window
from django.db.models.functions import Lag, Length, Trim, Upper
from django.test.utils import isolate_apps

from dotbridge.crm.models import Account, Contact, ContactEmail, Lead
from dotbridge.entities import registry
from dotbridge.entities.checks import check_entities
from dotbridge.entities.fields import BETWEEN_LABELS, field_of_path
from dotbridge.entities.registry import (
    Collection,
    EntityField,
    FieldKind,
    RegistrationError,
    VirtualField,
    register,
)


@pytest.fixture(autouse=True)
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})


class GeneratesRows(Func):
    function = "generate_series"
    output_field = IntegerField()
    set_returning = True


def virtual(expression: Any, *reads: str, kind: Any = FieldKind.STRING) -> VirtualField:
    return VirtualField(name="worked_out", label="Worked out", kind=kind, expression=expression, reads=reads)


def problems(**options: Any) -> list[str]:
    """What is said of a lead that is registered so."""
    registry._registered.clear()
    register(Lead, **{"email": "email", **options})
    found = check_entities()
    assert all("crm.lead (registered in tests/entities/test_checks.py:" in problem.msg for problem in found)
    return [f"{problem.id} {problem.msg}" for problem in found]


def test_a_sound_registration_has_no_problem() -> None:
    sound = virtual(Length("company"), "company", kind=FieldKind.DECIMAL)
    assert problems(virtual_fields=[sound]) == []


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (virtual(F("compny")), "E101 crm.lead .* worked out: Cannot resolve keyword 'compny'"),
        (virtual(Subquery(ContactEmail.objects.filter(contact=OuterRef("nose")).values("email"))), "E101 .*'nose'"),
        (virtual(F("first_name") + F("estimated_value")), "E101 .* output_field"),
        (virtual(Length("company")), "E105 .* is said to be string, and gives integer"),
        (virtual(Upper("company"), kind=FieldKind.BOOLEAN), "E105 .* is said to be boolean, and gives string"),
        (virtual(Upper("company"), kind="string"), "E104 .* has the kind 'string'"),
        (virtual(Upper("company"), "compny"), "E102 .* reads 'compny', which is no field"),
        (virtual(Upper("company"), "company__name"), "E102 .* reads 'company__name', which is no field"),
        (virtual(Window(Lag("company"), order_by="id")), "E107 .* is worked out over other records"),
        (virtual(GeneratesRows("id", "id"), kind=FieldKind.INTEGER), "E107 .* gives several rows"),
    ],
    ids=lambda given: str(given)[:20],
)
def test_a_virtual_field_that_cannot_be_is_named(field: VirtualField, text: str) -> None:
    import re  # noqa: PLC0415 - for this alone

    (problem,) = problems(virtual_fields=[field])
    assert re.search(text, problem), problem


def test_a_value_that_would_double_its_record_is_named() -> None:
    doubling = VirtualField(name="any_email", label="Any", kind=FieldKind.STRING, expression=Upper("emails__email"))
    register(Contact, email=Trim("emails__email"), email_reads=["emails__email"], virtual_fields=[doubling])
    assert [problem.id for problem in check_entities()] == ["dotbridge.E107"] * 2
    assert "leads to many records, so that one record would stand in several rows" in check_entities()[0].msg


def test_a_collection_of_the_hosts_own_is_looked_at() -> None:
    good, bad = (
        EntityField(path=path, label=path, kind=FieldKind.STRING, source=F(path)) for path in ("email", "e_mail")
    )
    emails = Collection(
        path="letters",
        label="Letters",
        fields=(good, bad),
        rows=lambda: ContactEmail.objects.filter(contact=OuterRef("pk")),
        shows=(ContactEmail,),
        latest_by="sent_at",
    )
    register(Contact, email=Upper("first_name"), email_reads=["first_name"], collections=[emails])
    said = [problem.msg.partition("): ")[2] for problem in check_entities()]
    assert [text[:60] for text in said] == [
        "'e_mail' of the collection 'letters' cannot be worked out: C",
        "latest_by of the collection 'letters' cannot be worked out: ",
    ]


def test_an_address_that_cannot_be_read_is_named() -> None:
    assert "E101" in problems(email=Upper("e_mail"))[0]
    assert "E105" in problems(email=Length("email"))[0]
    assert "E102 " in problems(email=Upper("email"), email_reads=["mail"])[0]


def test_what_is_no_function_is_named() -> None:
    assert [problem[:14] for problem in problems(create=True, erase="erase")] == ["dotbridge.E103"] * 2


def test_a_manager_that_is_not_there_is_refused() -> None:
    with pytest.raises(RegistrationError, match=r"crm.account has no manager 'living'. It has: 'objects'"):
        register(Account, email="name", manager="living")


@isolate_apps("dotbridge.crm")
def test_odd_fields_are_what_their_values_are_as_text() -> None:
    class Odd(models.Model):
        card = models.UUIDField()
        tags = ArrayField(models.CharField(max_length=5))
        extra = models.JSONField()
        doubled = models.GeneratedField(expression=F("id") * 2, output_field=models.IntegerField(), db_persist=True)

        class Meta:
            app_label = "crm"

        def __str__(self) -> str:
            return ""

    found = {path: field_of_path(Odd, path) for path in ("card", "tags", "extra__size__eu", "doubled", "extra")}
    assert [each.kind for each in found.values()] == [
        FieldKind.STRING,
        FieldKind.STRING,
        FieldKind.STRING,
        FieldKind.INTEGER,
        FieldKind.OTHER,
    ]
    assert found["extra__size__eu"].reads == ("extra",)
    assert str(found["extra__size__eu"].label).split(BETWEEN_LABELS) == ["Extra", "size", "eu"]
    registry.register(Odd, email="extra__mail", fields=["card", "tags", "extra__size", "doubled"])
    assert check_entities() == []

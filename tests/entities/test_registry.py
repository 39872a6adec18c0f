"""What a host may register, what it gets from it, and how a mistake is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import BooleanField, Count, ExpressionWrapper, F, Q, Value
from django.db.models.functions import Lower, Upper
from django.test.utils import isolate_apps
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from dotbridge.crm.models import Account, Contact, ContactEmail, Lead
from dotbridge.entities import registry
from dotbridge.entities.registry import (
    FieldKind,
    NoEmailField,
    RegistrationError,
    UnknownEntity,
    UnknownField,
    VirtualField,
    entities,
    entity,
    register,
)
from dotbridge.files.targets import can_be_filled
from dotbridge.lists.models import ListType, MarketingList


@pytest.fixture
def empty_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})


def test_the_hosts_module_is_found_and_the_priorities_order() -> None:
    assert [(each.key, each.default_priority) for each in entities()] == [
        ("crm.contact", 20),
        ("crm.lead", 10),
        ("crm.customer", 0),
    ]


def test_an_unknown_entity_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownEntity, match=r"'crm.robot'\. Registered are: crm.contact, crm.customer, crm.lead"):
        entity("crm.robot")


@pytest.mark.usefixtures("empty_registry")
def test_an_empty_registry_says_so() -> None:
    with pytest.raises(UnknownEntity, match="Registered are: none"):
        entity("crm.contact")


def test_an_unknown_field_is_named_with_the_closest_ones() -> None:
    with pytest.raises(UnknownField, match=r"crm.contact has no field 'lastname'\. Did you mean 'last_name'"):
        entity("crm.contact").field("lastname")
    with pytest.raises(UnknownField, match=r"It has: id, first_name, "):
        entity("crm.contact").field("§§§")


@pytest.mark.parametrize(
    ("path", "kind", "label"),
    [
        ("id", FieldKind.INTEGER, "ID"),
        ("first_name", FieldKind.STRING, "First name"),
        ("birthday", FieldKind.DATE, "Birthday"),
        ("created_at", FieldKind.DATETIME, "Created at"),
        ("lead_score", FieldKind.INTEGER, "Lead score"),
        ("is_vip", FieldKind.BOOLEAN, "VIP"),
        ("account__name", FieldKind.STRING, "Account \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} Name"),
        (
            "account__created_at",
            FieldKind.DATETIME,
            "Account \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} Created at",
        ),
        ("full_name", FieldKind.STRING, "Full name"),
        ("age_in_years", FieldKind.INTEGER, "Age in years"),
    ],
)
def test_fields_of_the_contact(path: str, kind: FieldKind, label: str) -> None:
    field = entity("crm.contact").field(path)
    assert (field.kind, str(field.label)) == (kind, label)
    assert field.is_virtual is (path in {"full_name", "age_in_years"})


def test_choices_and_decimals() -> None:
    lead = entity("crm.lead")
    assert lead.field("status").choices[0] == ("new", "New")
    assert lead.field("estimated_value").kind is FieldKind.DECIMAL


def test_relations_themselves_and_collections_are_no_fields() -> None:
    paths = {field.path for field in entity("crm.contact").fields}
    assert not paths & {"account", "account_id", "emails", "emails__email"}


@pytest.mark.django_db
def test_expressions_are_fresh_and_work_in_annotate() -> None:
    account = Account.objects.create(name="Acme")
    Contact.objects.create(first_name="Ada", last_name="", account=account)
    contact = entity("crm.contact")
    field = contact.field("account__name")
    assert field.expression() is not field.expression()
    assert contact.email_expression() is not contact.email_expression()
    row = contact.queryset().annotate(a=field.expression(), b=contact.field("full_name").expression()).get()
    assert (row.a, row.b) == ("Acme", "Ada")


@pytest.mark.usefixtures("empty_registry")
def test_passwords_and_unmappable_kinds_are_not_offered() -> None:
    registered = register(User, email="email", exclude=["is_superuser"])
    paths = {field.path for field in registered.fields}
    assert {"username", "email", "date_joined"} <= paths
    assert not paths & {"password", "is_superuser"}
    state = register(MarketingList, email="name")
    assert "rule" not in {field.path for field in state.fields}


class ListTypeField(models.CharField):  # type: ignore[type-arg]
    """Makes members of an enumeration of what the database holds, which is their value all the same."""

    def from_db_value(self, value: str, _expression: Any, _connection: Any) -> str:
        return ListType(value)


class Sealed(models.TextField):  # type: ignore[type-arg]
    """Holds in the database what nobody outside Python can read."""

    def from_db_value(self, value: str, _expression: Any, _connection: Any) -> str:
        return value[::-1]

    def get_prep_value(self, value: Any) -> Any:
        return value[::-1]


@pytest.mark.usefixtures("empty_registry")
@isolate_apps("dotbridge.crm")
def test_what_only_python_can_read_is_neither_asked_about_nor_sent_nor_filled() -> None:
    class Diver(models.Model):  # noqa: DJ008 - nobody reads its name
        email = models.EmailField()
        sealed = Sealed()
        parts = ArrayField(Sealed())
        made = models.GeneratedField(expression=F("sealed"), output_field=Sealed(), db_persist=True)
        sealed_email = Sealed()
        list_type = ListTypeField(max_length=10, choices=ListType)

        class Meta:
            app_label = "crm"

    registered = register(Diver, email="email")
    assert [field.path for field in registered.fields] == ["id", "email", "list_type"]
    assert can_be_filled(Diver._meta.get_field("list_type"))
    assert not can_be_filled(Diver._meta.get_field("sealed"))
    del registry._registered["crm.diver"]
    assert register(Diver, email="email", fields=["sealed"]).field("sealed").kind is FieldKind.OTHER
    del registry._registered["crm.diver"]
    with pytest.raises(NoEmailField, match="one that only Python can read, such as an encrypted one"):
        register(Diver, email="sealed_email")


@pytest.mark.usefixtures("empty_registry")
def test_a_field_of_another_kind_can_be_named_but_is_other() -> None:
    registered = register(MarketingList, email="name", fields=["name", "rule"], label=_("list"))
    assert registered.field("rule").kind is FieldKind.OTHER
    assert str(registered.label) == "list"


@pytest.mark.usefixtures("empty_registry")
@pytest.mark.parametrize(
    ("email", "message"),
    [
        (None, "crm.lead has no e-mail address, so nobody"),
        ("", "crm.lead has no e-mail address, so nobody"),
        ("mail", "crm.Lead has no field 'mail'"),
        (F("mail"), "crm.Lead has no field 'mail'"),
        ("estimated_value", "'estimated_value': it is no text"),
        ("email__domain", "'email' of crm.Lead is not a relation"),
    ],
)
def test_a_model_without_a_usable_address_is_refused(email: str | F | None, message: str) -> None:
    with pytest.raises(NoEmailField, match=message) as caught:
        register(Lead, email=email)
    assert 'Pass email="NAME_OF_A_TEXT_FIELD"' in str(caught.value)
    assert registry.entities() == ()


@pytest.mark.usefixtures("empty_registry")
def test_an_address_behind_many_records_is_refused_behind_one_taken() -> None:
    with pytest.raises(NoEmailField, match=r"'emails' of crm.Contact leads to many records, not to one"):
        register(Contact, email="emails__email")
    assert register(ContactEmail, email="contact__phone").key == "crm.contactemail"
    assert register(Lead, email=Upper("email")).email == Upper("email")


@pytest.mark.usefixtures("empty_registry")
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (["nickname"], "crm.contact cannot offer the field 'nickname': crm.Contact has no field 'nickname'"),
        (["account"], "'account' of crm.Contact is a relation; name a field behind it"),
        (["emails__email"], "leads to many records"),
    ],
)
def test_a_field_that_does_not_fit_is_refused(fields: list[str], message: str) -> None:
    with pytest.raises(RegistrationError, match=message):
        register(Contact, email="phone", fields=fields)


def virtual(name: str, expression: object) -> VirtualField:
    return VirtualField(name=name, label=name, kind=FieldKind.BOOLEAN, expression=expression)  # type: ignore[arg-type]


@pytest.mark.usefixtures("empty_registry")
def test_virtual_fields_need_names_of_their_own_and_no_aggregates() -> None:
    with pytest.raises(RegistrationError, match="two fields called 'first_name'"):
        register(Contact, email="phone", virtual_fields=[virtual("first_name", Value(True))])
    with pytest.raises(RegistrationError, match="two fields called 'a'"):
        register(Contact, email="phone", virtual_fields=[virtual("a", Value(True)), virtual("a", Value(False))])
    with pytest.raises(RegistrationError, match="'emails_count' is an aggregate; use a Subquery"):
        register(Contact, email="phone", virtual_fields=[virtual("emails_count", Count("emails"))])
    is_far = ExpressionWrapper(Q(account__country="NZ"), output_field=BooleanField())
    assert register(Contact, email="phone", virtual_fields=[virtual("far", is_far)]).field("far").is_virtual


@pytest.mark.usefixtures("empty_registry")
def test_a_model_is_registered_once() -> None:
    register(Lead, email="email")
    with pytest.raises(RegistrationError, match=r"crm.lead is registered already"):
        register(Lead, email=F("email"))


@pytest.fixture
def in_german() -> Iterator[None]:
    with translation.override("de"):
        yield


@pytest.mark.usefixtures("empty_registry", "in_german")
def test_labels_are_translated_when_shown() -> None:
    label = register(User, email="email").field("first_name").label
    assert str(label) == "Vorname"
    with translation.override("en"):
        assert str(label) == "First name"


@pytest.mark.usefixtures("empty_registry")
def test_what_the_address_and_the_fields_are_made_of_is_known() -> None:
    registered = register(User, email="email", fields=["username"])
    assert registered.email_reads == ("email",)
    assert registered.field("username").reads == ("username",)


@pytest.mark.usefixtures("empty_registry")
def test_of_an_expression_the_host_says_what_it_reads() -> None:
    registered = register(User, email=Lower("email"), email_reads=["email"], fields=["username"])
    assert registered.email_reads == ("email",)
    assert register(MarketingList, email=Lower("name"), fields=["name"]).email_reads == ()

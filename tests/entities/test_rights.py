"""Whose right is asked before a value is shown: every model's that it comes from."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User

from dotbridge.crm.models import Contact, Order
from dotbridge.entities import registry
from dotbridge.entities.registry import RegistrationError, entity, register
from dotbridge.entities.related_records import Collection, collection_of
from dotbridge.entities.rights import may_see_collection, may_see_field, may_view, models_behind

pytestmark = pytest.mark.django_db


def user_who_may_view(*models: str) -> User:
    user = User.objects.create_user("mona")
    user.user_permissions.set(Permission.objects.filter(codename__in=[f"view_{model}" for model in models]))
    return user


@pytest.mark.parametrize(
    ("path", "models"),
    [
        ("first_name", {"contact"}),
        ("full_name", {"contact"}),
        ("account__city", {"contact", "account"}),
        ("primary_email", {"contact", "contactemail"}),
    ],
)
def test_a_value_needs_the_right_to_all_that_it_comes_from(path: str, models: set[str]) -> None:
    contact = entity("crm.contact")
    found = {model._meta.model_name for model in models_behind(Contact, contact.field(path))}
    assert found == models
    user = user_who_may_view("contact")
    assert may_see_field(user, contact, contact.field(path)) is (models == {"contact"})


def test_the_administrator_sees_everything_and_a_stranger_nothing() -> None:
    administrator, stranger = User.objects.create_superuser("adam"), User.objects.create_user("sam")
    assert may_view(administrator, Contact)
    assert not may_view(stranger, Contact)


def test_a_collection_needs_the_right_to_its_records() -> None:
    orders = next(each for each in entity("crm.contact").collections if each.path == "orders")
    assert may_see_collection(user_who_may_view("order"), orders)
    assert not may_see_collection(User.objects.create_user("sam"), orders)


def test_what_belongs_to_a_record_is_found_with_its_fields() -> None:
    collections = {each.path: each for each in entity("crm.contact").collections}
    assert set(collections) == {"emails", "orders", "phones"}
    orders = collections["orders"]
    assert (str(orders.label), orders.latest_by, orders.shows) == ("Orders", "placed_at", (Order,))
    assert {field.path for field in orders.fields} == {
        "id", "number", "placed_at", "delivered_on", "status", "items", "total"
    }  # fmt: skip
    assert collections["emails"].latest_by is None


@pytest.fixture
def empty_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", {})


@pytest.mark.usefixtures("empty_registry")
def test_a_host_chooses_its_collections_and_may_bring_its_own() -> None:
    own = collection_of(Contact, "orders", latest_by="delivered_on")
    registered = register(Contact, email="phone", collections=["emails", own], plural="People")
    assert [each.path for each in registered.collections] == ["emails", "orders"]
    assert isinstance(registered.collections[1], Collection)
    assert (registered.collections[1].latest_by, registered.plural) == ("delivered_on", "People")
    groups = collection_of(User, "groups")
    assert (str(groups.label), {field.path for field in groups.fields}) == ("Groups", {"id", "name"})


@pytest.mark.usefixtures("empty_registry")
def test_a_collection_that_is_none_is_refused() -> None:
    with pytest.raises(RegistrationError, match=r"crm.contact cannot offer a collection: .*no 'account' that leads"):
        register(Contact, email="phone", collections=["account"])

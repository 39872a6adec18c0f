"""What the rule builder offers, and to whom."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User

from dotbridge.campaigns.models import EmailCampaign
from dotbridge.crm.models import Account, Contact, Order
from dotbridge.entities.registry import entities, entity
from dotbridge.lists import catalogue
from dotbridge.lists.catalogue import OfferedGroup, field_catalogue, search_values
from dotbridge.lists.services import create_list

pytestmark = pytest.mark.django_db
CONTACT = entity("crm.contact")


@pytest.fixture
def admin() -> User:
    return User.objects.create_superuser("adam")


def user_who_may_view(*models: str) -> User:
    user = User.objects.create_user("mona")
    user.user_permissions.set(Permission.objects.filter(codename__in=[f"view_{model}" for model in models]))
    return user


def by_label(groups: tuple[OfferedGroup, ...]) -> dict[str, OfferedGroup]:
    return {group.label: group for group in groups}


def test_fields_are_grouped_by_where_they_come_from(admin: User) -> None:
    groups = by_label(field_catalogue(CONTACT, viewer=admin))
    assert list(groups) == ["Contact", "Account", "Related records", "Marketing results", "Marketing lists"]
    assert {"first_name", "full_name"} <= {field.path for field in groups["Contact"].fields}
    assert {field.label for field in groups["Account"].fields} >= {"Name", "City"}
    assert [each.label for each in groups["Related records"].collections] == [
        "E-mail addresses",
        "Further phone numbers",
        "Orders",
    ]
    assert [field.path for field in groups["Marketing lists"].fields] == ["lists.member_of"]


def test_a_field_says_how_it_is_edited(admin: User) -> None:
    contact = {field.path: field for group in field_catalogue(CONTACT, viewer=admin) for field in group.fields}
    editors = {path: contact[path].editor for path in ("first_name", "lead_score", "is_vip", "birthday", "created_at")}
    assert list(editors.values()) == ["text", "number", "boolean", "date", "datetime"]
    assert contact["lists.member_of"].editor == "search"
    # Values are looked for in texts, and where there are more than can be listed.
    searched = {path: contact[path].can_be_searched for path in ("first_name", "lead_score", "is_vip")}
    assert searched == {"first_name": True, "lead_score": False, "is_vip": False}
    assert contact["lists.member_of"].can_be_searched
    shapes = {operator.name: operator.shape for operator in contact["birthday"].operators}
    assert (shapes["inLast"], shapes["anniversaryIn"], shapes["null"]) == ("amount", "period", "nothing")
    lead = {field.path: field for group in field_catalogue(entity("crm.lead"), viewer=admin) for field in group.fields}
    assert (lead["status"].editor, lead["estimated_value"].editor) == ("choice", "money")
    assert lead["status"].choices[0] == ("new", "New")
    assert not lead["status"].can_be_searched
    assert [operator.name for operator in lead["status"].operators] == ["=", "!=", "in", "notIn", "null", "notNull"]


def test_many_records_are_offered_with_what_can_be_measured(admin: User) -> None:
    (emails, _phones, orders) = by_label(field_catalogue(CONTACT, viewer=admin))["Related records"].collections
    assert [measure.name for measure in orders.measures] == ["exists", "count", "sum", "min", "max", "latest"]
    assert {field.path for field in orders.measures[2].of} == {"id", "items", "total"}
    assert [measure.name for measure in emails.measures] == ["exists", "count", "sum", "min", "max"]
    assert {field.path for field in orders.fields} >= {"placed_at", "status"}


@pytest.mark.parametrize("key", [each.key for each in entities()])
def test_every_entity_has_a_catalogue(admin: User, key: str) -> None:
    assert field_catalogue(entity(key), viewer=admin)


def test_only_what_somebody_may_see_is_offered() -> None:
    assert field_catalogue(CONTACT, viewer=User.objects.create_user("sam")) == ()
    (own,) = field_catalogue(CONTACT, viewer=user_who_may_view("contact"))
    paths = {field.path for field in own.fields}
    assert "first_name" in paths
    assert not {path for path in paths if "__" in path or path == "primary_email"}


def test_values_that_are_there_are_found_by_their_beginning_the_common_ones_first(admin: User) -> None:
    for city, number in (("Berlin", 1), ("Bern", 3), ("", 2), ("Paris", 5)):
        account = Account.objects.create(city=city)
        Contact.objects.bulk_create(Contact(account=account) for _ in range(number))
    assert [each.value for each in search_values(CONTACT, "account__city", "be", viewer=admin)] == ["Bern", "Berlin"]
    assert [each.value for each in search_values(CONTACT, "account__city", "", viewer=admin)] == [
        "Paris",
        "Bern",
        "Berlin",
    ]
    assert len(search_values(CONTACT, "account__city", "", viewer=admin, limit=1)) == 1
    assert search_values(CONTACT, "account__city", "x%", viewer=admin) == []
    assert search_values(CONTACT, "account__city", "\0", viewer=admin) == []
    assert search_values(CONTACT, "lead_score", "1", viewer=admin) == []
    assert search_values(CONTACT, "gone", "1", viewer=admin) == []
    assert search_values(CONTACT, "account__city", "be", viewer=user_who_may_view("contact")) == []


def test_a_field_may_be_called_as_the_search_calls_its_own(admin: User) -> None:
    Contact.objects.create(first_name="Ada", last_name="L")
    assert [each.value for each in search_values(CONTACT, "full_name", "ada", viewer=admin)] == ["Ada L"]


def test_values_within_a_collection_and_names_from_elsewhere(admin: User) -> None:
    contact = Contact.objects.create()
    Order.objects.create(contact=contact, number="A-17")
    campaign = EmailCampaign.objects.create(name="Spring sale")
    assert [each.value for each in search_values(CONTACT, "number", "a", viewer=admin, within="orders")] == ["A-17"]
    assert [each.label for each in search_values(CONTACT, "status", "pa", viewer=admin, within="orders")] == ["Paid"]
    found = search_values(CONTACT, "email_campaign", "sale", viewer=admin, within="campaigns.clicked")
    assert found == [(campaign.pk, "Spring sale")]
    assert search_values(CONTACT, "number", "a", viewer=admin, within="gone") == []
    assert search_values(CONTACT, "gone", "a", viewer=admin, within="orders") == []
    mona = user_who_may_view("contact", "marketingactivity")
    assert search_values(CONTACT, "email_campaign", "sale", viewer=mona, within="campaigns.clicked") == []
    assert search_values(CONTACT, "number", "a", viewer=mona, within="orders") == []


def test_lists_of_the_same_records_are_found(admin: User) -> None:
    kept = create_list(name="VIP guests", entity="crm.contact")
    create_list(name="VIP leads", entity="crm.lead")
    assert search_values(CONTACT, "lists.member_of", "vip", viewer=admin) == [(kept.pk, "VIP guests")]
    assert search_values(CONTACT, "lists.member_of", "vip", viewer=user_who_may_view("contact")) == []


def test_a_search_that_takes_too_long_finds_nothing(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    Contact.objects.bulk_create(Contact(first_name=f"name {number}") for number in range(30_000))
    monkeypatch.setattr(catalogue, "SEARCH_TIMEOUT_MS", 1)
    assert search_values(CONTACT, "full_name", "", viewer=admin) == []

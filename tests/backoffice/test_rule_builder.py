"""What the rule builder is answered over HTTP: to whom, about what, and what hostile bodies get."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from dotbridge.crm.models import Account, Contact
from dotbridge.lists.models import MarketingList
from dotbridge.lists.services import create_list

pytestmark = pytest.mark.django_db
VIP = {"field": "is_vip", "operator": "=", "value": True}
WHERE = {name: reverse(f"rule_builder:{name}") for name in ("catalogue", "values", "preview")}


@pytest.fixture
def marketer() -> User:
    user = User.objects.create_user("mona", is_staff=True)
    wanted = [("dotbridge_lists", "view_marketinglist"), ("crm", "view_contact")]
    for app, codename in wanted:
        user.user_permissions.add(Permission.objects.get(codename=codename, content_type__app_label=app))
    return user


@pytest.fixture
def page(client: Client, marketer: User) -> Client:
    client.force_login(marketer)
    return client


def tried(page: Client, rule: Any, **more: Any) -> Any:
    query = {"entity": "crm.contact", **more}
    body = rule if isinstance(rule, str) else json.dumps(rule)
    return page.post(WHERE["preview"], body, content_type="application/json", query_params=query)


def test_a_rule_is_tried_counted_and_said(page: Client) -> None:
    Contact.objects.create(first_name="Ada", is_vip=True)
    Contact.objects.create(first_name="Bob")
    kept = create_list(name="All", entity="crm.contact")
    answer = tried(page, {"rules": [VIP, {"field": ""}]}, list=str(kept.pk)).json()
    assert answer["words"] == "Contacts who are VIP"
    assert (answer["count"], answer["sample"]) == (1, [{"name": "Ada", "email": ""}])
    assert answer["problems"] == [{"key": "1", "kind": "incomplete", "text": "Choose a field."}]
    assert "change" not in answer
    change = tried(page, {"rules": [VIP]}, list=str(kept.pk)).json()["change"]
    stays = "Staying: 1, besides those who opted out or were taken off."
    assert change == ["Saving this rule:", "Takes out 1 person.", stays]
    assert MarketingList.objects.get().rule == {}


def test_who_may_not_come_in_asks_nothing(page: Client, marketer: User) -> None:
    """A host may give rights to people who do not belong in the back office."""
    User.objects.filter(pk=marketer.pk).update(is_staff=False)
    assert page.get(WHERE["catalogue"], {"entity": "crm.contact"}).status_code == 403
    assert tried(page, {"rules": [VIP]}).status_code == 403


def test_a_key_that_a_browser_would_round_stays_what_it_is(page: Client, marketer: User) -> None:
    key = 2**60 + 1
    MarketingList.objects.create(pk=key, name="Guests", entity="crm.contact")
    Contact.objects.create(first_name="Ada")
    rule = {"rules": [{"field": "lists.member_of", "operator": "=", "value": key}]}
    query = {"entity": "crm.contact", "field": "lists.member_of", "text": "Gue"}
    (found,) = page.get(WHERE["values"], query).json()["values"]
    assert found["value"] == str(key)
    assert tried(page, {"rules": [{**rule["rules"][0], "value": found["value"]}]}).json()["count"] == 1
    marketer.user_permissions.add(Permission.objects.get(codename="change_marketinglist"))
    kept = create_list(name="Guests of guests", entity="crm.contact", rule=rule)
    form = page.get(reverse("dotbridge:list-rule", args=[kept.pk])).context["form"]
    assert f'"{key}"' in form["rule"].value()


def test_names_of_lists_are_told_so_that_the_builder_can_show_them(page: Client) -> None:
    kept = create_list(name="Guests", entity="crm.contact")
    rule = {"rules": [{"field": "lists.member_of", "operator": "=", "value": kept.pk}]}
    assert tried(page, rule).json()["names"] == {"lists.member_of": {str(kept.pk): "Guests"}}


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", '"all"', "null", "[" * 100_000, b"\xed\xa0\x80"],
)
def test_a_body_that_is_no_rule_is_refused_in_words(page: Client, body: Any) -> None:
    response = page.post(
        WHERE["preview"], body, content_type="application/json", query_params={"entity": "crm.contact"}
    )
    assert response.status_code == 400
    assert "This is no rule" in response.json()["refusal"]


def test_a_rule_nested_fifty_deep_and_one_of_a_megabyte_are_problems(page: Client) -> None:
    deep: dict[str, Any] = {"rules": [VIP]}
    for _ in range(50):
        deep = {"rules": [deep]}
    answer = tried(page, deep).json()
    assert answer["count"] is None
    assert "10 deep" in answer["problems"][0]["text"]
    large = {"rules": [{"field": "first_name", "operator": "=", "value": "x" * 1_000_000}]}
    assert "at most 65536 characters" in tried(page, large).json()["problems"][0]["text"]


@pytest.mark.parametrize("key", ["x", "-1", "9" * 30, "\u0661", "0", ""])
def test_a_list_that_is_none_is_no_list(page: Client, key: str) -> None:
    assert "change" not in tried(page, {"rules": [VIP]}, list=key).json()


def test_values_are_found(page: Client) -> None:
    Contact.objects.create(first_name="Ada")
    query = {"entity": "crm.contact", "field": "first_name", "text": "a"}
    assert page.get(WHERE["values"], query).json() == {"values": [{"value": "Ada", "label": "Ada"}]}
    Account.objects.create(city="Berlin")
    query = {"entity": "crm.contact", "field": "account__city", "text": ""}
    assert page.get(WHERE["values"], query).json() == {"values": []}


def test_the_catalogue_holds_what_the_person_may_see_and_the_builders_words(page: Client) -> None:
    answer = page.get(WHERE["catalogue"], {"entity": "crm.contact"}).json()
    assert [group["label"] for group in answer["groups"]] == ["Contact", "Marketing lists"]
    assert answer["texts"]["addCondition"] == "Add condition"
    assert ["this_month", "this month"] in answer["periods"]
    german = page.get(WHERE["catalogue"], {"entity": "crm.contact"}, headers={"accept-language": "de"})
    assert german.status_code == 200


@pytest.mark.parametrize("name", ["catalogue", "values", "preview"])
def test_who_may_not_is_told_why(client: Client, marketer: User, name: str) -> None:
    def asked(entity: str = "crm.contact") -> tuple[int, str]:
        if name == "preview":
            response = client.post(WHERE[name], "{}", content_type="application/json", query_params={"entity": entity})
        else:
            response = client.get(WHERE[name], {"entity": entity})
        return response.status_code, response.json().get("refusal", "")

    assert asked() == (401, "You are not logged in any more. Log in on another page; what you wrote stays.")
    client.force_login(User.objects.create_user("sam", is_staff=True))
    assert asked() == (403, "You may not see marketing lists.")
    client.force_login(marketer)
    assert asked()[0] == 200
    assert asked("crm.lead") == (403, "You may not see these records, so you cannot ask about them.")
    assert asked("crm.robot") == (404, "Choose whom the list is about first.")


def test_the_preview_wants_the_forms_token(marketer: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(marketer)
    assert client.post(WHERE["preview"], "{}", content_type="application/json").status_code == 403

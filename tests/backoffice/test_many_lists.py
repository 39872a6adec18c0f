"""Pages about lists take no more statements of the database where there are many of them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dotbridge.backoffice import counting
from dotbridge.backoffice.reads import home
from dotbridge.campaigns.models import EmailCampaign
from dotbridge.lists.models import ListCount, MarketingList
from dotbridge.lists.services import create_list, update_list
from tests.backoffice.world import World, build_world


def statements(client: Client, page: str) -> list[str]:
    client.get(page)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(page).status_code == 200
    return [query["sql"] for query in captured.captured_queries]


def ask_about_others() -> None:
    """Each list asks about a campaign and a list of its own."""
    lists = list(MarketingList.objects.filter(connection__isnull=False).order_by("pk"))
    for each in lists:
        mail = EmailCampaign.objects.create(name=f"Mail of {each.pk}")
        below = create_list(name=f"Below {each.pk} of {len(lists)}", entity="crm.contact")
        sent = {"rules": [{"field": "email_campaign", "operator": "=", "value": mail.pk}]}
        unsent = {"field": "campaigns.sent", "measure": "exists", "operator": "=", "value": False, "where": sent}
        on_it = {"field": "lists.member_of", "operator": "=", "value": below.pk}
        update_list(marketing_list=each, rule={"rules": [unsent, on_it]})


def looked_at(client: Client, world: World) -> dict[str, list[str]]:
    ask_about_others()
    pages = {
        "home": reverse("dotbridge:home"),
        "numbers": reverse("dotbridge:home-lists"),
        "plan": reverse("dotbridge:list-plan-numbers", args=[world.marketing_list.pk]),
    }
    return {name: statements(client, page) for name, page in pages.items()}


@pytest.mark.parametrize("piece", ["home", "numbers", "plan"])
def test_many_lists_take_as_many_statements_as_few(
    back_office: Client, piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However busy the machine is.
    monkeypatch.setattr(home, "COUNTING_SECONDS", 60)
    monkeypatch.setattr(counting, "LIVE_MILLISECONDS", 60_000)
    monkeypatch.setattr(counting, "QUICK_MILLISECONDS", 60_000)
    few = looked_at(back_office, build_world(number=2, name="Few"))[piece]
    many = looked_at(back_office, build_world(number=12, name="Many"))[piece]
    assert MarketingList.objects.count() > 2 * 12
    assert len(many) == len(few), [query for query in many if query not in few]


def test_lists_that_are_counted_together_have_the_numbers_of_each_alone(world: World) -> None:
    lists = list(MarketingList.objects.select_related("connection__address_book").order_by("pk"))
    alone = {each.pk: counting.standing_of(each).numbers for each in lists}
    assert len(alone) > 1
    together: dict[int, Any] = counting.standings_of(lists, seconds=1)
    assert {key: each.numbers for key, each in together.items()} == alone
    assert not any(each.is_kept for each in together.values())


def test_one_list_that_cannot_be_counted_leaves_the_others_their_numbers(world: World) -> None:
    lists = list(MarketingList.objects.select_related("connection__address_book").order_by("pk"))
    for each in lists:
        counting.standing_of(each)
    broken, *others = lists
    MarketingList.objects.filter(pk=broken.pk).update(rule={"rules": [{"field": "gone", "operator": "null"}]})
    broken.refresh_from_db(fields=["rule"])
    found = counting.standings_of(lists, seconds=1)
    assert "gone" in found[broken.pk].problem
    assert all(found[each.pk].numbers for each in others)


def test_what_takes_long_is_not_counted_with_the_others(world: World) -> None:
    lists = list(MarketingList.objects.select_related("connection__address_book").order_by("pk"))
    for each in lists:
        counting.standing_of(each)
    slow = lists[0]
    ListCount.objects.filter(pk=slow.pk).update(milliseconds=9_000)
    found = counting.standings_of(lists, seconds=1)
    assert [key for key, each in found.items() if each.is_kept] == [slow.pk]

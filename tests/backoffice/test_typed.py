"""A session that ended while somebody typed, and what is pressed twice: nothing is lost, and nothing is made twice."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from dotbridge.campaigns.models import MarketingCampaign
from dotbridge.lists.models import MarketingList
from tests.backoffice.conftest import texts
from tests.backoffice.world import World

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse"


@pytest.fixture
def late(db: None) -> Client:
    """A browser, whose forms are checked as a browser's are, of somebody whose session has ended."""
    User.objects.create_superuser("mona", password=PASSWORD)
    client = Client(enforce_csrf_checks=True)
    client.get(reverse("dotbridge:login"))
    return client


def send(client: Client, address: str, given: dict[str, Any], **headers: str) -> Any:
    """As a form of ours that was opened before: with its token, from our own site."""
    token = client.cookies["csrftoken"].value
    origin = {"Origin": "http://testserver", "Referer": f"http://testserver{address}", **headers}
    return client.post(address, {**given, "csrfmiddlewaretoken": token}, headers=origin)


def hidden_fields(answer: Any) -> dict[str, list[str]]:
    """The values that a form carries unseen."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', texts(answer)):
        found.setdefault(name, []).append(value)
    return found


def log_in(client: Client, page: Any, password: str = PASSWORD) -> Any:
    given = {"username": "mona", "password": password, "typed": hidden_fields(page)["typed"][0], "next": ""}
    return send(client, reverse("dotbridge:login"), given)


CAMPAIGN = {"name": 'Spring "sale" <b>', "code": "SPRING", "report_period": "day", "start_date": ["", "2"]}


def test_what_was_typed_is_sent_after_the_log_in(late: Client) -> None:
    address = reverse("dotbridge:marketing-campaign-add")
    page = send(late, address, CAMPAIGN)
    assert page.status_code == 401
    assert "what you typed is here again" in texts(page)
    assert not MarketingCampaign.objects.exists()
    wrong = log_in(late, page, "guess")
    assert wrong.status_code == 200
    again = log_in(late, wrong)
    fields = hidden_fields(again)
    assert fields["name"] == ["Spring &quot;sale&quot; &lt;b&gt;"]
    assert fields["start_date"] == ["", "2"]
    assert f'action="{address}"' in texts(again)
    assert f'<a class="button" href="{address}">' in texts(again)
    assert again["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    done = send(late, address, {**CAMPAIGN, "start_date": ""})
    assert done.status_code == 302
    assert MarketingCampaign.objects.get().name == CAMPAIGN["name"]


def test_a_form_that_was_opened_before_another_log_in_is_not_lost(late: Client) -> None:
    address = reverse("dotbridge:marketing-campaign-add")
    stale = late.cookies["csrftoken"].value
    send(late, reverse("dotbridge:login"), {"username": "mona", "password": PASSWORD})
    given = {**CAMPAIGN, "csrfmiddlewaretoken": stale}
    ours = late.post(address, given, headers={"Origin": "http://testserver"})
    assert hidden_fields(ours)["code"] == ["SPRING"]
    assert ours["Content-Security-Policy"].startswith("default-src 'self'")
    for origin in ({"Origin": "http://elsewhere.example"}, {}):
        refused = late.post(address, given, headers=origin)
        assert refused.status_code == 403
        assert "This form was not accepted" in texts(refused)
        assert "SPRING" not in texts(refused)
    assert not MarketingCampaign.objects.exists()


def test_passwords_are_never_carried(late: Client, world: World) -> None:
    address = reverse("dotbridge:account", args=[world.integration.pk])
    page = send(late, address, {"form": "credentials", "username": "api", "password": "se-cret", "base_url": "x"})
    fields = hidden_fields(log_in(late, page))
    assert fields["username"] == ["api"]
    assert "password" not in fields


def test_what_nobody_of_us_signed_is_not_sent_on(late: Client) -> None:
    for typed in ("", "made:up:signature", "x" * 5000):
        given = {"username": "mona", "password": PASSWORD, "typed": typed}
        assert send(late, reverse("dotbridge:login"), given)["Location"] == reverse("dotbridge:home")


def test_a_button_and_a_table_page_come_back_as_well(late: Client, world: World) -> None:
    for address in (
        reverse("dotbridge:list-sync", args=[world.marketing_list.pk]),
        reverse("dotbridge_tables:dotbridge_mapping_mapping_add"),
    ):
        page = send(late, address, {}, Referer="http://testserver/lists/")
        assert page.status_code == 401
        again = log_in(late, page)
        assert f'action="{address}"' in texts(again)
        assert 'href="/lists/"' in texts(again)
        late.post(reverse("dotbridge:logout"), {"csrfmiddlewaretoken": late.cookies["csrftoken"].value})
        late.get(reverse("dotbridge:login"))


def test_an_address_of_elsewhere_is_no_way_back(late: Client) -> None:
    page = send(late, reverse("dotbridge:list-add"), {}, Referer="http://elsewhere.example/trap/")
    assert "elsewhere" not in texts(log_in(late, page))
    assert not MarketingList.objects.exists()


def test_a_piece_that_is_asked_for_with_a_former_log_in_brings_no_page_into_the_page(
    back_office: Client, world: World
) -> None:
    """Its token is of the log-in before: htmx would put whatever is answered into the place of the piece."""
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = back_office.cookies
    again = reverse("dotbridge:list-count", args=[world.marketing_list.pk])
    answer = strict.post(again, headers={"HX-Request": "true", "Origin": "http://testserver"})
    assert (answer.status_code, answer["HX-Trigger"]) == (204, "dotbridge-session-ended")

"""The screens of an integration: its secret stays secret, its check asks the account, its runs are asked for once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.backoffice.integration_removal import delete_integration
from dotbridge.connections.models import CampaignSend, RunKind, SendState
from dotbridge.encryption import unseal
from dotbridge.integrations.models import Integration
from dotbridge.lists.models import MarketingList
from dotbridge.mirror.models import AddressBook, Contact
from dotbridge.sync.locks import integration_lock
from dotbridge.sync.models import Rejection, SyncRun
from dotbridge.sync.services import disconnect_list
from dotdigital_sandbox import Sandbox
from tests.backoffice.conftest import texts
from tests.backoffice.world import World, empty_queue

ADD = "dotbridge_tables:dotbridge_integrations_integration_add"
CHECK_TYPED = "dotbridge_tables:dotbridge_integrations_integration_check_typed"


def page_of(integration: Integration, page: str = "change") -> str:
    return reverse(f"dotbridge_tables:dotbridge_integrations_integration_{page}", args=[integration.pk])


def form(**changes: str) -> dict[str, str]:
    typed = {
        "name": "Shop",
        "username": "api@example.com",
        "password": "open sesame",
        "base_url": "https://r1-api.dotdigital.com",
        "is_active": "on",
        "data_fields_hours": "12",
        "forced_comparison": "always",
        "export_waits_for": "address_book",
        "contacts_read_of": "connected",
        "protocol": "v2",
        "breaker_rows": "500",
        "breaker_percent": "10",
    }
    return typed | changes


def test_a_new_integration_keeps_its_password_sealed(back_office: Client) -> None:
    back_office.post(reverse(ADD), form())
    integration = Integration.objects.get()
    assert unseal(integration.password_sealed) == "open sesame"
    assert "open sesame" not in integration.password_sealed
    assert "open sesame" not in texts(back_office.get(page_of(integration)))


def test_an_account_is_read_at_once_when_the_way_to_it_is_new(back_office: Client) -> None:
    def asked() -> list[str]:
        kinds = [job.args["kind"] for job in ProcrastinateJob.objects.filter(status="todo")]
        empty_queue()
        return kinds

    back_office.post(reverse(ADD), form(is_active=""))
    integration = Integration.objects.get()
    assert asked() == []
    back_office.post(page_of(integration, "activate"))
    assert asked() == [RunKind.IMPORT]
    back_office.post(page_of(integration), form(password="", breaker_rows="7"))
    assert asked() == []
    back_office.post(page_of(integration), form(password="another"))
    assert asked() == [RunKind.IMPORT]
    back_office.post(page_of(integration, "deactivate"))
    assert asked() == []
    back_office.post(reverse(ADD), form(name="Second", username="second@example.com"))
    assert asked() == [RunKind.IMPORT]


def test_a_new_integration_needs_a_password(back_office: Client) -> None:
    page = texts(back_office.post(reverse(ADD), form(password="")))
    assert "This field is required" in page
    assert not Integration.objects.exists()


def test_an_empty_password_keeps_the_stored_one(back_office: Client, world: World) -> None:
    back_office.post(page_of(world.integration), form(name="Renamed", password=""))
    world.integration.refresh_from_db()
    assert world.integration.name == "Renamed"
    assert (world.integration.data_fields_hours, world.integration.export_waits_for) == (12, "address_book")
    assert unseal(world.integration.password_sealed) == "secret-word"
    back_office.post(page_of(world.integration), form(name="Renamed", password="new-word"))
    world.integration.refresh_from_db()
    assert unseal(world.integration.password_sealed) == "new-word"


@pytest.mark.parametrize(
    "base_url", ["https://evil.example", "http://r1-api.dotdigital.com", "nonsense", "https://a:b@x.example"]
)
def test_the_password_is_sent_to_dotdigital_alone(back_office: Client, base_url: str) -> None:
    page = texts(back_office.post(reverse(ADD), form(base_url=base_url)))
    assert "base URL" in page
    assert not Integration.objects.exists()


def test_the_stored_credentials_are_checked(back_office: Client, integration: Integration) -> None:
    page = texts(back_office.post(page_of(integration, "check"), follow=True))
    assert "Connected to" in page


def test_what_is_typed_is_checked(back_office: Client, integration: Integration, sandbox: Sandbox) -> None:
    typed = {"username": sandbox.user, "password": sandbox.password, "base_url": sandbox.url}
    assert "It works." in texts(back_office.post(reverse(CHECK_TYPED), typed))
    wrong = texts(back_office.post(reverse(CHECK_TYPED), typed | {"password": "wrong"}))
    assert "It does not work." in wrong
    assert "user name and password" in wrong
    stored = typed | {"password": "", "integration": str(integration.pk)}
    assert "It works." in texts(back_office.post(reverse(CHECK_TYPED), stored))


def test_a_check_goes_to_allowed_hosts_alone(back_office: Client, world: World) -> None:
    typed = {
        "username": "x",
        "password": "",
        "base_url": "https://evil.example",
        "integration": str(world.integration.pk),
    }
    page = texts(back_office.post(reverse(CHECK_TYPED), typed))
    assert "is not a Dotdigital host" in page
    assert "secret-word" not in page


def test_a_check_of_an_empty_form_says_what_is_missing(back_office: Client) -> None:
    assert "Fill in" in texts(back_office.post(reverse(CHECK_TYPED), {"username": "<b>"}))


def test_a_password_that_cannot_be_read_is_said_so(back_office: Client, world: World) -> None:
    Integration.objects.update(password_sealed="lost")
    typed = {"username": "x", "base_url": "https://r1-api.dotdigital.com", "integration": str(world.integration.pk)}
    assert "cannot be read" in texts(back_office.post(reverse(CHECK_TYPED), typed))
    assert "cannot be read" in texts(back_office.post(page_of(world.integration, "check"), follow=True))


def test_sync_now_asks_once(back_office: Client, world: World) -> None:
    first = texts(back_office.post(page_of(world.integration, "sync"), follow=True))
    assert "starts in a moment" in first
    assert "No worker is running" in first
    assert f"?integration__id__exact={world.integration.pk}" in first
    assert "waits already" in texts(back_office.post(page_of(world.integration, "sync"), follow=True))
    assert ProcrastinateJob.objects.count() == 1


def test_an_inactive_integration_is_not_synchronised(back_office: Client, world: World) -> None:
    off = page_of(world.integration, "deactivate")
    CampaignSend.objects.update(state=SendState.ACCEPTED)
    said = texts(back_office.post(off, follow=True))
    assert "Switched off: no run starts" in said
    assert "1 campaign that Dotdigital has taken already is sent all the same" in said
    assert "switched off already" in texts(back_office.post(off, follow=True)), "pressed by two it stays off"
    page = texts(back_office.post(page_of(world.integration, "sync"), follow=True))
    assert "is switched off" in page
    assert not ProcrastinateJob.objects.exists()
    back_office.post(page_of(world.integration, "activate"))
    world.integration.refresh_from_db()
    assert world.integration.is_active


def test_data_fields_are_read_again_by_request(back_office: Client, world: World) -> None:
    back_office.post(reverse("dotbridge_tables:dotbridge_mirror_datafield_read_again"))
    assert ProcrastinateJob.objects.get().args["kind"] == RunKind.DATA_FIELDS


@pytest.mark.parametrize("page", ["check", "sync", "deactivate"])
def test_what_acts_is_posted_with_a_token_by_those_who_may(
    logged_in: Callable[..., Client], back_office: Client, world: World, page: str
) -> None:
    address = page_of(world.integration, page)
    assert back_office.get(address).status_code == 405
    assert logged_in("dotbridge_integrations.view_integration").post(address).status_code == 403
    guarded = Client(enforce_csrf_checks=True)
    guarded.cookies = back_office.cookies
    assert guarded.post(address).status_code == 403
    assert not ProcrastinateJob.objects.exists()
    world.integration.refresh_from_db()
    assert world.integration.is_active


def test_checking_what_is_typed_needs_a_permission(logged_in: Callable[..., Client], world: World) -> None:
    viewer = logged_in("dotbridge_integrations.view_integration")
    assert viewer.post(reverse(CHECK_TYPED), {}).status_code == 403
    assert viewer.post(reverse(CHECK_TYPED), {"integration": str(world.integration.pk)}).status_code == 403
    assert viewer.post(reverse(CHECK_TYPED), {"integration": "99999"}).status_code == 404
    assert logged_in("dotbridge_integrations.add_integration").post(reverse(CHECK_TYPED), {}).status_code == 200


def test_a_viewer_sees_an_integration_and_no_way_to_change_it(logged_in: Callable[..., Client], world: World) -> None:
    page = texts(logged_in("dotbridge_integrations.view_integration").get(page_of(world.integration)))
    assert "api@example.com" in page
    assert page_of(world.integration, "check") not in page
    assert 'name="password"' not in page


def test_a_connected_integration_is_not_deleted(back_office: Client, world: World) -> None:
    asking = texts(back_office.get(page_of(world.integration, "delete")))
    assert "Disconnect them first" in asking
    assert reverse("dotbridge_tables:dotbridge_lists_marketinglist_change", args=[world.marketing_list.pk]) in asking
    page = texts(back_office.post(page_of(world.integration, "delete"), {"confirmed": "yes"}, follow=True))
    assert "Disconnect these marketing lists first" in page
    assert Integration.objects.exists()


def test_deleting_takes_what_was_read_and_nothing_else(back_office: Client, world: World) -> None:
    disconnect_list(link=world.link)
    asking = texts(back_office.get(page_of(world.integration, "delete")))
    assert "2 address books" in asking
    assert Integration.objects.exists()
    back_office.post(page_of(world.integration, "delete"), {"confirmed": "yes"})
    for model in (Integration, AddressBook, Contact, SyncRun, Rejection):
        assert not model._default_manager.exists()
    assert MarketingList.objects.exists()
    assert world.people[0].__class__.objects.count() == 5


def test_deleting_needs_its_permission(logged_in: Callable[..., Client], world: World) -> None:
    client = logged_in("dotbridge_integrations.view_integration", "dotbridge_integrations.change_integration")
    assert client.post(page_of(world.integration, "delete"), {"confirmed": "yes"}).status_code == 403
    assert Integration.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_deleting_waits_for_a_run_at_work(world: World) -> None:
    disconnect_list(link=world.link)
    with integration_lock(world.integration.pk), pytest.raises(ValidationError, match="at work"):
        delete_integration(integration=world.integration)
    assert Integration.objects.exists()


def test_there_is_no_bulk_deletion(back_office: Client, world: World) -> None:
    posted: Any = {"action": "delete_selected", "_selected_action": [world.integration.pk], "post": "yes"}
    back_office.post(reverse("dotbridge_tables:dotbridge_integrations_integration_changelist"), posted)
    assert Integration.objects.exists()


def test_an_account_is_owned_by_somebody_who_may_come_in(back_office: Client, world: World) -> None:
    """A host may have a million customers who log in, and their names are nobody's business here."""
    User.objects.create_user("customer.of.the.shop", password="x")
    left = User.objects.create_user("has.left", password="x")
    for address in (reverse("dotbridge:account", args=[world.integration.pk]), page_of(world.integration)):
        assert "customer.of.the.shop" not in texts(back_office.get(address))
        assert "has.left" not in texts(back_office.get(address))
    Integration.objects.update(default_owner=left)
    for address in (reverse("dotbridge:account", args=[world.integration.pk]), page_of(world.integration)):
        assert "has.left" in texts(back_office.get(address)), "whose it is stays to be chosen"

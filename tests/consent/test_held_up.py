"""Nothing holds an opt-out up that was said here: the person leaves the book, whatever has become of the list.

The kind: who has to leave is found by way of something else, which may be broken or at an end. The cases: a list whose
rule cannot be read any more, or whose records are not registered any more; a connection that is ending, waits for a
person to end it, or ends and leaves its contacts in the book; a removal that was refused once, or of which nobody says
how far it is.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from dotbridge.connections.models import Ending, EndingState, ListConnection, RunKind
from dotbridge.connections.services import request_ending
from dotbridge.consent.erasure import erase_address
from dotbridge.crm.models import Contact
from dotbridge.entities import registry
from dotbridge.integrations.models import Integration
from dotbridge.lists.models import MarketingList
from dotbridge.lists.services import remove_records, unsubscribe_records
from dotbridge.sync.context import StepContext
from dotbridge.sync.models import Rejection, Removal, RemovalState, Upload, UploadState
from dotbridge.sync.outbound import prepare
from dotbridge.sync.outbound.endings import disconnect_lists
from dotbridge.sync.outbound.members import EvaluatedMembers
from tests.accounts import RemoteAccount, add_contact, sync


@pytest.fixture
def ann(integration: Integration, link: ListConnection) -> int:
    """Somebody who is in the book, with another one who is."""
    made = add_contact("ann@example.com")
    add_contact("bob@example.com")
    sync(integration)
    return int(made.pk)


def opt_out(link: ListConnection, record: int) -> None:
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[record])


@pytest.mark.parametrize("trouble", ["rule", "entity"])
def test_of_a_list_that_cannot_be_worked_out_any_more(
    integration: Integration,
    remote: RemoteAccount,
    link: ListConnection,
    book: int,
    ann: int,
    trouble: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opt_out(link, ann)
    if trouble == "rule":
        rule = {"combinator": "and", "rules": [{"field": "shoe_size", "operator": "=", "value": "5"}]}
        MarketingList.objects.update(rule=rule)
    else:
        monkeypatch.delitem(registry._registered, "crm.contact")
    sync(integration)
    assert set(remote.contacts(book)) == {"bob@example.com"}
    assert Rejection.objects.filter(reason="list_unreadable").exists()


@pytest.mark.parametrize("state", EndingState.values)
def test_of_a_list_that_is_ending(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, ann: int, state: str
) -> None:
    request_ending(link=link)
    Ending.objects.update(state=state)
    opt_out(link, ann)
    sync(integration)
    assert set(remote.contacts(book)) == {"bob@example.com"}


@pytest.mark.parametrize("by_a_run", [False, True])
def test_of_a_list_whose_contacts_stay_in_the_book(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, ann: int, by_a_run: bool
) -> None:
    opt_out(link, ann)
    request_ending(link=link, takes_out=False)
    if not by_a_run:
        assert disconnect_lists(integration) == 0
    sync(integration, kind=RunKind.REQUESTS)
    assert set(remote.contacts(book)) == {"bob@example.com"}
    assert not ListConnection.objects.exists()


def test_dotdigital_has_to_take_them_out_before_such_a_connection_ends(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, ann: int
) -> None:
    opt_out(link, ann)
    request_ending(link=link, takes_out=False)
    remote.sandbox.fail_next("status", path="contacts/delete", status=500)
    sync(integration, kind=RunKind.REQUESTS)
    assert Ending.objects.get().attempts == 1
    Ending.objects.update(due_at=None)
    sync(integration, kind=RunKind.REQUESTS)
    assert set(remote.contacts(book)) == {"bob@example.com"}
    assert not ListConnection.objects.exists()


@pytest.mark.parametrize("is_active", [False, True])
def test_an_account_that_cannot_be_asked_keeps_no_connection(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, ann: int, is_active: bool
) -> None:
    """It is switched off, or could not be reached for a day; what was said stays in the ledger."""
    opt_out(link, ann)
    Integration.objects.update(is_active=is_active)
    integration.refresh_from_db()
    request_ending(link=link, takes_out=False)
    if is_active:
        Ending.objects.update(created_at=timezone.now() - timedelta(days=2))
    assert disconnect_lists(integration) == 1
    assert not ListConnection.objects.exists()


@pytest.mark.parametrize("trouble", ["upload", "rule"])
def test_by_a_removal_that_was_not_taken_at_first(
    integration: Integration, remote: RemoteAccount, link: ListConnection, book: int, ann: int, trouble: str
) -> None:
    """It is asked for again, though other removals would wait."""
    opt_out(link, ann)
    remote.sandbox.fail_next("status", path="contacts/delete", status=500, times=None)
    sync(integration)
    remote.sandbox.clear_faults()
    if trouble == "upload":
        Upload.objects.update(state=UploadState.SENT)
        remote.sandbox.fail_next("status", path="contacts/import/", status=500, times=None)
    else:
        rule = {"combinator": "and", "rules": [{"field": "shoe_size", "operator": "=", "value": "5"}]}
        MarketingList.objects.update(rule=rule)
    sync(integration, wait_seconds=2.0)
    assert set(remote.contacts(book)) == {"bob@example.com"}


def test_by_a_removal_of_which_dotdigital_does_not_say_how_far_it_is(
    integration: Integration,
    remote: RemoteAccount,
    link: ListConnection,
    ann: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For a day, until it is not believed in any more, nobody who opted out after it was taken out of the book."""
    monkeypatch.setattr("dotdigital.patience.time.sleep", lambda _seconds: None)
    remote.sandbox.settings.deletion_seconds = 10_000_000.0
    remove_records(marketing_list=link.marketing_list, record_ids=[Contact.objects.exclude(pk=ann).get().pk])
    sync(integration, wait_seconds=0.0)
    assert Removal.objects.get().state == RemovalState.SENT
    remote.sandbox.fail_next("status", path="contacts/deletion/", status=500, times=None)
    opt_out(link, ann)
    sync(integration, wait_seconds=0.0)
    assert [removal.state for removal in Removal.objects.all()] == [RemovalState.SENT, RemovalState.SENT]


def test_whoever_is_erased_while_an_export_is_at_work_is_not_sent(
    integration: Integration, remote: RemoteAccount, book: int, link: ListConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that is to delete its record itself, and has not yet."""
    add_contact("ann@example.com")
    add_contact("bob@example.com")
    monkeypatch.setitem(registry._registered, "crm.contact", replace(registry.entity("crm.contact"), erase=None))
    genuine = prepare.require_current_members

    def erase_after(step: StepContext, found: ListConnection) -> EvaluatedMembers:
        evaluated = genuine(step, found)
        erase_address(address="ann@example.com")
        return evaluated

    monkeypatch.setattr(prepare, "require_current_members", erase_after)

    sync(integration)

    assert set(remote.contacts(book)) == {"bob@example.com"}

"""Coming back: only by a person's newer wish, through Dotdigital, and the list follows Dotdigital's word alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.utils import timezone

from dotbridge.connections.models import ListConnection, Resubscription, ResubscriptionState, RunKind
from dotbridge.connections.request_moves import MOST_ATTEMPTS
from dotbridge.connections.selectors import integrations_with_requests
from dotbridge.connections.services import request_resubscription
from dotbridge.consent.models import RAISING, ConsentEvent, Source
from dotbridge.crm.models import Contact as Person
from dotbridge.integrations.models import Integration
from dotbridge.lists.services import unsubscribe_records
from dotbridge.mirror.models import Contact, Membership
from dotbridge.sync.models import State
from tests.accounts import RemoteAccount, add_contact, connect, opted_out, sync, words_about
from tests.backoffice.world import empty_queue


@pytest.fixture
def ann(integration: Integration) -> Person:
    empty_queue()
    return add_contact("Ann@example.com", "Ann")


@pytest.fixture
def link(integration: Integration, remote: RemoteAccount, ann: Person) -> ListConnection:
    remote.create_book("Readers")
    link = connect(integration, book="Readers")
    sync(integration)
    return link


def leave(integration: Integration, remote: RemoteAccount, link: ListConnection, how: str) -> None:
    """Ann leaves, and the list has learned of it."""
    if how == "account":
        remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "ann@example.com"})
    elif how == "book":
        path = f"/v2/address-books/{link.address_book.remote_id}/contacts/unsubscribe"
        remote.ask("POST", path, {"email": "ann@example.com"})
    else:
        remote.ask("PUT", "/v2/contacts/suppress-contacts", [{"email": "ann@example.com"}])
    sync(integration)
    assert opted_out(link.marketing_list)


def ask(link: ListConnection, ann: Person, opted_in_at: datetime | None = None) -> Resubscription:
    (asked,) = request_resubscription(link=link, record_ids=[ann.pk], opted_in_at=opted_in_at or timezone.now())
    return asked


def carry_out(integration: Integration, asked: Resubscription) -> Any:
    run = sync(integration, kind=RunKind.REQUESTS)
    asked.refresh_from_db()
    return run


@pytest.mark.parametrize("how", ["account", "book"])
def test_who_left_by_choice_has_to_confirm_and_the_list_follows_then(
    integration: Integration, remote: RemoteAccount, link: ListConnection, ann: Person, how: str
) -> None:
    leave(integration, remote, link, how)
    asked = ask(link, ann)
    assert list(integrations_with_requests()) == [integration]
    remote.sandbox.clear_calls()

    assert carry_out(integration, asked).state == State.SUCCEEDED

    assert (asked.state, asked.answer) == (ResubscriptionState.CHALLENGED, "ContactChallenged")
    paths = [call["path"] for call in remote.sandbox.calls() if "resubscribe" in call["path"]]
    expected = "/v2/contacts/resubscribe"
    if how == "book":
        expected = f"/v2/address-books/{link.address_book.remote_id}/contacts/resubscribe"
    assert paths == [expected]
    sync(integration)
    assert opted_out(link.marketing_list)
    assert Resubscription.objects.get().live_at is None
    assert not integrations_with_requests()


@pytest.mark.parametrize(("is_by_person", "source"), [(True, Source.PERSON), (False, Source.CRM)])
def test_the_ledger_says_who_asked_for_a_return(
    integration: Integration,
    remote: RemoteAccount,
    link: ListConnection,
    ann: Person,
    is_by_person: bool,
    source: Source,
) -> None:
    by = get_user_model().objects.create_user("marketer") if is_by_person else None
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=[ann.pk])
    leave(integration, remote, link, "account")
    request_resubscription(link=link, record_ids=[ann.pk], opted_in_at=timezone.now(), by=by)
    said = ConsentEvent.objects.filter(what__in=RAISING)
    assert list(said.values_list("source", "actor")) == [(source, "marketer" if by else "")]


def test_a_confirmed_return_is_taken_up_by_the_list(
    integration: Integration, remote: RemoteAccount, link: ListConnection, ann: Person
) -> None:
    leave(integration, remote, link, "account")
    asked = ask(link, ann)
    carry_out(integration, asked)
    remote.sandbox.complete_challenge("ann@example.com")
    sync(integration)
    assert not opted_out(link.marketing_list)
    asked.refresh_from_db()
    assert asked.live_at is not None
    sync(integration)
    assert "Ann@example.com" in remote.contacts(link.address_book.remote_id)


def test_who_was_suppressed_by_us_is_added_at_once(
    integration: Integration, remote: RemoteAccount, link: ListConnection, ann: Person
) -> None:
    leave(integration, remote, link, "suppressed")
    asked = ask(link, ann)
    carry_out(integration, asked)
    assert (asked.state, asked.answer) == (ResubscriptionState.ADDED, "ContactAdded")
    assert opted_out(link.marketing_list), "the list waits for what the import reads"
    sync(integration)
    assert not opted_out(link.marketing_list)


def test_who_complained_does_not_return(
    integration: Integration, remote: RemoteAccount, link: ListConnection, ann: Person
) -> None:
    remote.sandbox.suppress("ann@example.com", "IspComplained")
    sync(integration)
    asked = ask(link, ann)
    carry_out(integration, asked)
    assert (asked.state, asked.answer) == (ResubscriptionState.REFUSED, "ContactCannotBeUnsuppressed")
    sync(integration)
    assert opted_out(link.marketing_list)


def test_an_opt_in_that_is_not_newer_does_not_count(
    integration: Integration, remote: RemoteAccount, link: ListConnection, ann: Person
) -> None:
    before = timezone.now() - timedelta(days=1)
    leave(integration, remote, link, "account")
    with pytest.raises(ValidationError, match="is not newer than the unsubscription"):
        ask(link, ann, before)
    with pytest.raises(ValidationError, match="in the future"):
        ask(link, ann, timezone.now() + timedelta(days=1))
    with pytest.raises(ValueError, match="no time zone"):
        ask(link, ann, timezone.now().replace(tzinfo=None))
    assert not Resubscription.objects.exists()


def test_nobody_is_asked_for_twice_or_without_need(
    integration: Integration, remote: RemoteAccount, link: ListConnection, ann: Person
) -> None:
    with pytest.raises(ValidationError, match="Dotdigital mails this person"):
        ask(link, ann)
    with pytest.raises(ValidationError, match="has no address"):
        request_resubscription(link=link, record_ids=[ann.pk, 999], opted_in_at=timezone.now())
    leave(integration, remote, link, "account")
    ask(link, ann)
    with pytest.raises(ValidationError, match="being asked for this already"):
        ask(link, ann)
    Integration.objects.update(is_active=False)
    with pytest.raises(ValidationError, match="is switched off"):
        ask(ListConnection.objects.get(), ann)


def test_an_opt_out_of_the_crm_is_overtaken_but_a_later_one_counts(
    integration: Integration, remote: RemoteAccount, link: ListConnection, ann: Person
) -> None:
    leave(integration, remote, link, "account")
    opt_out: dict[str, Any] = {"marketing_list": link.marketing_list, "record_ids": [ann.pk]}
    unsubscribe_records(**opt_out)
    asked = ask(link, ann)
    assert words_about("ann@example.com") == {("account", "opted_out", "feed")}
    unsubscribe_records(**opt_out)

    carry_out(integration, asked)

    assert asked.state == ResubscriptionState.REFUSED
    assert "Unsubscribed again in the CRM" in asked.message
    assert remote.ask("GET", "/v2/contacts/ann@example.com")["status"] == "Unsubscribed"
    again = ask(link, ann)
    carry_out(integration, again)
    unsubscribe_records(**opt_out)
    remote.sandbox.complete_challenge("ann@example.com")
    sync(integration)
    assert words_about("ann@example.com") == {("list", "opted_out", "crm")}


def test_an_unknown_outcome_is_looked_up_and_never_asked_again(
    integration: Integration, remote: RemoteAccount, link: ListConnection, ann: Person
) -> None:
    leave(integration, remote, link, "account")
    asked = ask(link, ann)
    Resubscription.objects.update(state=ResubscriptionState.ASKED)
    remote.sandbox.clear_calls()
    carry_out(integration, asked)
    assert asked.state == ResubscriptionState.UNKNOWN
    assert "ask again only if the person got none" in asked.message
    assert not [call for call in remote.sandbox.calls() if "resubscribe" in call["path"]]

    again = ask(link, ann)
    Resubscription.objects.filter(pk=again.pk).update(state=ResubscriptionState.ASKED)
    remote.ask(
        "POST",
        "/v2/contacts/resubscribe-with-no-challenge",
        {"unsubscribedContact": {"email": "ann@example.com"}},
    )
    carry_out(integration, again)
    assert again.state == ResubscriptionState.ADDED


def test_a_return_to_the_book_alone_is_dotdigitals_word_about_the_book(
    integration: Integration, remote: RemoteAccount, link: ListConnection, ann: Person
) -> None:
    """The vendor's own book call may add at once; its answer is what we know of the book then."""
    leave(integration, remote, link, "book")
    asked = ask(link, ann)
    Contact.objects.filter(email_key="ann@example.com").update(status="Subscribed")
    remote.ask(
        "POST",
        f"/v2/address-books/{link.address_book.remote_id}/contacts/resubscribe-with-no-challenge",
        {"unsubscribedContact": {"email": "ann@example.com"}},
    )
    carry_out(integration, asked)
    assert asked.state == ResubscriptionState.ADDED
    assert Membership.objects.get().status == "Subscribed"
    sync(integration)
    assert not opted_out(link.marketing_list)


@pytest.mark.parametrize("status", [409, 500])
def test_what_was_asked_and_cannot_be_looked_up_is_unknown_and_not_refused(
    integration: Integration,
    remote: RemoteAccount,
    link: ListConnection,
    ann: Person,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
) -> None:
    """Dotdigital may have sent its mail to confirm."""
    monkeypatch.setattr("dotdigital.patience.time.sleep", lambda _seconds: None)
    leave(integration, remote, link, "account")
    asked = ask(link, ann)
    Resubscription.objects.update(state=ResubscriptionState.ASKED, attempts=MOST_ATTEMPTS - 1)
    remote.sandbox.fail_next("status", path="/v2/contacts/", method="GET", times=None, status=status)
    carry_out(integration, asked)
    assert asked.state == ResubscriptionState.UNKNOWN
    assert asked.message

"""Who leaves and who comes back, in the account and in one book, and what the mirror and the list say of it then."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.integrations.models import Integration, ProtocolChoice
from dotbridge.mirror.models import Contact, Membership
from tests.accounts import RemoteAccount, add_contact, connect, opted_out, steps_of, sync

ANN = "ann@example.com"


@pytest.fixture
def link(integration: Integration, remote: RemoteAccount) -> ListConnection:
    """Ann is in the CRM, in the account and in the connected book."""
    add_contact(ANN)
    remote.create_contact(ANN, book=remote.create_book("Readers"))
    link = connect(integration, book="Readers")
    sync(integration)
    return link


def later(remote: RemoteAccount, integration: Integration) -> None:
    """A whole run, an hour later."""
    remote.sandbox.advance(3600)
    sync(integration)


def resubscribe(remote: RemoteAccount, path: str) -> None:
    """Ann comes back, as a form on a website would tell it."""
    remote.ask("POST", f"/v2/{path}/resubscribe-with-no-challenge", {"unsubscribedContact": {"email": ANN}})


def is_off(link: ListConnection) -> bool:
    """Whether Ann is off the list."""
    return bool(opted_out(link.marketing_list))


def test_a_return_to_one_book_is_taken_over(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    """Coming back to a book alone is no new subscription to the account: its last one may be years old."""
    book = link.address_book.remote_id
    remote.sandbox.unsubscribe(ANN, book)
    later(remote, integration)
    left = Membership.objects.get()
    assert (left.status, left.unsubscribed_at is not None, is_off(link)) == ("Unsubscribed", True, True)

    resubscribe(remote, f"address-books/{book}/contacts")
    later(remote, integration)

    back = Membership.objects.get()
    assert (back.status, back.unsubscribed_at, is_off(link)) == ("Subscribed", None, False)


def test_a_return_to_one_book_is_taken_over_although_the_run_before_was_cut(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    book = link.address_book.remote_id
    remote.sandbox.unsubscribe(ANN, book)
    later(remote, integration)
    resubscribe(remote, f"address-books/{book}/contacts")
    remote.sandbox.fail_next("malformed", path="unsubscribed-since", times=None)
    later(remote, integration)
    assert Membership.objects.get().status == "Unsubscribed"
    remote.sandbox.clear_faults()

    later(remote, integration)

    assert Membership.objects.get().status == "Subscribed"


def test_a_return_to_the_account_is_no_return_to_a_book_that_was_left(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    """Also where the account goes on listing those who left the book."""
    remote.sandbox.settings.switches.list_suppressed = True
    remote.sandbox.unsubscribe(ANN, link.address_book.remote_id)
    later(remote, integration)
    remote.sandbox.unsubscribe(ANN)
    later(remote, integration)
    assert Contact.objects.get().status == "Unsubscribed"

    resubscribe(remote, "contacts")
    for _run in range(2):
        later(remote, integration)

    assert Contact.objects.get().status == "Subscribed"
    assert Membership.objects.get().status == "Unsubscribed"
    assert is_off(link)


@pytest.mark.parametrize("kind", [RunKind.IMPORT, RunKind.RECONCILE])
def test_a_return_to_the_account_of_somebody_in_no_connected_book(
    integration: Integration, remote: RemoteAccount, kind: RunKind
) -> None:
    add_contact(ANN)
    remote.create_contact(ANN)
    remote.sandbox.unsubscribe(ANN)
    remote.create_book("Readers")
    link = connect(integration, book="Readers")
    sync(integration)
    assert is_off(link)

    resubscribe(remote, "contacts")
    remote.sandbox.advance(3600)
    sync(integration, kind=kind)

    assert Contact.objects.get().status == "Subscribed"
    assert Contact.objects.get().suppressed_at is None
    sync(integration, kind=RunKind.EXPORT)
    assert not is_off(link)


def test_when_somebody_was_suppressed_is_known_whichever_feed_told_it_first(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    remote.sandbox.bounce(ANN)
    told = remote.ask("GET", "/v2/contacts/suppressed-since/2000-01-01")[0]["dateRemoved"]
    sync(integration, kind=RunKind.IMPORT)
    assert Contact.objects.get().suppressed_at == datetime.fromisoformat(told)
    Contact.objects.update(suppressed_at=None)

    sync(integration, kind=RunKind.IMPORT)

    bounced = Contact.objects.get()
    assert (bounced.status, bounced.suppressed_at) == ("HardBounced", datetime.fromisoformat(told))


def test_a_soft_bounce_of_somebody_unknown_is_kept_and_mailable(
    integration: Integration, remote: RemoteAccount
) -> None:
    add_contact(ANN)
    remote.create_contact(ANN)
    remote.sandbox.suppress(ANN, "SoftBounced")
    remote.create_book("Readers")
    link = connect(integration, book="Readers")

    sync(integration)

    assert Contact.objects.get().status == "SoftBounced"
    assert not is_off(link)


def test_the_end_of_a_soft_bounce_of_somebody_in_no_connected_book(
    integration: Integration, remote: RemoteAccount
) -> None:
    add_contact(ANN)
    remote.create_contact(ANN)
    remote.sandbox.suppress(ANN, "SoftBounced")
    sync(integration, kind=RunKind.IMPORT)
    assert Contact.objects.get().status == "SoftBounced"
    resubscribe(remote, "contacts")
    remote.sandbox.advance(3600)

    sync(integration, kind=RunKind.IMPORT)

    back = Contact.objects.get()
    assert (back.status, back.suppressed_at) == ("Subscribed", None)


def test_whom_dotdigital_does_not_list_because_it_does_not_mail_them_is_no_drift(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    remote.create_contact("bob@example.com", book=link.address_book.remote_id)
    remote.sandbox.complain(ANN)
    remote.sandbox.unsubscribe("bob@example.com", link.address_book.remote_id)
    remote.create_contact("cid@example.com", book=link.address_book.remote_id)
    sync(integration, kind=RunKind.IMPORT)
    remote.sandbox.advance(3600)

    run = sync(integration, kind=RunKind.RECONCILE)

    assert steps_of(run)["contacts"]["message"] == "No drift: everything was as we had it."
    assert not Membership.objects.exclude(gone_at=None).exists()


@pytest.mark.parametrize("protocol", [ProtocolChoice.V2, ProtocolChoice.V3])
@pytest.mark.parametrize("is_heard_of", [False, True], ids=["between two imports", "after an import"])
def test_whom_an_upload_named_as_opted_out_is_sent_again_after_a_return(
    integration: Integration, remote: RemoteAccount, is_heard_of: bool
) -> None:
    """Whom no feed of opt-outs ever told is in no book either: nothing but the account's own contacts tells of it."""
    book = remote.create_book("First")
    link = connect(integration, book="First")
    for _turn in range(2):
        sync(integration)
    remote.create_contact(ANN)
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": ANN})
    add_contact(ANN)
    sync(integration, kind=RunKind.EXPORT)
    if is_heard_of:
        sync(integration)
        assert is_off(link)
    assert remote.contacts(book) == {}

    remote.ask("POST", "/v2/contacts/resubscribe", {"unsubscribedContact": {"email": ANN}})
    assert remote.sandbox.complete_challenge(ANN) == 1
    for _turn in range(2):
        sync(integration)

    assert not is_off(link)
    assert set(remote.contacts(book)) == {ANN}


@pytest.mark.parametrize("hours", [-3, 3])
def test_a_return_after_a_refused_upload_is_known_whatever_our_clock_says(
    integration: Integration, remote: RemoteAccount, hours: int
) -> None:
    """The refusal and the subscription after it are dated by one clock, Dotdigital's."""
    book = remote.create_book("First")
    connect(integration, book="First")
    remote.sandbox.freeze(timezone.now() + timedelta(hours=hours))
    remote.sandbox.unfreeze()
    for _turn in range(2):
        sync(integration)
    remote.create_contact(ANN)
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": ANN})
    add_contact(ANN)
    sync(integration, kind=RunKind.EXPORT)
    assert remote.contacts(book) == {}
    remote.sandbox.advance(600)
    remote.ask("POST", "/v2/contacts/resubscribe", {"unsubscribedContact": {"email": ANN}})
    assert remote.sandbox.complete_challenge(ANN) == 1
    for _turn in range(2):
        sync(integration)
    assert set(remote.contacts(book)) == {ANN}

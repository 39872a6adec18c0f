"""By either version of the API the mirror is the same, also where the two tell different things (docs/adr/0038)."""

from __future__ import annotations

import pytest

from dotbridge.consent.scopes import scopes_of_list
from dotbridge.consent.selectors import may_be_mailed
from dotbridge.integrations.models import Integration, ProtocolChoice
from dotbridge.mirror.models import Contact, Membership
from tests.accounts import RemoteAccount, add_contact, connect, sync

pytestmark = pytest.mark.parametrize("protocol", [ProtocolChoice.V2, ProtocolChoice.V3])


def places(book: str) -> dict[str, tuple[str, bool]]:
    """The address of whoever the mirror knows in a book: their status there, and whether they are gone."""
    rows = Membership.objects.filter(address_book__name=book)
    return {
        address: (status, gone_at is not None)
        for address, status, gone_at in rows.values_list("contact__email_key", "status", "gone_at")
    }


@pytest.fixture
def readers(integration: Integration, remote: RemoteAccount) -> int:
    """A connected book."""
    number = remote.create_book("Readers")
    connect(integration, book="Readers")
    return number


def test_an_opt_out_of_a_book_that_no_list_is_connected_to_is_known_once_one_is(
    integration: Integration, remote: RemoteAccount, readers: int
) -> None:
    book = remote.create_book("Later")
    remote.create_contact("ann@example.com", book=book)
    remote.create_contact("bob@example.com", book=book)
    sync(integration)
    assert set(places("Later")) == {"ann@example.com", "bob@example.com"}
    remote.sandbox.advance(60)
    remote.sandbox.unsubscribe("ann@example.com", book)
    sync(integration)
    assert places("Later")["ann@example.com"][0] == "Subscribed"
    remote.create_contact("cid@example.com", book=book)
    remote.sandbox.unsubscribe("cid@example.com", book)
    sync(integration)
    assert "cid@example.com" not in places("Later")

    link = connect(integration, book="Later")
    add_contact("ann@example.com")
    add_contact("cid@example.com")
    sync(integration)
    assert places("Later")["ann@example.com"] == places("Later")["cid@example.com"] == ("Unsubscribed", False)
    scopes = scopes_of_list(link.marketing_list_id)
    assert not any(may_be_mailed(address=f"{name}@example.com", scopes=scopes).may_be_mailed for name in ("ann", "cid"))
    assert set(remote.contacts(book)) == {"bob@example.com"}


def test_an_opt_out_that_is_over_before_a_list_is_connected_binds_nobody(
    integration: Integration, remote: RemoteAccount, readers: int
) -> None:
    book = remote.create_book("Later")
    remote.create_contact("ann@example.com", book=book)
    sync(integration)
    remote.sandbox.advance(60)
    remote.sandbox.unsubscribe("ann@example.com", book)
    sync(integration)
    body = {"unsubscribedContact": {"email": "ann@example.com"}}
    remote.ask("POST", f"/v2/address-books/{book}/contacts/resubscribe-with-no-challenge", body)
    remote.sandbox.advance(60)
    sync(integration)
    assert places("Later") == {"ann@example.com": ("Subscribed", False)}
    link = connect(integration, book="Later")
    sync(integration)
    assert may_be_mailed(address="ann@example.com", scopes=scopes_of_list(link.marketing_list_id)).may_be_mailed


@pytest.mark.parametrize("reason", ["HardBounced", "SoftBounced", "Suppressed", "Unsubscribed"])
def test_the_books_of_somebody_whom_the_account_suppresses_are_known_when_they_are_back(
    integration: Integration, remote: RemoteAccount, reason: str
) -> None:
    book = remote.create_book("Readers")
    remote.create_contact("ann@example.com", book=book)
    remote.sandbox.suppress("ann@example.com", reason)
    remote.sandbox.advance(3600)
    connect(integration, book="Readers")
    sync(integration)
    assert places("Readers") == {}
    remote.sandbox.advance(60)
    body = {"unsubscribedContact": {"email": "ann@example.com"}}
    remote.ask("POST", "/v2/contacts/resubscribe-with-no-challenge", body)
    sync(integration)
    assert places("Readers") == {"ann@example.com": ("Subscribed", False)}


def test_a_data_field_without_a_value_is_told_as_empty(
    integration: Integration, remote: RemoteAccount, readers: int
) -> None:
    remote.create_field("COLOUR", "String")
    ann = remote.create_contact("ann@example.com", book=readers, COLOUR="red")
    remote.create_contact("bob@example.com", book=readers)
    sync(integration, force_data_fields=True)
    colours = Contact.objects.order_by("email_key").values_list("data_fields__COLOUR", flat=True)
    assert list(colours) == ["red", None]
    remote.sandbox.advance(60)
    remote.ask(
        "PUT", f"/v2/contacts/{ann}", {"email": "ann@example.com", "dataFields": [{"key": "COLOUR", "value": None}]}
    )
    sync(integration)
    assert [each.data_fields["COLOUR"] for each in Contact.objects.all()] == [None, None]


def test_whoever_is_suppressed_later_keeps_the_place_that_is_known(
    integration: Integration, remote: RemoteAccount, readers: int
) -> None:
    remote.create_contact("ann@example.com", book=readers)
    sync(integration)
    remote.sandbox.advance(60)
    remote.sandbox.suppress("ann@example.com", "MailBlocked")
    sync(integration)
    assert places("Readers") == {"ann@example.com": ("Subscribed", False)}

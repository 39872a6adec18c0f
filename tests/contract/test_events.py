"""Events, from the subscription to the last page, between the client and the sandbox (the vendor's v3)."""

from __future__ import annotations

import io

import pytest

from dotdigital import (
    Account,
    Alerts,
    ContactDraft,
    EventDraft,
    EventFilter,
    EventType,
    NotFound,
    Rejected,
    SubscriptionDraft,
)
from dotdigital_sandbox import Sandbox

PEOPLE = SubscriptionDraft("Hints", ["contact.created", "contact.membershipUpdated", "contact.removed"])


def test_what_happens_is_read_once_and_in_order(sandbox: Sandbox, account: Account) -> None:
    book = account.address_book(account.create_address_book("Letters").id)
    mine = account.events.subscribe(PEOPLE)
    assert mine.active
    ids = [book.add_contact(ContactDraft(f"p{number}@example.com")).id for number in range(5)]
    account.contacts.delete(ids[0])
    pages = list(account.events.pages(mine.id, limit=4))
    seen = [(event.type, event.contact_id) for page in pages for event in page]
    assert [contact for kind, contact in seen if kind == "contact.created"] == ids
    assert ("contact.removed", ids[0]) in seen
    assert [len(page) for page in pages] == [4, 4, 4, 0]
    assert len({event.id for page in pages for event in page}) == 12
    assert all(event.event_date for page in pages for event in page)
    account.contacts.delete(ids[1])
    (page, _) = account.events.pages(mine.id, checkpoint=pages[-1].checkpoint)
    assert {event.type for event in page} == {"contact.membershipUpdated", "contact.removed"}


def test_a_subscription_is_found_changed_and_lost(sandbox: Sandbox, account: Account) -> None:
    filters = [EventFilter("$.channel", "em*")]
    draft = SubscriptionDraft("Mail", [EventType("message.sent", filters)], alerts=Alerts("email", "ops@example.com"))
    made = account.events.subscribe(draft)
    assert made.subscribed_event_types == draft.types
    assert made.alerts_configuration == draft.alerts
    with pytest.raises(Rejected) as caught:
        account.events.subscribe(draft)
    assert caught.value.code == "events:nameAlreadyExists"
    with pytest.raises(Rejected) as caught:
        account.events.subscribe(SubscriptionDraft("Other", ["example.unknownType"]))
    assert caught.value.code == "events:invalidEventType"
    with pytest.raises(Rejected) as caught:
        account.events.read(made.id, checkpoint="nonsense")
    assert caught.value.code == "events:invalidCheckpoint"
    account.events.update(made.id, SubscriptionDraft("Mail", ["email.read"], active=False))
    (page,) = account.events.subscriptions()
    assert [(each.name, each.active) for each in page] == [("Mail", False)]
    with pytest.raises(Rejected) as caught:
        account.events.read(made.id)
    assert caught.value.code == "events:inactiveSubscription"
    account.events.delete(made.id)
    for gone in (account.events.subscription, account.events.read, account.events.delete):
        with pytest.raises(NotFound):
            gone(made.id)


def test_thirty_days_without_a_reader_switch_it_off(sandbox: Sandbox, account: Account) -> None:
    mine = account.events.subscribe(PEOPLE)
    sandbox.advance(31 * 86_400)
    assert not account.events.subscription(mine.id).active
    assert account.events.update(mine.id, PEOPLE).active
    assert account.events.read(mine.id).items == []


def test_events_of_ones_own_and_large_objects(sandbox: Sandbox, account: Account) -> None:
    account.contacts.save(ContactDraft("ann@example.com"))
    account.events.import_events(
        [
            EventDraft("ann@example.com", "Search", summary="Bali", data={"query": "Bali"}),
            EventDraft("nobody@example.com", "Search"),
        ]
    )
    (kept,) = sandbox.imported_events("ann@example.com")
    assert (kept["type"], kept["timeline"], kept["data"]) == ("Search", "Bali", {"query": "Bali"})
    content = bytes(range(256)) * 10_000
    target = io.BytesIO()
    assert account.events.save_large_object(sandbox.keep_large_object(content, "image/png"), target) == "image/png"
    assert target.getvalue() == content
    with pytest.raises(NotFound):
        account.events.save_large_object("d4699dd5-c7fb-4313-a62e-a81998180da0", target)

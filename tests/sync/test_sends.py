"""Sending by Dotdigital: what is confirmed is what goes out, once, and never to everybody.

The kind of fault: between what a person confirmed and the call, or between the call and its answer, something changed,
and the same request now means something else. Its places: a list that was disconnected, a mail that was edited or sent
in Dotdigital, people who opted out, a book that grew, an answer that was lost, a number that was tampered with.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from dotbridge.campaigns.models import EmailCampaign
from dotbridge.connections.models import (
    OPEN_SENDS,
    AccountChange,
    CampaignSend,
    ChangeState,
    Ending,
    ListConnection,
    Look,
    LookKind,
    LookState,
    RunKind,
    SendState,
)
from dotbridge.connections.recipients import Recipients, count_recipients
from dotbridge.connections.selectors import integrations_with_requests
from dotbridge.connections.services import (
    give_up_send,
    look_again,
    request_campaign,
    request_ending,
    request_look,
    request_send,
    withdraw_send,
)
from dotbridge.consent.erasure import erase_address
from dotbridge.crm.models import Contact, ContactEmail
from dotbridge.integrations.models import Integration
from dotbridge.lists.services import unsubscribe_records
from dotbridge.mirror.campaign_models import UNSENT
from dotbridge.mirror.models import CampaignContent, Draft, Membership, SenderAddress, Template
from dotbridge.mirror.models import Contact as RemoteContact
from dotbridge.sync.context import NobodyWatches
from dotbridge.sync.inbound.drafts import fingerprint_of
from dotbridge.sync.models import Rejection, State, Step, SyncRun
from dotbridge.sync.outbound import sends as outbound
from dotdigital import Account
from dotdigital import Campaign as RemoteCampaign
from tests.accounts import RemoteAccount, add_contact, steps_of, sync
from tests.backoffice.world import empty_queue
from tests.dotdigital.server import Reply, Request
from tests.sync.campaign_vendor import CampaignVendor, campaign, scripted, vendor
from tests.sync.sending import (
    HTML,
    ask_to_send,
    carry_out,
    connected,
    make_campaign,
    people,
    posts,
    read_draft,
    sent_to,
    status_of,
)

__all__ = ["scripted", "vendor"]


pytestmark = pytest.mark.usefixtures("without_patience")


@pytest.fixture
def link(integration: Integration, remote: RemoteAccount) -> ListConnection:
    empty_queue()
    people(3)
    return connected(integration, remote)


@pytest.fixture
def draft(integration: Integration, remote: RemoteAccount, link: ListConnection) -> Draft:
    found = read_draft(integration, make_campaign(remote))
    remote.sandbox.clear_calls()
    return found


def opt_out(link: ListConnection, *emails: str) -> None:
    """Let them opt out of the list, here."""
    records = Contact.objects.filter(emails__email__in=emails).values_list("pk", flat=True)
    unsubscribe_records(marketing_list=link.marketing_list, record_ids=list(records))


def lose_the_answer(remote: RemoteAccount, *, kind: str = "reset", **options: Any) -> None:
    """The send is carried out, and its answer never comes."""
    remote.sandbox.fail_next(kind, path="campaigns/send$", method="POST", late=True, **options)


def test_a_campaign_goes_to_the_people_of_the_list_and_its_results_come_by_themselves(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    remote.create_contact("stranger@example.com")
    send = carry_out(integration, ask_to_send(draft, link))
    assert (send.state, send.recipients) == (SendState.ACCEPTED, 3)
    assert send.send_id
    remote.sandbox.finish_chores()
    send = carry_out(integration, send)
    assert (send.state, send.remote_status) == (SendState.SENT, "Sent")
    assert sent_to(remote, draft.remote_id) == ["p0@example.com", "p1@example.com", "p2@example.com"]
    assert not Draft.objects.exists()
    sync(integration, kind=RunKind.IMPORT)
    assert EmailCampaign.objects.get().name == "Spring"
    assert posts(remote) == ["202"]


def test_several_books_are_one_send_and_each_person_counts_once(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    second = connected(integration, remote, "Second")
    remote.create_contact("more@example.com", book=second.address_book.remote_id)
    sync(integration)
    assert count_recipients([link, second]) == Recipients(number=4, held=0)
    carry_out(integration, ask_to_send(draft, link, second))
    remote.sandbox.finish_chores()
    assert len(sent_to(remote, draft.remote_id)) == 4


def test_nobody_is_never_everybody(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    remote.create_contact("stranger@example.com")
    assert count_recipients([]) == Recipients(number=0, held=0)
    with pytest.raises(ValidationError, match="at least one list"):
        ask_to_send(draft, number=0)
    with pytest.raises(IntegrityError), transaction.atomic():
        CampaignSend.objects.create(integration=integration, remote_id=draft.remote_id, name="x", book_ids=[])
    sandbox = remote.sandbox
    with Account(sandbox.user, sandbox.password, sandbox.url, allowed_origins=(sandbox.url,)) as account:
        for named in ({}, {"address_book_ids": []}, {"contact_ids": []}, {"address_book_ids": [], "contact_ids": []}):
            with pytest.raises(ValueError, match="name address_book_ids"):
                account.campaigns.send(draft.remote_id, **named)
        with pytest.raises(ValueError, match="an id"):
            account.campaigns.send(draft.remote_id, address_book_ids=[0])
    assert posts(remote) == []
    assert status_of(remote, draft.remote_id) == UNSENT


@pytest.mark.parametrize("number", [0, 2, 4, -3, 10**9])
def test_another_number_than_the_one_that_is_shown_is_refused(
    integration: Integration, link: ListConnection, draft: Draft, number: int
) -> None:
    with pytest.raises(ValidationError, match="3 people now"):
        ask_to_send(draft, link, number=number)
    assert not CampaignSend.objects.exists()


def test_a_second_click_sends_nothing(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    send = ask_to_send(draft, link)
    with pytest.raises(ValidationError, match="being sent already"):
        ask_to_send(draft, link)
    carry_out(integration, send)
    with pytest.raises(ValidationError, match="being sent already"):
        ask_to_send(draft, link)
    assert posts(remote) == ["202"]


def test_who_opted_out_here_is_taken_out_before_anything_is_sent(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    send = ask_to_send(draft, link)
    opt_out(link, "p1@example.com")
    assert count_recipients([link]) == Recipients(number=2, held=1)
    send = carry_out(integration, send)
    assert (send.state, send.attempts) == (SendState.WAITING, 1)
    assert "opted out here" in send.message
    assert posts(remote) == []
    sync(integration, kind=RunKind.EXPORT)
    send = carry_out(integration, send)
    remote.sandbox.finish_chores()
    assert sent_to(remote, draft.remote_id) == ["p0@example.com", "p2@example.com"]


def test_whom_we_have_not_brought_to_the_book_is_unsubscribed_from_it(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    """No export takes them out: they were in the book before, or are there under another address by now."""
    book = link.address_book.remote_id
    remote.create_contact("before@example.com", book=book)
    add_contact("before@example.com")
    opt_out(link, "before@example.com")
    sync(integration)
    assert "before@example.com" in remote.contacts(book)
    send = ask_to_send(draft, link)
    for _turn in range(3):
        assert not posts(remote)
        send = carry_out(integration, send)
        sync(integration, kind=RunKind.EXPORT)
    send = carry_out(integration, send)
    remote.sandbox.finish_chores()
    assert sent_to(remote, draft.remote_id) == ["p0@example.com", "p1@example.com", "p2@example.com"]


def test_who_was_unsubscribed_so_and_has_come_back_to_the_book_is_unsubscribed_again(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    """What they said here still holds, and must not keep every later campaign from going out."""
    book = link.address_book.remote_id
    remote.create_contact("before@example.com", book=book)
    add_contact("before@example.com")
    opt_out(link, "before@example.com")
    sync(integration)
    for name in ("Spring", "Summer"):
        send = ask_to_send(draft if name == "Spring" else read_draft(integration, make_campaign(remote, name)), link)
        assert "before@example.com" in remote.contacts(book)
        for _turn in range(4):
            send = carry_out(integration, send)
            sync(integration, kind=RunKind.EXPORT)
        remote.sandbox.finish_chores()
        assert sent_to(remote, send.remote_id) == ["p0@example.com", "p1@example.com", "p2@example.com"]
        answer = {"unsubscribedContact": {"email": "before@example.com"}}
        remote.ask("POST", f"/v2/address-books/{book}/contacts/resubscribe-with-no-challenge", answer)
        remote.sandbox.advance(3600)
        sync(integration)


def test_an_opt_out_counts_under_every_address_of_its_record_and_contact(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    """The record got another address after its word; the contact got another address in Dotdigital."""
    opt_out(link, "p0@example.com")
    ContactEmail.objects.filter(email="p0@example.com").update(email="renamed@example.com")
    book = link.address_book.remote_id
    for email in ("renamed@example.com", "reader@example.com"):
        remote.create_contact(email, book=book)
    contact = remote.find_contact("p1@example.com")
    assert contact is not None
    remote.ask("PUT", f"/v2/contacts/{contact['id']}", {"email": "elsewhere@example.com"})
    sync(integration, kind=RunKind.IMPORT)
    opt_out(link, "p1@example.com")
    # p0, renamed and elsewhere have to leave; p2 and reader alone may be mailed.
    assert count_recipients([link]) == Recipients(number=2, held=3)


def test_who_opts_out_under_a_new_address_is_not_mailed_at_the_one_that_was_written_to(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    """The export that takes them out there has not gone yet."""
    ContactEmail.objects.filter(email="p0@example.com").update(email="renamed@example.com")
    send = ask_to_send(draft, link)
    opt_out(link, "renamed@example.com")
    send = carry_out(integration, send)
    assert (send.state, posts(remote)) == (SendState.WAITING, [])
    sync(integration, kind=RunKind.EXPORT)
    carry_out(integration, send)
    remote.sandbox.finish_chores()
    assert sent_to(remote, draft.remote_id) == ["p1@example.com", "p2@example.com"]


def test_who_opts_out_while_an_upload_brings_them_to_the_book_is_not_mailed(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    """Dotdigital has taken them by now, and nobody has read that."""
    people(1, named="late")
    remote.sandbox.hold_imports()
    sync(integration, wait_seconds=0.0)
    send = ask_to_send(draft, link)
    opt_out(link, "late0@example.com")
    remote.sandbox.release_imports()
    remote.sandbox.finish_imports()
    assert "late0@example.com" in remote.contacts(link.address_book.remote_id)
    send = carry_out(integration, send)
    assert (send.state, posts(remote)) == (SendState.WAITING, [])
    sync(integration, kind=RunKind.EXPORT)
    carry_out(integration, send)
    remote.sandbox.finish_chores()
    assert sent_to(remote, draft.remote_id) == ["p0@example.com", "p1@example.com", "p2@example.com"]


def test_whom_somebody_has_put_back_there_since_the_last_run_is_not_mailed(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    opt_out(link, "p1@example.com")
    sync(integration, kind=RunKind.EXPORT)
    book = link.address_book.remote_id
    assert "p1@example.com" not in remote.contacts(book)
    send = ask_to_send(draft, link)
    remote.create_contact("p1@example.com", book=book)
    for _turn in range(4):
        carry_out(integration, send)
        sync(integration, kind=RunKind.EXPORT)
    remote.sandbox.finish_chores()
    assert sent_to(remote, draft.remote_id) == ["p0@example.com", "p2@example.com"]


def test_an_erased_address_is_not_mailed(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    """Neither somebody who is in the book, nor somebody who comes into it later, though Dotdigital keeps both."""
    opt_out(link, "p1@example.com")
    for name in ("p1", "p2"):
        erase_address(address=f"{name}@example.com")
    erase_address(address="later@example.com")
    assert count_recipients([link]).number == 1
    send = ask_to_send(draft, link)
    remote.create_contact("later@example.com", book=link.address_book.remote_id)
    for _turn in range(3):
        carry_out(integration, send)
        sync(integration, kind=RunKind.EXPORT)
    remote.sandbox.finish_chores()
    assert sent_to(remote, draft.remote_id) == ["p0@example.com"]
    for name in ("p1", "p2", "later"):
        assert remote.find_contact(f"{name}@example.com"), "nobody asked for its deletion there"


def test_when_all_have_opted_out_meanwhile_nobody_is_asked_for_anything(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    send = ask_to_send(draft, link)
    opt_out(link, "p0@example.com", "p1@example.com", "p2@example.com")
    send = carry_out(integration, send)
    assert (send.state, send.finished_at is not None) == (SendState.FAILED, True)
    assert "Nobody" in send.message
    assert posts(remote) == []


def test_a_list_that_was_disconnected_meanwhile_is_not_sent_to(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    second = connected(integration, remote, "Second")
    send = ask_to_send(draft, link, second)
    request_ending(link=second, takes_out=False)
    send = carry_out(integration, send)
    assert (send.state, posts(remote)) == (SendState.FAILED, [])
    with pytest.raises(ValidationError, match="not connected"):
        ask_to_send(draft, second)


@pytest.mark.parametrize("what", ["sent", "edited", "deleted"])
def test_what_happened_to_the_campaign_in_dotdigital_meanwhile_ends_the_send(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft, what: str
) -> None:
    send = ask_to_send(draft, link)
    path = f"/v2/campaigns/{draft.remote_id}"
    if what == "sent":
        stranger = remote.create_contact("stranger@example.com")
        remote.ask("POST", "/v2/campaigns/send", {"campaignId": draft.remote_id, "contactIds": [stranger]})
        remote.sandbox.finish_chores()
    elif what == "edited":
        body = {"name": "Spring", "subject": "Another", "fromName": "The shop", "htmlContent": HTML}
        remote.ask("PUT", path, {**body, "plainTextContent": "Hello $UNSUB$"})
    else:
        remote.ask("DELETE", path)
    remote.sandbox.clear_calls()
    send = carry_out(integration, send)
    assert (send.state, posts(remote)) == (SendState.FAILED, [])
    assert send.message


def test_a_book_that_grew_since_has_to_be_confirmed_again(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    send = ask_to_send(draft, link)
    people(11, named="late")
    sync(integration)
    send = carry_out(integration, send)
    assert (send.state, posts(remote)) == (SendState.FAILED, [])
    assert "14" in send.message


def test_a_send_that_no_worker_began_in_time_goes_out_to_nobody(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    send = ask_to_send(draft, link)
    CampaignSend.objects.update(created_at=timezone.now() - timedelta(days=1, minutes=1))
    send = carry_out(integration, send)
    assert (send.state, posts(remote)) == (SendState.FAILED, [])


@pytest.mark.parametrize("fault", ["reset", "cut", "malformed"])
def test_a_lost_answer_is_looked_up_and_the_campaign_is_not_sent_twice(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft, fault: str
) -> None:
    lose_the_answer(remote, kind=fault)
    send = carry_out(integration, ask_to_send(draft, link))
    assert (send.state, send.send_id) == (SendState.ASKED, "")
    remote.sandbox.finish_chores()
    for _look in range(2):
        send = carry_out(integration, send)
    assert send.state == SendState.SENT
    assert len(sent_to(remote, draft.remote_id)) == 3
    assert len(posts(remote)) == 1


@pytest.mark.parametrize("status", [500, 503])
def test_what_was_perhaps_never_taken_waits_for_a_person(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft, status: int
) -> None:
    remote.sandbox.fail_next("status", path="campaigns/send$", method="POST", status=status)
    send = carry_out(integration, ask_to_send(draft, link))
    assert send.state == SendState.ASKED
    for _run in range(3):
        send = carry_out(integration, send)
    assert send.state == SendState.UNKNOWN
    assert not integrations_with_requests()
    assert len(posts(remote)) == 1
    with pytest.raises(ValidationError, match="being sent already"):
        ask_to_send(draft, link)
    look_again(send=send)
    send = carry_out(integration, send)
    assert send.state == SendState.UNKNOWN
    give_up_send(send=send)
    assert carry_out(integration, ask_to_send(draft, link)).state == SendState.ACCEPTED


def test_after_earlier_attempts_a_lost_answer_is_still_no_refusal(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    """Given up as *not sent* it could be sent again, while Dotdigital is sending it."""
    send = ask_to_send(draft, link)
    CampaignSend.objects.update(attempts=9)
    lose_the_answer(remote)
    send = carry_out(integration, send)
    assert send.state == SendState.ASKED


def test_a_send_that_cannot_be_followed_is_not_called_unsent(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    remote.sandbox.settings.send_seconds = 3600.0
    send = carry_out(integration, ask_to_send(draft, link))
    remote.sandbox.fail_next("status", path="campaigns/send/", times=None, status=500)
    for _run in range(10):
        send = carry_out(integration, send)
    assert send.state == SendState.UNKNOWN
    remote.sandbox.clear_faults()
    remote.sandbox.finish_chores()
    look_again(send=send)
    for _run in range(2):
        send = carry_out(integration, send)
    assert send.state == SendState.SENT


def test_a_forgotten_send_is_followed_by_its_campaign(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    send = carry_out(integration, ask_to_send(draft, link))
    CampaignSend.objects.update(send_id="00000000-0000-0000-0000-000000000000")
    remote.sandbox.finish_chores()
    assert carry_out(integration, send).state == SendState.SENT


@pytest.mark.parametrize(("status", "attempts"), [(429, 0), (403, 1)])
def test_what_was_surely_not_taken_waits_and_goes_out_once(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft, status: int, attempts: int
) -> None:
    """That an account has no call left is not the send's fault; that it denies this one thing is an attempt."""
    remote.sandbox.fail_next("status", path="campaigns/send$", method="POST", times=3, status=status)
    send = carry_out(integration, ask_to_send(draft, link))
    assert (send.state, send.attempts) == (SendState.WAITING, attempts)
    remote.sandbox.clear_faults()
    SyncRun.objects.filter(state=State.WAITING).delete()
    assert carry_out(integration, send).state == SendState.ACCEPTED
    assert posts(remote)[-1] == "202"


@pytest.mark.parametrize("setting", [("sends_allowed", False), ("email_credits", 2)])
def test_what_dotdigital_refuses_is_not_sent_and_says_why(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft, setting: tuple[str, Any]
) -> None:
    setattr(remote.sandbox.settings, *setting)
    send = ask_to_send(draft, link)
    CampaignSend.objects.filter(pk=send.pk).update(due_at=None)
    run = sync(integration, kind=RunKind.REQUESTS)
    send.refresh_from_db()
    assert (send.state, bool(send.message)) == (SendState.FAILED, True)
    assert steps_of(run)["campaign_sends"]["state"] == "partial"


def test_a_scheduled_campaign_waits_in_dotdigital_and_is_followed(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    at = timezone.now() + timedelta(hours=3)
    send = carry_out(integration, ask_to_send(draft, link, send_at=at))
    assert (send.state, send.remote_status) == (SendState.ACCEPTED, "Scheduled")
    assert send.due_at is not None
    assert timedelta(minutes=50) < send.due_at - timezone.now() <= timedelta(hours=1)
    sync(integration, kind=RunKind.IMPORT)
    assert Draft.objects.get().status == UNSENT
    with pytest.raises(ValidationError, match="being sent already"):
        ask_to_send(draft, link)
    remote.sandbox.advance(3 * 3600 + 60)
    remote.sandbox.finish_chores()
    assert carry_out(integration, send).state == SendState.SENT


def test_a_scheduled_send_whose_answer_was_lost_is_found_on_the_schedule(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    lose_the_answer(remote)
    send = carry_out(integration, ask_to_send(draft, link, send_at=timezone.now() + timedelta(hours=3)))
    assert send.state == SendState.ASKED
    assert carry_out(integration, send).state == SendState.ACCEPTED
    assert len(posts(remote)) == 1


def test_somebody_elses_send_is_not_taken_for_ours(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    remote.sandbox.fail_next("status", path="campaigns/send$", method="POST", status=500)
    send = carry_out(integration, ask_to_send(draft, link))
    other = remote.create_book("Another")
    remote.create_contact("stranger@example.com", book=other)
    remote.ask("POST", "/v2/campaigns/send", {"campaignId": draft.remote_id, "addressBookIds": [other]})
    remote.sandbox.finish_chores()
    send = carry_out(integration, send)
    assert send.state == SendState.FAILED
    assert "Somebody else" in send.message


def test_only_what_nobody_has_begun_is_taken_back(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    withdraw_send(send=ask_to_send(draft, link))
    send = ask_to_send(draft, link)
    stale = CampaignSend.objects.get(pk=send.pk)
    carry_out(integration, send)
    for act in (withdraw_send, give_up_send, look_again):
        with pytest.raises(ValidationError):
            act(send=stale)
    assert posts(remote) == ["202"]


def test_what_is_taken_back_in_the_moment_in_which_its_turn_comes_is_no_problem(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    second = read_draft(integration, make_campaign(remote, "Summer"))
    ask_to_send(draft, link)
    later = ask_to_send(second, link)

    class TakesBack(NobodyWatches):
        def progressed(self, step: Step, done: int, total: int | None) -> None:
            waiting = CampaignSend.objects.filter(pk=later.pk, state=SendState.WAITING).first()
            if waiting is not None and posts(remote):
                withdraw_send(send=waiting)

    run = sync(integration, kind=RunKind.REQUESTS, observer=TakesBack())

    assert CampaignSend.objects.get(pk=later.pk).state == SendState.WITHDRAWN
    assert posts(remote) == ["202"]
    assert (run.state, Rejection.objects.count()) == (State.SUCCEEDED, 0)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"status": "RequiresSystemApproval"}, "RequiresSystemApproval"),
        ({"is_split_test": True}, "split test"),
    ],
)
def test_what_cannot_be_sent_from_here_is_refused_at_once(
    link: ListConnection, draft: Draft, changes: dict[str, Any], why: str
) -> None:
    Draft.objects.update(**changes)
    draft.refresh_from_db()
    with pytest.raises(ValidationError, match=why):
        ask_to_send(draft, link)


def test_what_was_not_looked_at_is_not_sent(link: ListConnection, draft: Draft) -> None:
    for fingerprint, why in (("", "not been read"), ("0" * 64, "was changed")):
        with pytest.raises(ValidationError, match=why):
            request_send(draft=draft, links=[link], number=3, fingerprint=fingerprint)
    for wrong in (timezone.now() - timedelta(minutes=1), timezone.now() + timedelta(days=400)):
        with pytest.raises(ValidationError):
            ask_to_send(draft, link, send_at=wrong)
    CampaignContent.objects.all().delete()
    with pytest.raises(ValidationError, match="not been read"):
        request_send(draft=draft, links=[link], number=3, fingerprint="0" * 64)


def test_another_accounts_list_is_refused(link: ListConnection, draft: Draft) -> None:
    other = Integration.objects.create(name="Other", username="other", password_sealed="")
    foreign = Draft(integration=other, remote_id=draft.remote_id, name="x", status=UNSENT)
    with pytest.raises(ValidationError, match="not connected"):
        request_send(draft=foreign, links=[link], number=3, fingerprint="0" * 64)


def test_drafts_follow_the_account(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    second = make_campaign(remote, "Summer")
    sync(integration, kind=RunKind.IMPORT)
    assert [each.name for each in Draft.objects.order_by("remote_id")] == ["Spring", "Summer"]
    remote.ask("DELETE", f"/v2/campaigns/{draft.remote_id}")
    remote.sandbox.fail_next("malformed", path="v2/campaigns$", times=1)
    sync(integration, kind=RunKind.IMPORT)
    sync(integration, kind=RunKind.IMPORT)
    assert list(Draft.objects.values_list("remote_id", flat=True)) == [second]


def test_what_is_looked_at_is_read_and_a_vanished_campaign_goes(
    integration: Integration, remote: RemoteAccount, draft: Draft
) -> None:
    assert CampaignContent.objects.get().html == HTML
    remote.ask("DELETE", f"/v2/campaigns/{draft.remote_id}")
    assert request_look(integration=integration, kind=LookKind.CONTENT, remote_id=draft.remote_id)
    assert request_look(integration=integration, kind=LookKind.CONTENT, remote_id=draft.remote_id)
    sync(integration, kind=RunKind.REQUESTS)
    assert Look.objects.get().state == LookState.FAILED
    assert not Draft.objects.exists()
    assert not CampaignContent.objects.exists()


def test_looking_at_one_draft_says_nothing_about_the_others(
    integration: Integration, remote: RemoteAccount, draft: Draft
) -> None:
    other = read_draft(integration, make_campaign(remote))
    request_look(integration=integration, kind=LookKind.CONTENT, remote_id=other.remote_id)
    run = sync(integration, kind=RunKind.REQUESTS)
    assert steps_of(run)["looks"]["read"] == 1
    assert set(Draft.objects.all()) == {draft, other}


def test_a_campaign_is_made_of_a_template_as_a_draft(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    body = {"name": "Frame", "subject": "Old", "fromName": "Old", "htmlContent": HTML, "plainTextContent": "x $UNSUB$"}
    remote.ask("POST", "/v2/templates", body)
    request_look(integration=integration, kind=LookKind.TEMPLATES)
    sync(integration, kind=RunKind.REQUESTS)
    template, sender = Template.objects.get(), SenderAddress.objects.first()
    assert sender is not None
    words = {"name": "June", "subject": "New", "from_name": "The shop"}
    change = request_campaign(template=template, sender=sender, **words)
    with pytest.raises(ValidationError):
        request_campaign(template=template, **words)
    remote.sandbox.fail_next("reset", path="v2/campaigns$", method="POST", late=True)
    for _run in range(2):
        sync(integration, kind=RunKind.REQUESTS)
    change.refresh_from_db()
    assert (change.state, change.message) == (ChangeState.DONE, "")
    made = Draft.objects.get()
    assert (made.name, made.subject, made.from_name, made.status) == ("June", "New", "The shop", UNSENT)
    assert made.from_address == sender.email
    named = [each["id"] for each in remote.ask("GET", "/v2/campaigns") if each["name"] == "June"]
    assert named == [made.remote_id]
    assert remote.ask("GET", f"/v2/campaigns/{made.remote_id}")["htmlContent"] == HTML
    with pytest.raises(ValidationError, match="waiting to be sent"):
        request_campaign(template=template, **words)
    with pytest.raises(ValidationError) as refused:
        request_campaign(template=template, name=" ", subject="x" * 256, from_name="")
    assert set(refused.value.message_dict) == {"name", "subject", "from_name"}
    assert AccountChange.objects.count() == 1


def test_one_broken_send_stops_no_other(
    integration: Integration, remote: RemoteAccount, link: ListConnection, draft: Draft
) -> None:
    other = read_draft(integration, make_campaign(remote, "Summer"))
    ask_to_send(draft, link)
    ask_to_send(other, link)
    remote.ask("DELETE", f"/v2/campaigns/{draft.remote_id}")
    sync(integration, kind=RunKind.REQUESTS)
    states = dict(CampaignSend.objects.values_list("name", "state"))
    assert states == {"Spring": SendState.FAILED, "Summer": SendState.ACCEPTED}
    assert set(OPEN_SENDS) == {SendState.WAITING, SendState.ASKED, SendState.ACCEPTED}


def test_a_new_contact_after_the_last_run_is_not_counted(link: ListConnection, draft: Draft) -> None:
    add_contact("tomorrow@example.com")
    assert count_recipients([link]).number == 3
    assert outbound.FEW_MORE == 10


@pytest.mark.parametrize("looked_at", ["/campaigns/5", "/contacts"])
def test_a_list_that_is_disconnected_while_dotdigital_is_looked_at_is_not_sent_to(
    scripted: Integration, vendor: CampaignVendor, looked_at: str
) -> None:
    """The looks at the campaign and at its books take their time: what happens here until they are answered counts."""
    link = ListConnection.objects.get()
    now = timezone.now()
    address = "ann@example.com"
    contact = RemoteContact.objects.create(
        integration=scripted, remote_id=1, email=address, email_key=address, status="Subscribed", updated_at=now
    )
    Membership.objects.create(address_book=link.address_book, contact=contact, status="Subscribed", listed_at=now)
    remote = campaign(5, status=UNSENT, htmlContent="Hello", plainTextContent="Hello")
    send = CampaignSend.objects.create(
        integration=scripted,
        remote_id=5,
        name="Spring",
        connection_ids=[link.pk],
        book_ids=[link.address_book.remote_id],
        recipients=1,
        fingerprint=fingerprint_of(msgspec.convert(remote, RemoteCampaign)),
    )
    vendor.answers["campaigns/5"] = remote
    answered = vendor.server.otherwise

    def disconnects(request: Request) -> Reply:
        if looked_at in request.target and not Ending.objects.exists():
            request_ending(link=link, takes_out=False)
            connections.close_all()  # this is the server's own thread
        return answered(request)

    vendor.server.otherwise = disconnects
    sync(scripted, kind=RunKind.REQUESTS)
    send.refresh_from_db()
    assert vendor.asked("campaigns/send") == 0
    assert (send.state, "not connected to its address book" in send.message) == (SendState.FAILED, True)

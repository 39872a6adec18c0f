"""The main job, end to end: a list and its address book in step, over real HTTP, read back by a third party."""

from __future__ import annotations

from django.core.management import call_command

from dotbridge.crm.models import Contact, ContactEmail
from dotbridge.entities.email import is_plausible
from dotbridge.integrations.models import Integration
from dotbridge.lists.services import remove_records
from dotbridge.mirror.models import Membership
from dotbridge.summary import adds_up, run_summary
from dotbridge.sync.models import ExportItem, Rejection, State
from tests.accounts import RemoteAccount, add_contact, connect, sync


def expected_book() -> dict[str, Contact]:
    """Whom the book has to hold, worked out record by record in plain Python: of one address the oldest record."""
    expected: dict[str, Contact] = {}
    for contact in Contact.objects.order_by("pk"):
        primary = ContactEmail.objects.filter(contact=contact, is_primary=True).first()
        address = (primary.email if primary else "").strip(" ")
        if is_plausible(address):
            expected.setdefault(address.lower(), contact)
    return expected


def test_the_book_holds_exactly_the_valid_distinct_addresses_of_the_list(
    integration: Integration, remote: RemoteAccount
) -> None:
    call_command("crm_demo", contacts=1500, leads=0, customers=0)
    book = remote.create_book("Readers")
    remote.create_field("LEADSCORE", "Numeric")
    remote.create_field("VIP", "Boolean")
    remote.create_field("BIRTHDAY", "Date")
    remote.create_field("COMPANY", "String")
    rows = {"LEADSCORE": ["lead_score"], "VIP": ["is_vip"], "BIRTHDAY": ["birthday"], "COMPANY": ["account__name"]}
    link = connect(integration, book="Readers", rows=rows)

    run = sync(integration)

    expected = expected_book()
    held = {email.lower(): values for email, values in remote.contacts(book).items()}
    assert held.keys() == expected.keys()
    for address, contact in expected.items():
        values = held[address]
        assert (values["FIRSTNAME"] or "") == contact.first_name
        assert (values["LASTNAME"] or "") == contact.last_name
        assert (values["FULLNAME"] or "") == " ".join(filter(None, [contact.first_name, contact.last_name]))
        assert values["LEADSCORE"] == contact.lead_score
        assert values["VIP"] is contact.is_vip
        assert (values["BIRTHDAY"] or "")[:10] == (contact.birthday.isoformat() if contact.birthday else "")
        assert (values["COMPANY"] or "") == (contact.account.name if contact.account else "")
    summary = run_summary(run, link)
    assert summary["list_members"] == Contact.objects.count()
    assert summary["exported"] == len(expected)
    assert summary["remote_ids_missing"] == 0
    assert adds_up(summary)
    assert summary["rejected"]["invalid_email"] > 0
    assert summary["duplicates"] > 0
    assert run.state == State.PARTIAL
    assert not run.has_failed


def test_the_dirt_of_real_life_arrives_unchanged(integration: Integration, remote: RemoteAccount) -> None:
    names = {
        "comma@example.com": "O'Neill, Jr.",
        "quote@example.com": 'the "Boss"',
        "lines@example.com": "two\nlines\r\nthree",
        "emoji@example.com": "Zoë 🦄👩‍👩‍👧",
        "rtl@example.com": "محمد בן-דוד",
        "formula@example.com": '=HYPERLINK("http://example.com";"x")',
        "plus@example.com": "+1",
        "backslash@example.com": "a\\b\\.",
        "long@example.com": "ä" * 300,
        "jörg@bücher.example": "Jörg",
        "tab@example.com": "a\tb",
        "dot@example.com": "\\.",
    }
    for email, name in names.items():
        add_contact(email, first_name=name)
    book = remote.create_book("Readers")
    connect(integration, book="Readers")

    sync(integration)

    assert {email: values["FIRSTNAME"] for email, values in remote.contacts(book).items()} == names


def test_a_second_run_uploads_nothing(integration: Integration, remote: RemoteAccount) -> None:
    add_contact("ann@example.com")
    add_contact("not an address")
    remote.create_book("Readers")
    link = connect(integration, book="Readers")
    sync(integration)
    remote.sandbox.clear_calls()

    run = sync(integration)

    assert not [call for call in remote.sandbox.calls() if call["method"] == "POST"]
    assert run.state == State.SUCCEEDED
    summary = run_summary(run, link)
    assert (summary["exported"], summary["left_out"]["unchanged"]) == (0, 1)
    assert summary["rejected"] == {"invalid_email": 1}
    assert adds_up(summary)
    assert Rejection.objects.count() == 1


def test_three_changes_make_exactly_three_differences(integration: Integration, remote: RemoteAccount) -> None:
    renamed = add_contact("renamed@example.com")
    removed = add_contact("removed@example.com")
    add_contact("left@example.com")
    add_contact("stays@example.com")
    book = remote.create_book("Readers")
    link = connect(integration, book="Readers")
    sync(integration)
    Contact.objects.filter(pk=renamed.pk).update(first_name="Anna")
    remove_records(marketing_list=link.marketing_list, record_ids=[str(removed.pk)], by=None)
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": "left@example.com"})
    remote.sandbox.clear_calls()

    run = sync(integration)

    summary = run_summary(run, link)
    assert (summary["exported"], summary["updated"], summary["removed"], summary["unsubscribed"]) == (1, 1, 1, 1)
    assert adds_up(summary)
    held = remote.contacts(book)
    assert set(held) == {"renamed@example.com", "stays@example.com"}
    assert held["renamed@example.com"]["FIRSTNAME"] == "Anna"
    posts = [call["path"] for call in remote.sandbox.calls() if call["method"] == "POST"]
    assert len(posts) == 2  # one bulk removal, one import
    assert remote.ask("GET", "/v2/contacts/removed@example.com")["status"] == "Subscribed"
    assert remote.ask("GET", "/v2/contacts/left@example.com")["status"] == "Unsubscribed"
    assert sync(integration).state == State.SUCCEEDED
    assert set(ExportItem.objects.values_list("email", flat=True)) == {"renamed@example.com", "stays@example.com"}


def test_ids_of_new_contacts_are_read_back(integration: Integration, remote: RemoteAccount) -> None:
    for number in range(30):
        add_contact(f"reader.{number}@example.com")
    book = remote.create_book("Readers")
    link = connect(integration, book="Readers")

    sync(integration)

    remote_ids = {contact["id"] for contact in remote.ask("GET", f"/v2/address-books/{book}/contacts")}
    known = Membership.objects.filter(address_book=link.address_book).values_list("contact__remote_id", flat=True)
    assert set(known) == remote_ids
    assert len(remote_ids) == 30

"""Several lists, one address: the list with the higher sync priority speaks, and nobody takes turns."""

from __future__ import annotations

import pytest

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import connect_list
from dotbridge.crm.models import Contact, Lead
from dotbridge.integrations.models import Integration
from dotbridge.lists.services import create_list, remove_records
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.services import set_mapping_row
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.models import Recheck, Rejection
from dotbridge.sync.outbound.next_export import next_export
from dotbridge.sync.services import forget_notes
from tests.accounts import RemoteAccount, add_contact, connect, sync

ANN = "ann@example.com"


@pytest.fixture
def books(remote: RemoteAccount) -> tuple[int, int]:
    remote.create_field("JOB", "String")
    return remote.create_book("Readers"), remote.create_book("Prospects")


@pytest.fixture
def links(integration: Integration, books: tuple[int, int]) -> tuple[ListConnection, ListConnection]:
    """A list of contacts and, of lower priority, one of leads; Ann is on both. Only leads have a job here."""
    add_contact(ANN, "Ann")
    Lead.objects.create(first_name="Annie", last_name="Lee", email=ANN, company="Acme")
    contacts = connect(integration, book="Readers")
    set_mapping_row(
        mapping=Mapping.objects.get(entity="crm.lead"),
        data_field=integration.data_fields.get(name="JOB"),
        entity_fields=["company"],
    )
    return contacts, connect_list(
        marketing_list=create_list(name="Leads", entity="crm.lead"),
        address_book=AddressBook.objects.get(name="Prospects"),
    )


def held(remote: RemoteAccount, book: int) -> tuple[str, str, str]:
    values = remote.contacts(book)[ANN]
    return values["FIRSTNAME"], values["LASTNAME"], values["JOB"]


def assert_quiet(integration: Integration, remote: RemoteAccount) -> None:
    """Three more runs send nothing."""
    remote.sandbox.clear_calls()
    for _number in range(3):
        sync(integration)
    assert not [call["path"] for call in remote.sandbox.calls() if call["method"] != "GET"]


def test_the_higher_priority_speaks_and_the_lower_keeps_what_is_its_own(
    integration: Integration,
    remote: RemoteAccount,
    books: tuple[int, int],
    links: tuple[ListConnection, ListConnection],
) -> None:
    sync(integration)

    assert held(remote, books[0]) == held(remote, books[1]) == ("Ann", "Bee", "Acme")
    item = links[1].items.get()
    assert (item.values["FIRSTNAME"], item.own["FIRSTNAME"]) == ("Ann", "Annie")
    assert_quiet(integration, remote)


def test_what_the_higher_changes_the_lower_carries_too(
    integration: Integration,
    remote: RemoteAccount,
    books: tuple[int, int],
    links: tuple[ListConnection, ListConnection],
) -> None:
    sync(integration)
    Contact.objects.update(first_name="Anna")
    Lead.objects.update(first_name="Anneke", company="Bolt")

    sync(integration)

    assert held(remote, books[1]) == ("Anna", "Bee", "Bolt")
    assert links[1].items.get().values["FIRSTNAME"] == "Anna"
    assert links[1].items.get().own["FIRSTNAME"] == "Anneke"
    assert_quiet(integration, remote)


def test_a_lower_value_that_does_not_count_is_not_sent(
    integration: Integration, remote: RemoteAccount, links: tuple[ListConnection, ListConnection]
) -> None:
    sync(integration)
    Lead.objects.update(first_name="Anneke")

    assert_quiet(integration, remote)
    assert links[1].items.get().own["FIRSTNAME"] == "Anneke"


def test_when_the_higher_leaves_the_lower_speaks(
    integration: Integration,
    remote: RemoteAccount,
    books: tuple[int, int],
    links: tuple[ListConnection, ListConnection],
) -> None:
    sync(integration)
    remove_records(marketing_list=links[0].marketing_list, record_ids=[Contact.objects.get().pk])

    sync(integration)
    sync(integration)

    assert not remote.contacts(books[0])
    assert held(remote, books[1]) == ("Annie", "Lee", "Acme")
    assert links[1].items.get().own is None
    assert_quiet(integration, remote)


def test_when_a_list_loses_its_notes_those_below_it_alone_are_looked_at_again(
    integration: Integration, links: tuple[ListConnection, ListConnection]
) -> None:
    sync(integration)
    contacts, leads = links
    forget_notes(link=leads)
    assert not Recheck.objects.exists()
    sync(integration)
    forget_notes(link=contacts)
    assert list(Recheck.objects.values_list("connection", flat=True)) == [leads.pk]


def test_when_the_higher_was_taken_out_in_dotdigital_the_lower_speaks(
    integration: Integration,
    remote: RemoteAccount,
    books: tuple[int, int],
    links: tuple[ListConnection, ListConnection],
) -> None:
    """Whoever is out of a book there stays out of it, and does not hold their values in other books as they were."""
    add_contact("bob@example.com")  # an empty book says nothing
    sync(integration)
    contact = remote.find_contact(ANN)
    assert contact is not None
    remote.ask("DELETE", f"/v2/address-books/{books[0]}/contacts/{contact['id']}")
    sync(integration, kind=RunKind.RECONCILE)

    sync(integration)

    assert held(remote, books[1]) == ("Annie", "Lee", "Acme")
    Lead.objects.update(first_name="Anneke")
    sync(integration)
    assert held(remote, books[1]) == ("Anneke", "Lee", "Acme")
    assert set(remote.contacts(books[0])) == {"bob@example.com"}
    assert_quiet(integration, remote)

    # Seen there again: the higher has the word again.
    remote.create_contact(ANN, book=books[0])
    sync(integration)
    assert held(remote, books[0]) == held(remote, books[1]) == ("Ann", "Bee", "Acme")
    assert_quiet(integration, remote)


def test_a_changed_priority_counts_at_once(
    integration: Integration,
    remote: RemoteAccount,
    books: tuple[int, int],
    links: tuple[ListConnection, ListConnection],
) -> None:
    sync(integration)
    Mapping.objects.filter(entity="crm.lead").update(sync_priority=99)

    sync(integration)

    assert held(remote, books[0]) == held(remote, books[1]) == ("Annie", "Lee", "Acme")
    assert_quiet(integration, remote)


def test_of_equal_priorities_the_older_connection_speaks(
    integration: Integration,
    remote: RemoteAccount,
    books: tuple[int, int],
    links: tuple[ListConnection, ListConnection],
) -> None:
    Mapping.objects.update(sync_priority=5)

    sync(integration)

    assert held(remote, books[1]) == ("Ann", "Bee", "Acme")
    assert_quiet(integration, remote)


def test_two_lists_of_one_entity_do_not_take_turns(integration: Integration, remote: RemoteAccount) -> None:
    """The first list has one of two records with the address, the second list the other."""
    first, second = add_contact(ANN, "First"), add_contact(ANN, "Second")
    book, _other = remote.create_book("Readers"), remote.create_book("Others")
    readers, others = connect(integration, book="Readers"), connect(integration, book="Others")
    remove_records(marketing_list=readers.marketing_list, record_ids=[first.pk])
    remove_records(marketing_list=others.marketing_list, record_ids=[second.pk])

    sync(integration)

    assert remote.contacts(book)[ANN]["FIRSTNAME"] == "Second"
    assert_quiet(integration, remote)


def test_who_shares_an_address_is_put_in_order_on_each_list_by_itself(
    integration: Integration, remote: RemoteAccount
) -> None:
    """Both lists are in one table while they are looked at."""
    books = [remote.create_book(name) for name in ("Readers", "Others", "Few")]
    first, _second = add_contact(ANN, "First"), add_contact(ANN, "Second")
    readers = connect(integration, book="Readers")
    connect(integration, book="Others")
    remove_records(marketing_list=connect(integration, book="Few").marketing_list, record_ids=[first.pk])
    sync(integration)
    assert [remote.contacts(book).keys() for book in books] == [{ANN}] * 3
    # The one who speaks leaves one of the lists.
    remove_records(marketing_list=readers.marketing_list, record_ids=[first.pk])
    sync(integration)
    assert [remote.contacts(book).keys() for book in books] == [{ANN}] * 3


def test_a_refused_value_of_the_higher_does_not_keep_the_lower_out(
    integration: Integration,
    remote: RemoteAccount,
    books: tuple[int, int],
    links: tuple[ListConnection, ListConnection],
) -> None:
    remote.create_field("SCORE", "Numeric")
    sync(integration, kind=RunKind.DATA_FIELDS)
    score = integration.data_fields.get(name="SCORE")
    # Past our own checks: a text that Dotdigital cannot take for a number.
    for entity, path in (("crm.contact", "notes"), ("crm.lead", "estimated_value")):
        Mapping.objects.get(entity=entity).rows.create(data_field=score, entity_fields=[path])
    Mapping.objects.get(entity="crm.lead").rows.filter(data_field__name="JOB").delete()
    integration.data_fields.filter(name="SCORE").update(type="String")
    Contact.objects.update(notes="no number")
    Lead.objects.update(estimated_value="12.50")

    for _number in range(3):
        sync(integration)

    assert Rejection.objects.filter(reason="failure").exists()
    assert ANN not in remote.contacts(books[0])
    assert float(remote.contacts(books[1])[ANN]["SCORE"]) == 12.5


def test_the_dry_run_says_whose_value_goes(
    integration: Integration, remote: RemoteAccount, links: tuple[ListConnection, ListConnection]
) -> None:
    """The older value of a list that ranks higher, in place of the newer one of this list's own record."""
    contacts, leads = links
    sync(integration, kind=RunKind.CHANGES)

    with next_export(leads) as planned:
        (row,) = planned.rows()

    sources = {change.data_field: (change.after, change.source_list) for change in row.changes}
    assert sources["FIRSTNAME"] == ("Ann", str(contacts.marketing_list))
    assert sources["JOB"] == ("Acme", "")
    with next_export(contacts) as planned:
        assert {change.source_list for row in planned.rows() for change in row.changes} == {""}

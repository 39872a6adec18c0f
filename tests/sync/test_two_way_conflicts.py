"""Values changed on both sides, and several records, lists or accounts for one address: who wins, what is kept."""

from __future__ import annotations

import datetime
import time
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from dotbridge.connections.models import ListConnection
from dotbridge.connections.services import connect_list
from dotbridge.crm.models import Contact, Lead
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import create_integration
from dotbridge.lists.services import create_list
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.inbound.two_way_newer import IN_DOUBT, Verdict, judge
from dotbridge.sync.inbound.two_way_values import Item
from dotbridge.sync.models import ExportItem, Ground, State, Upload, ValueConflict, Winner
from dotdigital_sandbox import Sandbox
from tests.accounts import RemoteAccount, connect, steps_of
from tests.sync.two_way_account import change, connect_two_way, person, sync, writes


def edit(contact: Contact, *, ago: datetime.timedelta, **values: object) -> None:
    """Somebody has changed the record a while ago."""
    Contact.objects.filter(pk=contact.pk).update(updated_at=timezone.now() - ago, **values)


def upload_was_prepared(ago: datetime.timedelta) -> None:
    """Move the export back in time, so that there is room for changes after it."""
    Upload.objects.update(created_at=timezone.now() - ago)


@pytest.mark.parametrize(
    ("ours_ago", "winner"),
    [(datetime.timedelta(seconds=30), Winner.DOTDIGITAL), (datetime.timedelta(seconds=-3), Winner.RECORD)],
    ids=["ours is older", "ours is newer"],
)
def test_the_newer_change_wins_and_the_other_value_is_kept(
    integration: Integration, remote: RemoteAccount, ours_ago: datetime.timedelta, winner: Winner
) -> None:
    ann = person("ann@example.com")
    link = connect_two_way(integration, remote)
    sync(integration)
    upload_was_prepared(datetime.timedelta(minutes=10))
    change(remote, "ann@example.com", FIRSTNAME="Theirs", LASTNAME="Also")
    edit(ann, ago=ours_ago, first_name="Ours")

    run = sync(integration)

    expected = "Theirs" if winner is Winner.DOTDIGITAL else "Ours"
    ann.refresh_from_db()
    assert (ann.first_name, ann.last_name) == (expected, "Also")
    assert remote.contacts(link.address_book.remote_id)["ann@example.com"]["FIRSTNAME"] == expected
    conflict = ValueConflict.objects.get()
    assert (conflict.winner, conflict.ground) == (winner, Ground.NEWER)
    assert (conflict.record_value, conflict.dotdigital_value) == ("Ours", "Theirs")
    assert (conflict.run, conflict.record_id, conflict.data_field) == (run, str(ann.pk), "FIRSTNAME")
    assert run.state == State.SUCCEEDED
    sync(integration)
    remote.sandbox.clear_calls()
    for _number in range(3):
        sync(integration)
    assert writes(remote) == []
    assert ValueConflict.objects.count() == 1


def test_of_two_changes_in_one_second_the_records_counts(integration: Integration, remote: RemoteAccount) -> None:
    """Rule: Dotdigital tells whole seconds, so within one nobody knows better, and the record keeps its value."""
    contact = person("ann@example.com")
    connect_two_way(integration, remote)
    sync(integration)
    upload_was_prepared(datetime.timedelta(minutes=5))
    second = None
    while second is None or second != timezone.now().replace(microsecond=0):
        # The beginning of a second, so that both happen within it.
        time.sleep(1 - timezone.now().microsecond / 1_000_000)
        second = timezone.now().replace(microsecond=0)
        change(remote, "ann@example.com", FIRSTNAME="Theirs")
    Contact.objects.filter(pk=contact.pk).update(first_name="Ours", updated_at=second)
    # Far enough past it that the reading does not decide.
    time.sleep(1)

    sync(integration)

    assert Contact.objects.get().first_name == "Ours"
    kept = ValueConflict.objects.get()
    assert (kept.winner, kept.ground) == (Winner.RECORD, Ground.NEWER)


def test_dotdigital_is_asked_who_changed_first(integration: Integration, remote: RemoteAccount) -> None:
    """All changes lie between two runs: only the feed of changed contacts tells them apart."""
    older, newer = ([person(f"{word}.{number}@example.com") for number in range(3)] for word in ("older", "newer"))
    connect_two_way(integration, remote)
    sync(integration)
    for contact in older:
        contact.first_name = "Ours"
        contact.save()
    time.sleep(1.1)
    for contact in older + newer:
        change(remote, contact.emails.get().email, FIRSTNAME="Theirs")
    time.sleep(1.1)
    for contact in newer:
        contact.first_name = "Ours"
        contact.save()
    remote.sandbox.clear_calls()

    run = sync(integration)

    names = {contact.pk: contact.first_name for contact in Contact.objects.all()}
    assert {names[contact.pk] for contact in older} == {"Theirs"}
    assert {names[contact.pk] for contact in newer} == {"Ours"}
    assert set(ValueConflict.objects.values_list("ground", flat=True)) == {Ground.NEWER}
    assert steps_of(run)["two_way"]["conflicts"] == 6
    questions = [
        call
        for call in remote.sandbox.calls()
        if "modified-since" in call["path"] and "withFullData=true" not in str(call).replace("True", "true")
    ]
    assert 1 <= len(questions) <= 6


@pytest.mark.parametrize(
    ("modified", "compared_until", "expected"),
    [
        (None, None, IN_DOUBT),
        (-7200, -60, IN_DOUBT),  # before the upload that carried the former value: the stamp was not kept
        (0, None, Verdict(Winner.RECORD, Ground.NEWER)),  # in the moment in which it was read: a tie is the record's
        (5, None, Verdict(Winner.RECORD, Ground.NEWER)),  # after Dotdigital's value had been read
        (-120, -60, Verdict(Winner.DOTDIGITAL, Ground.NEWER)),  # before a comparison that saw no change there
        (-30, -60, None),
        (-30, None, None),
    ],
)
def test_what_follows_without_asking(
    modified: int | None, compared_until: int | None, expected: Verdict | None
) -> None:
    now = timezone.now()

    def moment(seconds: int | None) -> datetime.datetime | None:
        return None if seconds is None else now + datetime.timedelta(seconds=seconds)

    item = Item(
        id=1,
        email="ann@example.com",
        email_key="ann@example.com",
        record_id="1",
        remote_id=1,
        sent={},
        held={},
        seen={},
        theirs={},
        is_confirmed=True,
        is_confirmed_since=False,
        is_read_since=True,
        read_at=now,
        prepared_at=now - datetime.timedelta(hours=1),
        outranked=None,
    )

    assert judge(item, moment(modified), moment(compared_until)) == expected


def test_in_doubt_the_record_keeps_its_value(integration: Integration, remote: RemoteAccount) -> None:
    ann = person("ann@example.com")
    link = connect_two_way(integration, remote)
    sync(integration)
    change(remote, "ann@example.com", FIRSTNAME="Theirs")
    # A bulk update leaves the moment of the last change as it was: nobody knows when this happened.
    Contact.objects.filter(pk=ann.pk).update(first_name="Ours")

    sync(integration)

    ann.refresh_from_db()
    assert ann.first_name == "Ours"
    assert remote.contacts(link.address_book.remote_id)["ann@example.com"]["FIRSTNAME"] == "Ours"
    conflict = ValueConflict.objects.get()
    assert (conflict.winner, conflict.ground) == (Winner.RECORD, Ground.IN_DOUBT)
    assert conflict.dotdigital_value == "Theirs"


def test_the_same_change_on_both_sides_is_no_conflict(integration: Integration, remote: RemoteAccount) -> None:
    ann = person("ann@example.com")
    connect_two_way(integration, remote)
    sync(integration)
    change(remote, "ann@example.com", FIRSTNAME="Anna", SCORE=7)
    Contact.objects.filter(pk=ann.pk).update(first_name="Anna", lead_score=7)
    remote.sandbox.clear_calls()

    for _number in range(2):
        sync(integration)

    assert writes(remote) == []
    assert not ValueConflict.objects.exists()


def test_a_value_changed_back_to_what_it_was(integration: Integration, remote: RemoteAccount) -> None:
    ann = person("ann@example.com")
    connect_two_way(integration, remote)
    for name in ("Bea", "Cora"):
        sync(integration)
        Contact.objects.filter(pk=ann.pk).update(first_name=name)
    sync(integration)
    change(remote, "ann@example.com", FIRSTNAME="Bea")

    sync(integration)

    ann.refresh_from_db()
    assert ann.first_name == "Bea"
    assert not ValueConflict.objects.exists()


def test_one_record_on_two_lists_is_written_once_and_sent_by_neither(
    integration: Integration, remote: RemoteAccount
) -> None:
    ann = person("ann@example.com")
    connect_two_way(integration, remote)
    remote.create_book("Customers")
    connect(integration, book="Customers")
    sync(integration)
    sync(integration)
    change(remote, "ann@example.com", FIRSTNAME="Anna")
    remote.sandbox.clear_calls()

    runs = [sync(integration) for _number in range(3)]

    ann.refresh_from_db()
    assert ann.first_name == "Anna"
    assert [steps_of(run)["two_way"].get("written", 0) for run in runs] == [1, 0, 0]
    assert writes(remote) == []
    assert set(ExportItem.objects.values_list("values__FIRSTNAME", flat=True)) == {"Anna"}


@pytest.fixture
def lead_link(integration: Integration, remote: RemoteAccount) -> ListConnection:
    """A list of leads, of lower priority, in a book of its own; one lead has the address of a contact."""
    connect_two_way(integration, remote)
    remote.create_book("Prospects")
    sync(integration)
    mapping = Mapping.objects.get(integration=integration, entity="crm.lead")
    MappingRow.objects.filter(mapping=mapping, data_field__name="FULLNAME").delete()
    MappingRow.objects.filter(mapping=mapping).update(is_two_way=True)
    return connect_list(
        marketing_list=create_list(name="Leads", entity="crm.lead"),
        address_book=AddressBook.objects.get(integration=integration, name="Prospects"),
    )


def test_what_one_record_of_an_address_sent_does_not_go_into_the_other(
    integration: Integration, remote: RemoteAccount, lead_link: ListConnection
) -> None:
    ann = person("ann@example.com")
    lead = Lead.objects.create(first_name="Annie", last_name="Bee", email="ann@example.com")
    for _number in range(3):
        sync(integration)
    ann.refresh_from_db()
    lead.refresh_from_db()
    assert (ann.first_name, lead.first_name) == ("Ann", "Annie")

    Contact.objects.filter(pk=ann.pk).update(first_name="Anja")
    for _number in range(2):
        sync(integration)
    lead.refresh_from_db()
    assert lead.first_name == "Annie"  # what the contact sent is no change made in Dotdigital

    change(remote, "ann@example.com", FIRSTNAME="Everywhere")
    for _number in range(2):
        sync(integration)
    ann.refresh_from_db()
    lead.refresh_from_db()
    assert (ann.first_name, lead.first_name) == ("Everywhere", "Everywhere")
    remote.sandbox.clear_calls()
    sync(integration)
    assert writes(remote) == []


def test_two_accounts_of_one_record_settle_on_the_newer_value(
    integration: Integration, remote: RemoteAccount, tmp_path: Path, settings: Any
) -> None:
    with Sandbox(tmp_path / "other", seed="empty", account_id=2) as running:
        other = RemoteAccount(running)
        settings.DOTBRIDGE = settings.DOTBRIDGE | {"API_ORIGINS": (remote.sandbox.url, running.url)}
        second = create_integration(
            name="Second account", username=running.user, password=running.password, base_url=running.url
        )
        ann = person("ann@example.com")
        connect_two_way(integration, remote)
        connect_two_way(second, other, book="Others")
        for account in (integration, second) * 2:
            sync(account)
        change(remote, "ann@example.com", FIRSTNAME="Anna")
        for account in (integration, second) * 2:
            sync(account)

        ann.refresh_from_db()
        assert ann.first_name == "Anna"
        assert other.find_contact("ann@example.com") is not None
        remote.sandbox.clear_calls()
        running.clear_calls()
        for account in (integration, second) * 2:
            sync(account)
        assert writes(remote) + writes(other) == []

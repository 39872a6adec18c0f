"""What Dotdigital may say of books, data fields and contacts: what can be taken is, and nothing stops the others."""

from __future__ import annotations

from typing import Any

import pytest

from dotbridge.connections.models import RunKind
from dotbridge.integrations.models import Integration
from dotbridge.mapping.models import Mapping
from dotbridge.mirror.models import AddressBook, Contact, DataField, Membership
from dotbridge.mirror.status import LIVE
from dotbridge.sync.models import Rejection, State
from tests.accounts import RemoteAccount, add_contact, connect, steps_of, sync
from tests.sync.campaign_account import run_import
from tests.sync.campaign_vendor import CampaignVendor, scripted, vendor

__all__ = ["scripted", "vendor"]

BOOK = "address-books/7/contacts"
LONG = "Ä" * 300
CUT = "Ä" * 254 + "…"


def contact(number: Any, **more: Any) -> dict[str, Any]:
    """A contact as lists have it."""
    fields = [{"key": "FIRSTNAME", "value": f"Name {number}"}]
    base = {"id": number, "email": f"person{number}@example.com", "optInType": "Single", "emailType": "Html"}
    return {**base, "dataFields": fields, "status": "Subscribed", **more}


def suppression(person: dict[str, Any], reason: Any = "HardBounced") -> dict[str, Any]:
    """An entry of a suppression feed."""
    return {"suppressedContact": {**person, "status": reason}, "dateRemoved": "2026-01-01T00:00:00Z", "reason": reason}


class Shrinking(list[dict[str, Any]]):
    """A list that loses some rows at its beginning whenever a page of it was read, so that all others shift."""

    def __init__(self, rows: list[dict[str, Any]], *, by: int) -> None:
        super().__init__(rows)
        self.by = by

    def __getitem__(self, part: Any) -> Any:
        found = super().__getitem__(part)
        if isinstance(part, slice):
            del self[: self.by]
        return found


def subjects() -> list[str]:
    """What was refused."""
    return sorted(Rejection.objects.values_list("subject", flat=True))


def test_a_list_of_contacts_that_shifts_while_it_is_read(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.answers[BOOK] = Shrinking([contact(number) for number in range(1, 3501)], by=80)
    run = run_import(scripted)
    assert steps_of(run)["contacts"]["state"] == State.SUCCEEDED
    # Whoever was there all the time was found.
    found = set(Contact.objects.values_list("remote_id", flat=True))
    assert found >= set(range(321, 3501))
    assert Membership.objects.count() == len(found)


def test_a_page_of_contacts_that_is_repeated(scripted: Integration, vendor: CampaignVendor) -> None:
    once = [contact(number) for number in range(1, 951)]
    vendor.answers[BOOK] = [*once, *(contact(number, status="Later") for number in range(1, 951))]
    run_import(scripted)
    assert Contact.objects.filter(status="Later").count() == Contact.objects.count() == 950
    assert Membership.objects.count() == 950


def test_words_and_ids_that_no_column_holds(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.answers[BOOK] = [
        contact(1, status="S" * 100, optInType="O" * 100, emailType="E\x00mail"),
        contact(-2),
        contact(10**30),
        contact(4, email="\x00"),
        contact(5, email=f"{'x' * 5000}@example.com"),
    ]
    run = run_import(scripted)
    first = Contact.objects.get(remote_id=1)
    assert (first.status, first.opt_in_type, first.email_type) == ("S" * 63 + "…", "O" * 63 + "…", "Email")
    assert set(Contact.objects.values_list("remote_id", flat=True)) == {1, 5}
    assert steps_of(run)["contacts"]["state"] == State.PARTIAL
    assert {"contact -2", "contact 4"} <= set(subjects())
    assert Rejection.objects.count() == 3


def test_suppressions_of_nobody_stop_no_other(scripted: Integration, vendor: CampaignVendor) -> None:
    bad = [suppression(contact(1, email=None)), suppression(contact(-2)), suppression(contact(3), reason="R" * 100)]
    vendor.answers["contacts/suppressed"] = [*bad, suppression(contact(4))]
    run = run_import(scripted)
    assert dict(Contact.objects.values_list("remote_id", "status")) == {3: "R" * 63 + "…", 4: "HardBounced"}
    assert subjects() == ["suppression of contact -2", "suppression of contact 1"]
    assert steps_of(run)["suppressions"]["state"] == State.PARTIAL


def test_address_books_with_long_names_and_impossible_numbers(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.answers["address-books"] = [
        {"id": 7, "name": LONG, "visibility": "V" * 100, "contacts": 10**15},
        {"id": 8, "name": "NUL\x00", "visibility": None, "contacts": -1},
        {"id": 0, "name": "No id"},
        {"id": 10**30, "name": "No id"},
    ]
    for _run in range(2):
        run = run_import(scripted)
    kept = AddressBook.objects.get(remote_id=7)
    assert (kept.name, kept.visibility, kept.contact_count) == (CUT, "V" * 63 + "…", 2**31 - 1)
    assert "address book 0" in subjects()
    counts = steps_of(run)["address_books"]
    assert (counts["new"], counts["changed"]) == (0, 0)
    assert AddressBook.objects.filter(gone_at=None).count() >= 1


def test_data_fields_that_cannot_be_kept_stop_no_other(scripted: Integration, vendor: CampaignVendor) -> None:
    good = {"name": "FIRSTNAME", "type": "String", "visibility": "Public", "defaultValue": None}
    vendor.answers["data-fields"] = [
        {**good, "name": "N" * 65},
        {**good, "name": ""},
        {**good, "name": "NUL\x00"},
        {**good, "name": "ODD", "type": "T" * 50, "visibility": "V" * 50, "defaultValue": "a\x00b"},
        good,
        {**good, "visibility": "Private"},
    ]
    run = run_import(scripted)
    assert set(DataField.objects.values_list("name", flat=True)) == {"FIRSTNAME", "ODD"}
    odd = DataField.objects.get(name="ODD")
    assert (odd.type, odd.visibility, odd.default_value) == ("T" * 31 + "…", "V" * 31 + "…", "ab")
    assert DataField.objects.get(name="FIRSTNAME").visibility == "Private"
    assert (steps_of(run)["data_fields"]["state"], steps_of(run)["data_fields"]["rejected"]) == (State.PARTIAL, 3)


@pytest.mark.parametrize("kind", [RunKind.SYNC, RunKind.RECONCILE])
def test_a_data_field_renamed_in_dotdigital(integration: Integration, remote: RemoteAccount, kind: RunKind) -> None:
    """There it is a new field with the old one's values. Ours is flagged, and what was mapped to it is not sent."""
    add_contact("ann@example.com", notes="blue")
    remote.create_field("COLOUR", "String")
    book = remote.create_book("Readers")
    connect(integration, book="Readers", rows={"COLOUR": ["notes"]})
    sync(integration)
    assert Contact.objects.get().data_fields["COLOUR"] == "blue"
    number = remote.find_contact("ann@example.com")["id"]  # type: ignore[index]
    remote.ask("DELETE", "/v2/data-fields/COLOUR")
    remote.create_field("COLOR", "String")
    values = [{"key": "COLOR", "value": "green"}]
    remote.ask("PUT", f"/v2/contacts/{number}", {"email": "ann@example.com", "dataFields": values})

    run = sync(integration, kind=kind, force_data_fields=True)

    assert not run.has_failed
    assert DataField.objects.get(name="COLOUR").gone_at is not None
    assert DataField.objects.get(name="COLOR").gone_at is None
    held = Contact.objects.get().data_fields
    assert held["COLOR"] == "green"
    assert "COLOUR" not in held
    assert Mapping.objects.filter(rows__data_field__name="COLOUR").exists()
    assert remote.contacts(book)["ann@example.com"]["COLOR"] == "green"


def test_a_reading_with_an_unreadable_row_takes_nobody_away(scripted: Integration, vendor: CampaignVendor) -> None:
    """Rule: an absence is no deletion unless the list was read completely. The row that was not read may be theirs."""
    vendor.answers[BOOK] = [contact(1), contact(2)]
    run_import(scripted)
    vendor.answers[BOOK] = [contact(1), contact(2, email={"not": "an address"})]
    sync(scripted, kind=RunKind.RECONCILE)
    assert not Membership.objects.filter(gone_at__isnull=False).exists()

    vendor.answers[BOOK] = [contact(1)]
    sync(scripted, kind=RunKind.RECONCILE)
    assert list(Membership.objects.exclude(gone_at=None).values_list("contact__remote_id", flat=True)) == [2]


@pytest.mark.parametrize("is_readable", [False, True])
def test_who_returned_to_a_book_is_believed_only_by_a_feed_that_was_read_completely(
    scripted: Integration, vendor: CampaignVendor, *, is_readable: bool
) -> None:
    """Rule: a feed is complete when all of its pages were, not when its last one was."""
    vendor.answers[BOOK] = [contact(1)]
    vendor.answers[f"{BOOK}/unsubscribed"] = [suppression(contact(1), "Unsubscribed")]
    run_import(scripted)
    assert Membership.objects.get().status == "Unsubscribed"
    # The book lists them again; of the feed's first page one row cannot be read, and that one may be theirs.
    vendor.answers[f"{BOOK}/modified"] = [contact(1)]
    others = [suppression(contact(number), "Unsubscribed") for number in range(10, 1500)]
    row = suppression(contact(5000), "Unsubscribed") if is_readable else suppression({"id": "x"}, "Unsubscribed")
    vendor.answers[f"{BOOK}/unsubscribed"] = [row, *others]

    run_import(scripted)

    of_one = Membership.objects.get(contact__remote_id=1)
    assert of_one.status == ("Subscribed" if is_readable else "Unsubscribed")


@pytest.mark.parametrize("reason", ["Subscribed", " Subscribed ", "SoftBounced", "\x00", "", "Later", None])
def test_whom_the_feed_of_a_book_names_has_left_it_whatever_reason_it_gives(
    scripted: Integration, vendor: CampaignVendor, reason: Any
) -> None:
    vendor.answers[BOOK] = [contact(1)]
    vendor.answers[f"{BOOK}/unsubscribed"] = [{**suppression(contact(1), reason), "suppressedContact": contact(1)}]
    for _run in range(2):
        run_import(scripted)
        assert Membership.objects.exclude(status__in=LIVE).count() == 1


@pytest.mark.parametrize("status", ["Unsubscribed", "Later", None])
@pytest.mark.parametrize("reason", ["Subscribed", "", "Later", None])
def test_whom_the_feed_of_suppressions_names_is_suppressed_whatever_reason_it_gives(
    scripted: Integration, vendor: CampaignVendor, reason: Any, status: Any
) -> None:
    """But for those whose status says that they are back."""
    person = {**contact(1), "status": status}
    vendor.answers["contacts/suppressed"] = [{**suppression(person, reason), "suppressedContact": person}]
    run_import(scripted)
    assert Contact.objects.exclude(status__in=LIVE).count() == 1

"""An absence is not a deletion: one rule for books, data fields and campaigns (rule 5 of the design).

The kind: a wrong answer looks like a deletion. Seen with one malformed row among books, one good row among data fields,
and four of forty books that were never believed. The second places are campaigns, and a person who knows better.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dotbridge.connections.models import RunKind
from dotbridge.connections.services import connect_list
from dotbridge.integrations.models import Integration
from dotbridge.lists.services import create_list
from dotbridge.mirror.models import AddressBook, Campaign, CampaignBook, DataField, Membership
from dotbridge.sync.models import Absence, Listing, State, Turn
from dotbridge.sync.services import confirm_absences
from tests.accounts import RemoteAccount, read_connected_books_only, steps_of, sync
from tests.dotdigital.server import answer
from tests.sync.campaign_account import run_import
from tests.sync.campaign_vendor import CampaignVendor, campaign, scripted, vendor
from tests.sync.test_contacts_bad_input import BOOK as CONTACTS
from tests.sync.test_contacts_bad_input import contact, suppression

__all__ = ["scripted", "vendor"]


def books(*numbers: int) -> list[dict[str, Any]]:
    return [{"id": number, "name": f"Book {number}", "contacts": 0} for number in numbers]


def gone_books() -> set[int]:
    return set(AddressBook.objects.exclude(gone_at=None).values_list("remote_id", flat=True))


def test_a_few_are_believed_at_once(integration: Integration, remote: RemoteAccount) -> None:
    numbers = [remote.create_book(f"Book {number}") for number in range(40)]
    sync(integration, kind=RunKind.IMPORT)
    for number in numbers[:4]:
        remote.ask("DELETE", f"/v2/address-books/{number}")
    run = sync(integration, kind=RunKind.IMPORT)
    assert run.state == State.SUCCEEDED
    assert gone_books() == set(numbers[:4])


def test_a_malformed_row_makes_nothing_gone(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.answers["address-books"] = books(7, 8)
    run_import(scripted)
    vendor.answers["address-books"] = [{"id": 7, "name": ["not a text"], "contacts": 0}, *books(8)]
    run_import(scripted)
    vendor.answers["address-books"] = [{"id": 0, "name": "No id", "contacts": 0}, *books(8)]
    run_import(scripted)
    assert gone_books() == set()


@pytest.mark.parametrize(
    "place", [0, 1_500, 2_499], ids=["in the first batch", "on a page between", "on the last page"]
)
def test_an_unreadable_contact_makes_nobody_gone_wherever_it_stands(
    scripted: Integration, vendor: CampaignVendor, place: int
) -> None:
    """A list is complete when every page of it was: the first one, one in the middle of a batch, the last."""
    vendor.answers[CONTACTS] = [contact(number) for number in range(1, 2_501)]
    run_import(scripted)
    listed = [contact(number) for number in range(1, 2_501) if number != 800]
    listed.insert(place, contact(9_000, email=["not a text"]))
    vendor.answers[CONTACTS] = listed
    sync(scripted, kind=RunKind.RECONCILE)
    assert not Membership.objects.exclude(gone_at=None).exists()


def test_an_unreadable_row_on_an_early_page_makes_no_book_gone(scripted: Integration, vendor: CampaignVendor) -> None:
    read_connected_books_only(scripted)
    vendor.answers["address-books"] = books(*range(7, 1_200))
    run_import(scripted)
    vendor.answers["address-books"] = [{"id": 5, "name": ["not a text"], "contacts": 0}, *books(*range(7, 1_199))]
    run_import(scripted)
    assert gone_books() == set()


def test_an_unreadable_row_on_an_early_page_makes_no_campaign_gone(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    """Neither from the account, nor from the book that it was sent to."""
    sent, drafts = campaign(9_000), [campaign(number, status="Unsent") for number in range(1, 1_101)]
    vendor.campaigns(*drafts, sent)
    run_import(scripted)
    vendor.campaigns({**campaign(1), "name": ["not a text"]}, *drafts[1:])
    run_import(scripted)
    known = Campaign.objects.get(remote_id=9_000)
    assert known.gone_at is None
    assert CampaignBook.objects.filter(campaign=known).exists()


def test_an_unreadable_row_on_an_early_page_brings_nobody_back(scripted: Integration, vendor: CampaignVendor) -> None:
    """Whom the book lists again has come back when its feed of who unsubscribed, read whole, names them no more."""
    feed = "address-books/7/contacts/unsubscribed"
    left = [suppression(contact(number), "Unsubscribed") for number in range(1, 1_200)]
    vendor.answers[CONTACTS] = vendor.answers[f"{CONTACTS}/modified"] = [contact(1_199)]
    vendor.answers[feed] = left
    run_import(scripted)
    vendor.answers[feed] = [{**left[0], "suppressedContact": {"id": []}}, *left[1:-1]]
    run_import(scripted)
    assert Membership.objects.get(contact__remote_id=1_199).status == "Unsubscribed"
    vendor.answers[feed] = left[:-1]
    run_import(scripted)
    assert Membership.objects.get(contact__remote_id=1_199).status == "Subscribed"


def test_an_empty_listing_makes_nothing_gone(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.answers["address-books"] = books(7, 8)
    run_import(scripted)
    vendor.answers["address-books"] = []
    run_import(scripted)
    assert gone_books() == set()


def test_many_are_believed_after_a_day_in_three_complete_readings(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    vendor.answers["address-books"] = books(*range(7, 27))
    run_import(scripted)
    vendor.answers["address-books"] = books(7)
    for _reading in range(3):
        run = run_import(scripted)
        assert steps_of(run)["address_books"]["state"] == State.PARTIAL
        assert "Address books: 19 of 20 were not listed any more." in steps_of(run)["address_books"]["message"]
    assert gone_books() == set()
    vendor.between_runs = timedelta(days=1)
    run = run_import(scripted)
    assert steps_of(run)["address_books"]["state"] == State.SUCCEEDED
    assert gone_books() == set(range(8, 27))
    assert not Absence.objects.exists()


def test_what_was_missed_first_by_a_wrong_clock_is_believed_in_time(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    vendor.answers["address-books"] = books(*range(7, 27))
    run_import(scripted)
    vendor.answers["address-books"] = books(7)
    vendor.now += timedelta(days=400)
    run_import(scripted)
    vendor.now -= timedelta(days=400)
    for _reading in range(2):
        run_import(scripted)
    assert gone_books() == set()
    vendor.between_runs = timedelta(days=1)
    run_import(scripted)
    assert gone_books() == set(range(8, 27))


def test_what_is_listed_again_has_to_be_missed_from_the_beginning(
    scripted: Integration, vendor: CampaignVendor
) -> None:
    everything, vendor.between_runs = books(*range(7, 27)), timedelta(hours=13)
    for listed in (everything, books(7), books(7), everything, books(7), books(7)):
        vendor.answers["address-books"] = listed
        run_import(scripted)
    assert gone_books() == set()


def test_a_person_can_confirm_it(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.answers["address-books"] = books(*range(7, 27))
    run_import(scripted)
    vendor.answers["address-books"] = books(7)
    run_import(scripted)
    assert confirm_absences(integration=scripted, listing=Listing.ADDRESS_BOOKS) == 19
    run_import(scripted)
    assert gone_books() == set(range(8, 27))


@pytest.mark.parametrize("row", [{"name": 5, "type": []}, {"name": "", "type": "String"}])
def test_one_row_of_data_fields_marks_no_others_gone(
    scripted: Integration, vendor: CampaignVendor, row: dict[str, Any]
) -> None:
    vendor.answers["data-fields"] = [{"name": f"FIELD{number}", "type": "String"} for number in range(43)]
    run_import(scripted)
    vendor.answers["data-fields"] = [{"name": "FIELD1", "type": "String"}, row]
    run_import(scripted, force_data_fields=True)
    vendor.answers["data-fields"] = [{"name": "FIELD1", "type": "String"}]
    run_import(scripted, force_data_fields=True)
    assert DataField.objects.filter(gone_at=None).count() == 43


def test_many_campaigns_wait_as_well(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.campaigns(*(campaign(number) for number in range(1, 13)))
    run_import(scripted)
    vendor.campaigns(campaign(1))
    vendor.between_runs = timedelta(days=1)
    run_import(scripted)
    assert Campaign.objects.filter(gone_at=None).count() == 12
    for _reading in range(2):
        run_import(scripted)
    assert Campaign.objects.filter(gone_at=None).count() == 1


@pytest.mark.parametrize("fails", [True, False], ids=["could not be read", "was read by an earlier run"])
def test_a_campaign_that_a_book_alone_lists_is_there_also_where_the_book_is_not_asked(
    scripted: Integration, vendor: CampaignVendor, *, fails: bool
) -> None:
    other = AddressBook.objects.create(integration=scripted, remote_id=8, name="Others")
    connect_list(marketing_list=create_list(name="Others", entity="crm.contact"), address_book=other)
    vendor.answers["address-books"] = books(7, 8)
    vendor.campaigns(campaign(2))
    vendor.campaigns(campaign(1), sent_to=8)
    run_import(scripted)
    assert Campaign.objects.filter(gone_at=None).count() == 2
    vendor.answers["campaigns"] = [campaign(1, "Renamed")]
    if fails:
        vendor.answers["address-books/7/campaigns"] = answer(400, {"message": "Error: ERROR_PARAMETER_INVALID"})
    else:
        Turn.objects.create(integration=scripted, step="campaigns", object_id=other.pk, is_rest=True)
    run_import(scripted)
    assert vendor.asked("address-books/7/campaigns") == (2 if fails else 1)
    assert Campaign.objects.get(remote_id=2).gone_at is None

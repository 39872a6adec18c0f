"""Data fields that are deleted in Dotdigital and made again: their values are gone, and no person emptied them."""

from __future__ import annotations

import pytest

from dotbridge.connections.models import RunKind
from dotbridge.crm.models import Contact
from dotbridge.integrations.models import Integration
from dotbridge.mapping.models import EmptyValues, MappingRow
from tests.accounts import RemoteAccount
from tests.sync.two_way_account import change, connect_two_way, person, sync


def make_anew(remote: RemoteAccount, name: str, kind: str) -> None:
    """Delete a data field and make it again."""
    remote.ask("DELETE", f"/v2/data-fields/{name}")
    remote.create_field(name, kind)


def held(remote: RemoteAccount, book: int, name: str) -> str | None:
    return remote.contacts(book)["ann@example.com"][name]


def test_a_row_that_is_broken_writes_into_no_record(integration: Integration, remote: RemoteAccount) -> None:
    ann = person("ann@example.com", notes="likes tea")
    connect_two_way(integration, remote)
    sync(integration)
    make_anew(remote, "NICK", "Numeric")
    change(remote, "ann@example.com", NICK=5)

    for _number in range(2):
        sync(integration, force_data_fields=True)

    ann.refresh_from_db()
    assert ann.notes == "likes tea"


def test_a_data_field_of_another_type_is_filled_again(integration: Integration, remote: RemoteAccount) -> None:
    ann = person("ann@example.com", lead_score=5)
    link = connect_two_way(integration, remote, SCORE=EmptyValues.CLEAR)
    book = link.address_book.remote_id
    sync(integration)
    sync(integration)
    make_anew(remote, "SCORE", "String")
    change(remote, "ann@example.com", FIRSTNAME="Anna")
    assert not held(remote, book, "SCORE")

    for _number in range(2):
        sync(integration, force_data_fields=True)

    ann.refresh_from_db()
    assert (ann.first_name, ann.lead_score) == ("Anna", 5)
    assert held(remote, book, "SCORE") == "5"


@pytest.mark.parametrize("others", [True, False], ids=["beside others", "alone"])
def test_what_was_lost_in_dotdigital_empties_no_record(
    integration: Integration, remote: RemoteAccount, others: bool
) -> None:
    ann = person("ann@example.com", lead_score=5)
    link = connect_two_way(integration, remote, SCORE=EmptyValues.CLEAR)
    if not others:
        MappingRow.objects.exclude(data_field__name="SCORE").delete()
    book = link.address_book.remote_id
    sync(integration)
    sync(integration)
    # Edited since it was sent, in what is not mapped: the record is not newer than what is found.
    Contact.objects.get(pk=ann.pk).save()
    sync(integration)
    # Past the overlap of two readings, in which everybody would seem to be changed.
    remote.sandbox.advance(900)
    sync(integration)
    make_anew(remote, "SCORE", "Numeric")

    sync(integration, kind=RunKind.RECONCILE)
    for _number in range(2):
        sync(integration)

    ann.refresh_from_db()
    assert ann.lead_score == 5
    assert held(remote, book, "SCORE") == 5


def test_a_data_field_that_was_away_for_a_while_empties_no_record(
    integration: Integration, remote: RemoteAccount
) -> None:
    ann = person("ann@example.com", lead_score=5)
    link = connect_two_way(integration, remote, SCORE=EmptyValues.CLEAR)
    MappingRow.objects.exclude(data_field__name="SCORE").delete()
    book = link.address_book.remote_id
    sync(integration)
    sync(integration)
    Contact.objects.get(pk=ann.pk).save()
    remote.ask("DELETE", "/v2/data-fields/SCORE")
    sync(integration, force_data_fields=True)
    remote.create_field("SCORE", "Numeric")
    change(remote, "ann@example.com", FIRSTNAME="Anna")

    for _number in range(2):
        sync(integration, force_data_fields=True)

    ann.refresh_from_db()
    assert ann.lead_score == 5
    assert held(remote, book, "SCORE") == 5

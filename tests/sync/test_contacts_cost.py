"""What reading contacts costs the database: statements by the batch, never by the row; no write without a change."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
from django.db import connection, connections, transaction

from dotbridge.connections.models import RunKind
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import Contact, Membership
from dotbridge.sync.inbound.ahead import read_ahead
from dotbridge.sync.inbound.contacts import import_contacts
from dotbridge.sync.inbound.stage import merge_contacts
from dotbridge.sync.inbound.stage_lines import stage_line
from dotbridge.sync.inbound.suppressions import import_suppressions, import_unsubscribes
from dotbridge.sync.models import Cursor
from dotdigital import Contact as Person
from tests.accounts import RemoteAccount, connect, steps_of, sync
from tests.sync.campaign_account import run_import
from tests.sync.campaign_vendor import CampaignVendor, scripted, vendor
from tests.sync.test_campaigns_cost import statements
from tests.sync.test_contacts_bad_input import BOOK, contact, suppression

__all__ = ["scripted", "vendor"]


def versions(table: str) -> list[tuple[Any, ...]]:
    """Every row of a table with the transaction that wrote it, and the one that locked it."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id, xmin::text, xmax::text FROM {table} ORDER BY id")
        return cursor.fetchall()


def test_a_page_costs_the_same_however_full_it_is(scripted: Integration, vendor: CampaignVendor) -> None:
    needed = []
    for rows in (10, 900):
        vendor.answers[BOOK] = [contact(number) for number in range(1, rows + 1)]
        vendor.answers["contacts/suppressed"] = [suppression(contact(number)) for number in range(1, rows + 1)]
        Cursor.objects.all().delete()
        connectors = (import_contacts, import_unsubscribes, import_suppressions)
        needed.append([statements(scripted, work) for work in connectors])
    assert needed[0] == needed[1]
    assert Contact.objects.count() == Membership.objects.count() == 900


@pytest.mark.parametrize("state", ["new", "changed", "unchanged"])
def test_five_more_pages_cost_one_batch(scripted: Integration, vendor: CampaignVendor, state: str) -> None:
    needed = []
    for rows in (800, 5_000, 9_500):
        vendor.answers[BOOK] = [contact(number) for number in range(1, rows + 1)]
        if state != "new":
            statements(scripted, import_contacts)
        if state == "changed":
            Contact.objects.update(opt_in_type="Double")
        Cursor.objects.all().delete()
        needed.append(statements(scripted, import_contacts))
    one_page, one_batch_more, two_batches_more = needed
    # A reading of more than one batch has the planner measure the tables, once.
    assert two_batches_more - one_batch_more == one_batch_more - one_page - 1 <= 16
    assert Membership.objects.count() == 9_500


def test_reading_everything_again_writes_nothing(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.answers[BOOK] = [contact(number) for number in range(1, 2_001)]
    run_import(scripted)
    before = versions("dotbridge_mirror_contact"), versions("dotbridge_mirror_membership")
    run = sync(scripted, kind=RunKind.RECONCILE)
    assert steps_of(run)["contacts"]["read"] >= 2_000
    assert (versions("dotbridge_mirror_contact"), versions("dotbridge_mirror_membership")) == before


@pytest.mark.django_db
def test_what_comes_for_an_integration_that_is_gone_is_not_stored() -> None:
    """Contacts name their integration without a foreign key (docs/adr/0021), so a batch looks itself."""
    gone = Integration(pk=2**31)
    line = stage_line(Person(id=1, email="ann@example.com"), "Subscribed")
    with pytest.raises(Integration.DoesNotExist), transaction.atomic():
        merge_contacts(gone, line, sets_status=True)
    assert not Contact.objects.exists()


def test_one_change_writes_one_contact(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.answers[BOOK] = [contact(number) for number in range(1, 101)]
    run_import(scripted)
    before = versions("dotbridge_mirror_contact"), versions("dotbridge_mirror_membership")
    vendor.answers[BOOK] = [
        contact(number, optInType="Double" if number == 7 else "Single") for number in range(1, 101)
    ]
    sync(scripted, kind=RunKind.RECONCILE)
    written = set(versions("dotbridge_mirror_contact")) - set(before[0])
    assert len(written) == 1
    assert versions("dotbridge_mirror_membership") == before[1]


def test_a_contact_that_lost_its_address_is_not_gone(scripted: Integration, vendor: CampaignVendor) -> None:
    vendor.answers[BOOK] = [contact(1), contact(2), contact(3)]
    run_import(scripted)
    vendor.answers[BOOK] = [contact(1), contact(2, email=None)]
    sync(scripted, kind=RunKind.RECONCILE)
    gone = Membership.objects.exclude(gone_at=None).values_list("contact__remote_id", flat=True)
    assert list(gone) == [3]


def test_texts_that_mean_something_to_copy_arrive_as_they_are(scripted: Integration, vendor: CampaignVendor) -> None:
    values = ["\\", "\\N", "\\.", "a\tb", "a\nb\r", "\\u0000", '"\\"', "\\\\u0000 \x00 \\", "\x01\x1f", "\u2028", ""]
    vendor.answers[BOOK] = [
        contact(number, email=f"{number}\\t\t\\@example.com", dataFields=[{"key": f"K{value}", "value": value}])
        for number, value in enumerate(values, start=1)
    ]
    run_import(scripted)
    stored = dict(Contact.objects.values_list("remote_id", "data_fields"))
    assert stored == {
        number: {f"K{value}".replace("\x00", ""): value.replace("\x00", "")}
        for number, value in enumerate(values, start=1)
    }
    assert Contact.objects.get(remote_id=1).email == "1\\t\t\\@example.com"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05.678000+00:00"),
        ("2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05+00:00"),
        ("2026-W01-1T00:00:00.000Z", "2025-12-29T00:00:00+00:00"),
        ("2026-02-30T00:00:00.000Z", None),
        ("0001-01-01T00:00:00.000Z", None),
        ("infinity", None),
        (17, None),
    ],
)
def test_the_last_subscription_in_any_spelling(
    scripted: Integration, vendor: CampaignVendor, text: Any, kept: str | None
) -> None:
    vendor.answers[BOOK] = [contact(1, dataFields=[{"key": "LASTSUBSCRIBED", "value": text}])]
    run_import(scripted)
    at = Contact.objects.get().last_subscribed_at
    assert (at and at.isoformat()) == kept


def test_a_book_that_is_empty_takes_nobody_away(integration: Integration, remote: RemoteAccount) -> None:
    book = remote.create_book("Readers")
    number = remote.create_contact("ann@example.com", book=book)
    connect(integration, book="Readers")
    sync(integration, kind=RunKind.IMPORT)
    remote.ask("DELETE", f"/v2/address-books/{book}/contacts/{number}")
    sync(integration, kind=RunKind.RECONCILE)
    assert Membership.objects.get().gone_at is None


@pytest.mark.django_db(transaction=True)
def test_what_is_read_ahead_comes_in_order_and_its_error_in_its_place() -> None:
    events: list[str] = []

    def parts() -> Generator[int]:
        try:
            for number in range(3):
                with connections["default"].cursor() as cursor:
                    cursor.execute("SELECT pg_backend_pid()")
                    events.append(f"backend {cursor.fetchone()[0]}")
                yield number
            raise LookupError("the fourth")
        finally:
            events.append("closed")

    stored: list[int] = []
    with pytest.raises(LookupError, match="the fourth"), read_ahead(parts()) as ahead:
        stored.extend(ahead)
    assert stored == [0, 1, 2]
    assert events[-1] == "closed"
    backends = {int(event.split()[1]) for event in events if event.startswith("backend")}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        assert backends.isdisjoint({cursor.fetchone()[0]})


def test_reading_ahead_ends_with_the_one_who_stores() -> None:
    closed = []

    def parts() -> Generator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    with pytest.raises(ZeroDivisionError), read_ahead(parts()) as ahead:
        1 // (next(ahead) - 1)
    assert closed == [True]

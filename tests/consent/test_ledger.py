"""The ledger and the state that follows from it: append-only, chained by days, and only a newer word lifts anything."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from dotbridge.consent import chain
from dotbridge.consent.bulk import Recorded
from dotbridge.consent.chain import seal_days, verify_ledger
from dotbridge.consent.conditions import blocked_records
from dotbridge.consent.erasure import address_erased, erase_address, receipt_of
from dotbridge.consent.models import ConsentEvent, ConsentState, Scope, Source, What
from dotbridge.consent.scopes import scopes_of_list
from dotbridge.consent.selectors import history_of, may_be_mailed
from dotbridge.consent.services import opt_in_addresses, opt_in_records, opt_out_addresses, opt_out_records
from dotbridge.lists.selectors import count_members
from dotbridge.lists.services import create_list, resubscribe_records, unsubscribe_records
from dotbridge.lock_keys import LOCK_KEY
from tests.accounts import add_contact

pytestmark = pytest.mark.django_db


def opt_out(record_id: object, **more: Any) -> None:
    opt_out_records(entity="crm.contact", record_ids=[record_id], source=Source.PERSON, **more)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE dotbridge_consent_consentevent SET what = 'opted_in'",
        "UPDATE dotbridge_consent_consentevent SET email_key = ''",
        """UPDATE dotbridge_consent_consentevent SET address_hash = 'x', details_hash = 'x', email_key = '',
        entity = '', record_id = '', evidence = '', actor = '', remote_id = NULL, happened_at = now()""",
        """UPDATE dotbridge_consent_consentevent SET address_hash = 'x', details_hash = 'x', email_key = '',
        entity = '', record_id = '', evidence = '', actor = '', remote_id = NULL, consent_text = 'Another'""",
        "UPDATE dotbridge_consent_consentevent SET ip_address = '192.0.2.1'",
        "DELETE FROM dotbridge_consent_consentevent",
    ],
)
def test_the_database_refuses_to_change_an_event(statement: str) -> None:
    opt_out(add_contact("ann@example.com").pk)
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert ConsentEvent.objects.get().what == What.OPTED_OUT


ERASED = {"email_key": "''", "entity": "''", "record_id": "''", "evidence": "''", "actor": "''", "remote_id": "NULL"}
HASHED = {"address_hash": "'x'", "details_hash": "'x'"}


@pytest.mark.parametrize(
    "also",
    [
        # Nothing of the person may stay.
        *({name: "'ann'"} for name in ("email_key", "entity", "record_id", "evidence", "actor")),
        {"remote_id": "7"},
        # What takes their place has to be there.
        *({name: "NULL"} for name in HASHED),
        # All else is as it was.
        *({name: "now()"} for name in ("learned_at", "happened_at")),
        *({name: "'other'"} for name in ("scope", "what", "source", "status")),
        *({name: "99"} for name in ("id", "scope_id")),
    ],
    ids=lambda also: next(iter(also)),
)
def test_an_erasure_takes_the_person_out_of_an_event_and_changes_nothing_else(also: dict[str, str]) -> None:
    """Rule: the database lets one change of an event pass, once: the person goes, and keyed hashes stay."""
    opt_out(add_contact("ann@example.com").pk)

    def change(values: dict[str, str]) -> None:
        said = ", ".join(f"{name} = {value}" for name, value in values.items())
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"UPDATE dotbridge_consent_consentevent SET {said}")

    with pytest.raises(IntegrityError, match="append-only"):
        change(ERASED | HASHED | also)
    change(ERASED | HASHED)
    with pytest.raises(IntegrityError, match="append-only"):
        change(ERASED | dict.fromkeys(HASHED, "'y'"))


def test_a_word_binds_the_record_and_the_address_it_has() -> None:
    record = add_contact(" Ann@Example.com ")
    opt_out(record.pk)
    assert not may_be_mailed(address="ann@example.com").may_be_mailed
    assert not may_be_mailed(address="other@example.com", entity="crm.contact", record_id=record.pk).may_be_mailed
    assert may_be_mailed(address="other@example.com").may_be_mailed


def test_a_word_about_an_address_is_taken_back_for_it_alone_and_only_by_a_newer_one() -> None:
    record = add_contact("ann@example.com")
    opt_out(record.pk)
    earlier = timezone.now() - timedelta(days=1)
    opt_in_addresses(addresses=["ann@example.com"], source=Source.PERSON, happened_at=earlier)
    assert not may_be_mailed(address="ann@example.com").may_be_mailed
    opt_in_addresses(addresses=[" Ann@example.com ", "no address"], source=Source.PERSON, evidence="asked by phone")
    assert may_be_mailed(address="ann@example.com").may_be_mailed
    assert not may_be_mailed(address="ann@example.com", entity="crm.contact", record_id=record.pk).may_be_mailed


@pytest.mark.parametrize("address", ["ΝΙΚΟΣ@example.com", "İris@example.com", "JÜRGEN@example.com"])
def test_a_word_is_found_under_an_address_of_any_script(address: str) -> None:
    opt_out_addresses(addresses=[address], source=Source.PERSON)
    assert not may_be_mailed(address=address).may_be_mailed
    assert history_of(address=address).count() == 1
    erase_address(address=address)
    assert receipt_of(address) is not None
    assert not history_of(address=address).exists()


def test_a_word_about_a_record_binds_no_record_of_another_entity() -> None:
    """Two records of two entities may have the same key."""
    record = add_contact("ann@example.com")
    opt_out_records(entity="crm.lead", record_ids=[record.pk], source=Source.PERSON)
    the_list = create_list(name="Everybody", entity="crm.contact")
    with connection.cursor() as cursor:
        for entity, blocked in (("crm.lead", [(str(record.pk),)]), ("crm.contact", [])):
            cursor.execute(blocked_records(scopes_of_list(the_list.pk), entity))
            assert cursor.fetchall() == blocked
    assert may_be_mailed(address="ann@example.com", entity="crm.contact", record_id=record.pk).may_be_mailed


def test_a_record_without_an_address_is_bound_and_no_other() -> None:
    record = add_contact(None)
    opt_out(record.pk)
    assert list(ConsentState.objects.values_list("kind", "subject")) == [("record", str(record.pk))]


def test_only_a_newer_word_lifts_an_opt_out() -> None:
    record, now = add_contact("ann@example.com"), timezone.now()
    opt_out(record.pk, happened_at=now)
    again = {"entity": "crm.contact", "record_ids": [record.pk], "source": Source.PERSON, "scope": Scope.EVERYTHING}
    opt_in_records(**again, happened_at=now - timedelta(seconds=1))
    assert not may_be_mailed(address="ann@example.com").may_be_mailed
    opt_in_records(**again, happened_at=now)
    assert not may_be_mailed(address="ann@example.com").may_be_mailed
    opt_in_records(**again, happened_at=now + timedelta(seconds=1))
    assert may_be_mailed(address="ann@example.com").may_be_mailed


def test_an_older_opt_out_that_is_learned_later_counts_and_a_newer_one_lasts() -> None:
    record, now = add_contact("ann@example.com"), timezone.now()
    opt_out(record.pk, happened_at=now)
    opt_out(record.pk, happened_at=now - timedelta(days=5))
    opt_in_records(
        entity="crm.contact",
        record_ids=[record.pk],
        source=Source.PERSON,
        scope=Scope.EVERYTHING,
        happened_at=now - timedelta(days=1),
    )
    assert not may_be_mailed(address="ann@example.com").may_be_mailed


def test_an_opt_out_that_is_said_again_needs_a_word_newer_than_the_last_one() -> None:
    record, now = add_contact("ann@example.com"), timezone.now()
    opt_out(record.pk, happened_at=now - timedelta(days=5))
    opt_out(record.pk, happened_at=now)
    again = {"entity": "crm.contact", "record_ids": [record.pk], "source": Source.PERSON, "scope": Scope.EVERYTHING}
    opt_in_records(**again, happened_at=now - timedelta(days=1))
    assert not may_be_mailed(address="ann@example.com").may_be_mailed
    assert not may_be_mailed(address="", entity="crm.contact", record_id=record.pk).may_be_mailed
    opt_in_records(**again, happened_at=now + timedelta(days=1))
    assert may_be_mailed(address="ann@example.com", entity="crm.contact", record_id=record.pk).may_be_mailed


def test_what_was_said_is_counted_by_whom_it_binds() -> None:
    """An event, and the addresses and records that may not be mailed, or may again, since then: none counts twice."""
    ann, nobody = add_contact("ann@example.com"), add_contact(None)
    said = {"entity": "crm.contact", "source": Source.PERSON}
    assert opt_out_records(record_ids=[ann.pk, nobody.pk], **said) == Recorded(2, 1, 2, 0, 0)
    assert opt_out_records(record_ids=[ann.pk], **said) == Recorded(1, 0, 0, 0, 0)
    assert opt_out_addresses(addresses=["bob@example.com"], source=Source.FILE) == Recorded(1, 1, 0, 0, 0)
    back = opt_in_records(record_ids=[ann.pk, nobody.pk], scope=Scope.EVERYTHING, **said)
    assert back == Recorded(2, 0, 0, 1, 2)
    assert opt_in_addresses(addresses=["bob@example.com"], source=Source.PERSON) == Recorded(1, 0, 0, 1, 0)


def test_a_list_takes_back_its_own_word_and_no_wider_one() -> None:
    record = add_contact("ann@example.com")
    listed = create_list(name="Everybody", entity="crm.contact")
    opt_out(record.pk)
    assert unsubscribe_records(marketing_list=listed, record_ids=[record.pk]) == 1
    assert unsubscribe_records(marketing_list=listed, record_ids=[record.pk]) == 0
    assert resubscribe_records(marketing_list=listed, record_ids=[record.pk]) == 1
    assert count_members(listed).unsubscribed == 1
    assert [each.scope for each in may_be_mailed(address="ann@example.com").objections] == [Scope.EVERYTHING]


def test_one_list_s_opt_out_is_not_another_s() -> None:
    record = add_contact("ann@example.com")
    one, other = (create_list(name=name, entity="crm.contact") for name in ("One", "Other"))
    unsubscribe_records(marketing_list=one, record_ids=[record.pk])
    assert count_members(one).mailable == 0
    assert count_members(other).mailable == 1


def test_a_sealed_ledger_proves_itself_and_shows_what_was_changed() -> None:
    for number in range(3):
        opt_out(add_contact(f"person{number}@example.com").pk)
    tomorrow = timezone.now() + timedelta(days=1, hours=2)
    assert seal_days(now=tomorrow) == 1
    assert seal_days(now=tomorrow) == 0
    found = verify_ledger()
    assert (found.is_intact, found.days, found.events, found.unsealed_events) == (True, 1, 3, 0)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE dotbridge_consent_consentevent DISABLE TRIGGER dotbridge_consent_guard")
        cursor.execute("UPDATE dotbridge_consent_consentevent SET happened_at = happened_at - interval '1 day'")
    assert list(verify_ledger().broken) == [datetime.now(UTC).date()]


def test_a_deleted_event_is_missed() -> None:
    for number in range(3):
        opt_out(add_contact(f"person{number}@example.com").pk)
    seal_days(now=timezone.now() + timedelta(days=2))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE dotbridge_consent_consentevent DISABLE TRIGGER dotbridge_consent_guard")
        cursor.execute(
            "DELETE FROM dotbridge_consent_consentevent WHERE id = (SELECT min(id) FROM dotbridge_consent_consentevent)"
        )
    (text,) = verify_ledger().broken.values()
    assert text == "3 events were sealed, 2 are there."


def test_an_erased_address_is_not_mailed_when_it_comes_back() -> None:
    listed = create_list(name="Everybody", entity="crm.contact")
    record = add_contact("Ann@example.com")
    opt_out_addresses(addresses=["ann@example.com"], source=Source.API, evidence="wrote to us")
    yesterday = timezone.now() - timedelta(days=1)
    ConsentEvent.objects.create(
        learned_at=yesterday,
        happened_at=yesterday,
        scope=Scope.EVERYTHING,
        what=What.OPTED_OUT,
        source=Source.API,
        email_key="ann@example.com",
        evidence="ann wrote to us",
    )
    # Yesterday is sealed, and today never, whatever the time is: the erasure belongs to it.
    assert seal_days(now=timezone.now().replace(hour=2)) >= 1
    receipt = erase_address(address=" ann@EXAMPLE.com")
    record.delete()

    add_contact("ann@example.com")
    assert count_members(listed).unsubscribed == 1
    (objection,) = may_be_mailed(address="ANN@example.com").objections
    assert objection.what == What.ERASED
    assert receipt_of("ann@example.com") == receipt
    assert receipt_of("bob@example.com") is None
    assert not history_of(address="ann@example.com").exists()
    assert verify_ledger().is_intact
    assert erase_address(address="ann@example.com").event_id == receipt.event_id
    with connection.cursor() as cursor:
        for table in ("consentevent", "consentstate", "erasedaddress"):
            cursor.execute(f"SELECT count(*) FROM dotbridge_consent_{table} t WHERE t::text ILIKE '%ann@%'")
            assert cursor.fetchone() == (0,)


def test_what_is_no_address_cannot_be_erased() -> None:
    with pytest.raises(ValidationError, match="not an e-mail address"):
        erase_address(address="ann")


def test_an_app_that_cannot_erase_undoes_the_erasure() -> None:
    def refuse(**_said: Any) -> None:
        raise RuntimeError("the archive is closed")

    opt_out_addresses(addresses=["ann@example.com"], source=Source.API)
    address_erased.connect(refuse)
    try:
        with pytest.raises(RuntimeError):
            erase_address(address="ann@example.com")
    finally:
        address_erased.disconnect(refuse)
    assert history_of(address="ann@example.com").count() == 1
    assert receipt_of("ann@example.com") is None


@pytest.fixture
def writer(transactional_db: None) -> Iterator[psycopg.Connection[Any]]:
    """Another session of the database, as a worker has it."""
    settings = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    with psycopg.connect(**{name: settings[name] for name in names if settings.get(name)}) as session:
        yield session


@pytest.mark.django_db(transaction=True)
def test_no_day_is_sealed_while_somebody_writes_of_it(
    writer: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a long transaction wrote before midnight is there only when it ends: a sealed day would seem forged then."""
    monkeypatch.setattr(chain, "LONGEST_WAIT", 0.2)
    opt_out_addresses(addresses=["ann@example.com"], source=Source.API)
    writer.execute(
        "INSERT INTO dotbridge_consent_consentevent (happened_at, scope, scope_id, what, source, status, email_key,"
        " entity, record_id, evidence, actor, consent_text, url, ip_address, user_agent) VALUES"
        " (now(), 'everything', 0, 'opted_out', 'file', '', 'bob@example.com', '', '', '', '', '', '', '', '')"
    )
    after_midnight = timezone.now() + timedelta(days=1, hours=3)
    assert seal_days(now=after_midnight) == 0
    writer.commit()
    assert seal_days(now=after_midnight) == 1
    found = verify_ledger()
    assert (found.is_intact, found.events) == (True, 2)


@pytest.mark.django_db(transaction=True)
def test_two_programs_that_seal_at_once_seal_each_day_once(writer: psycopg.Connection[Any]) -> None:
    opt_out_addresses(addresses=["ann@example.com"], source=Source.API)
    later = timezone.now() + timedelta(days=2)
    sealed: list[int] = []

    def seal() -> None:
        try:
            sealed.append(seal_days(now=later))
        finally:
            connection.close()

    writer.execute(f"SELECT pg_advisory_lock({LOCK_KEY})", ["dotbridge.consent.seal"])
    threads = [threading.Thread(target=seal) for _number in range(2)]
    for each in threads:
        each.start()
    time.sleep(0.5)
    writer.execute(f"SELECT pg_advisory_unlock({LOCK_KEY})", ["dotbridge.consent.seal"])
    for each in threads:
        each.join()
    assert sorted(sealed) == [0, 1]
    assert verify_ledger().is_intact


def test_a_clock_that_was_set_back_writes_into_no_sealed_day() -> None:
    opt_out_addresses(addresses=["ann@example.com"], source=Source.API)
    seal_days(now=timezone.now() + timedelta(days=2))  # by a clock that was wrong
    opt_out_addresses(addresses=["bob@example.com"], source=Source.API)
    erase_address(address="cid@example.com")
    found = verify_ledger()
    assert (found.is_intact, found.events, found.unsealed_events) == (True, 1, 2)


def test_an_opt_in_of_the_future_stands_against_no_opt_out_that_follows() -> None:
    ann = add_contact("ann@example.com")
    listed = create_list(name="Everybody", entity="crm.contact")
    said = {"entity": "crm.contact", "record_ids": [ann.pk], "source": Source.CRM}
    of_list = {"scope": Scope.LIST, "scope_id": listed.pk}
    opt_in_records(**said, **of_list, happened_at=timezone.now() + timedelta(days=365))
    assert not ConsentState.objects.filter(since__gt=timezone.now()).exists()

"""What proves an opt-in: kept with it, sealed with its day, taken out of it by an erasure, complete or not at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from dotbridge.consent.chain import seal_days, verify_ledger
from dotbridge.consent.erasure import erase_address
from dotbridge.consent.models import ConsentEvent, Scope, Source, What
from dotbridge.consent.proofs import ConsentProof
from dotbridge.consent.selectors import may_be_mailed
from dotbridge.consent.services import opt_in_addresses, opt_in_records, opt_out_addresses
from tests.accounts import add_contact

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
PARTS = {
    "text": "Yes, send me the news",
    "url": "https://shop.example.com/sign-up",
    "ip_address": "2001:db8::7",
    "user_agent": "Browser/1.0",
}
PROOF = ConsentProof(**PARTS)


def kept(event: ConsentEvent) -> tuple[str, ...]:
    return event.consent_text, event.url, event.ip_address, event.user_agent


def test_an_opt_in_keeps_its_proof_by_record_and_by_address() -> None:
    record = add_contact("ann@example.com")
    said: dict[str, Any] = {"source": Source.CRM, "happened_at": AT, "proof": PROOF}
    opt_in_records(entity="crm.contact", record_ids=[record.pk], scope=Scope.EVERYTHING, **said)
    opt_in_addresses(addresses=["Bob@example.com"], **said)
    opt_out_addresses(addresses=["eve@example.com"], source=Source.CRM)
    by_address = {event.email_key: event for event in ConsentEvent.objects.all()}
    for email_key in ("ann@example.com", "bob@example.com"):
        assert kept(by_address[email_key]) == tuple(PARTS.values())
        assert (by_address[email_key].what, by_address[email_key].happened_at) == (What.OPTED_IN, AT)
    assert kept(by_address["eve@example.com"]) == ("", "", "", "")


def test_a_proof_lifts_no_newer_opt_out() -> None:
    opt_out_addresses(addresses=["ann@example.com"], source=Source.CRM, happened_at=AT + timedelta(days=1))
    opt_in_addresses(addresses=["ann@example.com"], source=Source.CRM, happened_at=AT, proof=PROOF)
    assert not may_be_mailed(address="ann@example.com").may_be_mailed


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("text", ""),
        ("text", "  "),
        ("text", "x" * 10_001),
        ("text", "a\x00b"),
        ("url", "shop"),
        ("url", "javascript:alert(1)"),
        ("ip_address", "300.1.1.1"),
        ("ip_address", "localhost"),
        ("user_agent", ""),
        ("user_agent", "x" * 2_001),
    ],
)
def test_a_proof_is_complete_or_none(part: str, value: str) -> None:
    with pytest.raises(ValueError, match=part):
        ConsentProof(**{**PARTS, part: value})


def test_a_proof_is_of_a_moment() -> None:
    with pytest.raises(ValueError, match="happened_at"):
        opt_in_addresses(addresses=["ann@example.com"], source=Source.CRM, proof=PROOF)
    assert not ConsentEvent.objects.exists()


@pytest.mark.parametrize("column", ["consent_text", "url", "ip_address", "user_agent"])
def test_a_sealed_proof_cannot_be_changed_unseen(column: str) -> None:
    opt_in_addresses(addresses=["ann@example.com"], source=Source.CRM, happened_at=AT, proof=PROOF)
    seal_days(now=timezone.now() + timedelta(days=2))
    assert verify_ledger().is_intact
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE dotbridge_consent_consentevent DISABLE TRIGGER dotbridge_consent_guard")
        cursor.execute(f"UPDATE dotbridge_consent_consentevent SET {column} = 'another'")
        cursor.execute("ALTER TABLE dotbridge_consent_consentevent ENABLE TRIGGER dotbridge_consent_guard")
    assert not verify_ledger().is_intact


def test_an_erasure_takes_the_proof_away_and_the_chain_still_proves_it() -> None:
    said = {"email_key": "ann@example.com", "source": Source.CRM, "scope": Scope.EVERYTHING, "what": What.OPTED_IN}
    proof = {"consent_text": PROOF.text, "url": PROOF.url, "ip_address": PROOF.ip_address}
    ConsentEvent.objects.create(
        learned_at=timezone.now() - timedelta(days=3), happened_at=AT, user_agent=PROOF.user_agent, **said, **proof
    )
    assert seal_days(now=timezone.now()) == 1
    erase_address(address="ann@example.com")
    event = ConsentEvent.objects.get(what=What.OPTED_IN)
    assert kept(event) == ("", "", "", "")
    assert event.details_hash is not None
    assert verify_ledger().is_intact


def test_it_is_in_what_is_given_out(capsys: pytest.CaptureFixture[str]) -> None:
    opt_in_addresses(addresses=["ann@example.com"], source=Source.CRM, happened_at=AT, proof=PROOF)
    call_command("dotbridge_consent", "export")
    given = capsys.readouterr().out
    for value in PARTS.values():
        assert value in given

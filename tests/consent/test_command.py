"""`dotbridge consent`, as it is typed: what it prints, and with which code it ends."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from dotbridge.consent.models import Source
from dotbridge.consent.selectors import may_be_mailed
from dotbridge.consent.services import opt_out_addresses

pytestmark = pytest.mark.django_db
ANN = "ann@example.com"


@pytest.fixture
def opted_out() -> None:
    opt_out_addresses(addresses=[ANN, "bob@example.com"], source=Source.PERSON, evidence="by phone")


def said(*words: str) -> str:
    """What the command prints."""
    out = StringIO()
    call_command("dotbridge_consent", *words, stdout=out)
    return out.getvalue()


def test_the_ledger_is_proved(opted_out: None) -> None:
    assert "Every sealed day is as it was" in said("verify")
    told = json.loads(said("verify", "--json", "--address", ANN))
    assert (told["intact"], told["erased"]) == (True, None)


def test_the_events_of_one_or_of_all_are_written_as_csv(opted_out: None, tmp_path: Path) -> None:
    assert [row["email_key"] for row in csv.DictReader(StringIO(said("export", "--address", ANN)))] == [ANN]
    file = tmp_path / "consent.csv"
    assert said("export", "--file", str(file)) == ""
    rows = list(csv.DictReader(file.read_text().splitlines()))
    assert [(row["email_key"], row["what"]) for row in rows] == [(ANN, "opted_out"), ("bob@example.com", "opted_out")]
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_address_is_erased_after_a_question(opted_out: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda _question: "n")
    with pytest.raises(CommandError, match="Nothing was erased"):
        said("erase", ANN)
    assert not list(csv.DictReader(StringIO(said("export", "--address", "nobody@example.com"))))
    monkeypatch.setattr("builtins.input", lambda _question: "y")
    assert "In Dotdigital nothing was erased" in said("erase", ANN)
    assert not may_be_mailed(address=ANN).may_be_mailed
    assert not list(csv.DictReader(StringIO(said("export", "--address", ANN))))
    assert "Erased on" in said("verify", "--address", ANN)


def test_what_is_no_address_is_refused_by_name(opted_out: None) -> None:
    with pytest.raises(CommandError, match="nonsense is not an e-mail address"):
        said("erase", "nonsense", "--yes")

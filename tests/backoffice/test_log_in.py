"""Wrong passwords are counted by account and by address, stop both, and stand in the log without what was typed.

The kind: something that can be tried for ever. Seen with sixty wrong passwords in 17 seconds; its second place is one
address that tries many accounts, where no account alone would ever be stopped.
"""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dotbridge.backoffice.log_ins import forget_old_log_ins

PASSWORD = "Rainy-Day-7"
TRIES, TRIES_OF_ADDRESS = 10, 100


@pytest.fixture
def nora(db: None) -> User:
    return User.objects.create_user("nora", password=PASSWORD, is_staff=True)


def log_in(name: str, password: str, address: str = "192.0.2.1") -> Any:
    return Client(REMOTE_ADDR=address).post(reverse("dotbridge:login"), {"username": name, "password": password})


def test_an_account_is_stopped_from_everywhere_and_the_right_password_does_not_help(nora: User) -> None:
    statuses = [log_in("nora", f"guess {n}", f"192.0.2.{n}").status_code for n in range(TRIES)]
    assert statuses == [200] * (TRIES - 1) + [429]
    refused = log_in("nora", PASSWORD, "198.51.100.9")
    assert refused.status_code == 429
    assert "not even with the right password" in refused.content.decode()
    assert refused["Content-Security-Policy"].startswith("default-src 'self'")
    assert "sessionid" not in refused.cookies


def test_an_address_is_stopped_for_every_account_and_others_go_on(nora: User) -> None:
    for number in range(TRIES_OF_ADDRESS):
        log_in(f"nobody{number}", "guess")
    assert log_in("nora", PASSWORD).status_code == 429
    assert log_in("nora", PASSWORD, "198.51.100.9").status_code == 302


def test_nobody_in_an_office_is_kept_out_because_a_colleague_mistypes(nora: User) -> None:
    """All of them come from one address."""
    for number in range(TRIES + 1):
        log_in("a colleague", f"guess {number}")
    assert log_in("a colleague", "one more").status_code == 429
    assert log_in("nora", PASSWORD).status_code == 302


def test_after_a_while_the_right_password_works_although_somebody_went_on_trying(nora: User) -> None:
    start = timezone.now()
    with time_machine.travel(start) as clock:
        for number in range(TRIES):
            log_in("nora", f"guess {number}")
        clock.move_to(start + timedelta(minutes=14))
        assert log_in("nora", "another guess").status_code == 429
        clock.move_to(start + timedelta(minutes=16))
        assert log_in("nora", PASSWORD).status_code == 302


def test_the_right_password_forgets_the_wrong_ones(nora: User) -> None:
    for _round in range(3):
        for number in range(TRIES - 1):
            assert log_in("nora", f"guess {number}").status_code == 200
        assert log_in("nora", PASSWORD).status_code == 302


def test_nobody_goes_on_guessing_by_logging_in_as_themselves_in_between(nora: User) -> None:
    User.objects.create_user("boss", password="Windy-Night-8", is_staff=True)
    for number in range(TRIES - 1):
        log_in("boss", f"guess {number}")
    assert log_in("nora", PASSWORD).status_code == 302
    assert log_in("boss", "one more guess").status_code == 429
    assert log_in("boss", "Windy-Night-8", "198.51.100.9").status_code == 429


def test_the_log_names_the_account_and_never_what_was_typed(nora: User, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log_in("nora", "a wrong one")
    log_in("a password in the wrong field", "another")
    log_in("nora", PASSWORD)
    for number in range(TRIES):
        log_in("nora", f"guess {number}")
    told = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    events = [(each["event"], each["account"], each["address"]) for each in told if "account" in each]
    assert events[:3] == [
        ("log-in failed", nora.pk, "192.0.2.1"),
        ("log-in failed", None, "192.0.2.1"),
        ("logged in", nora.pk, "192.0.2.1"),
    ]
    assert ("log-in locked", nora.pk, "192.0.2.1") in events
    everything = json.dumps([str(record.msg) for record in caplog.records])
    for typed in ("a wrong one", "wrong field", "guess", PASSWORD):
        assert typed not in everything


def test_what_was_typed_as_password_is_kept_nowhere(nora: User) -> None:
    log_in("nora", "a wrong one")
    kept = AccessAttempt.objects.get()
    assert "a wrong one" not in f"{kept.post_data} {kept.get_data}"


def test_administrators_see_who_tried(nora: User, back_office: Client) -> None:
    for number in range(TRIES):
        log_in("nora", f"guess {number}", "203.0.113.5")
    log_in("<script>alert(1)</script>", "x", "203.0.113.6")
    page = back_office.get(reverse("dotbridge_tables:axes_accessfailurelog_changelist")).content.decode()
    assert "nora" in page
    assert "203.0.113.5" in page
    assert "<script>alert(1)" not in page
    assert log_in("nora", PASSWORD, "203.0.113.7").status_code == 429
    AccessAttempt.objects.all().delete()
    assert log_in("nora", PASSWORD, "203.0.113.7").status_code == 302
    entered = back_office.get(reverse("dotbridge_tables:axes_accesslog_changelist")).content.decode()
    assert "203.0.113.7" in entered


@pytest.mark.parametrize("typed", ["no\0ra", "m" * 2000, "", "ﷺ" * 300])
def test_odd_names_are_refused_like_any_other(nora: User, typed: str) -> None:
    assert log_in(typed, "x").status_code == 200


def test_old_log_ins_are_forgotten(nora: User) -> None:
    with time_machine.travel(timezone.now() - timedelta(days=100)):
        log_in("nora", "guess")
        log_in("nora", PASSWORD)
    log_in("nora", "guess")
    assert forget_old_log_ins(keep_days=90) == 2
    assert (AccessFailureLog.objects.count(), AccessLog.objects.count()) == (1, 0)

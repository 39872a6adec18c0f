"""A statement that takes too long ends, and the limit ends with it."""

from __future__ import annotations

import time

import pytest
from django.db import connection, transaction
from django.db.utils import OperationalError

from dotbridge.crm.models import Account
from dotbridge.entities.time_limits import TookTooLong, statement_time_limit

pytestmark = pytest.mark.django_db


def ask(statement: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


def test_a_statement_is_stopped_and_what_was_written_is_gone() -> None:
    def write_and_wait() -> object:
        Account.objects.create(name="Acme")
        return ask("SELECT pg_sleep(30)")

    begin = time.monotonic()
    with pytest.raises(TookTooLong, match=r"stopped after 0\.1 s") as caught, statement_time_limit(100):
        write_and_wait()
    assert caught.value.milliseconds == 100
    assert time.monotonic() - begin < 10
    assert not Account.objects.exists()
    assert ask("SHOW statement_timeout") == "0"


def test_the_limit_holds_inside_alone() -> None:
    with statement_time_limit(5_000):
        assert ask("SHOW statement_timeout") == "5s"
        Account.objects.create(name="Acme")
    assert ask("SHOW statement_timeout") == "0"
    assert Account.objects.exists()


def test_of_two_limits_the_shorter_holds() -> None:
    with statement_time_limit(5_000):
        with statement_time_limit(60_000):
            assert ask("SHOW statement_timeout") == "5s"
        with statement_time_limit(2_000):
            assert ask("SHOW statement_timeout") == "2s"
        assert ask("SHOW statement_timeout") == "5s"


@pytest.mark.django_db(transaction=True)
def test_nothing_of_it_stays_on_the_connection() -> None:
    with pytest.raises(TookTooLong), statement_time_limit(50):
        ask("SELECT pg_sleep(30)")
    assert ask("SHOW statement_timeout") == "0"


@pytest.mark.parametrize(("of_the_host", "inside"), [("4", "1.1"), ("0.7", "0.7")])
def test_inside_an_index_is_read_gladly(of_the_host: str, inside: str) -> None:
    """A hundred opt-outs were read whole for each person: a page about 20,000 people took two seconds."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL random_page_cost = {of_the_host}")
    with statement_time_limit(5_000):
        assert ask("SHOW random_page_cost") == inside
    assert ask("SHOW random_page_cost") == of_the_host


def test_another_fault_of_the_database_stays_what_it_is() -> None:
    with pytest.raises(OperationalError), statement_time_limit(1_000), transaction.atomic():
        ask("DO $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = 'disk_full'; END $$")


def test_no_limit_is_no_limit_of_nothing() -> None:
    with pytest.raises(ValueError, match="at least one millisecond"), statement_time_limit(0):
        pass

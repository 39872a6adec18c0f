"""A scripted year in an account, imported in many runs that are spoilt and killed, equals one reading of its end.

By default a small year; `make soak` takes a whole one. The seed is printed; DOTBRIDGE_SOAK_SEED repeats a year. Which
events and which faults there are follows from the seed alone; at what line a kill strikes depends on the machine, too.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from dotbridge.connections.models import RunKind
from dotbridge.connections.services import connect_list
from dotbridge.integrations.models import Integration, ProtocolChoice
from dotbridge.integrations.services import create_integration
from dotbridge.lists.services import create_list
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.models import State, SyncRun
from tests.accounts import RemoteAccount, steps_of, use_protocol
from tests.soak import year_states
from tests.soak.year_script import FULL, SMALL, Year
from tests.sync.conftest import integration, protocol, remote, sandbox

__all__ = ["integration", "protocol", "remote", "sandbox"]

REPOSITORY = Path(__file__).resolve().parent.parent.parent
IS_FULL = os.environ.get("DOTBRIDGE_SOAK") == "full"
SEED = int(os.environ.get("DOTBRIDGE_SOAK_SEED", "1"))
SECONDS_FOR_ONE_RUN = 600.0
FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 503},
    {"kind": "status", "status": 429},
    {"kind": "reset"},
    {"kind": "cut"},
    {"kind": "malformed"},
    {"kind": "duplicate"},
    {"kind": "reorder"},
)
VERSIONS = (ProtocolChoice.V2, ProtocolChoice.V3)
CONTACTS, RESULTS = r"/contacts", r"/campaigns/\d+/"


class Worker:
    """A process that works, and dies when it is killed."""

    def __init__(self, sandbox_url: str) -> None:
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "dotbridge.settings",
            "TEST_DATABASE": connection.settings_dict["NAME"],
            "TEST_ORIGIN": sandbox_url,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.year_worker"],
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def run(self, integration: Integration, kind: RunKind, *, killed_after: float = SECONDS_FOR_ONE_RUN) -> bool:
        """Have it work, to the end or until it is killed; whether it came to the end."""
        assert self._process.stdin
        assert self._process.stdout
        print(kind.value, integration.pk, killed_after, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline().strip()
        assert answer in {"ended", "killed"}
        return answer == "ended"

    def end(self) -> None:
        """Let it go home."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=20)


class Weather:
    """When which call goes wrong, and when the worker is killed."""

    def __init__(self, year: Year, worker: Worker) -> None:
        self._year, self._worker = year, worker
        self._draw = random.Random(SEED + 1)
        self._usual_seconds, self._usual_calls = 1.0, 20
        self.spoilt: Counter[str] = Counter()
        self.kills = 0

    def run(self, integration: Integration, kind: RunKind = RunKind.IMPORT) -> None:
        """One run in bad weather, some seconds after the one before."""
        sandbox = self._year.sandbox
        sandbox.advance(self._draw.uniform(1, 3600))
        sandbox.clear_calls()
        for _order in range(self._draw.randint(0, 3)):
            path, most = self._draw.choice((("", self._usual_calls), (CONTACTS, 4), (RESULTS, 4)))
            order = {"path": path, "after": self._draw.randrange(most), "times": self._draw.choice((1, 1, 2, 5))}
            sandbox.fail_next(**self._draw.choice(FAULTS), **order)
        is_doomed, share = self._draw.random() < 0.5, self._draw.uniform(0.05, 1.0)
        begun = time.monotonic()
        limit = share * self._usual_seconds if is_doomed else SECONDS_FOR_ONE_RUN
        if self._worker.run(integration, kind, killed_after=limit):
            self._usual_seconds = time.monotonic() - begun
            self._usual_calls = max(5, sandbox.call_counts()["total"])
        else:
            self.kills += 1
        self.spoilt.update(call["fault"] for call in sandbox.calls() if call["fault"])
        sandbox.clear_faults()

    def run_quietly(self, integration: Integration, kind: RunKind) -> SyncRun:
        """One run that nothing disturbs. The database needs a moment to notice that a killed one is gone."""
        self._year.sandbox.advance(60)
        deadline = time.monotonic() + 20
        while True:
            assert self._worker.run(integration, kind)
            run = SyncRun.objects.filter(integration=integration).latest("pk")
            if run.state != State.SKIPPED or time.monotonic() > deadline:
                assert run.state == State.SUCCEEDED, steps_of(run)
                return run
            time.sleep(0.05)


@pytest.fixture
def worker(integration: Integration, remote: RemoteAccount) -> Iterator[Worker]:
    running = Worker(remote.sandbox.url)
    yield running
    running.end()
    year_states.forget()


@pytest.mark.soak
@pytest.mark.timeout(3600 if IS_FULL else 900)
@pytest.mark.parametrize("read_by", VERSIONS)
@pytest.mark.parametrize("protocol", VERSIONS)
def test_a_year_in_bad_weather_equals_one_reading_of_its_end(
    integration: Integration, remote: RemoteAccount, worker: Worker, read_by: ProtocolChoice
) -> None:
    """Whichever version imports the year, and whichever reads it once: the mirror is the same (docs/adr/0038)."""
    print(f"seed {SEED}")
    begun = time.monotonic()
    year = Year(integration, remote, seed=SEED, size=FULL if IS_FULL else SMALL)
    weather = Weather(year, worker)

    for number in range(year.size.periods):
        year.pass_period(number)
        for campaign in year.doomed(number):
            weather.run_quietly(integration, RunKind.IMPORT)
            year_states.take("before")
            year.delete_campaign(campaign)
        for _run in range(2):
            weather.run(integration)
    year.come_to_rest()
    weather.run(integration)
    # By version 3 the feeds of opt-outs, which alone tell the moment, are read hourly.
    year.sandbox.advance(3600)
    weather.run_quietly(integration, RunKind.IMPORT)
    _note_the_truth(year)
    year_states.take("imported")
    weather.run_quietly(integration, RunKind.RECONCILE)
    year_states.take("many")
    print(f"{SyncRun.objects.count()} runs, {weather.kills} kills, spoilt: {dict(weather.spoilt)}")

    fresh = _forget_everything_but_the_crm(year, read_by)
    weather.run_quietly(fresh, RunKind.IMPORT)
    year_states.take("one")

    print({table: year_states.count("one", table) for table in year_states.TABLES})
    print(f"{time.monotonic() - begun:.0f} seconds")
    assert weather.kills > 2
    assert len(weather.spoilt) > 2
    assert weather.spoilt.total() >= year.size.periods
    assert all(year_states.count("one", table) for table in year_states.TABLES)
    for state, is_compared in (("imported", False), ("many", True)):
        found = year_states.differences(state, is_compared=is_compared)
        assert found == [], "\n".join(map(str, (state, *found)))
    for campaign in year.campaigns:
        if campaign.is_deleted:
            assert year_states.lost_of_deleted(campaign.number) == []
        assert set(_names_made_of(campaign.number)) <= campaign.names


def _note_the_truth(year: Year) -> None:
    """What the account's own tables say, for the rules of what may differ."""
    places = ", ".join("?" * len(year.books))
    with year.sandbox.account.store.reading() as db:
        known = db.execute("SELECT id FROM contact").fetchall()
        listed = db.execute(
            "SELECT m.book_id, m.contact_id FROM membership m JOIN contact c ON c.id = m.contact_id "
            f"WHERE m.book_id IN ({places}) AND m.unsubscribed_at IS NULL AND c.suppressed_at IS NULL",
            year.books,
        ).fetchall()
    year_states.note("known", "id bigint", map(tuple, known))
    year_states.note("listed", "book bigint, contact bigint", map(tuple, listed))
    year_states.note("deleted_campaign", "id bigint", ((each.number,) for each in year.campaigns if each.is_deleted))
    year_states.note(
        "renamed_campaign", "id bigint", ((each.number,) for each in year.campaigns if len(each.names) > 1)
    )


def _names_made_of(campaign: int) -> list[str]:
    """The names of the records that the year's runs have made of a campaign."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n FROM year.many_email_campaign, LATERAL (VALUES (name), (marketing_name)) v (n) "
            "WHERE campaign = %s",
            [campaign],
        )
        return [name for (name,) in cursor.fetchall()]


def _forget_everything_but_the_crm(year: Year, protocol: ProtocolChoice) -> Integration:
    """A new integration with the same account, the same books connected to lists of the same names."""
    ours = [
        f"dotbridge_{name}"
        for name in ("integrations", "mirror", "mapping", "connections", "sync", "campaigns", "lists", "consent")
    ]
    tables = [model._meta.db_table for label in ours for model in apps.get_app_config(label).get_models()]
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(tables)} CASCADE")
    sandbox = year.sandbox
    fresh = create_integration(name="Fresh", username=sandbox.user, password=sandbox.password, base_url=sandbox.url)
    use_protocol(fresh, protocol)
    for book, name in zip(year.books, ("Readers", "Customers"), strict=True):
        mirrored = AddressBook.objects.create(integration=fresh, remote_id=book, name=name)
        connect_list(marketing_list=create_list(name=f"List of {name}", entity="crm.contact"), address_book=mirrored)
    return fresh

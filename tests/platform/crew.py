"""Real workers on the test database, and what they need."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob, ProcrastinateWorker

from dotbridge.connections.services import RUN_TASK
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import create_integration
from dotbridge.worker import Schedule
from dotdigital_sandbox import Sandbox
from tests.platform.place import Place, until, url_of_test_database

LANES = 6
SLOW = "/v2/address-books"
SCHEDULE = {
    "dotbridge.tell_people": "* * * * *",
    "dotbridge.send_mails": "* * * * *",
    "dotbridge.schedule_import": "* * * * *",
    "dotbridge.schedule_export": "* * * * *",
    "dotbridge.schedule_news": "* * * * * */30",
    "dotbridge.refresh_lists": "*/5 * * * *",
    "dotbridge.seal_consent": "30 1 * * *",
    "dotbridge.fold_quiet_runs": "7 * * * *",
    "dotbridge.schedule_changes": "* * * * *",
    "dotbridge.note_changes": "*/5 * * * *",
    "dotbridge.schedule_comparison": "0 1 * * *",
    "dotbridge.schedule_data_fields": "15 3 * * *",
    "dotbridge.schedule_reconcile": "30 2 * * 0",
    "dotbridge.schedule_requests": "* * * * *",
    "dotbridge.schedule_files": "* * * * *",
    "dotbridge.delete_old_records": "45 3 * * *",
    "dotbridge.retry_lost_jobs": "* * * * *",
    "dotbridge.let_waiting_jobs_go": "* * * * *",
}


@pytest.fixture
def empty_queue(transactional_db: None) -> None:
    """Django does not empty the queue's tables after a test: they are not its own."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE procrastinate_jobs, procrastinate_workers, procrastinate_periodic_defers CASCADE")
        # The schedule was seen to already, a while back and ahead: a worker would start with the last of each.
        now = time.time()
        minute = int(now) // 60 * 60
        ticks = {(name, minute + 60 * step) for name in SCHEDULE for step in range(-11, 6)}
        app.perform_import_paths()
        ticks |= {(planned.task.name, moment) for planned, moment in Schedule().get_previous_tasks(now)}
        cursor.executemany(
            "INSERT INTO procrastinate_periodic_defers (task_name, periodic_id, defer_timestamp) VALUES (%s, '', %s)",
            ticks,
        )


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "sandbox", seed="demo") as running:
        yield running


@pytest.fixture
def integration(sandbox: Sandbox) -> Integration:
    return create_integration(name="Shop", username=sandbox.user, password=sandbox.password, base_url=sandbox.url)


@pytest.fixture
def workers(place: Place, sandbox: Sandbox, settings: Any) -> Iterator[Workers]:
    crew = Workers(place, sandbox, settings.SECRET_KEY)
    yield crew
    place.close()


class Workers:
    """Starts `dotbridge worker` on the test database."""

    def __init__(self, place: Place, sandbox: Sandbox, key: str) -> None:
        self.url = url_of_test_database()
        self.place, self.sandbox, self.key = place, sandbox, key
        self.origins = [sandbox.url]

    def start(self, *, import_wait_seconds: int = 0) -> subprocess.Popen[str]:
        """A worker; returns when all its lanes say that they are alive."""
        known = set(ProcrastinateWorker.objects.values_list("pk", flat=True))
        program = self.place.start(
            "worker",
            DATABASE_URL=self.url,
            DOTBRIDGE_SECRET_KEY=self.key,
            DOTBRIDGE_API_ORIGINS=",".join(self.origins),
            DOTBRIDGE_IMPORT_WAIT_SECONDS=import_wait_seconds,
        )
        new = ProcrastinateWorker.objects.exclude(pk__in=known)
        until(lambda: program.poll() is not None or new.count() == LANES)
        assert program.poll() is None, self.place.output
        return program


def waiting(task: str = RUN_TASK) -> list[Any]:
    """The jobs that wait, in the order in which they were asked for."""
    return list(ProcrastinateJob.objects.filter(task_name=task, status="todo").order_by("pk"))


def is_at_work(sandbox: Sandbox) -> bool:
    """Whether a run waits for an answer that will not come soon."""
    return sum(order["done"] for order in sandbox.account.faults.orders()) == 1

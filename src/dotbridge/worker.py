"""A worker process: jobs are done until somebody asks to stop, and while the database is away it waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import structlog
from django.db import OperationalError, connection
from procrastinate import PsycopgConnector
from procrastinate.contrib.django import app, connector_params
from procrastinate.exceptions import ConnectorException
from procrastinate.periodic import PeriodicDeferrer, PeriodicRegistry, TaskAtTime
from procrastinate.worker import Worker

from dotbridge.doctor import require_migrations
from dotbridge.processes import SECONDS_TO_FINISH, Pauses, keep_what_is_loaded
from dotbridge.queues import Queue

LONGEST_PAUSE = 15
POLL_SECONDS = 2.0
# A worker of anybody's that was silent for so long is not asked after any more.
FORGOTTEN_SECONDS = 24 * 3600.0
# What is weekly has been due at some time of the last week. Each time is kept by the database, and so counts once.
LONGEST_PERIOD = timedelta(days=8)
# What the database calls the connections that are not a job's own.
QUEUE_CONNECTIONS = "dotbridge queue"

log = structlog.get_logger(__name__)


def work(*, concurrency: int) -> None:
    """Do jobs until SIGTERM or SIGINT, then end within SECONDS_TO_FINISH, whatever is at work.

    Raises OperatorError when the database lacks migrations.
    """
    readiness = Readiness()
    _await_database(readiness)
    keep_what_is_loaded()
    with app.replace_connector(queue_connector()):
        asyncio.run(_work(concurrency, readiness))


class Lane(Worker):
    """Some of a worker's slots, and the queues that they take jobs from. One lane of a worker keeps the schedule."""

    def __init__(self, *queues: Queue, slots: int, keeps_schedule: bool = False) -> None:
        options: dict[str, Any] = {
            # Among these is what closes the database connections of a job's thread.
            **app.worker_defaults,
            "queues": [str(queue) for queue in queues],
            "name": "+".join(queues),
            "concurrency": slots,
            "install_signal_handlers": False,
            # Nobody says when a job's integration or its time has come.
            "fetch_job_polling_interval": POLL_SECONDS,
            # Others may say more seldom than ours that they are alive; a lost job is found without this.
            "stalled_worker_timeout": FORGOTTEN_SECONDS,
            # What a run did is kept with the run; the queue's own record would only grow.
            "delete_jobs": "successful",
        }
        super().__init__(app, **options)
        self.has_stopped = asyncio.Event()
        self._keeps_schedule = keeps_schedule

    def stop(self) -> None:
        super().stop()  # type: ignore[no-untyped-call]
        self.has_stopped.set()

    async def _periodic_deferrer(self) -> None:
        if not self._keeps_schedule:
            await asyncio.Event().wait()
        await Schedule().worker()


class Schedule(PeriodicDeferrer):
    """What Dotbridge does at its times: each that came while no worker ran is made up for, once."""

    def __init__(self) -> None:
        super().__init__(registry=own_schedule(), max_delay=LONGEST_PERIOD.total_seconds())

    def get_previous_tasks(self, at: float) -> list[TaskAtTime]:
        """The last time of each task that has come since it was asked for, in seconds.

        A clock that was set back would hold up what was seen to until it is there again, for years perhaps. One that
        was set forward, or a machine that slept, would have each missed minute asked for.
        """
        self.last_defers = {key: seen for key, seen in self.last_defers.items() if seen <= at}
        last = {planned.task.name: (planned, moment) for planned, moment in super().get_previous_tasks(at)}
        return list(last.values())


def own_schedule() -> PeriodicRegistry:
    """What Dotbridge does at its times. A host's own schedule is kept by the host's workers."""
    ours = PeriodicRegistry()  # type: ignore[no-untyped-call]
    ours.periodic_tasks = {
        key: planned
        for key, planned in app.periodic_registry.periodic_tasks.items()
        if planned.task.queue in set(Queue)
    }
    return ours


def lanes(concurrency: int) -> list[Callable[[], Lane]]:
    """A worker's lanes, for so many runs at once: beside these a slot each for schedules, clicks, files and counts.

    Of the others a quarter, at least one, takes what reads everything too, so that this never holds all of them.
    """
    bulk = max(1, concurrency // 4)
    found: list[Callable[[], Lane]] = [
        lambda: Lane(Queue.CONTROL, slots=1, keeps_schedule=True),
        lambda: Lane(Queue.PEOPLE, slots=1),
        lambda: Lane(Queue.FILES, slots=1),
        lambda: Lane(Queue.COUNTS, slots=1),
        lambda: Lane(Queue.PEOPLE, Queue.SYNC, Queue.BULK, slots=bulk),
    ]
    if concurrency > bulk:
        found.append(lambda: Lane(Queue.PEOPLE, Queue.SYNC, slots=concurrency - bulk))
    return found


class Readiness:
    """Whether all lanes of this worker can do jobs: asked_to_stop to the log, and to systemd where that started it."""

    def __init__(self) -> None:
        self._waiting: set[int] = set()
        self._speaker: int | None = None
        self._was_told: bool | None = None

    def is_ready(self, lane: int) -> None:
        """It takes jobs."""
        self._waiting.discard(lane)
        if not self._waiting and self._was_told is not True:
            self._was_told = True
            log.info("worker is ready")
            _tell_systemd("READY=1\nSTATUS=Takes jobs.")

    def waits(self, lane: int, reason: str, *, seconds: float) -> None:
        """It cannot, and tries again after so many seconds. The reason must not hold what nobody may read."""
        if not self._waiting:
            self._speaker = lane
        self._waiting.add(lane)
        # One speaks for all: they wait for the same.
        if lane == self._speaker:
            self._was_told = False
            log.warning("worker is not ready: it waits for its database", reason=reason, seconds=seconds)
            _tell_systemd("STATUS=Waits for its database.")


def _await_database(readiness: Readiness) -> None:
    pauses = Pauses(longest=LONGEST_PAUSE)
    while True:
        try:
            require_migrations()
            return
        except OperationalError as error:
            pause = pauses.next()
            readiness.waits(0, " ".join(str(error).split()), seconds=pause)
            time.sleep(pause)
        finally:
            connection.close()


def queue_connector() -> PsycopgConnector:
    """The queue's connections. They give up soon, so that a database that is there again is not waited for."""
    where = {**connector_params(), "application_name": QUEUE_CONNECTIONS}
    return PsycopgConnector(kwargs=where, min_size=1, max_size=8, timeout=5, reconnect_timeout=2)


async def _work(concurrency: int, readiness: Readiness) -> None:
    asked_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked_to_stop.set)
    # A thread for each slot, and some for jobs that end while their lane has begun anew.
    loop.set_default_executor(ThreadPoolExecutor(max_workers=2 * (concurrency + 4)))
    app.perform_import_paths()  # type: ignore[no-untyped-call]
    ending: set[asyncio.Task[None]] = set()
    async with app.open_async():
        keepers = [
            asyncio.create_task(_keep_at_work(number, lane, readiness, ending))
            for number, lane in enumerate(lanes(concurrency))
        ]
        await asyncio.wait([*keepers, asyncio.create_task(asked_to_stop.wait())], return_when=asyncio.FIRST_COMPLETED)
        if not asked_to_stop.is_set():
            # A lane waits for its database as long as that takes, so this is a fault of ours.
            await asyncio.gather(*(keeper for keeper in keepers if keeper.done()))
        for keeper in keepers:
            keeper.cancel()
        _done, busy = await asyncio.wait([*keepers, *ending], timeout=SECONDS_TO_FINISH)
        if busy:
            # A thread cannot be ended. What it did is kept; as after a crash, a later run goes on from there.
            log.warning("worker ended in the middle of a job")
            logging.shutdown()
            os._exit(0)


async def _keep_at_work(
    number: int, lane: Callable[[], Lane], readiness: Readiness, ending: set[asyncio.Task[None]]
) -> None:
    pauses = Pauses(longest=LONGEST_PAUSE)
    while True:
        began = time.monotonic()
        reason = "its connection was lost"
        try:
            await app.check_connection_async()
            readiness.is_ready(number)
            await _work_until_stopped(lane(), ending)
        except (ConnectorException, psycopg.Error) as error:
            cause = error.__cause__ or error
            if isinstance(cause, (psycopg.ProgrammingError, psycopg.DataError)):
                raise  # It was reached, and we asked it nonsense.
            reason = type(cause).__name__
        pauses.went_well_for(time.monotonic() - began)
        pause = pauses.next()
        readiness.waits(number, reason, seconds=pause)
        await asyncio.sleep(pause)


async def _work_until_stopped(lane: Lane, ending: set[asyncio.Task[None]]) -> None:
    """Returns when the lane has lost its database. Its jobs end by themselves, which nobody waits for."""
    running = asyncio.create_task(lane.run())  # type: ignore[no-untyped-call]
    stopped = asyncio.create_task(lane.has_stopped.wait())
    try:
        await asyncio.wait([running, stopped], return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        running.cancel()
        await asyncio.wait([running])
        raise
    finally:
        stopped.cancel()
    if running.done():
        await running
        return
    ending.add(running)
    running.add_done_callback(ending.discard)
    running.add_done_callback(_note_end)


def _note_end(running: asyncio.Task[None]) -> None:
    if not running.cancelled() and (error := running.exception()):
        log.info("a lane that lost its database has ended", error=type(error).__name__)


def _tell_systemd(text: str) -> None:
    """Say it to the service manager that started us, if one did: sd_notify(3)."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.sendto(text.encode(), "\0" + address[1:] if address.startswith("@") else address)

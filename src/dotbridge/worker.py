"""A worker process: jobs are done until somebody asks to stop, and while the database is away it waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time

import psycopg
import structlog
from django.db import OperationalError, connection
from procrastinate import PsycopgConnector
from procrastinate.contrib.django import app, connector_params
from procrastinate.exceptions import ConnectorException

from dotbridge.doctor import require_migrations
from dotbridge.processes import SECONDS_TO_FINISH, SILENT_SECONDS, Pauses

LONGEST_PAUSE = 15

log = structlog.get_logger(__name__)


def work(*, concurrency: int) -> None:
    """Do jobs until SIGTERM or SIGINT, then end within SECONDS_TO_FINISH, whatever is at work.

    Raises OperatorError when the database lacks migrations.
    """
    readiness = Readiness()
    _await_database(readiness)
    with app.replace_connector(_connector()):
        asyncio.run(_work(concurrency, readiness))


class Readiness:
    """Whether this worker can do jobs at the moment: told to the log, and to systemd where that started it."""

    def __init__(self) -> None:
        self._is_ready: bool | None = None

    def is_ready(self) -> None:
        """It takes jobs."""
        if not self._is_ready:
            self._is_ready = True
            log.info("worker is ready")
            _tell_systemd("READY=1\nSTATUS=Takes jobs.")

    def waits(self, reason: str, *, seconds: float) -> None:
        """It cannot, and tries again after so many seconds. The reason must not hold what nobody may read."""
        self._is_ready = False
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
            readiness.waits(" ".join(str(error).split()), seconds=pause)
            time.sleep(pause)
        finally:
            connection.close()


def _connector() -> PsycopgConnector:
    """The queue's connections. They give up soon, so that a database that is there again is not waited for."""
    return PsycopgConnector(kwargs=connector_params(), min_size=1, max_size=8, timeout=5, reconnect_timeout=2)


async def _work(concurrency: int, readiness: Readiness) -> None:
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    async with app.open_async():
        working = asyncio.create_task(_keep_at_work(concurrency, readiness))
        await asyncio.wait([working, asyncio.create_task(told.wait())], return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        await asyncio.wait([working], timeout=SECONDS_TO_FINISH)
        if not working.done():
            # A thread cannot be ended. What it did is kept; as after a crash, a later run goes on from there.
            log.warning("worker ended in the middle of a job")
            logging.shutdown()
            os._exit(0)
        if not told.is_set():
            # It waits for its database as long as it takes, so this is a fault of ours.
            await working


async def _keep_at_work(concurrency: int, readiness: Readiness) -> None:
    pauses = Pauses(longest=LONGEST_PAUSE)
    while True:
        began = time.monotonic()
        reason = "its connection was lost"
        try:
            await app.check_connection_async()
            readiness.is_ready()
            # It ends by itself for want of its database only.
            await app.run_worker_async(
                concurrency=concurrency,
                install_signal_handlers=False,
                stalled_worker_timeout=SILENT_SECONDS,
                # What a run did is kept with the run; the queue's own record would only grow.
                delete_jobs="successful",
            )
        except (ConnectorException, psycopg.Error) as error:
            reason = type(error.__cause__ or error).__name__
        pauses.went_well_for(time.monotonic() - began)
        pause = pauses.next()
        readiness.waits(reason, seconds=pause)
        await asyncio.sleep(pause)


def _tell_systemd(text: str) -> None:
    """Say it to the service manager that started us, if one did: sd_notify(3)."""
    if address := os.environ.get("NOTIFY_SOCKET"):
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.sendto(text.encode(), "\0" + address[1:] if address.startswith("@") else address)

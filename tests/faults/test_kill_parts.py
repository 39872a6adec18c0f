"""Any part of a running back office may be killed, and its database may be away: nobody has to come.

The kind: one part's death was everybody's. Seen with worker, web, the database server and one of its processes, each of
which ended all of `serve`; the second place is a worker alone, which ended when the database refused it for a second,
also while it was starting.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
from collections.abc import Iterator

import httpx2
import psutil
import psycopg
import pytest

from dotbridge import postgres
from dotbridge.queues import Queue
from tests.platform.place import Place, away_database, children, own_folder, until, words

# Keeps the database server up, and does no jobs.
USER = """
import sys
from pathlib import Path
from dotbridge import postgres
from dotbridge.queues import Queue
postgres.ensure_running(Path(sys.argv[1]))
print("SERVED", flush=True)
sys.stdin.read()
"""
KNOWN_JOB = "dotbridge.retry_lost_jobs"


class Office(Place):
    """A place with a database of its own, which stays up for the whole module."""

    def connect(self, database: str = postgres.DATABASE) -> psycopg.Connection[tuple[object, ...]]:
        host = str(postgres.socket_dir(self.data_dir))
        return psycopg.connect(host=host, user=postgres.SUPERUSER, dbname=database, autocommit=True)

    def answers(self) -> bool:
        """Whether a page comes that asks the database, which has to look for the session."""
        try:
            got = httpx2.get(f"http://127.0.0.1:{self.port}/", headers={"Cookie": f"sessionid={'s' * 32}"})
        except httpx2.TransportError:
            return False
        return got.status_code == 302

    def does_jobs(self) -> bool:
        """Whether a worker does a job that is asked for now."""
        try:
            with self.connect() as link:
                (found,) = link.execute(
                    "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES (%s, %s, %s) RETURNING id",
                    [Queue.CONTROL, KNOWN_JOB, json.dumps({"timestamp": 0})],
                ).fetchall()
                question = "SELECT NOT EXISTS (SELECT FROM procrastinate_jobs WHERE id = %s)"
                until(lambda: link.execute(question, found).fetchone() == (True,), seconds=10)
        except (psycopg.OperationalError, AssertionError):
            return False
        return True

    def part(self, word: str) -> psutil.Process:
        """The program of `serve` that runs this command."""
        (serve,) = [program for program in self.started if program.poll() is None]
        (found,) = [process for process in children(serve) if words(process)[-1:] == [word]]
        return found

    def ended_parts(self) -> list[tuple[str, str | None]]:
        """The parts that `serve` said have ended, and the signal that ended them."""
        lines = [json.loads(line) for line in self.output.splitlines() if "part ended" in line]
        return [(line["part"], line.get("signal")) for line in lines]

    def backends(self) -> list[int]:
        """The processes of the database that work for others at the moment."""
        with self.connect() as link:
            found = link.execute(
                "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )
            return [int(str(pid)) for (pid,) in found]

    def away_database(self) -> contextlib.AbstractContextManager[None]:
        """During the block the database refuses everybody."""
        return away_database(postgres.DATABASE, host=str(postgres.socket_dir(self.data_dir)), user=postgres.SUPERUSER)


@pytest.fixture(scope="module")
def office_once() -> Iterator[Office]:
    with own_folder() as folder:
        office = Office(folder)
        done = office.run("migrate")
        assert done.returncode == 0, done.stderr
        yield office
        office.close()


@pytest.fixture
def office(office_once: Office) -> Iterator[Office]:
    yield office_once
    for program in office_once.started:
        program.terminate()
        program.wait(30)
    (office_once.folder / "output").unlink(missing_ok=True)
    until(lambda: not office_once.left())


@pytest.fixture
def serve(office: Office) -> subprocess.Popen[str]:
    program = office.start("serve")
    until(office.answers)
    until(office.does_jobs)
    return program


def assert_all_is_well(office: Office, serve: subprocess.Popen[str]) -> None:
    until(office.answers)
    until(office.does_jobs)
    assert serve.poll() is None
    assert len(children(serve)) == 2


@pytest.mark.parametrize("word", ["web", "worker"])
def test_a_part_that_is_killed_is_started_again(office: Office, serve: subprocess.Popen[str], word: str) -> None:
    other = office.part({"web": "worker", "worker": "web"}[word])
    office.part(word).kill()
    until(office.ended_parts)
    assert office.ended_parts() == [(word, "SIGKILL")]
    until(lambda: len(children(serve)) == 2)
    assert_all_is_well(office, serve)
    assert other.is_running()


def test_the_database_server_that_is_killed_is_started_again(office: Office, serve: subprocess.Popen[str]) -> None:
    parts = children(serve)
    (server,) = office.servers()
    server.kill()
    until(lambda: "the embedded PostgreSQL is gone and is started again" in office.output)
    assert_all_is_well(office, serve)
    assert children(serve) == parts, "web and worker wait for it"
    assert len(office.servers()) == 1


def test_one_process_of_the_database_may_be_killed(office: Office, serve: subprocess.Popen[str]) -> None:
    parts = children(serve)
    psutil.Process(office.backends()[0]).kill()
    assert_all_is_well(office, serve)
    assert children(serve) == parts


def test_everything_below_serve_may_be_killed_at_once(office: Office, serve: subprocess.Popen[str]) -> None:
    for process in [*office.servers(), *children(serve)]:
        process.kill()
    until(lambda: {("web", "SIGKILL"), ("worker", "SIGKILL")} <= set(office.ended_parts()))
    until(lambda: len(children(serve)) == 2)
    assert_all_is_well(office, serve)


def test_a_worker_waits_for_its_database_and_says_whether_it_is_ready(office: Office) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(office.folder / "notify"))
        manager.settimeout(60)
        program = office.start("worker", NOTIFY_SOCKET=office.folder / "notify")
        assert manager.recv(1000) == b"READY=1\nSTATUS=Takes jobs."
        until(office.does_jobs)
        with office.away_database():
            assert manager.recv(1000) == b"STATUS=Waits for its database."
            assert program.poll() is None
        while manager.recv(1000) != b"READY=1\nSTATUS=Takes jobs.":
            pass
        until(office.does_jobs)
        assert program.poll() is None
    assert office.output.count("worker is ready") >= 2
    (office.folder / "notify").unlink()


def test_a_worker_that_starts_before_its_database_waits_for_it(office: Office) -> None:
    office.python(USER, str(office.data_dir))
    until(lambda: "SERVED" in office.output)
    with office.away_database():
        url = f"postgresql://postgres@/dotbridge?host={postgres.socket_dir(office.data_dir)}"
        program = office.start("worker", DATABASE_URL=url, DOTBRIDGE_SECRET_KEY="k" * 32)
        until(lambda: "is not currently accepting connections" in office.output)
        assert program.poll() is None
    until(office.does_jobs)
    assert program.poll() is None

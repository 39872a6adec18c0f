"""What the benches of the imports share: a sandbox in a process of its own, a database of their own, and workers."""

# ruff: noqa: PLC0415 - Django is set up before its models are imported

from __future__ import annotations

import base64
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

USER, PASSWORD = "apiuser-000000000000@apiconnector.com", "sandbox"
AUTHORIZATION = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"


class SandboxProcess:
    """An empty account in a process of its own, in ``folder/account``."""

    def __init__(self, folder: Path, *options: str) -> None:
        given = ["--port", "0", "--data", str(folder / "account"), "--seed", "empty", "--scheme", "none", *options]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dotdigital_sandbox", "serve", *given], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[-1]
        self.state = folder / "account" / "account.sqlite3"
        self._data_dir = folder / "data"

    def ask(self, method: str, path: str, body: Any = None, media_type: str = "application/json") -> Any:
        """One call, of the API or of the control API; ``body`` is bytes, a file, or something to be sent as JSON."""
        raw = isinstance(body, bytes) or hasattr(body, "read")
        data = body if body is None or raw else json.dumps(body).encode()
        headers = {"Authorization": AUTHORIZATION, "Content-Type": media_type}
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=3600) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def processor_seconds(self) -> float:
        """Processor time so far of this process, of the database's, and of the workers that have ended."""
        import psutil

        times = psutil.Process(self.process.pid).cpu_times()
        workers = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = times.user + times.system + workers.ru_utime + workers.ru_stime
        return float(spent + database_processor_seconds(self._data_dir))

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(timeout=30)


def database_server(data_dir: Path) -> Any:
    """The database server that works in a data directory; None when there is none."""
    import psutil

    note = data_dir / "postgres" / "postmaster.pid"
    return psutil.Process(int(note.read_text(encoding="ascii").split()[0])) if note.exists() else None


def database_processor_seconds(data_dir: Path) -> float:
    """Processor time so far of the database's processes, those included that have ended."""
    import psutil

    database = database_server(data_dir)
    assert database is not None
    seconds = 0.0
    for process in database.children():
        # One that ends meanwhile is counted among those that have ended.
        with suppress(psutil.NoSuchProcess):
            now = process.cpu_times()
            seconds += now.user + now.system
    ended = database.cpu_times()
    return float(seconds + ended.children_user + ended.children_system)


@contextmanager
def work_folder() -> Iterator[Path]:
    """A temporary folder. A database server that works in its `data` ends before the folder goes."""
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        try:
            yield folder
        finally:
            if database := database_server(folder / "data"):
                database.send_signal(signal.SIGINT)
                database.wait(timeout=60)


@contextmanager
def surroundings(*options: str) -> Iterator[tuple[Path, SandboxProcess]]:
    """A temporary folder, a sandbox, and the environment that makes Dotbridge use both."""
    with work_folder() as folder:
        sandbox = SandboxProcess(folder, *options)
        try:
            os.environ |= {
                "DOTBRIDGE_DATA_DIR": str(folder / "data"),
                "DOTBRIDGE_API_ORIGINS": sandbox.url,
                "DJANGO_SETTINGS_MODULE": "dotbridge.settings",
            }
            os.environ.pop("DATABASE_URL", None)
            yield folder, sandbox
        finally:
            sandbox.stop()


def set_up() -> None:
    """Django, on a running database of its own; its server ends with the last process that called this."""
    import django

    django.setup()
    from dotbridge import embedded

    embedded.bring_up()


def use_version_2(integration: Any) -> None:
    """Have contacts read and sent by version 2 of the API, by which the figures of this bench were taken."""
    integration.protocol = "v2"
    integration.save(update_fields=["protocol"])


def settle() -> None:
    """Have the database finish what earlier rounds left to be written, so that no round pays for another."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("CHECKPOINT")


def at_work(integration: Any, work: Callable[[Any], object], *, reads_everything: bool = False) -> dict[str, Any]:
    """Do a step's work as a run would: its counts, the ``seconds`` and the ``calls`` it took."""
    from django.utils import timezone

    from dotbridge.connections.models import RunKind
    from dotbridge.integrations.services import open_account
    from dotbridge.sync.context import NobodyWatches, RunContext, StepContext
    from dotbridge.sync.models import Step, SyncRun

    kind = RunKind.RECONCILE if reads_everything else RunKind.IMPORT
    run = SyncRun.objects.create(integration=integration, kind=kind, trigger="bench", started_at=timezone.now())
    with open_account(integration) as account:
        account.connect()
        context = RunContext(
            integration=integration,
            account=account,
            run=run,
            observer=NobodyWatches(),
            server_now=account.server_time(),
            wait_seconds=0,
            reads_everything=reads_everything,
        )
        step = StepContext(run=context, step=Step.objects.create(run=run, name="bench", started_at=timezone.now()))
        before, started = account.requests, time.perf_counter()
        work(step)
        return {**step.step.counts, "seconds": time.perf_counter() - started, "calls": account.requests - before}


def in_worker(script: str, sandbox: SandboxProcess, **task: Any) -> dict[str, Any]:
    """What a script makes of a task in a process of its own: its result, with that process's ``peak_rss_mb``.

    ``processor_seconds`` is what all processes took for it together, without the worker's getting ready.
    """
    command = [sys.executable, script, "--worker", json.dumps(task)]
    before = sandbox.processor_seconds()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    answer["processor_seconds"] = sandbox.processor_seconds() - before - answer.pop("getting_ready")
    return answer


def answer_as_worker(tasks: dict[str, Callable[..., dict[str, Any]]]) -> bool:
    """In a worker: do the task of the command line, print its result, and say so."""
    if sys.argv[1:2] != ["--worker"]:
        return False
    task = json.loads(sys.argv[2])
    set_up()
    from dotbridge.processes import keep_what_is_loaded

    # As a worker does once all is loaded.
    keep_what_is_loaded()
    ready = time.process_time()
    result = tasks[task.pop("name")](**task)
    getting_ready = ready + result.pop("getting_ready", 0.0)
    print(json.dumps({**result, "peak_rss_mb": peak_rss_mb(), "getting_ready": getting_ready}))
    return True


def peak_rss_mb() -> float:
    """The largest resident size of this process so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def show(result: dict[str, Any], *, as_json: bool, table: Callable[[dict[str, Any]], None]) -> None:
    """One JSON object for a script, or a table for people."""
    if as_json:
        print(json.dumps(result))
    else:
        table(result)

"""A worker that is killed at a named point: a program of its own that `test_kill` asks for one run after the other.

    python -m tests.faults.killed

It reads orders from standard input, a line of JSON each: `integration`, `kind`, `origin`, `wait_seconds`, and the
`point` MODULE:FUNCTION, the `moment` before or after, and which call, `nth`. For each it forks, so that a run costs no
start of an interpreter, and says on a line the exit code. The function is wrapped only there, in that process: on its
NTH call the process kills itself with SIGKILL, before or after the function has done its work. Nothing else is changed.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import signal
import sys
import traceback
from typing import Any

import django

SECONDS_FOR_ONE_RUN = 120


def main() -> None:
    """Carry out orders until the input ends."""
    django.setup()
    from django.db import connection

    # What a run needs is imported before the first of them.
    importlib.import_module("dotbridge.sync.engine")
    connection.settings_dict["NAME"] = os.environ["TEST_DATABASE"]
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _work_and_end(**json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def _work_and_end(**order: Any) -> None:
    code = 1
    signal.alarm(SECONDS_FOR_ONE_RUN)
    try:
        work(**order)
        code = 0
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(code)


def work(*, integration: int, point: str, moment: str, nth: int, kind: str, origin: str, wait_seconds: float) -> None:
    """Run a synchronisation that does not survive the point."""
    from django.conf import settings

    settings.DOTBRIDGE = settings.DOTBRIDGE | {"API_ORIGINS": (origin,), "UNKNOWN_OUTCOME_SECONDS": 0.0}
    from dotbridge.connections.models import RunKind
    from dotbridge.integrations.models import Integration
    from dotbridge.sync.engine import run_sync

    wrap(point, moment, nth)
    run_sync(
        integration=Integration.objects.get(pk=integration),
        kind=RunKind(kind),
        trigger="test",
        wait_seconds=wait_seconds,
    )


def wrap(point: str, moment: str, nth: int) -> None:
    """Put the end of this process before or after the NTH call of a function or method."""
    module_name, _, path = point.partition(":")
    owner: Any = importlib.import_module(module_name)
    *outer, name = path.split(".")
    for part in outer:
        owner = getattr(owner, part)
    original = getattr(owner, name)
    calls = 0

    @functools.wraps(original)
    def dying(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == nth and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if calls == nth and moment == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, dying)


if __name__ == "__main__":
    main()

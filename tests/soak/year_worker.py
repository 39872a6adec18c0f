"""The worker of the scripted year: a program of its own that begins a run whenever it is told to, and can be killed.

    python -m tests.soak.year_worker

It reads lines `KIND INTEGRATION SECONDS` from standard input. For each it forks, so that a run costs no start of an
interpreter, kills the process with SIGKILL after so many seconds, and says on a line what became of it: `killed` or
`ended`. How long is waited between the tries of a call is shortened, here alone; nothing else is changed.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from types import SimpleNamespace

import django

SHORTENED = 0.02


def main() -> None:
    """Begin runs until the input ends."""
    django.setup()
    from django.conf import settings
    from django.db import connection

    from dotdigital import patience

    connection.settings_dict["NAME"] = os.environ["TEST_DATABASE"]
    settings.DOTBRIDGE = settings.DOTBRIDGE | {"API_ORIGINS": (os.environ["TEST_ORIGIN"],)}
    patience.time = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds * SHORTENED))  # type: ignore[attr-defined]
    for line in sys.stdin:
        kind, integration_id, seconds = line.split()
        child = os.fork()
        if child == 0:
            _work(kind, int(integration_id))
        print("ended" if _has_ended(child, float(seconds)) else "killed", flush=True)


def _has_ended(child: int, seconds: float) -> bool:
    """Whether the process came to its end by itself. Until it was waited for its number is nobody else's."""
    deadline = time.monotonic() + seconds
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return False
        time.sleep(0.005)
    return True


def _work(kind: str, integration_id: int) -> None:
    try:
        work(kind, integration_id)
    finally:
        os._exit(0)


def work(kind: str, integration_id: int) -> None:
    """One run."""
    from dotbridge.connections.models import RunKind
    from dotbridge.integrations.models import Integration
    from dotbridge.sync.engine import run_sync

    run_sync(integration=Integration.objects.get(pk=integration_id), kind=RunKind(kind), trigger="soak")


if __name__ == "__main__":
    main()

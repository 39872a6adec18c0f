"""A worker that is killed at a named point: run as a program of its own by `test_kill`.

    python -m tests.faults.killed INTEGRATION MODULE:FUNCTION before|after NTH [KIND]

The function is wrapped only here, in this process: on its NTH call the process kills itself with SIGKILL, before or
after the function has done its work. Nothing else is changed.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import os
import signal
import sys
from typing import Any

import django


def main(integration_id: str, point: str, moment: str, nth: str, kind: str = "sync") -> None:
    """Run a synchronisation, a whole one unless a kind is named, that does not survive the point."""
    django.setup()
    from django.conf import settings
    from django.db import connection

    connection.settings_dict["NAME"] = os.environ["TEST_DATABASE"]
    settings.CONFIG = dataclasses.replace(
        settings.CONFIG, api_origins=(os.environ["TEST_ORIGIN"],), unknown_outcome_seconds=0.0
    )
    from dotbridge.connections.models import RunKind
    from dotbridge.integrations.models import Integration
    from dotbridge.sync.engine import run_sync

    wrap(point, moment, int(nth))
    integration = Integration.objects.get(pk=integration_id)
    run_sync(
        integration=integration, kind=RunKind(kind), trigger="test", wait_seconds=float(os.environ["TEST_WAIT_SECONDS"])
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
    main(*sys.argv[1:])

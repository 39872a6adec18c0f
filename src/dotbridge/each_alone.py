"""Several works of one job, each alone: one that fails keeps none of the others from being done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import structlog
from django.db import connection

log = structlog.get_logger(__name__)


class SomeFailed(RuntimeError):
    """Not all of them could be done. The text names those that could not; the log says why."""


def do_each_alone(works: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """Do these works one after the other and answer what each answers, by its name.

    Raises SomeFailed after the last one, when one or several of them failed.
    """
    answers: dict[str, Any] = {}
    failed: list[str] = []
    for name, work in works.items():
        try:
            answers[name] = work()
        except Exception:
            log.exception("a part of a job failed, the others go on", part=name)
            failed.append(name)
            # What was lost with the first is asked for anew by the next.
            connection.close_if_unusable_or_obsolete()
    if failed:
        raise SomeFailed(f"These could not be done: {', '.join(failed)}.")
    return answers

"""The queues of the background jobs, and which goes before which.

Their names are our own: a host may keep its jobs in the same tables, and no worker of ours takes any of those.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

# Between the jobs of one queue: what people asked for and nobody has done goes before imports, those before exports.
REQUEST_RANK, IMPORT_RANK, EXPORT_RANK = 20, 10, 0
# What was passed over for too long goes before all of these.
WAITED_RANK = 30

# How long a failed job stays to be seen. One that succeeded goes at once: what a run did is kept with the run.
KEEP_JOBS = timedelta(days=7)


class Queue(StrEnum):
    """The queues; the first goes first."""

    CONTROL = "dotbridge_control"  # schedules and lost jobs
    PEOPLE = "dotbridge_people"  # what a person pressed
    FILES = "dotbridge_files"  # files of people that are loaded: they wait only for each other
    SYNC = "dotbridge_sync"  # what is on the schedule
    COUNTS = "dotbridge_counts"  # lists that are counted for a page: they wait only for each other
    BULK = "dotbridge_bulk"  # what reads everything: first readings and full comparisons

    def priority(self, rank: int = EXPORT_RANK) -> int:
        """The number that the queue of jobs sorts by, the highest first."""
        return 100 * list(reversed(Queue)).index(self) + rank


def start_delay(integration_id: int, *, seconds: float) -> float:
    """How many seconds after the clock's an integration's scheduled run starts: always the same, from 0 to `seconds`.

    Multiples of the golden ratio lie as far apart as can be, however many there are.
    """
    return integration_id * 0.618033988749895 % 1 * seconds

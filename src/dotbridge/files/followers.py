"""Who wants to know what was loaded, in the transaction of the load: to keep something in step with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from dotbridge.files.stage import STAGE

if TYPE_CHECKING:
    from dotbridge.files.models import FileLoad
    from dotbridge.files.report import LoadReport

Follower = Callable[["FileLoad", "LoadReport"], None]

# The records of all rows that were taken, as text, for a statement of one's own.
LOADED_RECORDS = f"SELECT DISTINCT record::text AS record_id FROM {STAGE} WHERE record IS NOT NULL"

_followers: list[Follower] = []


def follow_loads(follower: Follower) -> Follower:
    """Register who is told of every load, after its records were written. What it raises ends the load."""
    if follower not in _followers:
        _followers.append(follower)
    return follower


def tell_followers(load: FileLoad, report: LoadReport) -> None:
    """Tell everybody who follows."""
    for follower in _followers:
        follower(load, report)

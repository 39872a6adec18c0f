"""Erasures and whoever stores what was read of people take turns: nobody who is erased at this moment comes in again.

What a transaction stores is not seen by an erasure that ends before it, and the erasure is not seen by it.
"""

from __future__ import annotations

from django.db import connection

from dotbridge.lock_keys import LOCK_KEY

_ERASURE = "dotbridge.consent.erasure"


def hold_off_erasures() -> None:
    """Until the transaction ends nobody is erased. Call it before it is asked who was. Many may do so at a time."""
    _take("pg_advisory_xact_lock_shared")


def wait_for_storing() -> None:
    """Until the transaction ends nobody stores what was read of people; whoever does so now has ended."""
    _take("pg_advisory_xact_lock")


def _take(function: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}({LOCK_KEY})", [_ERASURE])

"""What belongs to one process alone begins anew in a child that was forked from it.

A child has its parent's sockets and locks. Were both to use the same connection, each might be given the other's
answers; a lock that another thread held is never freed there.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class OfOneProcess(Protocol):
    """Something with connections or locks."""

    def begin_anew(self) -> None:
        """Takes new ones. What there was is left as it is: it is the parent's."""


_known: WeakSet[OfOneProcess] = WeakSet()


def begin_anew_in_children(each: OfOneProcess) -> None:
    """Has ``begin_anew`` called in each child, before anything else happens there."""
    _known.add(each)


def _in_child() -> None:
    for each in list(_known):
        each.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)

"""Where earlier pages of a list ended, so that the next does not walk the list from its start."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from typing import Any

REMEMBERED = 64


class PageMarks:
    """Which id stands before which position of a list, as earlier pages showed it, until anything is written."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lists: OrderedDict[tuple[Any, ...], tuple[int, list[int], list[int]]] = OrderedDict()

    def nearest(self, key: tuple[Any, ...], generation: int, position: int) -> tuple[int, int]:
        """The last known position at or before the wanted one, and the id that stands before it."""
        with self._lock:
            seen, positions, ids = self._lists.get(key, (generation, [0], [0]))
            if seen != generation:
                return 0, 0
            at = bisect_right(positions, position) - 1
            return positions[at], ids[at]

    def remember(self, key: tuple[Any, ...], generation: int, position: int, last_id: int) -> None:
        """Note that this id stands before this position."""
        with self._lock:
            seen, positions, ids = self._lists.get(key, (generation, [0], [0]))
            if seen > generation:
                return
            if seen != generation:
                positions, ids = [0], [0]
            at = bisect_right(positions, position)
            if positions[at - 1] != position:
                positions.insert(at, position)
                ids.insert(at, last_id)
            self._lists[key] = (generation, positions, ids)
            self._lists.move_to_end(key)
            if len(self._lists) > REMEMBERED:
                self._lists.popitem(last=False)

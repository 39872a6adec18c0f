"""Reading the next part of a feed while the database stores the last one.

A thread of its own reads, with a database connection of its own for the shared quota, so no transaction waits for the
network (see docs/adr/0015).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import TypeVar

from django.db import connections

Part = TypeVar("Part")


@contextmanager
def read_ahead(parts: Generator[Part]) -> Iterator[Iterator[Part]]:
    """The same parts in the same order, each read while the one before it is being stored; never more than one ahead.

    What goes wrong while a part is read is raised where that part would have come. At the end of the block the reader
    has stopped, and its database connection is closed.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="read-ahead") as reader:
        context = copy_context()

        def read_one() -> Part | None:
            return context.run(next, parts, None)

        def in_order() -> Iterator[Part]:
            ahead = reader.submit(read_one)
            while (part := ahead.result()) is not None:
                ahead = reader.submit(read_one)
                yield part

        try:
            yield in_order()
        finally:
            reader.submit(parts.close)
            reader.submit(connections.close_all)

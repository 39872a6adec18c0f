"""The same calls for programs with an event loop, which nothing may hold up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from dotdigital.account import Account

Answer = TypeVar("Answer")
_END: Final = object()


class AsyncAccount:
    """An account whose calls are made in threads while the event loop goes on: the same calls, types and errors.

    Takes what ``Account`` takes. A task that is cancelled does not wait any more; the request that it sent goes on, as
    one that was sent cannot be called back.
    """

    def __init__(self, *settings: Any, **named: Any) -> None:
        self._account = Account(*settings, **named)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the kept connections. Calls after that raise RuntimeError."""
        await asyncio.to_thread(self._account.close)

    async def ask(self, call: Callable[[Account], Answer]) -> Answer:
        """Answers what the call answers: ``await account.ask(lambda it: it.contacts.save(draft))``."""
        return await asyncio.to_thread(call, self._account)

    async def each(self, call: Callable[[Account], Iterable[Answer]]) -> AsyncIterator[Answer]:
        """Yields what the call yields: ``async for page in account.each(lambda it: it.address_books())``."""
        found = iter(await asyncio.to_thread(call, self._account))
        try:
            while (each := await asyncio.to_thread(next, found, _END)) is not _END:
                yield each  # type: ignore[misc]  # _END is told apart above
        finally:
            # A generator that is left early gives its connection back.
            if (close := getattr(found, "close", None)) is not None:
                await asyncio.to_thread(close)

"""The same calls for programs with an event loop, which nothing may hold up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterable
from types import TracebackType
from typing import Any, Concatenate, Final, ParamSpec, Self, TypeVar

from dotdigital.account import Account

Answer = TypeVar("Answer")
Taken = ParamSpec("Taken")
_END: Final = object()


def _taking_what(
    other: Callable[Concatenate[Any, Taken], None],  # noqa: ARG001 - it is there for its type
) -> Callable[[Callable[..., None]], Callable[Concatenate[Any, Taken], None]]:
    """Has a function take the arguments that another one does, also in the eyes of editors and type checkers."""
    return lambda function: function


class AsyncAccount:
    """An account whose calls are made in threads while the event loop goes on: the same calls, types and errors.

    Takes what ``Account`` takes. A task that is cancelled does not wait any more; the request that it sent goes on, as
    one that was sent cannot be called back.
    """

    @_taking_what(Account.__init__)
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
        """Answers what the call answers: ``await account.ask(lambda it: it.contacts.save(draft))``.

        Raises TypeError for a call that yields, whose requests would hold up the loop: ``each`` is for those.
        """
        answer = await asyncio.to_thread(call, self._account)
        if isinstance(answer, Generator):
            raise TypeError("this call yields what it finds, with requests in between: ask it with each")
        return answer

    async def each(self, call: Callable[[Account], Iterable[Answer]]) -> AsyncIterator[Answer]:
        """Yields what the call yields: ``async for page in account.each(lambda it: it.address_books())``."""
        found = _Found(await asyncio.to_thread(call, self._account))
        is_asked = False
        try:
            while True:
                is_asked = True
                each = await asyncio.to_thread(found.next)
                is_asked = False
                if each is _END:
                    return
                yield each
        finally:
            # What is left early gives its connection back; while it is asked, once that has come to its end.
            closing = asyncio.get_running_loop().run_in_executor(None, found.close)
            if not is_asked:
                await closing


class _Found:
    """What a call yields, for threads: it is not closed while it is asked."""

    def __init__(self, found: Iterable[Any]) -> None:
        self._found = iter(found)
        self._lock = threading.Lock()

    def next(self) -> Any:
        """Answers the next one, or _END."""
        with self._lock:
            return next(self._found, _END)

    def close(self) -> None:
        """Ends a generator; anything else has nothing to be ended."""
        with self._lock:
            if (close := getattr(self._found, "close", None)) is not None:
                close()

"""What stands between the network and pages that work in threads: no thread ever waits for somebody's line.

A request's body is read whole in the event loop, under a limit of time and of size, before a thread is asked for; an
answer is taken from its thread as fast as that makes it and sent as fast as the reader reads it. Both lie in memory
while they are small and in a temporary file beyond that.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from dataclasses import dataclass
from typing import Any

from a2wsgi.asgi_typing import ASGIApp, HTTPScope, Receive, Send
from django.utils.translation import gettext as _

IN_MEMORY = 64 * 1024
CHUNK = 64 * 1024
# Who sends slower than this does not want to be read.
SLOWEST_BYTES_A_SECOND = 50_000
# How many bodies of the greatest size may lie in temporary files at once.
LARGEST_BODIES_AT_ONCE = 10


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much a request may bring, in bytes, and how many seconds it may take.

    A body has a second more for each SLOWEST_BYTES_A_SECOND of it that have come.
    """

    body_bytes: int
    seconds: float


class _Refused(Exception):
    """The request is not read any further. The text is for the person who sent it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


class _Gone(Exception):
    """Whoever sent the request has closed the connection."""


class _Spool:
    """Bytes written at one end and read at the other: in memory, beyond IN_MEMORY in a temporary file."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115 - closed by `close`
        self.size = self._read = 0

    @property
    def on_disk(self) -> int:
        """How many bytes lie in a temporary file."""
        return self.size if self.size > IN_MEMORY else 0

    @property
    def rest(self) -> int:
        """How many bytes were not read yet."""
        return self.size - self._read

    def write(self, data: bytes) -> None:
        self._file.seek(self.size)
        self._file.write(data)
        self.size += len(data)

    def read(self) -> bytes:
        self._file.seek(self._read)
        data = self._file.read(CHUNK)
        self._read += len(data)
        return data

    def close(self) -> None:
        self._file.close()


class Spooled:
    """An ASGI application that gives another one whole requests, and takes its answers off its hands."""

    def __init__(self, app: ASGIApp, *, limits: Limits) -> None:
        self._app, self._limits = app, limits
        self._on_disk = 0

    async def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """Pass one request on, or answer 408, 413 or 503 in its place."""
        body = _Spool()
        with contextlib.closing(body):
            try:
                await self._read_body(scope, receive, body)
            except _Gone:
                return
            except _Refused as refused:
                await _refuse(refused, receive, send, seconds=self._limits.seconds)
                return
            finally:
                self._on_disk -= body.on_disk
            await self._pass_on(scope, receive, send, body)

    async def _read_body(self, scope: HTTPScope, receive: Receive, body: _Spool) -> None:
        most = self._limits.body_bytes
        if _announced(scope) > most:
            raise _too_large(most)
        deadline = asyncio.get_running_loop().time() + self._limits.seconds
        more = True
        while more:
            data, more = await _receive_by(deadline, receive)
            deadline += len(data) / SLOWEST_BYTES_A_SECOND
            before = body.on_disk
            body.write(data)
            self._on_disk += body.on_disk - before
            if body.size > most:
                raise _too_large(most)
            if body.on_disk and self._on_disk > most * LARGEST_BODIES_AT_ONCE:
                raise _Refused(503, _("Too many large files are being sent at the moment. Try again in a minute."))

    async def _pass_on(self, scope: HTTPScope, receive: Receive, send: Send, body: _Spool) -> None:
        async def receive_from_spool() -> Any:
            if body.size and not body.rest:
                return await receive()
            data = body.read()
            return {"type": "http.request", "body": data, "more_body": bool(body.rest)}

        answer = _Answer()
        delivery = asyncio.create_task(answer.deliver(send))
        try:
            await self._app(_with_length(scope, body.size), receive_from_spool, answer.take)
            answer.end()
            await delivery
        finally:
            delivery.cancel()
            answer.close()


class _Answer:
    """An answer on its way: taken from the application at once, sent at the reader's pace."""

    def __init__(self) -> None:
        self._spool = _Spool()
        self._head: Any = None
        self._is_whole = self._has_ended = False
        self._news = asyncio.Event()

    async def take(self, message: Any) -> None:
        """The application's `send`. It never waits."""
        if message["type"] == "http.response.start":
            self._head = message
        else:
            self._spool.write(message.get("body", b""))
            self._is_whole = not message.get("more_body", False)
        self._news.set()

    def end(self) -> None:
        """The application has returned: no more comes."""
        self._has_ended = True
        self._news.set()

    async def deliver(self, send: Send) -> None:
        """Send all of it. An answer that the application left unfinished is left unfinished too."""
        while self._head is None and not self._has_ended:
            await self._wait_for_news()
        if self._head is None:
            return
        await send(self._head)
        is_last = False
        while not is_last:
            if not self._spool.rest and not self._is_whole:
                if self._has_ended:
                    return
                await self._wait_for_news()
                continue
            data = self._spool.read()
            is_last = self._is_whole and not self._spool.rest
            await send(_body(data, more=not is_last))

    def close(self) -> None:
        self._spool.close()

    async def _wait_for_news(self) -> None:
        await self._news.wait()
        self._news.clear()


def _body(data: bytes, *, more: bool) -> Any:
    return {"type": "http.response.body", "body": data, "more_body": more}


async def _receive_by(deadline: float, receive: Receive) -> tuple[bytes, bool]:
    try:
        async with asyncio.timeout_at(deadline):
            message: Any = await receive()
    except TimeoutError:
        raise _Refused(408, _("The request took too long to arrive.")) from None
    if message["type"] == "http.disconnect":
        raise _Gone
    return message.get("body", b""), message.get("more_body", False)


async def _refuse(refused: _Refused, receive: Receive, send: Send, *, seconds: float) -> None:
    """Answer, and let go of the connection; what still comes of the request is thrown away.

    A browser reads an answer only after it has sent its file, and takes a closed connection for a fault of the network.
    """
    text = refused.text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(text)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send(_body(text, more=True))
    deadline = asyncio.get_running_loop().time() + seconds
    with contextlib.suppress(_Gone, _Refused):
        more = refused.status != 408
        while more:
            _data, more = await _receive_by(deadline, receive)
    await send(_body(b"", more=False))


def _too_large(most: int) -> _Refused:
    return _Refused(413, _("The request is too large: it may have %(number)d MB.") % {"number": most // 1_000_000})


def _announced(scope: HTTPScope) -> int:
    """How many bytes the request says that it has. The server has refused what is no number."""
    return max((int(value) for name, value in scope["headers"] if name == b"content-length"), default=0)


def _with_length(scope: HTTPScope, size: int) -> HTTPScope:
    """The request as if it had said its length in advance: WSGI knows no body of unknown length."""
    if not size:
        return scope
    kept = [pair for pair in scope["headers"] if pair[0] not in {b"content-length", b"transfer-encoding"}]
    return {**scope, "headers": [*kept, (b"content-length", str(size).encode())]}

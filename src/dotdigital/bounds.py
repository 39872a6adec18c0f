"""What one call may take at most, whatever arrives: seconds from the connect to the last byte, and bytes received.

The time-outs of a socket begin anew with each piece, so a host that sends a byte now and then is never late for them:
in the head of an answer, in interim answers, in trailers, or in compressed data that stand for nothing. Here each
connect, read and write of a call asks how much of the whole is left.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import httpcore2
import httpx2

# A TLS record: the longest piece that is written with one time-out.
_PIECE: Final = 16 * 1024


class TooManyBytes(Exception):
    """More arrived than any answer of the service has."""


class Bounds:
    """The end of one call, counted from now, and how many bytes may still arrive."""

    def __init__(self, *, seconds: float, most_bytes: int) -> None:
        self._end = time.monotonic() + seconds
        self._most_bytes = most_bytes

    @property
    def passed(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self._end

    def seconds(self, wanted: float | None, late: type[Exception]) -> float:
        """Answers how long to wait for the next step: as wanted, but not beyond the end. Raises ``late`` after it."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise late("the call took longer than its total time-out")
        return left if wanted is None else min(wanted, left)

    def received(self, size: int) -> None:
        """Counts what arrived, as it was on the wire. Raises TooManyBytes."""
        self._most_bytes -= size
        if self._most_bytes < 0:
            raise TooManyBytes

    @contextmanager
    def applied(self) -> Generator[None]:
        """Holds for what the connections of a ``bounded`` transport do meanwhile, in this thread."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    def over(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yields the chunks; the bounds hold for each while it is read, in whichever thread that is."""
        while True:
            with self.applied():
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield chunk


# Not a property of the connection, because one connection carries many calls.
_current: ContextVar[Bounds | None] = ContextVar("dotdigital_bounds", default=None)


def bounded(transport: httpx2.HTTPTransport) -> httpx2.HTTPTransport:
    """Has the connections of a new transport heed the bounds applied. What they are made of is not for users to set."""
    pool = transport._pool  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    if not isinstance(pool._network_backend, httpcore2.SyncBackend):  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        raise TypeError("this version of httpx2 opens its connections in another way: no time limit could be kept")
    pool._network_backend = _Backend()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    return transport


class _Backend(httpcore2.NetworkBackend):
    """Opens connections. Finding the addresses of a host name is left to the system and its own time limits."""

    def __init__(self) -> None:
        self._plain = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Tries one address of the host after the other, all within the bounds."""
        failed: Exception = httpcore2.ConnectError("the host has no address")
        for address in _addresses(host, port):
            wait = _seconds(timeout, httpcore2.ConnectTimeout)
            try:
                return _Stream(self._plain.connect_tcp(address, port, wait, local_address, socket_options))
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
        raise failed


class _Stream(httpcore2.NetworkStream):
    """A connection whose every step heeds the bounds."""

    def __init__(self, plain: httpcore2.NetworkStream) -> None:
        self._plain = plain

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Reads what is there."""
        data = self._plain.read(max_bytes, _seconds(timeout, httpcore2.ReadTimeout))
        if (bounds := _current.get()) is not None:
            bounds.received(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Writes all, in pieces: the time-out of a write begins anew whenever the other side takes some of it."""
        for start in range(0, len(buffer), _PIECE):
            self._plain.write(buffer[start : start + _PIECE], _seconds(timeout, httpcore2.WriteTimeout))

    def close(self) -> None:
        """Closes the connection."""
        self._plain.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """Goes on encrypted."""
        wait = _seconds(timeout, httpcore2.ConnectTimeout)
        return _Stream(self._plain.start_tls(ssl_context, server_hostname, wait))

    def get_extra_info(self, info: str) -> Any:
        """Answers a property of the socket."""
        return self._plain.get_extra_info(info)


def _seconds(wanted: float | None, late: type[Exception]) -> float | None:
    bounds = _current.get()
    return wanted if bounds is None else bounds.seconds(wanted, late)


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # A name of which a part is empty or too long is none that could be looked for.
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError("the host's name is not known") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))

"""The web server: uvicorn, with a limit to everything that somebody outside could make it wait for."""

from __future__ import annotations

import asyncio
import functools
import resource
from typing import Any

import uvicorn
from a2wsgi import WSGIMiddleware
from uvicorn.protocols.http.h11_impl import H11Protocol

from dotbridge.config import Config
from dotbridge.processes import SECONDS_TO_FINISH
from dotbridge.spooling import Limits, Spooled

# Every page works with the database and waits for it, so each request gets a thread of its own.
THREADS = 10
MOST_CONNECTIONS = 65_536


def serve_pages(application: Any, config: Config) -> None:
    """Serve this WSGI application until SIGTERM or SIGINT."""
    _allow_many_connections()
    limits = Limits(body_bytes=config.request_megabytes * 1_000_000, seconds=config.request_seconds)
    pages: Any = Spooled(WSGIMiddleware(application, workers=THREADS), limits=limits)
    protocol: Any = functools.partial(PromptProtocol, seconds=config.request_seconds)
    uvicorn.run(
        pages,
        http=protocol,
        ws="none",
        host=config.host,
        port=config.port,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
        proxy_headers=bool(config.trusted_origins),
    )


class PromptProtocol(H11Protocol):
    """A connection that is let go when the head of a request does not come in time, or nobody reads the answer.

    Of the two uvicorn has no notion: such connections would stay for as long as somebody outside likes.
    """

    def __init__(self, *arguments: Any, seconds: float, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_alarm = _Alarm(seconds)
        self._reader_alarm = _Alarm(seconds)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # So that `pause_writing` is called whenever something was not taken at once, also the end of a short answer.
        transport.set_write_buffer_limits(high=0)
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_alarm.stop()
        self._reader_alarm.stop()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reader_alarm.start(self.transport)

    def resume_writing(self) -> None:
        self._reader_alarm.stop()
        super().resume_writing()

    def _watch_head(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._head_alarm.stop()
        elif not self.transport.is_closing():
            self._head_alarm.start(self.transport)


class _Alarm:
    """Ends a connection so many seconds after its start, unless it is stopped before."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def start(self, transport: asyncio.Transport) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, transport.abort)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _allow_many_connections() -> None:
    """As many open connections as the system lets us have: each that waits for its request costs one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:
        wanted = MOST_CONNECTIONS if hard == resource.RLIM_INFINITY else min(hard, MOST_CONNECTIONS)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))

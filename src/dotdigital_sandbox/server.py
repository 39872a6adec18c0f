"""A running sandbox: an account behind a real socket, in a background thread or in the foreground."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from dotdigital_sandbox.account import Account
from dotdigital_sandbox.app import TRANSPORT, Receive, SandboxApp, Scope, Send
from dotdigital_sandbox.controls import Controls
from dotdigital_sandbox.opening import open_account
from dotdigital_sandbox.settings import DEFAULT_PASSWORD, DEFAULT_USER, Settings, Switches

START_SECONDS = 10
BACKLOG = 2048
KEEP_ALIVE_SECONDS = 75
TICK_SECONDS = 0.1


class Protocol(H11Protocol):
    """HTTP/1.1 that shows the application its transport, so that a connection can be reset or cut on purpose."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection."""
        super().connection_made(transport)
        inner: Callable[[Any, Any, Any], Any] = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[TRANSPORT] = transport
            await inner(scope, receive, send)

        self.app = with_transport


class Server(uvicorn.Server):
    """A server that ends in a few milliseconds when nothing is in work.

    uvicorn's own looks ten times a second whether it should end, and then waits that long again; whoever starts a
    sandbox for each of a thousand tests waits for minutes.
    """

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen; from now on it can be told to end."""
        self._loop, self._told = asyncio.get_running_loop(), asyncio.Event()
        await super().startup(sockets)

    async def main_loop(self) -> None:
        """Serve until told to end."""
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), TICK_SECONDS)

    def end(self) -> None:
        """Tell it to end; may be called from any thread once it has started."""
        self.should_exit = True
        # A loop that is closed has ended already.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._told.set)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listeners and the idle connections; what is in work gets uvicorn's time to end."""
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        turns = 20
        while (is_at_work := bool(self.server_state.connections or self.server_state.tasks)) and turns:
            turns -= 1
            await asyncio.sleep(0.001)
        await (super().shutdown(sockets) if is_at_work else self.lifespan.shutdown())


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; raises OSError, naming the port, when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol is named; else each answer waits 40 ms for an ACK.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as problem:
        listener.close()
        raise OSError(problem.errno, problem.strerror, f"{host}:{port}") from None
    return listener


def server_of(app: SandboxApp) -> Server:
    """A server for an account that logs no paths, because paths hold addresses."""
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        access_log=False,
        log_level=logging.WARNING,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=2,
        server_header=False,
        date_header=False,
    )
    return Server(config)


class Sandbox(Controls):
    """A Dotdigital account on a socket of this machine for the length of a ``with`` block.

    ``url`` has no trailing slash; ``user`` and ``password`` are those of its API user. The words beside ``seed`` are
    the fields of :class:`Settings`; ``switches`` sets members of :class:`Switches` by name. Unlike the command's
    default, an import here takes no time beyond its work, and nothing limits the rate of calls.
    """

    def __init__(
        self,
        data_dir: str | Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        user: str = DEFAULT_USER,
        password: str = DEFAULT_PASSWORD,
        import_seconds: float = 0.0,
        deletion_seconds: float = 0.0,
        send_seconds: float = 0.0,
        refresh_seconds: float = 0.0,
        engagement_seconds: float = 0.0,
        switches: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        chosen = Switches()
        for name, value in (switches or {}).items():
            chosen.change(name, value)
        self.settings = Settings(
            data_dir=Path(data_dir),
            user=user,
            password=password,
            import_seconds=import_seconds,
            deletion_seconds=deletion_seconds,
            send_seconds=send_seconds,
            refresh_seconds=refresh_seconds,
            engagement_seconds=engagement_seconds,
            switches=chosen,
            **settings,
        )
        self.user, self.password = user, password
        self._host, self._port = host, port
        self.url = ""
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Open the account and listen; returns when calls can come.

        Raises OSError for a port or folder that cannot be used.
        """
        listener = bind(self._host, self._port)
        try:
            self.account = open_account(self.settings)
        except BaseException:
            listener.close()
            raise
        super().__init__(self.account)
        host, self._port = listener.getsockname()[:2]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self._port}"
        self._app = SandboxApp(self.account)
        self._server = server_of(self._app)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="sandbox-server", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise RuntimeError("the sandbox did not start")
            time.sleep(0.002)
        return self

    def serve(self, account: Account) -> None:
        """Serve another account from now on, at the same address; the one before is the caller's to close."""
        self._app.serve(account)
        super().__init__(account)
        self.account = account

    @property
    def is_running(self) -> bool:
        """Whether calls can come."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        """Close the socket and the account; starting again takes the same port and the same state."""
        if self._thread is None:
            return
        self._server.end()
        self._thread.join()
        self._thread = None
        self.account.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

"""A server on a real socket that answers what a test tells it to, and misbehaves on request."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    """A request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    """What goes back: raw bytes, then ``more`` of them with a pause after each, then what happens to the connection."""

    raw: bytes = b""
    end: str = "keep"  # keep, close, reset, silence, drain, sip (read the request body byte by byte)
    read_body: bool = True
    more: Iterable[bytes] = ()
    pause: float = 0.0


def answer(status: int = 200, body: Any = None, headers: dict[str, str] | None = None, **how: Any) -> Reply:
    """A well-formed answer; a body that is not bytes is sent as JSON."""
    content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Content-Length": str(len(content)), "Content-Type": "application/json", **(headers or {})}
    if status == 204:
        lines.pop("Content-Length")
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return Reply(f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + content, **how)


def cut(body: bytes, *, keep: int) -> Reply:
    """An answer that promises the whole body and breaks off after ``keep`` bytes."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return Reply(head.encode() + body[:keep], end="close")


RESET = Reply(end="reset")
SILENCE = Reply(end="silence")

Answering = Callable[[Request], Reply]


@dataclass
class Server:
    """Listens on a free port. ``replies`` are given in order; once they are used up ``otherwise`` answers."""

    replies: deque[Reply | Answering] = field(default_factory=deque)
    otherwise: Answering = field(default=lambda request: answer(200, []))
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self._closed = threading.Event()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def say(self, *replies: Reply | Answering) -> None:
        """Adds replies for the next requests."""
        self.replies.extend(replies)

    def close(self) -> None:
        """Ends the listener and every connection."""
        self._closed.set()
        for each in [self._listener, *self._open]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self.tls is not None:
                connection = self.tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            with connection:
                while self._exchange(connection):
                    pass
        except OSError:
            pass

    def _exchange(self, connection: socket.socket) -> bool:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = connection.recv(1)
            if not piece:
                return False
            head += piece
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        request = Request(method, target, headers, b"")
        planned = self.replies.popleft() if self.replies else self.otherwise
        if isinstance(planned, Reply) and not planned.read_body:
            self.requests.append(request)
        else:
            request.body = _exactly(connection, int(headers.get("content-length", "0")))
            self.requests.append(request)
        reply = planned if isinstance(planned, Reply) else planned(request)
        connection.sendall(reply.raw)
        for piece in reply.more:
            connection.sendall(piece)
            if self._closed.wait(reply.pause):
                return False
        while reply.end == "sip" and connection.recv(1) and not self._closed.wait(0.002):
            pass
        if reply.end == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if reply.end == "silence":
            self._closed.wait(30)
        while reply.end == "drain" and connection.recv(65536):
            pass
        return reply.end == "keep"


def _exactly(connection: socket.socket, size: int) -> bytes:
    body = b""
    while len(body) < size:
        piece = connection.recv(min(65536, size - len(body)))
        if not piece:
            break
        body += piece
    return body

"""The ASGI application: lets a call in, has it answered, and spoils the answer where it was told to."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import time
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import replace
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.concurrency import iterate_in_threadpool, run_in_threadpool

from dotdigital_sandbox.account import Account
from dotdigital_sandbox.call_log import LoggedCall
from dotdigital_sandbox.calls import Answer, Call
from dotdigital_sandbox.folder import new_file
from dotdigital_sandbox.front_door import FrontDoor
from dotdigital_sandbox.routing import segments_of, tidy
from dotdigital_sandbox.transport_faults import Fault, mangled

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# JSON uploads are base64 of the file, a third longer; a little more for the envelope.
BODY_OVERHEAD = 1.4
MEGABYTE = 1024 * 1024
CONTROL = "/_sandbox"
# Twenty thousand calls are kept: those with longer paths are none that anybody looks for.
LONGEST_LOGGED = 1000
TRANSPORT = "dotdigital_sandbox.transport"
# A request may name its target with the server before it (RFC 9112 §3.2.2), as those meant for a proxy do.
_ABSOLUTE = re.compile(r"^https?://[^/]*", re.IGNORECASE)


class BodyTooLong(Exception):
    """More was sent than any operation takes."""


class CallerGone(Exception):
    """The caller hung up before all of the body had come: what it meant to ask is not known."""


class SandboxApp:
    """Serves one account over ASGI."""

    def __init__(self, account: Account) -> None:
        self.serve(account)

    def serve(self, account: Account) -> None:
        """Serve this account from the next call on."""
        self._account = account
        self._door = FrontDoor(account)
        self._longest = int(account.settings.import_megabytes * BODY_OVERHEAD * MEGABYTE) + MEGABYTE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        call = self._call(scope)
        control = tidy(call.path).lower().startswith(CONTROL)
        fault = None if control else self._account.faults.strike(call.method, call.path)
        body_file = self._account.uploads / f"{uuid.uuid4()}.body"
        try:
            answer, tier = await self._answer(call, receive, body_file, fault)
        except CallerGone:
            return
        finally:
            body_file.unlink(missing_ok=True)
        if not control:
            self._log(call, answer, tier, started, fault)
        at = format_datetime(self._account.clock.now(), usegmt=True)
        await self._deliver(replace(answer, headers={"Date": at, **answer.headers}), fault, scope, send)

    async def _answer(self, call: Call, receive: Receive, body_file: Path, fault: Fault | None) -> tuple[Answer, str]:
        try:
            await self._read_body(call, receive, body_file)
        except BodyTooLong:
            return self._door.too_long(call), ""
        if fault and fault.kind == "delay" and not fault.late:
            await asyncio.sleep(fault.seconds)
        if fault and fault.kind in ("status", "reset") and not fault.late:
            return self._door.failure(call, fault.status if fault.kind == "status" else 0, fault.seconds), ""
        answer, tier = await run_in_threadpool(self._door.answer, call)
        if fault and fault.late and fault.kind == "delay":
            await asyncio.sleep(fault.seconds)
        if fault and fault.late and fault.kind == "status":
            return self._door.failure(call, fault.status, fault.seconds), tier
        return answer, tier

    def _call(self, scope: Scope) -> Call:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query: dict[str, list[str]] = {}
        for name, values in parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True).items():
            query.setdefault(name.lower(), []).extend(values)
        base = f"{scope['scheme']}://{headers.get('host') or _address(scope)}"
        path, raw = _ABSOLUTE.sub("", scope["path"]), scope.get("raw_path") or scope["path"].encode()
        segments = segments_of(_ABSOLUTE.sub("", raw.decode("latin-1")))
        return Call(self._account, scope["method"].upper(), path, {}, query, headers, base, segments)

    async def _read_body(self, call: Call, receive: Receive, path: Path) -> None:
        """Small bodies are kept in memory, uploads on disk."""
        to_disk = self._door.wants_file(call)
        pieces: list[bytes] = []
        length = 0
        file = new_file(path) if to_disk else None
        try:
            more = True
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise CallerGone
                piece = message.get("body", b"")
                more = message.get("more_body", False)
                length += len(piece)
                if length > self._longest:
                    raise BodyTooLong
                if file:
                    file.write(piece)
                else:
                    pieces.append(piece)
        finally:
            if file:
                file.close()
        call.body = b"".join(pieces)
        call.body_file = path if to_disk else None

    def _log(self, call: Call, answer: Answer, tier: str, started: float, fault: Fault | None) -> None:
        self._account.log.add(
            LoggedCall(
                at=self._account.clock.text(),
                method=call.method,
                path=call.path[:LONGEST_LOGGED],
                status=answer.status,
                tier=tier,
                milliseconds=round((time.perf_counter() - started) * 1000, 2),
                fault=fault.kind if fault else None,
            )
        )

    async def _deliver(self, answer: Answer, fault: Fault | None, scope: Scope, send: Send) -> None:
        transport: asyncio.Transport | None = scope.get("extensions", {}).get(TRANSPORT)
        if fault and transport:
            if fault.kind == "reset":
                _reset(transport)
                return
            if fault.kind == "cut":
                await _send_half(await _whole(answer), send, transport)
                return
        if fault and fault.kind in ("malformed", "duplicate", "reorder"):
            answer = await _whole(answer)
            answer = replace(answer, content=mangled(fault.kind, answer.content))
        await _send_all(answer, send)


def _address(scope: Scope) -> str:
    """Where the call came to: one of HTTP/1.0 need not say how it calls this server."""
    host, port = scope["server"]
    return f"{f'[{host}]' if ':' in host else host}:{port}"


def _head(answer: Answer, length: int | None) -> MutableMapping[str, Any]:
    # In their usual case: there are clients that look for them letter by letter.
    headers = dict(answer.headers)
    if answer.media_type:
        headers["Content-Type"] = answer.media_type
    if length is not None:
        headers["Content-Length"] = str(length)
    return {"type": "http.response.start", "status": int(answer.status), "headers": _encoded(headers)}


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


async def _send_all(answer: Answer, send: Send) -> None:
    if answer.pieces is None:
        # A 204 must not announce a length.
        await send(_head(answer, len(answer.content) if answer.media_type or answer.content else None))
        await send({"type": "http.response.body", "body": answer.content})
        return
    await send(_head(answer, None))
    async for piece in iterate_in_threadpool(answer.pieces):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _whole(answer: Answer) -> Answer:
    if answer.pieces is None:
        return answer
    content = b"".join([piece async for piece in iterate_in_threadpool(answer.pieces)])
    return replace(answer, content=content, pieces=None)


async def _send_half(answer: Answer, send: Send, transport: asyncio.Transport) -> None:
    await send(_head(answer, max(2, len(answer.content))))
    await send({"type": "http.response.body", "body": answer.content[: len(answer.content) // 2], "more_body": True})
    transport.close()


def _reset(transport: asyncio.Transport) -> None:
    raw = transport.get_extra_info("socket")
    if raw is not None:
        # Lingering for no time makes the kernel send RST in place of FIN.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return

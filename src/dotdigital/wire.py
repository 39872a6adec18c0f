"""One HTTP call after the other: limits, retries, and what a failure on the way means."""

from __future__ import annotations

import base64
import functools
import logging
import ssl
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Final, TypeVar

import httpx2

from dotdigital.answers import ERROR_BODY_LIMIT, describe, error_for, read_refusal
from dotdigital.bounds import Bounds, TooManyBytes, bounded
from dotdigital.compression import decompressed
from dotdigital.decoding import MOST_VALUES, TooManyValues
from dotdigital.errors import ConfigurationError, DotdigitalError, NotFound, Rejected, Throttled, Transient
from dotdigital.json_stream import Unreadable
from dotdigital.limits import TOO_MANY, Limiter, seconds_to_reset
from dotdigital.lost_answers import no_answer, not_understood, too_large
from dotdigital.operations import Operation
from dotdigital.patience import Patience, Retry, check_seconds
from dotdigital.processes import begin_anew_in_children
from dotdigital.uploads import Body

Read = TypeVar("Read")
Query = Mapping[str, str | int | Sequence[str]]

NO_CONTENT: Final = 204
# Nobody asked for a part, which could be read as a whole list, or named what is known already: a cache answered.
_UNASKED: Final = {206: "a part of an answer", 304: "an answer that was not to be sent again"}
_NOT_FOUND: Final = 404
# A page of 1,000 contacts with every data field filled stays well below; more than this is no answer of the service.
MAX_BODY: Final = 256 * 1024 * 1024
_USER_AGENT: Final = "dotdigital-python/0.1"

log = logging.getLogger("dotdigital")


@dataclass(frozen=True, slots=True)
class Timeout:
    """Seconds to wait: for a connection, for each piece read or written, and for one call as a whole.

    ``total`` counts from the connect to the last byte of the answer, whatever arrives meanwhile; a repeated call has it
    anew. The vendor asks for at least 121 s on reads (contract §1.1). Raises ValueError for times too short for a call.
    """

    connect: float = 10.0
    read: float = 121.0
    write: float = 121.0
    total: float = 900.0

    def __post_init__(self) -> None:
        check_seconds(self, "connect", "read", "write", "total", least=0.001)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation: where to, with which query and body, and what is wanted back.

    ``nothing`` is the body that a 204 stands for. Any other empty body is a cut one, never an empty list. ``hear`` is
    given the headers of a success, their names in lower case, before its body.
    """

    operation: Operation
    path: str
    query: Query = field(default_factory=dict[str, str | int | Sequence[str]])
    body: Body | None = None
    accept: str = "application/json"
    nothing: bytes = b""
    hear: Callable[[dict[str, str]], None] | None = None


@functools.cache
def _usual_tls() -> ssl.SSLContext:
    """Verifies with the usual certificates. One for all accounts of a process: to read them takes as long as a call."""
    return httpx2.create_ssl_context()


class Wire:
    """Sends calls over kept connections and turns every failure into one of the client's errors.

    Redirects are never followed, certificates always verified, cookies not kept. Thread-safe.
    """

    def __init__(
        self,
        *,
        user: str,
        password: str,
        limiter: Limiter,
        timeout: Timeout,
        retry: Retry,
        before_request: Callable[[], None] | None,
        tls: ssl.SSLContext | None,
        proxy: str | None,
    ) -> None:
        if tls is not None and (tls.verify_mode is not ssl.CERT_REQUIRED or not tls.check_hostname):
            raise ConfigurationError("The tls context does not verify certificates. Use one that does.")
        token = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
        self._headers = {
            "authorization": f"Basic {token}",
            "accept-encoding": "gzip",
            "user-agent": _USER_AGENT,
        }
        self._tls, self._proxy = _usual_tls() if tls is None else tls, proxy
        self._limiter = limiter
        self._timeout = timeout
        self._retry = retry
        self._before_request = before_request or (lambda: None)
        self._count = 0
        self._answered_at: datetime | None = None
        self._is_closed = False
        self.begin_anew()
        begin_anew_in_children(self)

    def begin_anew(self) -> None:
        """Takes connections of its own, and none that another process has open."""
        self._count_lock = threading.Lock()
        # With it, faults of the proxy could come as errors that nobody here knows.
        if self._proxy is not None and self._proxy.lower().startswith("socks"):
            raise ConfigurationError(
                "The proxy speaks SOCKS, which is not supported. Use one of HTTP, or name the host in NO_PROXY.",
                detail="proxy not usable: SOCKS",
            )
        try:
            # The transport and not httpx2.Client: the latter logs every URL, and some of ours hold addresses.
            self._transport = bounded(httpx2.HTTPTransport(verify=self._tls, proxy=self._proxy))
        except (httpx2.InvalidURL, ValueError):
            raise ConfigurationError(
                "The proxy is not usable. Give an address such as http://proxy.example.com:3128.",
                detail="proxy not usable",
            ) from None

    @property
    def requests(self) -> int:
        """How many HTTP requests were sent, repeated ones included."""
        return self._count

    @property
    def answered_at(self) -> datetime | None:
        """When, by the service's clock, the newest answer was given, to the second; None if none has said it."""
        return self._answered_at

    def close(self) -> None:
        """Closes the kept connections. Whatever is asked afterwards is refused."""
        self._is_closed = True
        self._transport.close()

    def run(self, origin: str, call: Call, read: Callable[[Iterator[bytes]], Read]) -> Read:
        """Answers what ``read`` makes of the body, with retries where repeating does no harm.

        ``read`` raises Unreadable for a body that is not what the operation answers.
        """
        patience = Patience(self._retry)
        while True:
            self._limiter.acquire(call.operation.tier)
            try:
                with closing(self._open(origin, call)) as chunks, _understood(call.operation, _Kept(chunks)) as kept:
                    return read(kept)
            except (Throttled, Transient) as error:
                log.info("%s is tried again", error.detail)
                patience.wait(error)
            except NotFound as error:
                # The first try deleted it and its answer was lost on the way. Without a code somebody else may say so.
                if call.operation.method == "DELETE" and patience.interrupted and error.code:
                    with _understood(call.operation, _Kept(iter([call.nothing]))) as kept:
                        return read(kept)
                raise

    def stream(self, origin: str, call: Call, read: Callable[[Iterator[bytes]], Iterator[Read]]) -> Iterator[Read]:
        """Yields what ``read`` makes of the body while it arrives.

        After an interruption the call is repeated and the entries that were yielded already are passed over, so the
        body must be one that does not change.
        """
        patience = Patience(self._retry)
        done = 0
        while True:
            self._limiter.acquire(call.operation.tier)
            try:
                with closing(self._open(origin, call)) as chunks, _understood(call.operation, _Kept(chunks)) as kept:
                    for entry in islice(read(kept), done, None):
                        done += 1
                        yield entry
                    return
            except (Throttled, Transient) as error:
                log.info("%s is tried again", error.detail)
                patience.wait(error)

    def _open(self, origin: str, call: Call) -> Generator[bytes]:
        """Sends the call once and yields the chunks of a successful body; a failure is one of the client's errors."""
        if self._is_closed:
            raise RuntimeError("This Account was closed. Make another one, or ask before it is closed.")
        self._before_request()
        with self._count_lock:
            self._count += 1
        began = time.monotonic()
        outgoing = _Outgoing(call.body)
        bounds = Bounds(seconds=self._timeout.total, most_bytes=MAX_BODY)
        try:
            with bounds.applied():
                response = self._transport.handle_request(self._request(origin, call, outgoing))
            took = round((time.monotonic() - began) * 1000)
            # The template of the path: the path itself may hold an address.
            log.debug("%s %s: %s in %s ms", *call.operation[:2], response.status_code, took)
            with closing(response):
                encoding = response.headers.get("content-encoding", "")
                yield from self._judged(call, response, decompressed(bounds.over(response.iter_raw()), encoding))
        except TooManyBytes as error:
            raise too_large(call.operation, f"{MAX_BODY} bytes") from error
        except httpx2.InvalidURL as error:
            raise Rejected(
                "The address of this call would be longer than any can be, so it was not sent. Ask for less at once.",
                detail=describe(call.operation, cause="address too long"),
                code="ADDRESS_TOO_LONG",
            ) from error
        except httpx2.HTTPError as error:
            cause = "longer than the total time-out" if bounds.passed else type(error).__name__
            raise no_answer(call.operation, error, cause, is_sent=outgoing.complete) from error

    def _request(self, origin: str, call: Call, outgoing: _Outgoing) -> httpx2.Request:
        headers = {**self._headers, "accept": call.accept}
        if call.body is not None:
            headers["content-type"] = call.body.content_type
            headers["content-length"] = str(call.body.length)
        timeout = self._timeout
        limits = {"connect": timeout.connect, "read": timeout.read, "write": timeout.write, "pool": timeout.connect}
        return httpx2.Request(
            call.operation.method,
            f"{origin}{call.path}",
            params=dict(call.query) or None,
            headers=headers,
            content=None if call.body is None else outgoing.chunks(),
            extensions={"timeout": limits},
        )

    def _judged(self, call: Call, response: httpx2.Response, body: Iterator[bytes]) -> Iterator[bytes]:
        headers = {name.lower(): value for name, value in response.headers.items()}
        self._answered_at = _moment_of(headers.get("date", "")) or self._answered_at
        chunks = _of_bounded_size(body)
        is_taken = 200 <= response.status_code < 300
        if response.status_code in call.operation.accepts:
            # Such a status comes with an answer or with a refusal, and only its body tells which.
            kept = bytes(bytes_of(chunks))
            is_taken, chunks = read_refusal(kept) is None, iter([kept])
        if response.status_code in _UNASKED:
            raise not_understood(call.operation, _UNASKED[response.status_code])
        if is_taken:
            self._limiter.observe(call.operation.tier, headers, response.status_code)
            if call.hear is not None:
                call.hear(headers)
            yield from [call.nothing] if response.status_code == NO_CONTENT else chunks
            return
        error = _refusal(call.operation, response.status_code, _beginning(chunks))
        if isinstance(error, Throttled):
            wait = seconds_to_reset(headers, now=time.time())
            error.until = None if wait is None else datetime.now(UTC) + timedelta(seconds=wait)
        # The flat limit comes as a 400; to the limiter it is the same message (contract §2.1).
        status = TOO_MANY if isinstance(error, Throttled) else response.status_code
        self._limiter.observe(call.operation.tier, headers, status)
        raise error


def _moment_of(date: str) -> datetime | None:
    """Answers the time of a Date header (RFC 9110, 5.6.7); None for anything else."""
    try:
        at = parsedate_to_datetime(date)
        return at.astimezone(UTC) if at.tzinfo is not None else None
    except (TypeError, ValueError, OverflowError):
        return None


def _refusal(operation: Operation, status: int, body: bytes) -> DotdigitalError:
    """The error for a status that is no success. That a page is not there is nobody's word that a contact is not."""
    if status == _NOT_FOUND and "{" in operation.path and body.lstrip().startswith(b"<"):
        return not_understood(operation, "status 404 with HTML")
    return error_for(operation, status, body)


@contextmanager
def _understood(operation: Operation, kept: _Kept) -> Generator[_Kept, None, None]:
    """Turns a body that is not what the operation answers into the error that says what to do.

    Some clients report refusals inside a 200 (contract §3.1), so a body with an error code counts as that error.
    """
    try:
        yield kept
    except Unreadable as error:
        refusal = read_refusal(kept.beginning)
        if refusal is not None and refusal.code:
            raise error_for(operation, 200, kept.beginning) from error
        raise not_understood(operation, str(error)) from error
    except TooManyValues as error:
        raise too_large(operation, f"{MOST_VALUES} values") from error


class _Outgoing:
    """Counts how much of a body was handed over, to tell a request cut short from one that may have been taken."""

    def __init__(self, body: Body | None) -> None:
        self._body = body
        self._left = body.length if body is not None else 0

    def chunks(self) -> Iterator[bytes]:
        """Yields the body and counts what was taken."""
        if self._body is not None:
            for chunk in self._body.chunks():
                self._left -= len(chunk)
                yield chunk

    @property
    def complete(self) -> bool:
        """Whether all of the body was taken, and may therefore have arrived."""
        return self._left <= 0


class _Kept:
    """Passes chunks on and keeps the first kilobytes, for the case that they turn out to be an error."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.beginning = b""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = next(self._chunks)
        if len(self.beginning) < ERROR_BODY_LIMIT:
            self.beginning += chunk[:ERROR_BODY_LIMIT]
        return chunk


def bytes_of(chunks: Iterator[bytes]) -> bytearray:
    """Answers all chunks as one buffer, the only copy of the body."""
    body = bytearray()
    for chunk in chunks:
        body += chunk
    return body


def _of_bounded_size(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Counts the body as it is after decompression; how much came over the wire is counted where it arrives."""
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size > MAX_BODY:
            raise TooManyBytes
        yield chunk


def _beginning(chunks: Iterator[bytes]) -> bytes:
    """Answers the start of an error body; a cut or broken one is still an error with a status."""
    body = b""
    try:
        for chunk in chunks:
            body += chunk
            if len(body) >= ERROR_BODY_LIMIT:
                break
    except (httpx2.HTTPError, TooManyBytes):
        pass
    return body[:ERROR_BODY_LIMIT]

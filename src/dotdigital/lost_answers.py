"""From a call whose answer did not come, or is none, to the error that says what to do (contract §3)."""

from __future__ import annotations

import re
import ssl
from typing import Final

import httpx2

from dotdigital.answers import describe, error_for
from dotdigital.errors import ConfigurationError, DotdigitalError, Rejected, Transient, UnknownOutcome
from dotdigital.operations import Operation

_NEVER_SENT: Final = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)
_STATUS: Final = re.compile(r"[0-9]{3}\b")
_WANTS_CREDENTIALS: Final = 407
_LATER: Final = frozenset({408, 425, 429})


def too_large(operation: Operation, most: str) -> DotdigitalError:
    """An answer of more than any of the service has; ``most`` says of what, and how much."""
    cause = f"more than {most}"
    if not operation.repeatable:
        return _lost(operation, cause)
    return Rejected(
        "Dotdigital sent an answer too large to be read. Ask for smaller pages.",
        detail=describe(operation, cause=cause),
        code="ANSWER_TOO_LARGE",
    )


def no_answer(operation: Operation, error: httpx2.HTTPError, cause: str, *, is_sent: bool) -> DotdigitalError:
    """The connection failed; ``is_sent`` says whether all of the request may have arrived before that."""
    if _certificate_refused(error):
        return ConfigurationError(
            "The host's certificate could not be verified, so nothing was sent. Check the address, and that this "
            "machine trusts the authority that issued the certificate.",
            detail=describe(operation, cause="certificate not verified"),
        )
    if isinstance(error, httpx2.ProxyError) and (refusal := _refused_by_proxy(operation, str(error))):
        return refusal
    if isinstance(error, _NEVER_SENT) or not is_sent:
        return Transient(
            "Dotdigital could not be reached. Check the network if this stays; it is tried again later.",
            detail=describe(operation, cause=cause),
        )
    return _lost(operation, cause)


def _refused_by_proxy(operation: Operation, said: str) -> DotdigitalError | None:
    """What a proxy means that did not connect us, if trying again changes nothing; ``said`` begins with its status."""
    status = int(said[:3]) if _STATUS.match(said) else 0
    if status == _WANTS_CREDENTIALS:
        return error_for(operation, status, b"")
    if not 300 <= status < 500 or status in _LATER:
        return None
    return ConfigurationError(
        "The proxy refuses to connect to Dotdigital. Have it allow the host of the account, or use another one.",
        detail=describe(operation, status=status, cause="refused by the proxy"),
        status=status,
    )


def _lost(operation: Operation, cause: str) -> DotdigitalError:
    """The request went out and its answer is lost: harmless if it may be repeated, else nobody knows."""
    detail = describe(operation, cause=cause)
    if operation.repeatable:
        return Transient("The connection to Dotdigital broke off. It is tried again later.", detail=detail)
    return UnknownOutcome(
        "The connection broke off after the request was sent, so it is unknown whether Dotdigital carried it out. "
        "Look before sending it again.",
        detail=detail,
    )


def not_understood(operation: Operation, reason: str) -> DotdigitalError:
    """Something was answered that the operation never answers, perhaps by somebody else on the way."""
    detail = describe(operation, cause=f"unreadable answer: {reason}")
    if operation.repeatable:
        return Transient(
            "Something other than Dotdigital seems to have answered, such as a proxy. It is tried again later.",
            detail=detail,
        )
    return UnknownOutcome(
        "The request was sent, but its answer could not be read, so it is unknown whether Dotdigital carried it out. "
        "Look before sending it again.",
        detail=detail,
    )


def _certificate_refused(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False

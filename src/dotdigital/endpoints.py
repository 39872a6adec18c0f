"""Which hosts may be given the account's password."""

from __future__ import annotations

import re
from collections.abc import Collection

import httpx2

from dotdigital.errors import ConfigurationError

# The vendor's present and former API hosts (contract §1.1). Matched against the whole host name, nothing before or
# after it.
_VENDOR_HOST = re.compile(
    r"(?:r[0-9]{1,3}-)?api(?:-[a-z0-9]+)*\.(?:dotdigital|dotmailer)\.com|(?:r[0-9]{1,3}\.)?apiconnector\.com"
)
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,300}")
_PATHS = frozenset({"", "/", "/v2", "/v2/"})


class Endpoints:
    """Answers where the password may go: the vendor's own hosts, and the origins that were allowed by name.

    ``allowed`` are origins such as ``http://127.0.0.1:8099``; anything else among them raises ConfigurationError.
    """

    def __init__(self, allowed: Collection[str] = ()) -> None:
        self._allowed = frozenset(origin_of(url, setting="allowed_origins") for url in allowed)

    def also(self, origin: str) -> Endpoints:
        """Answers the same rule with one more origin allowed."""
        return Endpoints(self._allowed | {origin})

    def admit(self, url: str, *, setting: str) -> str:
        """Answers the origin of ``url`` if the password may be sent there (contract §1.1).

        A vendor host needs https, no port and no user info. Raises ConfigurationError that names ``setting`` and the
        host.
        """
        origin = origin_of(url, setting=setting)
        parsed = httpx2.URL(origin)
        if origin in self._allowed:
            return origin
        if parsed.scheme == "https" and parsed.port is None and _VENDOR_HOST.fullmatch(parsed.host):
            return origin
        raise ConfigurationError(
            f"The {setting} points to {origin}, which is not a Dotdigital host; nothing was sent there. "
            "Use a host such as https://r1-api.dotdigital.com, or add this one to the allowed origins if it is yours.",
            detail=f"{setting}: host {parsed.host} is not allowed",
        )


def origin_of(url: str, *, setting: str) -> str:
    """Answers scheme://host[:port] of an address that has nothing else but perhaps ``/v2``.

    Raises ConfigurationError, naming ``setting``, for user info, other paths, queries, other schemes and odd
    characters.
    """
    reason = _fault_of(url)
    if reason:
        raise ConfigurationError(
            f"The {setting} is not usable: {reason}. Give an address such as https://r1-api.dotdigital.com.",
            detail=f"{setting}: {reason}",
        )
    parsed = httpx2.URL(url)
    return f"{parsed.scheme}://{parsed.netloc.decode('ascii')}"


def _fault_of(url: str) -> str:
    if not _PRINTABLE.fullmatch(url) or "\\" in url or "%" in url:
        return "it is empty or has characters that do not belong in an address"
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        return "it is not an address"
    if parsed.scheme not in {"https", "http"} or not parsed.host:
        return "it does not start with https:// and a host"
    if parsed.userinfo or "@" in url:
        return "it carries a user name or password"
    if parsed.path not in _PATHS or parsed.query or parsed.fragment or "?" in url or "#" in url:
        return "it has a path or query behind the host"
    return ""

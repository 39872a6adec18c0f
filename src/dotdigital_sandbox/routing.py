"""Which handler answers which verb and path, however the client spells the path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from dotdigital_sandbox.calls import Answer, Call
from dotdigital_sandbox.errors import no_such_method, no_such_path
from dotdigital_sandbox.rate_limits import Tier

# A slash within a segment. Half a character, which decoding never makes.
_SLASH = "\udc2f"
LOW: Tier = "low"
MEDIUM: Tier = "medium"
HIGH: Tier = "high"
UNLIMITED: Tier = "unlimited"


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: its verb, its path with ``{names}``, who answers, and the tier of its calls (contract §2.1)."""

    method: str
    path: str
    handler: Callable[[Call], Answer]
    tier: Tier = MEDIUM
    upload: bool = False

    def heavy(self, *, full: bool) -> Tier:
        """The tier of this call; a list read with all its data weighs as a bulk read."""
        return LOW if full and self.tier == MEDIUM and self.method == "GET" else self.tier


class RouteTable:
    """All operations, matched segment by segment; a literal segment wins over a named one."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._by_length: dict[int, list[tuple[re.Pattern[str], Route]]] = {}
        for route in sorted(routes, key=_literal_first):
            self._by_length.setdefault(route.path.count("/"), []).append((_pattern(route.path), route))

    def knows(self, path: str) -> bool:
        """Whether any operation has this path."""
        path = tidy(path)
        return any(pattern.fullmatch(path) for pattern, _ in self._by_length.get(path.count("/"), ()))

    def match(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """The route and its path parameters; raises the API's 404 or 405. HEAD is answered where GET is."""
        path = tidy(path)
        has: set[str] = set()
        for pattern, route in self._by_length.get(path.count("/"), ()):
            match = pattern.fullmatch(path)
            if match:
                verbs = {"GET", "HEAD"} if route.method == "GET" else {route.method}
                if method in verbs:
                    return route, {name: _with_slashes(part) for name, part in match.groupdict().items()}
                has |= verbs
        raise no_such_method(method, has) if has else no_such_path()


def segments_of(raw: str) -> str:
    """The decoded path of a request's target, in which a slash that came as ``%2F`` parts no segments."""
    return "/".join(unquote(part).replace("/", _SLASH) for part in raw.split("/"))


def _with_slashes(part: str) -> str:
    return part.replace(_SLASH, "/")


def tidy(path: str) -> str:
    """The path without doubled and trailing slashes."""
    return "/" + "/".join(part for part in path.split("/") if part)


def _pattern(path: str) -> re.Pattern[str]:
    parts = [
        f"(?P<{part[1:-1]}>[^/]+)" if part.startswith("{") else "(?i:" + re.escape(part) + ")"
        for part in path.split("/")
    ]
    return re.compile("/".join(parts), re.DOTALL)


def _literal_first(route: Route) -> list[tuple[bool, str]]:
    return [(part.startswith("{"), part) for part in route.path.split("/")]

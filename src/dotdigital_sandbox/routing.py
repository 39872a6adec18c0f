"""Which handler answers which verb and path, however the client spells the path."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dotdigital_sandbox.calls import Answer, Call
from dotdigital_sandbox.errors import no_such_method, no_such_path
from dotdigital_sandbox.rate_limits import Tier

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
        """The route and its path parameters; raises the API's 404 or 405."""
        path = tidy(path)
        found = False
        for pattern, route in self._by_length.get(path.count("/"), ()):
            match = pattern.fullmatch(path)
            if match:
                if route.method == method:
                    return route, match.groupdict()
                found = True
        raise no_such_method(method) if found else no_such_path()


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

"""Values to choose from, where a field has few enough of them to be shown and too many to be listed in the code."""

from __future__ import annotations

from collections.abc import Collection as Values
from typing import Any, NamedTuple, Protocol


class Choice(NamedTuple):
    """One value and its name for people."""

    value: Any
    label: str


class Choices(Protocol):
    """What a field of another app offers, such as the e-mail campaigns. `value` in a rule is what stands for it."""

    def search(self, text: str, limit: int) -> list[Choice]:
        """At most `limit` values whose name holds the text."""
        ...

    def named(self, values: Values[Any]) -> dict[Any, str]:
        """The names of those of the values that exist."""
        ...

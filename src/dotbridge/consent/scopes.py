"""Which scopes bind a marketing list: everything, the list itself, and the account and the book it is connected to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dotbridge.consent.models import Scope


@dataclass(frozen=True, kw_only=True)
class ListScopes:
    """The scopes of one list. An account and a book only while the list is connected."""

    list_id: int
    account_id: int | None = None
    book_id: int | None = None

    def pairs(self) -> tuple[tuple[str, int], ...]:
        """Every scope with the key of what it names, for use in a query."""
        pairs = [(Scope.EVERYTHING.value, 0), (Scope.LIST.value, self.list_id)]
        if self.account_id is not None:
            pairs.append((Scope.ACCOUNT.value, self.account_id))
        if self.book_id is not None:
            pairs.append((Scope.BOOK.value, self.book_id))
        return tuple(pairs)


_sources: list[Callable[[int], ListScopes]] = []


def register_connections(source: Callable[[int], ListScopes]) -> None:
    """Tell how to find what a list is connected to. Connections stand on a higher floor, so they say it themselves."""
    _sources[:] = [source]


def scopes_of_list(list_id: int) -> ListScopes:
    """The scopes that bind a list now."""
    return _sources[0](list_id) if _sources else ListScopes(list_id=list_id)

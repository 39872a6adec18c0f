"""How things are made in the account that a person asked for: the parts that differ by what is made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from dotbridge.connections.models import AccountChange
from dotbridge.sync.context import StepContext

Remote = TypeVar("Remote")


class Making(ABC, Generic[Remote]):
    """How one kind of thing is made in the account. It remembers what was found there last."""

    def __init__(self) -> None:
        self._found: Remote | None = None

    def find(self, step: StepContext, change: AccountChange) -> bool:
        """Whether the account has something of this name."""
        self._found = self.look_for(step, change.name)
        return self._found is not None

    @property
    def found(self) -> Remote:
        """What was found. Raises LookupError before anything was."""
        if self._found is None:
            raise LookupError("nothing was found to be kept")
        return self._found

    @abstractmethod
    def look_for(self, step: StepContext, name: str) -> Remote | None:
        """Search the account for the name."""

    @abstractmethod
    def is_as_asked(self, change: AccountChange) -> bool:
        """Whether what was found is what was asked for."""

    @abstractmethod
    def ask(self, step: StepContext, change: AccountChange) -> None:
        """Have it made."""

    @abstractmethod
    def keep(self, change: AccountChange) -> str:
        """Bring what was found into our tables; answers what a person should know, mostly nothing."""

    @abstractmethod
    def remember_other(self, change: AccountChange) -> str:
        """Bring what was found, and is not ours, into our tables; answers what it is."""

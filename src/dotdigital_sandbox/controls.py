"""The hand that reaches into the account from outside: what tests, demos and the web page do to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dotdigital_sandbox.contact_writing import contact_of
from dotdigital_sandbox.segments import make_segment
from dotdigital_sandbox.subscriptions import complete_challenges, unsubscribe_by_email
from dotdigital_sandbox.transport_faults import Fault, FaultKind

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account


class Controls:
    """Control of one account; every method raises ValueError or the API's own refusal for what does not exist."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def fail_next(
        self,
        kind: FaultKind = "status",
        *,
        path: str = "",
        method: str = "",
        times: int | None = 1,
        after: int = 0,
        share: float = 1.0,
        status: int = 503,
        seconds: float = 0.0,
        late: bool = False,
    ) -> None:
        """Spoil coming calls whose path matches the regular expression: see :class:`Fault` for what each word means."""
        self._account.faults.order(
            Fault(kind, path, method, times, after=after, share=share, status=status, seconds=seconds, late=late)
        )

    def clear_faults(self) -> None:
        """Forget all orders of :meth:`fail_next`."""
        self._account.faults.clear()

    def calls(self, count: int | None = None) -> list[dict[str, Any]]:
        """The latest calls, oldest first: at, method, path, status, tier, milliseconds, fault."""
        return [call.as_dict() for call in self._account.log.latest(count)]

    def call_counts(self) -> dict[str, Any]:
        """How many calls were made: total, tiers, statuses."""
        return self._account.log.counts()

    def clear_calls(self) -> None:
        """Forget the calls so far."""
        self._account.log.clear()

    def unsubscribe(self, email: str, book_id: int | None = None) -> None:
        """Let the person behind an address unsubscribe from the account, or from one book."""
        with self._account.store.writing() as db:
            unsubscribe_by_email(db, self._account, email, book_id=book_id)

    def complete_challenge(self, email: str) -> int:
        """Let the person click the confirmation links they were sent; how many there were."""
        with self._account.store.writing() as db:
            return complete_challenges(db, self._account, contact_id=contact_of(db, email)["id"])

    def hold_imports(self) -> None:
        """Leave every import at ``NotFinished``."""
        self._account.background.hold_imports()

    def release_imports(self) -> None:
        """Go on with held imports."""
        self._account.background.release_imports()

    def finish_imports(self) -> None:
        """Process all imports at once and wait for their end."""
        self._account.background.finish_imports()

    def finish_import_as(self, status: str) -> None:
        """Let the oldest unfinished import, or else the next, end with the given status and without effect."""
        self._account.background.force_next(status)

    def make_segment(self, name: str, *, field: str, test: str = "equals", value: object = "") -> int:
        """Make a segment of the contacts whose data field is ``equals``, ``not-equals``.

        ``at-least`` or ``at-most`` a value.
        """
        with self._account.store.writing() as db:
            return make_segment(db, self._account, name=name, field=field, test=test, value=value)

    def finish_chores(self) -> None:
        """Do all deletions, sends and segment refreshes at once and wait for their end."""
        self._account.background.finish_chores()

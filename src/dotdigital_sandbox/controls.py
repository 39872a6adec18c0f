"""The hand that reaches into the account from outside: what tests, demos and the web page do to it."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dotdigital_sandbox.address_books import book_of
from dotdigital_sandbox.chores import next_chore_due
from dotdigital_sandbox.contact_statuses import SUPPRESSED, UNSUBSCRIBED
from dotdigital_sandbox.contact_writing import contact_of
from dotdigital_sandbox.event_export import keep_large_object
from dotdigital_sandbox.event_import import imported_events
from dotdigital_sandbox.folder import private_file, private_folder
from dotdigital_sandbox.oauth import register_client
from dotdigital_sandbox.segments import make_segment
from dotdigital_sandbox.sends import queue_send
from dotdigital_sandbox.store import ForeignState
from dotdigital_sandbox.subscriptions import complete_challenges, suppress, unsubscribe_by_email
from dotdigital_sandbox.surveys import make_survey
from dotdigital_sandbox.things import make_program
from dotdigital_sandbox.transport_faults import Fault, FaultKind

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

SCHEMES = ("none", "tiered", "flat")


class Controls:
    """Control of one account; methods raise ValueError, or the API's own refusal, for what does not exist."""

    def __init__(self, account: Account) -> None:
        self._account = account

    # Transport

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

    # Time

    def advance(self, seconds: float) -> None:
        """Move the account's clock and return when the deletions, sends and reactions that fell due have happened."""
        self._account.clock.advance(seconds)
        self._account.work.wait_until(self._no_chore_is_due)

    def freeze(self, at: datetime | None = None) -> None:
        """Stop the account's clock, now or at an aware instant."""
        if at is not None and at.tzinfo is None:
            raise ValueError("freeze wants an instant with a time zone")
        self._account.clock.freeze(at)

    def unfreeze(self) -> None:
        """Let the clock run on from where it stood."""
        self._account.clock.unfreeze()
        self._account.work.wake()

    # People

    def unsubscribe(self, email: str, book_id: int | None = None) -> None:
        """Let the person behind an address unsubscribe from the account, or from one book."""
        with self._account.store.writing() as db:
            book = None if book_id is None else book_of(db, book_id, writable=True)["id"]
            unsubscribe_by_email(db, self._account, email, book_id=book)

    def suppress(self, email: str, status: str = UNSUBSCRIBED) -> None:
        """Give a contact a suppression: a bounce, a complaint or any other status that forbids mail."""
        spelled = {each.lower(): each for each in SUPPRESSED}.get(status.lower())
        if spelled is None:
            raise ValueError(f"no contact is suppressed by {status!r}; it may be: {', '.join(SUPPRESSED)}")
        with self._account.store.writing() as db:
            suppress(db, self._account, contact_id=contact_of(db, email)["id"], status=spelled)

    def bounce(self, email: str) -> None:
        """Let the next mail to an address bounce for good."""
        self.suppress(email, "HardBounced")

    def complain(self, email: str) -> None:
        """Let the person press the spam button."""
        self.suppress(email, "IspComplained")

    def ban(self, address_or_domain: str) -> None:
        """Put an address, or a whole domain, on the suppression lists, known to the account or not."""
        key = address_or_domain.strip().lower()
        table, column = ("suppressed_address", "email_key") if "@" in key else ("suppressed_domain", "domain")
        with self._account.store.writing() as db:
            db.execute(f"INSERT OR IGNORE INTO {table} ({column}) VALUES (?)", (key,))
            where = "email_key = ?" if "@" in key else "substr(email_key, instr(email_key, '@') + 1) = ?"
            for row in db.execute(f"SELECT id FROM contact WHERE {where}", (key,)).fetchall():
                status = "SharedSuppression" if "@" in key else "DomainSuppression"
                suppress(db, self._account, contact_id=row["id"], status=status)

    def complete_challenge(self, email: str) -> int:
        """Let the person click the confirmation links they were sent; how many there were."""
        with self._account.store.writing() as db:
            return complete_challenges(db, self._account, contact_id=contact_of(db, email)["id"])

    def imported_events(self, email: str) -> list[dict[str, Any]]:
        """What clients imported about a contact through the events of version 3: id, type, at, timeline, data."""
        return imported_events(self._account, email)

    def keep_large_object(self, content: bytes, media_type: str = "application/octet-stream") -> str:
        """Keep bytes as a large object that events may refer to; its id."""
        if not (media_type.isascii() and media_type.isprintable()):
            raise ValueError(f"{media_type!r} is no media type")
        with self._account.store.writing() as db:
            return keep_large_object(db, self._account, content, media_type)

    # Background work

    def hold_imports(self) -> None:
        """Leave every import at ``NotFinished``."""
        self._account.work.hold_imports()

    def release_imports(self) -> None:
        """Go on with held imports."""
        self._account.work.release_imports()

    def finish_imports(self) -> None:
        """Process all imports at once and wait for their end."""
        self._account.work.hurry(self._no_import_is_left)

    def finish_import_as(self, status: str) -> None:
        """Let the oldest unfinished import, or else the next, end with the given status and without effect."""
        self._account.work.force_next(status)

    def finish_chores(self) -> None:
        """Do all deletions, sends and segment refreshes at once and wait for their end."""
        self._account.work.hurry(self._no_chore_is_left)

    def _no_import_is_left(self) -> bool:
        with self._account.store.reading() as db:
            return db.execute("SELECT 1 FROM import_job WHERE status = 'NotFinished'").fetchone() is None

    def _no_chore_is_due(self) -> bool:
        with self._account.store.reading() as db:
            due = next_chore_due(db)
        return due is None or due > self._account.clock.text()

    def _no_chore_is_left(self) -> bool:
        with self._account.store.reading() as db:
            return next_chore_due(db) is None

    # Objects that the API itself cannot make

    def make_segment(self, name: str, *, field: str, test: str = "equals", value: object = "") -> int:
        """Make a segment of the contacts whose data field meets a test with a value.

        The tests are ``equals``, ``not-equals``, ``at-least`` and ``at-most``.
        """
        with self._account.store.writing() as db:
            return make_segment(db, self._account, name=name, field=field, test=test, value=value)

    def make_program(self, name: str, *, status: str = "Active") -> int:
        """Make a program that contacts can be enrolled in: ``Draft``, ``Deactivated``, ``Active`` or ``ReadOnly``."""
        with self._account.store.writing() as db:
            return make_program(db, self._account, name=name, status=status)

    def make_survey(
        self, name: str, *, questions: list[str] | None = None, replies: dict[str, list[str]] | None = None
    ) -> int:
        """Make a survey of text questions; ``replies`` gives each respondent's answers in the questions' order."""
        with self._account.store.writing() as db:
            return make_survey(db, self._account, name=name, questions=questions or [], replies=replies or {})

    def send_campaign(self, campaign_id: int, book_ids: list[int] | None = None) -> None:
        """Send a campaign to books (to everybody, when there are none) and wait until its recipients have reacted."""
        queue_send(self._account, campaign_id=campaign_id, books=book_ids or [], contacts=[])
        self.finish_chores()

    # The account as a whole

    @property
    def data_dir(self) -> Path:
        """The folder the account lives in."""
        return self._account.settings.data_dir

    def add_user(self, name: str, password: str, *, scheme: str = "none") -> None:
        """Let in another API user, whose calls are limited by a scheme: ``none``, ``tiered`` or ``flat``."""
        if ":" in name:
            raise ValueError("the name of a user cannot hold a colon, which parts it from the password in a call")
        if scheme not in SCHEMES:
            raise ValueError(f"there is no scheme {scheme!r}; there are: {', '.join(SCHEMES)}")
        with self._account.store.writing() as db:
            db.execute(
                "INSERT INTO api_user (name, password, scheme) VALUES (?, ?, ?) ON CONFLICT DO UPDATE "
                "SET password = excluded.password, scheme = excluded.scheme, disabled = 0",
                (name, password, scheme),
            )

    def register_oauth_client(self, client_id: str, secret: str, *redirect_uris: str) -> None:
        """Register an application for single sign-on; without redirect URIs it may return to any."""
        with self._account.store.writing() as db:
            register_client(db, self._account, client_id=client_id, secret=secret, redirect_uris=list(redirect_uris))

    def disable_user(self, name: str) -> None:
        """Shut an API user out."""
        with self._account.store.writing() as db:
            db.execute("UPDATE api_user SET disabled = 1 WHERE name = ?", (name,))

    def change_switch(self, name: str, value: object) -> None:
        """Turn one of the switches."""
        self._account.switches.change(name, value)

    def dump(self, path: str | Path) -> None:
        """Save the state of the account as one SQLite file, which is there once it is whole."""
        part = Path(f"{path}.part")
        part.unlink(missing_ok=True)
        target = sqlite3.connect(private_file(part))
        try:
            with self._account.store.reading() as db:
                db.backup(target)
            # A file that stands alone, and can be read where nothing may be written.
            target.execute("PRAGMA journal_mode = DELETE")
        finally:
            target.close()
        part.replace(path)

    def load(self, path: str | Path) -> None:
        """Put the account into a saved state; raises ValueError when the file is none. Uploads in work are dropped."""
        if not Path(path).is_file():
            raise ValueError(f"there is no file {path}")
        source = sqlite3.connect(path)
        try:
            with self._account.work.nothing_in_hand():
                self._account.store.replace_by(source)
        except (sqlite3.DatabaseError, ForeignState) as problem:
            raise ValueError(f"{path} is no saved account: {problem}") from None
        finally:
            source.close()
        shutil.rmtree(self._account.uploads, ignore_errors=True)
        private_folder(self._account.uploads)
        self._account.work.wake()

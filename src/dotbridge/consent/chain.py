"""The chain of days: each day of the ledger is sealed with a digest of its events and of the day before.

The digest is an HMAC under the installation's key, so it cannot be made anew by somebody who can write to the database
alone. What an erasure takes out of an event is covered by keyed hashes, which stay.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time

import structlog
from django.db import connection, transaction

from dotbridge.consent.conditions import LONGEST_TRANSACTION
from dotbridge.consent.keys import HashKey, hash_key
from dotbridge.consent.models import ConsentDay, ConsentEvent
from dotbridge.lock_keys import LOCK_KEY

# So long, in seconds, whoever is writing is waited for. Then the days are sealed the next time.
LONGEST_WAIT = 10.0
_SEPARATOR = "\x1f"
# Whoever has written events keeps this lock until the transaction ends; before that nobody sees them.
_WRITERS = """
    SELECT virtualtransaction FROM pg_locks
    WHERE locktype = 'relation' AND relation = 'dotbridge_consent_consentevent'::regclass
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND mode = 'RowExclusiveLock' AND granted AND pid IS DISTINCT FROM pg_backend_pid()
"""
# Events are dated by the database, so its clock says which day is over. One that was set back dates no event into a day
# that is sealed.
NOW = """greatest(statement_timestamp(),
    (SELECT (max(day) + 1)::timestamp AT TIME ZONE 'UTC' FROM dotbridge_consent_consentday))"""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What a check of the ledger found. `broken` says of each day that is not as it was sealed what is wrong."""

    days: int
    events: int
    unsealed_events: int
    broken: dict[date, str]

    @property
    def is_intact(self) -> bool:
        """Whether every sealed day is as it was."""
        return not self.broken


def seal_days(*, now: datetime | None = None) -> int:
    """Seal every day that is over and not sealed yet, the oldest first. Answers how many.

    None is sealed while somebody is writing who may have begun on such a day: what they bring would seem to be forged.
    """
    ended = ((now or _database_time()) - LONGEST_TRANSACTION).astimezone(UTC).date()
    days = _unsealed_days(ended)
    if days and not _writers_have_ended():
        log.warning("no day of the ledger was sealed: somebody writes to it for long")
        return 0
    return sum(map(_seal, _unsealed_days(ended) if days else []))


@transaction.atomic
def _seal(day: date) -> bool:
    """Seal a day. False when another process was faster."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock({LOCK_KEY})", ["dotbridge.consent.seal"])
    before = ConsentDay.objects.order_by("-day").first()
    if before is not None and before.day >= day:
        return False
    digest, events = _digest(hash_key(), day, bytes(before.digest) if before else b"")
    ConsentDay.objects.create(day=day, events=events, digest=digest)
    return True


def verify_ledger() -> Verification:
    """Work every sealed day out again and compare. Reads the whole ledger once, a few thousand events at a time."""
    key, before = hash_key(), b""
    broken: dict[date, str] = {}
    days = events = 0
    for sealed in ConsentDay.objects.order_by("day"):
        digest, number = _digest(key, sealed.day, before)
        if number != sealed.events:
            broken[sealed.day] = f"{sealed.events} events were sealed, {number} are there."
        elif not hmac.compare_digest(digest, bytes(sealed.digest)):
            broken[sealed.day] = "Its events, or the day before it, are not those that were sealed."
        before = bytes(sealed.digest)
        days, events = days + 1, events + number
    return Verification(days=days, events=events, unsealed_events=ConsentEvent.objects.count() - events, broken=broken)


def details_of(event: ConsentEvent) -> str:
    """What of an event an erasure takes away beside the address, as one text."""
    parts: tuple[object, ...] = (event.entity, event.record_id, event.remote_id or "", event.evidence, event.actor)
    parts += (event.consent_text, event.url, event.ip_address, event.user_agent)
    return _SEPARATOR.join(map(str, parts))


def time_of_learning() -> datetime:
    """The moment with which an event is dated that is learned now."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {NOW}")
        return cursor.fetchone()[0]  # type: ignore[no-any-return]


def _database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        return cursor.fetchone()[0]  # type: ignore[no-any-return]


def _writers_have_ended() -> bool:
    """Whether all who are writing now come to their end while we wait. Who begins later writes of a later day."""
    deadline = time.monotonic() + LONGEST_WAIT
    writers = _writers()
    while writers and time.monotonic() < deadline:
        time.sleep(0.1)
        writers &= _writers()
    return not writers


def _writers() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(_WRITERS)
        return {writer for (writer,) in cursor.fetchall()}


def _unsealed_days(ended: date) -> list[date]:
    last = ConsentDay.objects.order_by("-day").values_list("day", flat=True).first()
    found = ConsentEvent.objects.filter(learned_at__lt=_midnight(ended))
    if last is not None:
        found = found.filter(learned_at__gte=_midnight(last + timedelta(days=1)))
    return sorted({moment.date() for moment in found.datetimes("learned_at", "day", tzinfo=UTC)})


def _digest(key: HashKey, day: date, before: bytes) -> tuple[bytes, int]:
    chain = hashlib.sha256(key.inner + before + day.isoformat().encode())
    number = 0
    for event in _events_of(day):
        chain.update(_line(key, event))
        number += 1
    return hashlib.sha256(key.outer + chain.digest()).digest(), number


def _events_of(day: date) -> Iterator[ConsentEvent]:
    start = _midnight(day)
    events = ConsentEvent.objects.filter(learned_at__gte=start, learned_at__lt=start + timedelta(days=1))
    return events.order_by("id").iterator(chunk_size=2_000)


def _line(key: HashKey, event: ConsentEvent) -> bytes:
    moments = (event.learned_at.astimezone(UTC).isoformat(), event.happened_at.astimezone(UTC).isoformat())
    plain = (event.pk, *moments, event.scope, event.scope_id, event.what, event.source, event.status)
    address = event.address_hash if event.address_hash is not None else key.hashed(event.email_key)
    details = event.details_hash if event.details_hash is not None else key.hashed(details_of(event))
    return _SEPARATOR.join(map(str, plain)).encode() + bytes(address) + bytes(details)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, clock_time.min, UTC)

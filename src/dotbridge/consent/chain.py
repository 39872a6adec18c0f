"""The chain of days: each day of the ledger is sealed with a digest of its events and of the day before.

The digest is an HMAC under the installation's key, so it cannot be made anew by somebody who can write to the database
alone. What an erasure takes out of an event is covered by keyed hashes, which stay.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction
from django.utils import timezone

from dotbridge.consent.keys import HashKey, hash_key
from dotbridge.consent.models import ConsentDay, ConsentEvent

# A transaction that began before midnight may bring its events a little later.
SETTLING = timedelta(hours=1)
_SEPARATOR = "\x1f"


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
    """Seal every day that is over and not sealed yet, the oldest first. Answers how many."""
    ended = ((now or timezone.now()) - SETTLING).astimezone(UTC).date()
    key, sealed = hash_key(), 0
    for day in _unsealed_days(ended):
        with transaction.atomic():
            before = ConsentDay.objects.select_for_update().order_by("-day").first()
            digest, events = _digest(key, day, bytes(before.digest) if before else b"")
            ConsentDay.objects.create(day=day, events=events, digest=digest)
        sealed += 1
    return sealed


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
    return datetime.combine(day, time.min, UTC)

"""What people, the host's code, files and the API say about consent. `bulk` writes it down.

A word about a record binds the record, under any address, and the address it has now, whoever has it later.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone

from dotbridge.consent.bulk import Recorded, record_events
from dotbridge.consent.models import OF_DOTDIGITAL, ConsentEvent, ConsentState, Scope, Source, What
from dotbridge.consent.proofs import ConsentProof
from dotbridge.entities.email import address_key, is_plausible
from dotbridge.entities.record_ids import batches, record_id_of
from dotbridge.entities.registry import entity as entity_of
from dotbridge.entities.sql import addresses_of

# Sent inside the transaction, with `entity`, `merged_ids` and `into_id`: whoever remembers of records what may bind
# them later remembers it of the one that stays.
records_merged = Signal()
# Sent inside the transaction when an opt-in comes with a proof, with `addresses`, normalised, or with `entity` and
# `record_ids`: whoever sends proofs on sends these.
consent_proved = Signal()

_OF_RECORDS = """
    SELECT %(scope)s, %(scope_id)s, %(what)s, %(source)s, '', %(happened_at)s::timestamptz, a.email_key, %(entity)s,
           r.record_id, NULL::bigint, %(evidence)s
    FROM unnest(%(record_ids)s::text[]) AS r(record_id)
    LEFT JOIN ({addresses}) AS a(record_id, email_key) ON a.record_id = r.record_id
"""
_OF_ADDRESSES = """
    SELECT %(scope)s, %(scope_id)s, %(what)s, %(source)s, '', %(happened_at)s::timestamptz, lower(trim(email)), '', '',
           NULL::bigint, %(evidence)s
    FROM unnest(%(addresses)s::text[]) AS a(email)
"""
# A record that was merged into another one takes what is known of it along; an opt-in that is older than the newest
# word against it lifts nothing of the one that stays either. What was said here is the person's word: it binds the
# address that they have now. Dotdigital's is about a contact, and spreads to no other address.
_CARRIED_OVER = """
    SELECT s.scope, s.scope_id, s.what, s.source, s.status, greatest(s.since, s.last_out_at),
           CASE WHEN s.source <> ALL(%(of_dotdigital)s) THEN a.email_key END, s.entity, %(into)s, s.remote_id,
           'merged: ' || s.subject
    FROM dotbridge_consent_consentstate s LEFT JOIN ({addresses}) AS a(record_id, email_key) ON true
    WHERE s.kind = 'record' AND s.entity = %(entity)s AND s.subject = ANY(%(merged)s) AND s.is_blocked
"""


def opt_out_records(
    *,
    entity: str,
    record_ids: Iterable[object],
    source: Source,
    scope: Scope = Scope.EVERYTHING,
    scope_id: int = 0,
    happened_at: datetime | None = None,
    evidence: str = "",
    by: AbstractBaseUser | None = None,
) -> Recorded:
    """Write no more to these records, nor to the addresses that they have, within a scope.

    Raises UnknownEntity, and ValueError for a moment without a time zone or a record id that cannot be one.
    """
    said = {"scope": scope, "scope_id": scope_id, "what": What.OPTED_OUT, "source": source, "evidence": evidence}
    return _say_of_records(entity, record_ids, said, happened_at, by)


def opt_in_records(
    *,
    entity: str,
    record_ids: Iterable[object],
    source: Source,
    scope: Scope,
    scope_id: int = 0,
    happened_at: datetime | None = None,
    evidence: str = "",
    proof: ConsentProof | None = None,
    by: AbstractBaseUser | None = None,
) -> Recorded:
    """Take an opt-out back, for the person's own newer wish alone: what was said later than `happened_at` stays.

    It lifts what was said within this scope, not what Dotdigital or a wider opt-out says. A proof says what they agreed
    to at that moment, and goes to Dotdigital with the person. Raises as `opt_out_records`, and ValueError for a proof
    without a moment.
    """
    what = What.TAKEN_BACK if happened_at is None else What.OPTED_IN
    said = {"scope": scope, "scope_id": scope_id, "what": what, "source": source, "evidence": evidence}
    return _say_of_records(entity, record_ids, said, happened_at, by, proof=proof)


def opt_out_addresses(
    *,
    addresses: Iterable[str],
    source: Source,
    happened_at: datetime | None = None,
    evidence: str = "",
    by: AbstractBaseUser | None = None,
) -> Recorded:
    """Write no more to these addresses at all, whether a record has them or not. Implausible ones are left out."""
    said = {"what": What.OPTED_OUT, "source": source, "evidence": evidence}
    return _say_of_addresses(addresses, said, happened_at, by)


def opt_in_addresses(
    *,
    addresses: Iterable[str],
    source: Source,
    happened_at: datetime | None = None,
    evidence: str = "",
    proof: ConsentProof | None = None,
    by: AbstractBaseUser | None = None,
) -> Recorded:
    """Take back that these addresses opted out of everything, for the person's own newer wish alone.

    A record that opted out under one of them stays out, and so does whoever Dotdigital or a list says it of. A proof
    is as in `opt_in_records`.
    """
    what = What.TAKEN_BACK if happened_at is None else What.OPTED_IN
    said = {"what": what, "source": source, "evidence": evidence}
    return _say_of_addresses(addresses, said, happened_at, by, proof=proof)


def carry_over(
    *, entity: str, merged_ids: Iterable[object], into_id: object, by: AbstractBaseUser | None = None
) -> int:
    """Two or more records became one: what binds those that go binds the one that stays. Answers how many words.

    What was said here binds the address of the one that stays as well. May be called before or after the others are
    deleted. Raises as `opt_out_records`.
    """
    into, merged = record_id_of(into_id), [record_id_of(each) for each in merged_ids]
    addresses, named = addresses_of(entity_of(entity), [into]).named("address")
    parameters = {**named, "entity": entity, "into": into, "merged": merged, "of_dotdigital": list(OF_DOTDIGITAL)}
    selection = _CARRIED_OVER.format(addresses=addresses)
    with transaction.atomic():
        said = record_events(selection=selection, parameters=parameters, actor=name_of(by))
        records_merged.send(ConsentState, entity=entity, merged_ids=merged, into_id=into)
    return said.events


def forget_remote_ids(*, scope: Scope, scope_id: int) -> None:
    """The contacts of this scope are named by other ids from now on: what is blocked stays so, and no id lifts it."""
    ConsentState.objects.filter(scope=scope, scope_id=scope_id).update(remote_id=None)


def name_of(by: AbstractBaseUser | None) -> str:
    """Who said it, as the ledger keeps it: the name that a person logs in with."""
    return "" if by is None else str(by.get_username())


def _say_of_records(
    entity: str,
    record_ids: Iterable[object],
    said: dict[str, Any],
    happened_at: datetime | None,
    by: AbstractBaseUser | None,
    *,
    proof: ConsentProof | None = None,
) -> Recorded:
    _require_moment(proof, happened_at)
    owner = entity_of(entity)
    fixed = {name: str(value) if name != "scope_id" else value for name, value in said.items()}
    fixed |= {"entity": entity, "happened_at": _moment(happened_at)}
    total = Recorded(0, 0, 0, 0, 0)
    with transaction.atomic():
        for batch in batches(map(record_id_of, record_ids)):
            addresses, named = addresses_of(owner, batch).named("address")
            parameters = {**fixed, **named, "record_ids": batch}
            selection = _OF_RECORDS.format(addresses=addresses)
            said_now = record_events(selection=selection, parameters=parameters, actor=name_of(by), proof=proof)
            total = _sum(total, said_now)
            if proof is not None:
                consent_proved.send(ConsentEvent, entity=entity, record_ids=batch, addresses=())
    return total


def _say_of_addresses(
    addresses: Iterable[str],
    said: dict[str, Any],
    happened_at: datetime | None,
    by: AbstractBaseUser | None,
    *,
    proof: ConsentProof | None = None,
) -> Recorded:
    _require_moment(proof, happened_at)
    fixed = {"scope": Scope.EVERYTHING.value, "scope_id": 0, "happened_at": _moment(happened_at)}
    fixed |= {name: str(value) for name, value in said.items()}
    plausible = (address.strip() for address in addresses if is_plausible(address.strip()))
    total = Recorded(0, 0, 0, 0, 0)
    with transaction.atomic():
        for batch in batches(plausible):
            parameters = {**fixed, "addresses": batch}
            said_now = record_events(selection=_OF_ADDRESSES, parameters=parameters, actor=name_of(by), proof=proof)
            total = _sum(total, said_now)
            if proof is not None:
                normalised = [address_key(address) for address in batch]
                consent_proved.send(ConsentEvent, entity="", record_ids=(), addresses=normalised)
    return total


def _require_moment(proof: ConsentProof | None, happened_at: datetime | None) -> None:
    if proof is not None and happened_at is None:
        raise ValueError("A proof is of a moment: say when they agreed with happened_at.")


def _sum(one: Recorded, other: Recorded) -> Recorded:
    return Recorded(*(left + right for left, right in zip(one, other, strict=True)))


def _moment(moment: datetime | None) -> datetime:
    """When it was said: now unless it is known. Nobody has opted out, or in, later than we learn of it: a moment of the
    future would stand against every word that follows until then."""
    now = timezone.now()
    if moment is None:
        return now
    if moment.tzinfo is None:
        raise ValueError("happened_at has no time zone: give an aware datetime")
    return min(moment, now)

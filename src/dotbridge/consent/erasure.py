"""Erasure: a person's address goes from here, and a keyed hash of it stays, so that it is never mailed again.

Each app takes away what it holds of an address when `address_erased` is sent, and a host says with
`register(erase=...)` how its own records go. The ledger keeps that something was said, when and by what way, no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.dispatch import Signal
from django.utils import timezone
from django.utils.translation import gettext as _

from dotbridge.consent.chain import details_of, time_of_learning
from dotbridge.consent.conditions import OF_ADDRESSES
from dotbridge.consent.keys import BUCKETS, HashKey, hash_key
from dotbridge.consent.models import ConsentEvent, ConsentState, ErasedAddress, Scope, Source, What
from dotbridge.consent.services import name_of
from dotbridge.consent.turns import wait_for_storing
from dotbridge.entities.email import address_key, is_plausible
from dotbridge.entities.registry import entities

# Both are sent inside the transaction, with `email_key`. What a receiver raises ends the erasure, and nothing is done.
# First: whoever knows the accounts has the person forgotten there too where that was asked for (`is_remote`), by
# `event_id`, the event that says so; and else has them not written to from there.
erasure_begins = Signal()
# Then: whoever holds data under that address deletes it.
address_erased = Signal()
# An upload is given up after a day.
ARRIVES_WITHIN = timedelta(days=2)


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """The proof of an erasure: the hash that stays, the event that says so, and when."""

    address_hash: str
    event_id: int
    erased_at: datetime


@transaction.atomic
def erase_address(*, address: str, is_remote: bool = False, by: AbstractBaseUser | None = None) -> Receipt:
    """Take everything away that is known here under an address. May be asked for again at any time.

    With `is_remote` the contact is deleted in every connected account too, whether it is known here or not: a worker
    asks for it, also for one that an upload on its way makes there later. Otherwise Dotdigital keeps it, unsubscribed
    from the address books of lists.

    Raises ValidationError for what is no address.
    """
    email_key = address_key(address)
    if not is_plausible(email_key):
        raise ValidationError(_("%(address)s is not an e-mail address.") % {"address": address.strip()[:254]})
    wait_for_storing()
    key = hash_key()
    address_hash = key.hashed(email_key)
    now = timezone.now()
    event = ConsentEvent.objects.create(
        learned_at=time_of_learning(),
        happened_at=now,
        scope=Scope.EVERYTHING,
        what=What.ERASED,
        source=Source.PERSON,
        actor=name_of(by),
        address_hash=address_hash,
    )
    erasure_begins.send(ErasedAddress, email_key=email_key, event_id=event.pk, is_remote=is_remote)
    address_erased.send(ErasedAddress, email_key=email_key)
    for each in entities():
        if each.erase is not None:
            each.erase(email_key)
    _take_out_of_ledger(key, email_key, address_hash)
    ConsentState.objects.filter(kind__in=OF_ADDRESSES, subject=email_key).delete()
    erased, _made = ErasedAddress.objects.get_or_create(
        address_hash=address_hash, defaults={"bucket": _bucket(key, email_key), "event_id": event.pk, "erased_at": now}
    )
    if is_remote:
        ErasedAddress.objects.filter(pk=erased.pk).update(deleted_there_until=now + ARRIVES_WITHIN)
    return Receipt(address_hash=address_hash.hex(), event_id=erased.event_id, erased_at=erased.erased_at)


def is_deleted_on_arrival(email_key: str) -> bool:
    """Whether a contact with this address that is seen in Dotdigital now was erased there a short time ago."""
    erased = ErasedAddress.objects.filter(address_hash=hash_key().hashed(email_key))
    return erased.filter(deleted_there_until__gt=timezone.now()).exists()


def receipt_of(address: str) -> Receipt | None:
    """The proof that an address was erased; None when it was not."""
    address_hash = hash_key().hashed(address_key(address))
    erased = ErasedAddress.objects.filter(address_hash=address_hash).first()
    if erased is None:
        return None
    return Receipt(address_hash=address_hash.hex(), event_id=erased.event_id, erased_at=erased.erased_at)


def _take_out_of_ledger(key: HashKey, email_key: str, address_hash: bytes) -> None:
    for event in ConsentEvent.objects.filter(email_key=email_key):
        # The trigger of the ledger lets this change pass, and no other.
        ConsentEvent.objects.filter(pk=event.pk).update(
            email_key="",
            entity="",
            record_id="",
            remote_id=None,
            evidence="",
            actor="",
            consent_text="",
            url="",
            ip_address="",
            user_agent="",
            address_hash=address_hash,
            details_hash=key.hashed(details_of(event)),
        )


def _bucket(key: HashKey, email_key: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT (hashtextextended(%s, %s) & {BUCKETS - 1})::int", [email_key, key.seed])
        return int(cursor.fetchone()[0])

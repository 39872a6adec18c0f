"""The key of the hashes of addresses and days: made once an installation, stored sealed.

It has to stay the same for as long as an erased address is to be recognised, so it is not the site's secret key itself,
which may change. `dotbridge keys rotate` seals it anew.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import NamedTuple

from django.db import connection, transaction

from dotbridge.consent.models import ConsentKey
from dotbridge.encryption import Resealed, reseal_rows, seal, unseal

_BLOCK = 64
# So few values that a bucket of a real installation holds many addresses, and so many that few have to be hashed.
BUCKETS = 65_536


class HashKey(NamedTuple):
    """The two keys of HMAC-SHA256 as the database can use them, and the seed of the buckets."""

    inner: bytes
    outer: bytes
    seed: int

    def hashed(self, text: str) -> bytes:
        """HMAC-SHA256 of a text."""
        return hashlib.sha256(self.outer + hashlib.sha256(self.inner + text.encode()).digest()).digest()


def hash_key() -> HashKey:
    """The installation's key. Raises SecretUnreadable when no configured secret key opens it."""
    secret = bytes.fromhex(unseal(_stored()))
    inner = bytes(byte ^ 0x36 for byte in secret.ljust(_BLOCK, b"\0"))
    outer = bytes(byte ^ 0x5C for byte in secret.ljust(_BLOCK, b"\0"))
    seed = int.from_bytes(hmac.digest(secret, b"bucket", "sha256")[:7], "big")
    return HashKey(inner, outer, seed)


def _stored() -> str:
    found = ConsentKey.objects.values_list("sealed", flat=True).order_by("pk").first()
    return found if found is not None else _make()


@transaction.atomic
def _make() -> str:
    # Two processes that need it first must not make two.
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE dotbridge_consent_consentkey IN SHARE ROW EXCLUSIVE MODE")
    found = ConsentKey.objects.values_list("sealed", flat=True).order_by("pk").first()
    if found is not None:
        return found
    return ConsentKey.objects.create(sealed=seal(secrets.token_hex(32))).sealed


def reseal_key() -> Resealed:
    """Seal the key, where there is one, with the newest secret key."""
    return reseal_rows(ConsentKey.objects.all(), "sealed")

"""Secrets at rest: sealed with the newest key, opened with any key still configured."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db.models import QuerySet

from dotbridge.conf import typed_command, where_keys_stand


class SecretUnreadable(Exception):
    """None of the configured keys opens this secret. It has to be entered again, or the old key given back."""


def seal(secret: str) -> str:
    """The secret as text that is safe to store."""
    return _box().encrypt(secret.encode()).decode()


def unseal(sealed: str) -> str:
    """The secret itself. Raises SecretUnreadable when its key is not configured any more."""
    try:
        return _box().decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise _unreadable() from None


def reseal(sealed: str) -> str:
    """The same secret, sealed with the newest key. Raises SecretUnreadable when its key is not configured any more."""
    try:
        return _box().rotate(sealed.encode()).decode()
    except InvalidToken:
        raise _unreadable() from None


@dataclass(frozen=True, kw_only=True)
class Resealed:
    """How many secrets were sealed anew, and the rows whose secret no configured key opens."""

    number: int
    unreadable: tuple[Any, ...]


def reseal_rows(rows: QuerySet[Any], column: str) -> Resealed:
    """Seal the secrets in a column of these rows with the newest key. What has it already, or cannot be read, stays."""
    number, unreadable = 0, []
    for row in rows:
        sealed = getattr(row, column)
        if has_newest_key(sealed):
            continue
        try:
            resealed = reseal(sealed)
        except SecretUnreadable:
            unreadable.append(row)
            continue
        # Not over a secret that somebody enters at this moment.
        number += rows.filter(**{"pk": row.pk, column: sealed}).update(**{column: resealed})
    return Resealed(number=number, unreadable=tuple(unreadable))


def has_newest_key(sealed: str) -> bool:
    """Whether the newest key alone opens this secret, so that the former ones are not needed for it."""
    try:
        Fernet(_fernet_key(settings.SECRET_KEY)).decrypt(sealed.encode())
    except InvalidToken:
        return False
    return True


def _unreadable() -> SecretUnreadable:
    return SecretUnreadable(
        "The stored password cannot be read with the present secret keys. Enter it again, "
        f"or add the former key to {where_keys_stand()} and run `{typed_command('keys rotate')}`."
    )


def _box() -> MultiFernet:
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([Fernet(_fernet_key(key)) for key in keys])


def _fernet_key(secret_key: str) -> bytes:
    # The site's key also signs sessions; the prefix keeps the two uses apart.
    return base64.urlsafe_b64encode(
        hashlib.sha256(b"dotbridge.integrations.encryption:" + secret_key.encode()).digest()
    )

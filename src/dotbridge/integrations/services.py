"""The writers of integrations, and the way to their accounts."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.utils import timezone

from dotbridge.encryption import SecretUnreadable, reseal, seal, unseal
from dotbridge.integrations.limiter import DatabaseLimiter
from dotbridge.integrations.models import DEFAULT_BASE_URL, Integration
from dotdigital import Account, AccountInfo, ConfigurationError, DotdigitalError, Retry, Timeout

# A person waits for the answer of "check connection", and so does a web worker.
CHECK_SECONDS = 5.0


class RequestInsideTransaction(RuntimeError):
    """A call to Dotdigital inside a database transaction would hold its locks for as long as the network likes."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """What came of a connection check: a text for people."""

    succeeded: bool
    message: str


@dataclass(frozen=True, kw_only=True)
class Resealed:
    """How many passwords were sealed anew, and the names of the integrations whose could not be read."""

    number: int
    unreadable: tuple[str, ...]


def create_integration(
    *, name: str, username: str, password: str, base_url: str = DEFAULT_BASE_URL, is_active: bool = True
) -> Integration:
    """A new integration; its password is stored sealed."""
    return Integration.objects.create(
        name=name, username=username, password_sealed=seal(password), base_url=base_url, is_active=is_active
    )


def set_password(*, integration: Integration, password: str) -> None:
    """Replace the API user's password."""
    integration.password_sealed = seal(password)
    integration.save(update_fields=["password_sealed", "updated_at"])


def reseal_passwords() -> Resealed:
    """Seal the passwords of all API users with the newest key. One that no configured key opens is left as it is."""
    number, unreadable = 0, []
    for integration in Integration.objects.all():
        try:
            sealed = reseal(integration.password_sealed)
        except SecretUnreadable:
            unreadable.append(integration.name)
            continue
        # Not over a password that somebody enters at this moment.
        number += Integration.objects.filter(pk=integration.pk, password_sealed=integration.password_sealed).update(
            password_sealed=sealed
        )
    return Resealed(number=number, unreadable=tuple(unreadable))


def open_account(integration: Integration) -> Account:
    """The way to the integration's account, within its quota, never inside a transaction. Close it after use.

    Raises ConfigurationError when the password cannot be read or the base URL is not allowed.
    """
    return Account(
        integration.username,
        _password(integration),
        integration.base_url,
        allowed_origins=settings.CONFIG.api_origins,
        limiter=DatabaseLimiter(integration),
        before_request=_forbid_transaction,
    )


def note_account(*, integration: Integration, account: Account, info: AccountInfo) -> None:
    """Keep what a successful connection told about the account."""
    integration.endpoint = account.endpoint
    integration.account_id = info.id
    integration.account_name = (info.name or "")[:255]
    integration.checked_at = timezone.now()
    integration.save(update_fields=["endpoint", "account_id", "account_name", "checked_at"])


def check_connection(*, username: str, password: str, base_url: str) -> Check:
    """Ask the account who it is, with these credentials, once, within five seconds."""
    try:
        with Account(
            username,
            password,
            base_url,
            allowed_origins=settings.CONFIG.api_origins,
            timeout=Timeout(connect=2, read=2, write=2, total=CHECK_SECONDS),
            retry=Retry(tries=1),
        ) as account:
            info = account.connect()
            return Check(succeeded=True, message=f"Connected to {info.name or 'the account'} at {account.endpoint}.")
    except DotdigitalError as error:
        return Check(succeeded=False, message=error.text)


def check_integration(*, integration: Integration) -> Check:
    """Check the stored credentials."""
    try:
        password = _password(integration)
    except ConfigurationError as error:
        return Check(succeeded=False, message=error.text)
    return check_connection(username=integration.username, password=password, base_url=integration.base_url)


def _password(integration: Integration) -> str:
    try:
        return unseal(integration.password_sealed)
    except SecretUnreadable as error:
        raise ConfigurationError(str(error)) from None


def _forbid_transaction() -> None:
    if connection.in_atomic_block:
        raise RequestInsideTransaction("No transaction may be open while Dotdigital is asked.")

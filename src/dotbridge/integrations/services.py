"""The writers of integrations, and the way to their accounts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from dotbridge.conf import app_settings, typed_command
from dotbridge.encryption import Resealed, SecretUnreadable, reseal_rows, seal, unseal
from dotbridge.integrations.limiter import DatabaseLimiter
from dotbridge.integrations.models import DEFAULT_BASE_URL, Integration
from dotdigital import Account, AccountInfo, ConfigurationError, DotdigitalError, Retry, Timeout, Transient

# A person waits for the answer of "check connection", and so does a web worker.
CHECK_SECONDS = 5.0
# So long a run waits for the account's quota. When it opens later, the worker has better things to do meanwhile.
QUOTA_SECONDS = 5.0
# A run keeps them as they are, and whoever reads them has them in their own language.
OTHER_ACCOUNT = gettext_noop(
    "These credentials belong to another account, %(there)s; this integration is connected to %(here)s. Make a "
    "new integration for the other account, or move this one there, which starts clean: %(command)s."
)
TAKEN_ACCOUNT = gettext_noop(
    "%(name)s is connected to this account already. An account is connected once, so that no address book "
    "is on two lists: connect the lists there."
)


class RequestInsideTransaction(RuntimeError):
    """A call to Dotdigital inside a database transaction would hold its locks for as long as the network likes."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """What came of a connection check: a text for people. With `is_other_account` the credentials are right, and belong
    to an account that the integration cannot have; with `is_unreachable` nobody could be asked whether they are."""

    succeeded: bool
    message: str
    is_other_account: bool = False
    is_unreachable: bool = False


def create_integration(
    *, name: str, username: str, password: str, base_url: str = DEFAULT_BASE_URL, is_active: bool = True
) -> Integration:
    """A new integration; its password is stored sealed."""
    return Integration.objects.create(
        name=name, username=username, password_sealed=seal(password), base_url=base_url, is_active=is_active
    )


def switched_off_text(integration: Integration) -> str:
    """What is told where something was asked of an account that is switched off."""
    return _("%(name)s is switched off, so nothing was started.") % {"name": integration}


def require_active(integration: Integration) -> None:
    """Raises ValidationError for an account that is switched off: Dotdigital is asked nothing for it."""
    if not integration.is_active:
        raise ValidationError(switched_off_text(integration))


def set_password(*, integration: Integration, password: str) -> None:
    """Replace the API user's password."""
    integration.password_sealed = seal(password)
    integration.save(update_fields=["password_sealed", "updated_at"])


def reseal_passwords() -> Resealed:
    """Seal the passwords of all API users with the newest key."""
    return reseal_rows(Integration.objects.all(), "password_sealed")


def open_account(
    integration: Integration, *, before_request: Callable[[], None] | None = None, goes_to_region: bool = False
) -> Account:
    """The way to the integration's account, within its quota, never inside a transaction. Close it after use.

    With `goes_to_region` calls go at once to the host that was found when it was connected last.

    `before_request` is called before each request, from whatever thread sends it, and may raise to forbid it. For the
    quota it waits a few seconds only, then raises Throttled. Raises ConfigurationError when the password cannot be read
    or the base URL is not allowed.
    """

    def check() -> None:
        _forbid_transaction()
        if before_request is not None:
            before_request()

    return Account(
        integration.username,
        _password(integration),
        (integration.endpoint if goes_to_region else "") or integration.base_url,
        allowed_origins=app_settings().api_origins,
        limiter=DatabaseLimiter(integration, max_wait=QUOTA_SECONDS),
        retry=Retry(max_wait=QUOTA_SECONDS, throttle_base=QUOTA_SECONDS / 2, throttle_tries=2),
        before_request=check,
    )


def note_account(*, integration: Integration, account: Account, info: AccountInfo) -> None:
    """Keep what a successful connection told about the account.

    Raises ConfigurationError, and keeps nothing, when it is another account than the integration's, or one that another
    integration is connected to.
    """
    if problem := problem_of_account(integration=integration, account_id=info.id, name=info.name or ""):
        raise ConfigurationError(problem)
    integration.endpoint = account.endpoint
    integration.account_id = info.id
    integration.account_name = (info.name or "").replace("\0", "")[:255]
    integration.checked_at = timezone.now()
    try:
        with transaction.atomic():
            integration.save(update_fields=["endpoint", "account_id", "account_name", "checked_at"])
    except IntegrityError:
        # Both were checked at the same moment; the database lets one of them have it.
        raise ConfigurationError(_taken_text(_("another integration"))) from None


def problem_of_account(*, integration: Integration | None, account_id: int | None, name: str) -> str:
    """Why an integration cannot have this account, and the way to do it; empty when it can.

    `integration` is None for one that is to be made. All that is kept for an integration goes by the ids of its
    account, and in another account the same ids are other people's.
    """
    if account_id is None:
        return ""
    known = None if integration is None else integration.account_id
    if known is not None and known != account_id:
        texts = {"there": name or account_id, "here": (integration and integration.account_name) or known}
        return _(OTHER_ACCOUNT) % {**texts, "command": typed_command("move-integration")}
    others = Integration.objects.filter(account_id=account_id)
    if integration is not None:
        others = others.exclude(pk=integration.pk)
    other = others.first()
    return "" if other is None else _taken_text(other.name)


def _taken_text(name: str) -> str:
    return _(TAKEN_ACCOUNT) % {"name": name}


def check_connection(*, username: str, password: str, base_url: str, integration: Integration | None = None) -> Check:
    """Ask the account who it is, with these credentials, once, within five seconds, and whether the integration, or a
    new one, can have it."""
    try:
        with Account(
            username,
            password,
            base_url,
            allowed_origins=app_settings().api_origins,
            timeout=Timeout(connect=2, read=2, write=2, total=CHECK_SECONDS),
            retry=Retry(tries=1),
        ) as account:
            info = account.connect()
            problem = problem_of_account(integration=integration, account_id=info.id, name=info.name or "")
            if problem:
                return Check(succeeded=False, message=problem, is_other_account=True)
            names = {"name": info.name or _("the account"), "host": account.endpoint}
            return Check(succeeded=True, message=_("Connected to %(name)s at %(host)s.") % names)
    except Transient:
        # The error speaks of a run, which tries again by itself. Who presses a button does so.
        return Check(
            succeeded=False,
            message=_("Dotdigital cannot be reached at the moment. Check the address and the network, then try again."),
            is_unreachable=True,
        )
    except DotdigitalError as error:
        return Check(succeeded=False, message=error.text)


def check_integration(*, integration: Integration) -> Check:
    """Check the stored credentials."""
    try:
        password = _password(integration)
    except ConfigurationError as error:
        return Check(succeeded=False, message=error.text)
    return check_connection(
        username=integration.username, password=password, base_url=integration.base_url, integration=integration
    )


def _password(integration: Integration) -> str:
    try:
        return unseal(integration.password_sealed)
    except SecretUnreadable as error:
        raise ConfigurationError(str(error)) from None


def _forbid_transaction() -> None:
    if connection.in_atomic_block:
        raise RequestInsideTransaction("No transaction may be open while Dotdigital is asked.")

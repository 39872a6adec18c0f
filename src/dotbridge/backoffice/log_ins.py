"""Who logged in, who tried to, and what somebody is told who tried too often.

The log names an account by its number and never says what was typed: people type their password into the wrong field.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import structlog
from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username, get_cool_off
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from axes.signals import user_locked_out
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from dotbridge.backoffice.pages.security import secured

log = structlog.get_logger(__name__)

# A whole office may come from one address, where nobody is kept out because somebody else has mistyped.
TIMES_AS_MANY = 10


class OwnAttempts(AxesDatabaseHandler):  # type: ignore[misc]
    """Counts wrong passwords as django-axes does, with more of them for an address than for an account; the right one
    forgets those for its own account alone.

    axes would forget all that came from the same address as well: whoever has any account could log in with it after
    nine guesses at somebody else's, and go on so for ever. For `AXES_HANDLER`, with `AXES_LOCKOUT_PARAMETERS` that name
    account and address.
    """

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """How many wrong passwords count against the limit: those for the account, or a share of those that came from
        the address."""
        by_account, by_address = (
            attempts.aggregate(number=Sum("failures_since_start"))["number"] or 0
            for attempts in self.get_user_attempts(request, credentials)
        )
        return int(max(by_account, by_address // TIMES_AS_MANY))

    def reset_user_attempts(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """Forget the wrong passwords for the account that has logged in. Answers how many there were."""
        own = AccessAttempt.objects.filter(username=get_client_username(request, credentials))
        return int(own.delete()[0])


def connect_log() -> None:
    """Have each try to log in noted."""
    user_logged_in.connect(_note_log_in, dispatch_uid="dotbridge_log_in")
    user_login_failed.connect(_note_failure, dispatch_uid="dotbridge_log_in_failed")
    user_locked_out.connect(_note_lock, dispatch_uid="dotbridge_locked_out")


def _note_log_in(request: HttpRequest | None, user: Any, **_named: Any) -> None:
    log.info("logged in", account=user.pk, address=_address(request))


def _note_failure(credentials: dict[str, Any], request: HttpRequest | None = None, **_named: Any) -> None:
    log.warning("log-in failed", account=_account(credentials.get("username")), address=_address(request))


def _note_lock(request: HttpRequest | None, username: str | None, ip_address: str | None, **_named: Any) -> None:
    log.warning("log-in locked", account=_account(username), address=ip_address or _address(request))


def _account(name: object) -> Any:
    """The number of the account that was tried, None where there is none of this name."""
    users = get_user_model()
    found = users._default_manager.filter(**{users.USERNAME_FIELD: str(name or "").replace("\0", "")})  # noqa: SLF001
    return found.values_list("pk", flat=True).first()


def _address(request: HttpRequest | None) -> str:
    return str(request.META.get("REMOTE_ADDR", "")) if request is not None else ""


def forget_old_log_ins(*, keep_days: int) -> int:
    """Delete what is kept of log-ins, and of those refused, for longer than so many days. Answers how many."""
    before = timezone.now() - timedelta(days=keep_days)
    models = (AccessFailureLog, AccessLog, AccessAttempt)
    return sum(model.objects.filter(attempt_time__lt=before).delete()[0] for model in models)


@secured
def refuse_locked_out(request: HttpRequest, *_known: Any) -> HttpResponse:
    """429: there were too many wrong passwords for this account or from this address. For `AXES_LOCKOUT_CALLABLE`."""
    text = _("There were too many wrong passwords for this account, or from where you are.")
    pause = get_cool_off(request)
    if pause is not None:
        wait = _("Nobody can log in with it for %(n)d minutes, not even with the right password. Then try again.")
    else:
        wait = _("Nobody can log in with it, not even with the right password. Ask an administrator.")
    minutes = {"n": int(pause.total_seconds() // 60) if pause else 0}
    context = {"title": _("Wait before you try again"), "text": f"{text} {wait % minutes}", "code": 429}
    return render(request, "backoffice/house/refusal.html", context, status=429)

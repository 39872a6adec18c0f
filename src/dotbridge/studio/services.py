"""The only writers of single sign-ons, and the way into the application with them.

The vendor is asked here within a web request, because a person waits for exactly that: within five seconds, and never
inside a transaction.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from dotbridge.editing import ChangedMeanwhile, fingerprint_of_all
from dotbridge.encryption import Resealed, SecretUnreadable, reseal_rows, seal, unseal
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import RequestInsideTransaction
from dotbridge.studio.hosts import application_of, checked_domain, may_return_to
from dotbridge.studio.models import Grant, PendingSignOn, SignOn
from dotbridge.studio.oauth import Client, SignOnFailed, Tokens, authorise_url, exchange_code, refresh

# So long a person may take on the vendor's page.
LONGEST_AWAY = timedelta(minutes=15)
# An exchange takes five seconds at most; whoever died over it holds it no longer than this.
CLAIM = timedelta(seconds=15)
CLAIM_IS_TRIED_FOR, BETWEEN_TRIES = 8.0, 0.2
# What there is to be changed about a single sign-on.
SIGN_ON_FIELDS = ("client_id", "domain", "secret_sealed")


def set_up_sign_on(
    *, integration: Integration, client_id: str, secret: str, domain: str, seen: str | None = None
) -> SignOn:
    """Say which client the vendor has registered; an empty secret keeps the one that is stored.

    Another client or domain makes what people have allowed useless, so that goes. `seen` is the `fingerprint_of_all`,
    with `SIGN_ON_FIELDS`, of what there was. Raises ChangedMeanwhile where it is something else by now, and
    ValidationError at the field.
    """
    known = SignOn.objects.filter(integration=integration).first()
    client_id = client_id.strip()
    if not client_id:
        raise ValidationError({"client_id": _("A single sign-on needs a client id.")})
    if not secret and known is None:
        raise ValidationError({"secret": _("A single sign-on needs the client's secret.")})
    try:
        domain = checked_domain(domain)
    except ValidationError as error:
        raise ValidationError({"domain": error}) from None
    if known is not None and known.domain != domain and not secret:
        # Whoever may change the domain must not learn the secret by having it sent to their own.
        raise ValidationError({"secret": _("Enter the secret again: it goes to another domain from now on.")})
    sealed = seal(secret) if secret else known.secret_sealed if known else ""
    with transaction.atomic():
        held = list(SignOn.objects.select_for_update().filter(integration=integration))
        if seen is not None and seen != fingerprint_of_all(held, SIGN_ON_FIELDS):
            raise ChangedMeanwhile(held)
        made, _is_new = SignOn.objects.update_or_create(
            integration=integration, defaults={"client_id": client_id, "secret_sealed": sealed, "domain": domain}
        )
        if known is not None and (known.client_id, known.domain) != (client_id, domain):
            forget_grants(integration=integration)
    return made


def remove_sign_on(*, integration: Integration) -> None:
    """Nobody opens the account from here any more."""
    with transaction.atomic():
        forget_grants(integration=integration)
        SignOn.objects.filter(integration=integration).delete()


def forget_grants(*, integration: Integration) -> None:
    """Forget who has allowed it."""
    Grant.objects.filter(integration=integration).delete()
    PendingSignOn.objects.filter(integration=integration).delete()


def begin_sign_on(*, integration: Integration, user: AbstractBaseUser, session: str, redirect_uri: str) -> str:
    """The address to send a person to. `session` is a secret of their session, `redirect_uri` where they come back.

    Raises SignOnFailed where they could not come back safely, or nothing is set up.
    """
    if not may_return_to(redirect_uri):
        raise SignOnFailed(_("Dotdigital sends people back with a secret, so this page must be opened with https."))
    client = _client(integration, redirect_uri)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    now = timezone.now()
    PendingSignOn.objects.filter(created_at__lt=now - LONGEST_AWAY).delete()
    PendingSignOn.objects.create(
        state_digest=_digest(state),
        session_digest=_digest(session),
        integration=integration,
        user_id=user.pk,
        verifier_sealed=seal(verifier),
        redirect_uri=redirect_uri,
        created_at=now,
    )
    return authorise_url(client, state=state, verifier=verifier)


def take_back(*, state: str, user: AbstractBaseUser, session: str) -> PendingSignOn:
    """Whom the vendor sent back with this state. It is used up, whoever came with it.

    Raises SignOnFailed for a state that is unknown, old, or another person's or session's.
    """
    with transaction.atomic():
        pending = PendingSignOn.objects.select_for_update().filter(state_digest=_digest(state)).first()
        if pending is not None:
            PendingSignOn.objects.filter(pk=pending.pk).delete()
    is_old = pending is not None and timezone.now() - pending.created_at > LONGEST_AWAY
    if pending is None or is_old or (pending.user_id, pending.session_digest) != (user.pk, _digest(session)):
        raise SignOnFailed(
            _("This answer of Dotdigital was used already, is too old, or is for somebody else. Press “Connect” again.")
        )
    return pending


def finish_sign_on(*, pending: PendingSignOn, code: str) -> Grant:
    """Exchange the code and keep what it gives, in place of what the person had allowed before. Raises SignOnFailed."""
    client = _client(pending.integration, pending.redirect_uri)
    tokens = _outside_transactions(lambda: exchange_code(client, code=code, verifier=_open(pending.verifier_sealed)))
    grant, _is_new = Grant.objects.update_or_create(
        integration=pending.integration,
        user_id=pending.user_id,
        defaults={
            "refresh_token_sealed": seal(tokens.refresh),
            "claimed_until": None,
            "refused_at": None,
            "granted_at": timezone.now(),
        },
    )
    return grant


def open_application(*, integration: Integration, user: AbstractBaseUser) -> str:
    """The address that opens the account for a person, good for one visit. Raises SignOnFailed.

    The vendor may give a new refresh token for the old one, which is worth nothing from then on: so one exchange at a
    time, and what came is stored before anything is shown.
    """
    grant = _claim(integration, user)
    kept: dict[str, Any] = {"claimed_until": None}
    try:
        client = _client(integration, "")
        tokens: Tokens = _outside_transactions(lambda: refresh(client, refresh_token=_open(grant.refresh_token_sealed)))
        if tokens.refresh:
            kept |= {"refresh_token_sealed": seal(tokens.refresh), "refused_at": None}
    except SignOnFailed as error:
        if error.is_refused:
            kept |= {"refused_at": timezone.now()}
        raise
    finally:
        # Whoever has connected again meanwhile has another one, which stays.
        mine = Grant.objects.filter(pk=grant.pk, refresh_token_sealed=grant.refresh_token_sealed)
        mine.update(**kept)
    return f"{application_of(integration)}/?{urlencode({'oauthtoken': tokens.access, 'suppressfooter': 'true'})}"


def disconnect(*, integration: Integration, user: AbstractBaseUser) -> None:
    """Forget what one person has allowed. Raises ValidationError when there is nothing."""
    deleted, _rows = Grant.objects.filter(integration=integration, user_id=user.pk).delete()
    if not deleted:
        raise ValidationError(_("You are not connected."))


def reseal_secrets() -> Resealed:
    """Seal clients' secrets and people's refresh tokens with the newest key. Unreadable are the clients' alone."""
    clients = reseal_rows(SignOn.objects.select_related("integration"), "secret_sealed")
    tokens = reseal_rows(Grant.objects.all(), "refresh_token_sealed")
    # Nobody can enter a token again: its person connects anew.
    lost = [grant.pk for grant in tokens.unreadable]
    Grant.objects.filter(pk__in=lost).update(refused_at=timezone.now())
    return Resealed(number=clients.number + tokens.number, unreadable=clients.unreadable)


def _claim(integration: Integration, user: AbstractBaseUser) -> Grant:
    """The person's grant, held for one exchange. Raises SignOnFailed without one, and when it stays taken."""
    ends_at = time.monotonic() + CLAIM_IS_TRIED_FOR
    mine = Grant.objects.filter(integration=integration, user_id=user.pk, refused_at=None)
    while True:
        now = timezone.now()
        is_free = Q(claimed_until=None) | Q(claimed_until__lt=now)
        if mine.filter(is_free).update(claimed_until=now + CLAIM):
            return mine.get()
        if not mine.exists():
            raise SignOnFailed(_("You are not connected to this account. Press “Connect”."), is_refused=True)
        if time.monotonic() > ends_at:
            raise SignOnFailed(_("The account is being opened elsewhere. Try again in a moment."))
        time.sleep(BETWEEN_TRIES)


def _client(integration: Integration, redirect_uri: str) -> Client:
    sign_on = SignOn.objects.filter(integration=integration).first()
    if sign_on is None:
        raise SignOnFailed(_("No client is set up for this account."))
    secret = _open(sign_on.secret_sealed)
    return Client(
        origin=application_of(sign_on.integration),
        client_id=sign_on.client_id,
        secret=secret,
        redirect_uri=redirect_uri,
    )


def _open(sealed: str) -> str:
    try:
        return unseal(sealed)
    except SecretUnreadable:
        text = _("A stored secret cannot be read with the present keys. Set up the single sign-on again.")
        raise SignOnFailed(text) from None


def _outside_transactions(call: Callable[[], Tokens]) -> Tokens:
    if connection.in_atomic_block:
        raise RequestInsideTransaction("No transaction may be open while Dotdigital is asked.")
    return call()


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()

"""By which version of Dotdigital's API the contacts of an account are read and sent."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext_noop as _

from dotbridge.integrations.models import Integration, ProtocolChoice, WireProtocol
from dotdigital import Account, DotdigitalError, NotFound, Rejected, Transient

# An account may be given version 3 any day, and may lose it.
FORBIDDEN = 403
OF_THE_SERVICE = "contacts:"
ASKED_EVERY = timedelta(days=1)
# Kept as they are, and said to whoever reads them in their own language.
OFFERED = _("The account offers version 3.")
NOT_OFFERED = _("The account does not offer version 3: %(answer)s")
WITHDRAWN = _("The account does not offer version 3 any more: %(answer)s")


class Version3Denied(DotdigitalError):
    """The account does not offer version 3 any more, though its credentials are right: version 2 may go on."""


def protocol_of(integration: Integration, account: Account) -> WireProtocol:
    """The version to be used now. Where the integration leaves it open, the account is asked once a day.

    What was found, and why, is kept with the integration; an account that cannot answer now is asked again by the next
    run. Raises what the call raises, but for a refusal: that says that the account has no version 3.
    """
    asked_at = integration.protocol_asked_at
    if integration.protocol != ProtocolChoice.AUTOMATIC:
        if asked_at is not None or integration.protocol_found != integration.protocol:
            _keep(integration, WireProtocol(integration.protocol), "", asked_at=None)
    elif asked_at is None or not timedelta() <= timezone.now() - asked_at < ASKED_EVERY:
        with suppress(Transient):
            _keep(integration, *_asked(account), asked_at=timezone.now())
    return WireProtocol(integration.protocol_found)


def is_withdrawn(error: DotdigitalError) -> bool:
    """Whether a call of version 3 says that the account does not offer it any more. That a contact or an import is not
    there is said by a code of the service's own."""
    if isinstance(error, NotFound):
        return not (error.code or "").startswith(OF_THE_SERVICE)
    return error.status == FORBIDDEN


def leave_version_3(integration: Integration, error: DotdigitalError) -> None:
    """Where the integration leaves the version open, version 2 is used until the account is asked again, in a day."""
    if integration.protocol == ProtocolChoice.AUTOMATIC:
        reason = WITHDRAWN % {"answer": error.text}
        _keep(integration, WireProtocol.V2, reason, asked_at=timezone.now())


def is_denied(error: DotdigitalError) -> bool:
    """Whether the account does not have what was asked for, though its credentials are right."""
    return isinstance(error, (NotFound, Rejected)) or error.status == FORBIDDEN


def _asked(account: Account) -> tuple[WireProtocol, str]:
    try:
        next(account.contacts_v3.pages(limit=1), None)
    except DotdigitalError as error:
        if not is_denied(error):
            raise
        return WireProtocol.V2, NOT_OFFERED % {"answer": error.text}
    return WireProtocol.V3, OFFERED


def _keep(integration: Integration, protocol: WireProtocol, reason: str, *, asked_at: datetime | None) -> None:
    integration.protocol_asked_at = asked_at
    integration.protocol_found, integration.protocol_reason = protocol, reason[:255]
    integration.save(update_fields=["protocol_found", "protocol_reason", "protocol_asked_at"])

"""Dotdigital's statuses of a contact in plain words: what it means, and what could change it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from dotbridge.mirror.status import LIVE

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, kw_only=True)
class StatusWords:
    """`text` is short enough for a column; `way_back` says what could make the person mailable again."""

    text: StrOrPromise
    tone: str
    way_back: StrOrPromise = ""


_ASKS = _("Only if the person asks for it: then press “Subscribe again” on the list.")
_NEVER = _("Nothing here. Dotdigital keeps the address from being mailed for good.")
# The statuses that Dotdigital's documentation names (contract §6.1).
STATUS_WORDS: dict[str, StatusWords] = {
    "Subscribed": StatusWords(text=_("Subscribed"), tone="good"),
    "SoftBounced": StatusWords(text=_("Bounced once, still mailed"), tone="wait"),
    "Unsubscribed": StatusWords(text=_("Opted out"), tone="out", way_back=_ASKS),
    "HardBounced": StatusWords(
        text=_("Bounced"), tone="bad", way_back=_("The address does not work. Correct it in the record.")
    ),
    "IspComplained": StatusWords(text=_("Complained"), tone="bad", way_back=_NEVER),
    "DirectComplaint": StatusWords(text=_("Complained"), tone="bad", way_back=_NEVER),
    "MailBlocked": StatusWords(
        text=_("Blocked by the mail server"), tone="bad", way_back=_("Ask Dotdigital why mails are blocked.")
    ),
    "PendingOptIn": StatusWords(
        text=_("Has not confirmed yet"),
        tone="wait",
        way_back=_("The person confirms by the link in Dotdigital's mail."),
    ),
    "Deleted": StatusWords(
        text=_("Deleted in Dotdigital"), tone="quiet", way_back=_("The next export sends them again.")
    ),
    "SharedSuppression": StatusWords(text=_("Suppressed by Dotdigital"), tone="bad", way_back=_NEVER),
    "Suppressed": StatusWords(text=_("Suppressed"), tone="bad", way_back=_ASKS),
    "NotAllowed": StatusWords(text=_("Not allowed by Dotdigital"), tone="bad", way_back=_NEVER),
    "DomainSuppression": StatusWords(
        text=_("Their domain is suppressed"), tone="bad", way_back=_("Take the domain off the list in Dotdigital.")
    ),
    "NoMxRecord": StatusWords(
        text=_("Their domain takes no mail"), tone="bad", way_back=_("Correct the address in the record.")
    ),
}


_OPT_INS: dict[str, StrOrPromise] = {
    "Unknown": _("Not known"),
    "Single": _("Single opt-in"),
    "Double": _("Double opt-in"),
    "VerifiedDouble": _("Double opt-in, confirmed"),
}
_OF_CAMPAIGNS: dict[str, StrOrPromise] = {
    "Unsent": _("Not sent"),
    "Scheduled": _("Scheduled"),
    "Sending": _("Being sent"),
    "Sent": _("Sent"),
    "Paused": _("Paused"),
    "Cancelled": pgettext_lazy("campaign", "Cancelled"),
    "Triggered": _("Sent when something triggers it"),
    "RequiresSystemApproval": _("Waits for Dotdigital's approval"),
    "RequiresSMSApproval": _("Waits for Dotdigital's approval"),
    "RequiresWorkflowApproval": _("Waits for an approval in Dotdigital"),
}


def opt_in_words(kind: str) -> StrOrPromise:
    """How somebody opted in, as Dotdigital names it; a kind that the vendor invents tomorrow stays as it is."""
    return _OPT_INS.get(kind, kind)


def campaign_status_words(status: str) -> StrOrPromise:
    """The status of a campaign in Dotdigital; one that the vendor invents tomorrow stays as it is."""
    return _OF_CAMPAIGNS.get(status, status)


def status_words(status: str) -> StatusWords:
    """A status in words; one the vendor invents tomorrow is shown as it is, and counts as not mailable."""
    return STATUS_WORDS.get(status) or StatusWords(text=status, tone="good" if status in LIVE else "bad")

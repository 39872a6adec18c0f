"""Which statuses of Dotdigital mean that a contact may be mailed."""

from __future__ import annotations

SUBSCRIBED = "Subscribed"
UNSUBSCRIBED = "Unsubscribed"

# Every other value, also one the vendor invents tomorrow, means "not mailable" (contract §6.1).
LIVE = ("Subscribed", "SoftBounced")

# Whom the account suppresses, if only for a while: the list of an address book does not name them, and their places in
# books come back with them (contract §4.4, §6.1).
SUPPRESSED = (
    "Unsubscribed",
    "SoftBounced",
    "HardBounced",
    "IspComplained",
    "DirectComplaint",
    "MailBlocked",
    "Suppressed",
    "SharedSuppression",
    "DomainSuppression",
    "NotAllowed",
    "NoMxRecord",
)

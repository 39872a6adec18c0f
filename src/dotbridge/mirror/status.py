"""Which statuses of Dotdigital mean that a contact may be mailed."""

from __future__ import annotations

SUBSCRIBED = "Subscribed"
UNSUBSCRIBED = "Unsubscribed"

# Every other value, also one the vendor invents tomorrow, means "not mailable" (contract §6.1).
LIVE = ("Subscribed", "SoftBounced")

"""The statuses of a contact, what each forbids, and how an import reports it (contract §5.4, §6.1)."""

from __future__ import annotations

from typing import NamedTuple

SUBSCRIBED = "Subscribed"
UNSUBSCRIBED = "Unsubscribed"
PENDING = "PendingOptIn"

OPT_IN_TYPES = ("Unknown", "Single", "Double", "VerifiedDouble")
EMAIL_TYPES = ("PlainText", "Html")


class Verdict(NamedTuple):
    """What an import says about a row: the counter of the report it adds to, and its reason in the fault file."""

    counter: str
    reason: str
    magento_reason: str


VERDICTS = {
    "Unsubscribed": Verdict("unsubscribed", "Unsubscribed", "Unsubscribed"),
    "SoftBounced": Verdict("softBounced", "Soft bounced", "Soft Bounced"),
    "HardBounced": Verdict("hardBounced", "Hard bounced", "Hard Bounced"),
    "IspComplained": Verdict("ispComplaints", "Complained to ISP", "Isp Complaints"),
    "MailBlocked": Verdict("mailBlocked", "Mail blocked", "Mail Blocked"),
    "PendingOptIn": Verdict("pendingDoubleOptin", "Pending optin", "Pending Optin"),
    "DirectComplaint": Verdict("globallySuppressed", "Globally Suppressed", "Globally Suppressed"),
    "SharedSuppression": Verdict("globallySuppressed", "Globally Suppressed", "Globally Suppressed"),
    "Suppressed": Verdict("suppressedContacts", "Suppressed by you", "Suppressed by you"),
    "NotAllowed": Verdict("blocked", "Blocker", "Blocked"),
    "DomainSuppression": Verdict("domainSuppressed", "Suppressed by Domain", "Domain Suppressed"),
    "NoMxRecord": Verdict("blocked", "Blocker", "Blocked"),
    "GloballySuppressed": Verdict("globallySuppressed", "Globally Suppressed", "Globally Suppressed"),
    "Invalid": Verdict("invalidEntries", "Invalid Email", "Invalid Entries"),
    "Duplicate": Verdict("duplicateEmails", "Duplicate", "Duplicate"),
    "Failure": Verdict("failures", "Failures", "Failures"),
}

SUPPRESSED = (
    "Unsubscribed", "SoftBounced", "HardBounced", "IspComplained", "MailBlocked", "DirectComplaint",
    "SharedSuppression", "Suppressed", "NotAllowed", "DomainSuppression", "NoMxRecord",
)  # fmt: skip
BEYOND_RETURN = frozenset(
    {"IspComplained", "DirectComplaint", "SharedSuppression", "NotAllowed", "DomainSuppression", "NoMxRecord"}
)
RETURN_WITHOUT_CHALLENGE = frozenset({"SoftBounced", "Suppressed"})


def lesser_suppressions(status: str) -> list[str]:
    """The suppressions that this one takes the place of: those from which it is easier to come back."""
    return [each for each in SUPPRESSED if _hold(each) < _hold(status)]


def _hold(status: str) -> int:
    """How hard it is to come back from a suppression: at once, by a confirmation, or not at all."""
    return 2 if status in BEYOND_RETURN else 0 if status in RETURN_WITHOUT_CHALLENGE else 1


REPORT_COUNTERS = (
    "newContacts", "updatedContacts", "globallySuppressed", "invalidEntries", "duplicateEmails", "blocked",
    "unsubscribed", "hardBounced", "softBounced", "ispComplaints", "mailBlocked", "domainSuppressed",
    "pendingDoubleOptin", "failures", "suppressedContacts",
)  # fmt: skip

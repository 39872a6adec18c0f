"""The moves of an upload and of its rows, and what becomes of refused ones: tables, to be read and tested."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from dotbridge.connections.request_moves import RequestMoves
from dotbridge.sync.models import ExportItem, RemovalState, UploadState

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# Drawn in docs/concepts.md; a test compares the drawings with these tables. The vendor promises no time for an import
# or a removal; after a day nobody believes in it any more, and the rows go again.
UPLOAD_MOVES = RequestMoves(
    allowed={
        UploadState.PREPARED: frozenset({UploadState.UPLOADING}),
        UploadState.UPLOADING: frozenset(
            {UploadState.SENT, UploadState.REFUSED, UploadState.UNKNOWN, UploadState.PREPARED}
        ),
        # The account that has it may not offer the version any more by which its results are asked for.
        UploadState.SENT: frozenset({UploadState.FINISHED, UploadState.REFUSED, UploadState.UNKNOWN}),
        UploadState.UNKNOWN: frozenset({UploadState.FINISHED, UploadState.REFUSED}),
        UploadState.FINISHED: frozenset(),
        UploadState.REFUSED: frozenset(),
    },
    waiting=UploadState.PREPARED,
    called=UploadState.UPLOADING,
    given_up=UploadState.REFUSED,
    longest=timedelta(days=1),
)
# A removal may be asked for any number of times, so nothing is noted before the call: it simply waits.
REMOVAL_MOVES = RequestMoves(
    allowed={
        RemovalState.PREPARED: frozenset(
            {RemovalState.PREPARED, RemovalState.SENT, RemovalState.COMPLETED, RemovalState.FAILED}
        ),
        RemovalState.SENT: frozenset({RemovalState.COMPLETED, RemovalState.FAILED}),
        RemovalState.COMPLETED: frozenset(),
        RemovalState.FAILED: frozenset(),
    },
    waiting=RemovalState.PREPARED,
    given_up=RemovalState.FAILED,
    longest=timedelta(days=1),
)


class RowState(Enum):
    """Where one exported address stands. It is not stored: it follows from the row and its upload."""

    WAITING = "waiting"  # in no upload
    QUEUED = "queued"  # in an upload that was not sent yet
    ON_ITS_WAY = "on_its_way"  # in an upload that Dotdigital has, or may have
    CONFIRMED = "confirmed"  # Dotdigital has taken it
    REJECTED = "rejected"  # Dotdigital has refused it, with a reason
    RETURNED = "returned"  # the whole file was refused
    LEAVING = "leaving"  # being taken out of the book
    TAKEN_OUT = "taken_out"  # taken out of the book, or deleted, in Dotdigital


ROW_MOVES: dict[RowState, frozenset[RowState]] = {
    RowState.WAITING: frozenset({RowState.QUEUED}),
    RowState.QUEUED: frozenset({RowState.ON_ITS_WAY, RowState.WAITING}),
    RowState.ON_ITS_WAY: frozenset(
        {RowState.CONFIRMED, RowState.REJECTED, RowState.RETURNED, RowState.WAITING, RowState.QUEUED}
    ),
    RowState.CONFIRMED: frozenset({RowState.QUEUED, RowState.LEAVING, RowState.TAKEN_OUT}),
    RowState.REJECTED: frozenset({RowState.QUEUED, RowState.LEAVING}),
    RowState.RETURNED: frozenset({RowState.QUEUED, RowState.LEAVING}),
    RowState.TAKEN_OUT: frozenset({RowState.WAITING, RowState.CONFIRMED}),
    RowState.LEAVING: frozenset({RowState.CONFIRMED, RowState.REJECTED, RowState.RETURNED}),
}
_OF_UPLOAD: dict[UploadState, RowState] = {
    UploadState.PREPARED: RowState.QUEUED,
    UploadState.UPLOADING: RowState.ON_ITS_WAY,
    UploadState.SENT: RowState.ON_ITS_WAY,
    UploadState.UNKNOWN: RowState.ON_ITS_WAY,
    UploadState.FINISHED: RowState.CONFIRMED,
    UploadState.REFUSED: RowState.RETURNED,
}


def state_of_row(item: ExportItem) -> RowState:
    """Where an exported address stands."""
    if item.removal_id is not None:
        return RowState.LEAVING
    if item.taken_out_at is not None:
        return RowState.TAKEN_OUT
    if item.reason:
        return RowState.REJECTED
    return RowState.WAITING if item.upload is None else _OF_UPLOAD[UploadState(item.upload.state)]


@dataclass(frozen=True)
class Refused:
    """What an import status other than Finished means, and when its rows go again by themselves."""

    text: StrOrPromise
    retry_after: timedelta | None


# Dotdigital's own status of an import that it knows nothing of, and ours of one whose end nobody has told for a day.
UNTOLD = "Unknown"
REFUSED_STATUSES: dict[str, Refused] = {
    "RejectedByWatchdog": Refused(
        _("Dotdigital's quality check refused the whole file. Ask Dotdigital why, then try again here."),
        None,
    ),
    "InvalidFileFormat": Refused(_("Dotdigital could not read the file. Its rows are sent again."), timedelta(hours=1)),
    "Failed": Refused(_("Dotdigital failed to process the file. Its rows are sent again."), timedelta(minutes=15)),
    UNTOLD: Refused(_("Dotdigital does not know what became of the file. Its rows are sent again."), timedelta(0)),
    "ExceedsAllowedContactLimit": Refused(
        _("The account would have more contacts than its contract allows. Make room, then try again here."),
        None,
    ),
}
# Of these files, and of those that were never given to Dotdigital, which have no status, no row has arrived.
NOTHING_ARRIVED = ("", "RejectedByWatchdog", "InvalidFileFormat", "ExceedsAllowedContactLimit")
UNNAMED_STATUS = Refused(_("Dotdigital ended the import with a status that is not documented."), timedelta(hours=1))

# A row refused this often, together with its whole file, waits for a person.
MOST_ATTEMPTS = 5


class Rule(Enum):
    """What happens next to a row that was refused on its own."""

    WAIT_FOR_FIX = "wait"  # nothing, until its address or values change
    UNSUBSCRIBE = "unsubscribe"  # Dotdigital says this person must not be mailed: so does the list
    RETRY = "retry"  # it may work next time


@dataclass(frozen=True)
class Reason:
    """Why a row was refused: a code to count by, a text for people, and the rule for what happens next."""

    code: str
    text: StrOrPromise
    rule: Rule


REASONS: dict[str, Reason] = {
    reason.code: reason
    for reason in (
        Reason("invalid_email", _("The address is not valid. Correct it in the record."), Rule.WAIT_FOR_FIX),
        Reason("duplicate", _("The address was in the file more than once."), Rule.WAIT_FOR_FIX),
        Reason("suppressed", _("The contact is suppressed in the account."), Rule.UNSUBSCRIBE),
        Reason("unsubscribed", _("The contact has unsubscribed."), Rule.UNSUBSCRIBE),
        Reason("hard_bounced", _("Mail to the address bounced for good."), Rule.UNSUBSCRIBE),
        Reason("soft_bounced", _("Mail to the address bounced lately."), Rule.RETRY),
        Reason("complained", _("The contact complained about our mail."), Rule.UNSUBSCRIBE),
        Reason("mail_blocked", _("The receiver blocks our mail."), Rule.UNSUBSCRIBE),
        Reason("blocked", _("Dotdigital blocks the address."), Rule.UNSUBSCRIBE),
        Reason("domain_suppressed", _("The whole domain is suppressed in the account."), Rule.UNSUBSCRIBE),
        Reason("pending_opt_in", _("The contact has not confirmed the subscription yet."), Rule.WAIT_FOR_FIX),
        Reason(
            "failure", _("Dotdigital could not take the row: a value does not fit its data field."), Rule.WAIT_FOR_FIX
        ),
        Reason("unreported", _("Dotdigital's report does not name the row. It is sent again."), Rule.RETRY),
        Reason("other", _("Dotdigital refused the row for a reason that is not documented."), Rule.WAIT_FOR_FIX),
    )
}

# The vendor's texts, lower case: their spelling has changed over time (contract §5.4).
_ALIASES = {
    "invalid email": "invalid_email",
    "invalid entries": "invalid_email",
    "duplicate": "duplicate",
    "globally suppressed": "suppressed",
    "suppressed by you": "suppressed",
    "suppressed": "suppressed",
    "unsubscribed": "unsubscribed",
    "hard bounced": "hard_bounced",
    "soft bounced": "soft_bounced",
    "complained to isp": "complained",
    "isp complaints": "complained",
    "mail blocked": "mail_blocked",
    "blocker": "blocked",
    "blocked": "blocked",
    "suppressed by domain": "domain_suppressed",
    "domain suppressed": "domain_suppressed",
    "pending optin": "pending_opt_in",
    "invalidemail": "invalid_email",
    "duplicateidentifier": "duplicate",
    "globallysuppressed": "suppressed",
    "invalidcontact": "failure",
    "identifierconflict": "failure",
    "failures": "failure",
    "failure": "failure",
}
UNSUBSCRIBING = tuple(code for code, reason in REASONS.items() if reason.rule is Rule.UNSUBSCRIBE)
# Behind these there may be a value that its data field does not take.
BY_A_VALUE = ("failure", "other")
RETRIED = tuple(code for code, reason in REASONS.items() if reason.rule is Rule.RETRY)


def reason_of(vendor_text: str) -> Reason:
    """Our reason for a text of the fault report, however it is spelled."""
    return REASONS[_ALIASES.get(" ".join(vendor_text.lower().split()), "other")]

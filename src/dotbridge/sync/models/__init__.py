"""What the runs keep: their own record, what they export, and what became of campaigns and values changed there."""

from dotbridge.sync.models.absences import Absence, Listing
from dotbridge.sync.models.campaigns import CampaignListing, CampaignPair, ResultMatching
from dotbridge.sync.models.events import EventHint, EventSubscription
from dotbridge.sync.models.exports import (
    UNFINISHED_UPLOADS,
    BookRemainder,
    ExportItem,
    Operation,
    PastAddress,
    Recheck,
    Removal,
    RemovalState,
    SentConsent,
    Upload,
    UploadState,
)
from dotbridge.sync.models.runs import WENT_WELL, Cursor, Reading, Rejection, State, Step, SyncRun, Turn
from dotbridge.sync.models.two_way import Ground, Newcomer, ValueConflict, Winner

__all__ = [
    "UNFINISHED_UPLOADS",
    "WENT_WELL",
    "Absence",
    "BookRemainder",
    "CampaignListing",
    "CampaignPair",
    "Cursor",
    "EventHint",
    "EventSubscription",
    "ExportItem",
    "Ground",
    "Listing",
    "Newcomer",
    "Operation",
    "PastAddress",
    "Reading",
    "Recheck",
    "Rejection",
    "Removal",
    "RemovalState",
    "ResultMatching",
    "SentConsent",
    "State",
    "Step",
    "SyncRun",
    "Turn",
    "Upload",
    "UploadState",
    "ValueConflict",
    "Winner",
]

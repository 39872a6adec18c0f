"""What the runs keep: their own record, what they export, and what became of campaigns and values changed there."""

from dotbridge.sync.models.campaigns import CampaignListing, CampaignPair
from dotbridge.sync.models.exports import (
    UNFINISHED_UPLOADS,
    ExportItem,
    Operation,
    Recheck,
    Removal,
    RemovalState,
    Upload,
    UploadState,
)
from dotbridge.sync.models.runs import Cursor, Reading, Rejection, State, Step, SyncRun, Turn
from dotbridge.sync.models.two_way import Ground, Newcomer, ValueConflict, Winner

__all__ = [
    "UNFINISHED_UPLOADS",
    "CampaignListing",
    "CampaignPair",
    "Cursor",
    "ExportItem",
    "Ground",
    "Newcomer",
    "Operation",
    "Reading",
    "Recheck",
    "Rejection",
    "Removal",
    "RemovalState",
    "State",
    "Step",
    "SyncRun",
    "Turn",
    "Upload",
    "UploadState",
    "ValueConflict",
    "Winner",
]

"""The tone of each state, as the stylesheet knows it. A tone only ever repeats what the word beside it says."""

from __future__ import annotations

from dotbridge.campaigns.models import ActivityType
from dotbridge.connections.models import ChangeState, SendState
from dotbridge.files.models import LoadState
from dotbridge.sync.models import RemovalState, State, UploadState

RUN_TONES: dict[str, str] = {
    State.RUNNING: "info",
    State.SUCCEEDED: "good",
    State.PARTIAL: "wait",
    State.FAILED: "bad",
    State.SKIPPED: "quiet",
    State.BLOCKED: "wait",
    State.WAITING: "info",
    State.INTERRUPTED: "bad",
}
UPLOAD_TONES: dict[str, str] = {
    UploadState.PREPARED: "quiet",
    UploadState.UPLOADING: "info",
    UploadState.SENT: "info",
    UploadState.FINISHED: "good",
    UploadState.REFUSED: "bad",
    UploadState.UNKNOWN: "wait",
}
REMOVAL_TONES: dict[str, str] = {
    RemovalState.PREPARED: "quiet",
    RemovalState.SENT: "info",
    RemovalState.COMPLETED: "good",
    RemovalState.FAILED: "bad",
}
CHANGE_TONES: dict[str, str] = {
    ChangeState.WAITING: "quiet",
    ChangeState.ASKED: "info",
    ChangeState.DONE: "good",
    ChangeState.FAILED: "bad",
}
SEND_TONES: dict[str, str] = {
    SendState.WAITING: "quiet",
    SendState.ASKED: "info",
    SendState.ACCEPTED: "info",
    SendState.SENT: "good",
    SendState.CANCELLED: "quiet",
    SendState.FAILED: "bad",
    SendState.UNKNOWN: "bad",
    SendState.WITHDRAWN: "quiet",
}
LOAD_TONES: dict[str, str] = {
    LoadState.OPEN: "quiet",
    LoadState.WAITING: "info",
    LoadState.RUNNING: "info",
    LoadState.UNDOING: "info",
    LoadState.LOADED: "good",
    LoadState.ASKS: "wait",
    LoadState.FAILED: "bad",
    LoadState.CANCELLED: "quiet",
}
ACTIVITY_TONES: dict[str, str] = {
    ActivityType.SEND: "quiet",
    ActivityType.OPEN: "info",
    ActivityType.CLICK: "good",
    ActivityType.SOFT_BOUNCE: "wait",
    ActivityType.HARD_BOUNCE: "bad",
    ActivityType.UNSUBSCRIBE: "out",
}

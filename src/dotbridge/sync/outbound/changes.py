"""Changes of mapped fields: what the triggers noted becomes records that the next comparison looks at."""

from __future__ import annotations

from dotbridge.mapping.tracking.changes import collect_changes
from dotbridge.sync.context import StepContext


def note_changes(step: StepContext) -> None:
    """Take the change log, for all integrations at once: whichever runs first finds it, the others find it empty."""
    taken = collect_changes()
    step.count(changes=taken.changes, dirty=taken.records)

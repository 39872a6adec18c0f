"""An absence is not a deletion: when something that a listing does not name any more is believed to be gone.

One rule for all listings. Only a complete reading says anything, and an empty one says nothing: a wrong answer looks
like it. A few are believed at once. When many are missing, they are believed once the same have been missing in several
complete readings over a day, or when a person says so; until then everything stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from dotbridge.sync.context import StepContext
from dotbridge.sync.models import Absence, Listing
from dotbridge.sync.texts import NOT_LISTED

# So many, or so large a share of what we know, are believed at once.
FEW = 3
FEW_PERCENT = 10
# Of more than that the same have to be missing so often and so long.
READINGS = 3
LASTING = timedelta(days=1)


def believed_gone(
    step: StepContext, listing: Listing, *, known: Iterable[int], named: Iterable[int], is_empty: bool
) -> set[int]:
    """Which of the known keys are to be marked as gone, after a complete reading that named these of them.

    `known` are those not marked yet, `is_empty` says that the reading named nothing at all. A reading that was not
    complete must not come here. What has to wait is said on the step, which is partly done then.
    """
    held = set(known)
    missing = held - set(named)
    absences = Absence.objects.filter(integration=step.integration, listing=listing)
    absences.exclude(object_id__in=missing).delete()
    if is_empty or not missing:
        return set()
    if len(missing) <= max(FEW, len(held) * FEW_PERCENT // 100):
        absences.delete()
        return missing
    believed = _lasting(step, listing, missing)
    absences.filter(object_id__in=believed).delete()
    if waiting := len(missing - believed):
        step.mark_partial(
            NOT_LISTED % {"what": Listing(listing).label, "number": waiting, "known": len(held), "readings": READINGS}
        )
    return believed


def _lasting(step: StepContext, listing: Listing, missing: set[int]) -> set[int]:
    now = step.run.server_now
    noted = {
        each.object_id: each
        for each in Absence.objects.filter(integration=step.integration, listing=listing, object_id__in=missing)
    }
    for each in noted.values():
        each.readings += 1
        # What is to come was noted by a clock that was wrong.
        each.first_missed_at = min(each.first_missed_at, now)
    Absence.objects.bulk_update(noted.values(), ["readings", "first_missed_at"], batch_size=1000)
    Absence.objects.bulk_create(
        [
            Absence(integration=step.integration, listing=listing, object_id=object_id, first_missed_at=now)
            for object_id in missing - noted.keys()
        ],
        batch_size=1000,
    )
    return {
        each.object_id
        for each in noted.values()
        if each.believed_at is not None or (each.readings >= READINGS and now - each.first_missed_at >= LASTING)
    }

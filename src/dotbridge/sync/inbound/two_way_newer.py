"""Which of two changes is the newer one.

Dotdigital does not say when a contact was changed, but it answers who has changed since a moment (contract §4.3). A
record says it in its registered `modified_at`. Where that is missing, or older than the last upload although the value
has changed since, nobody knows, and the record keeps its value.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from dotbridge.connections.models import ListConnection
from dotbridge.sync.context import StepContext
from dotbridge.sync.inbound.two_way_values import Item
from dotbridge.sync.models import Ground, Winner

# Each question settles at least half of what is open, so a thousand conflicts need ten. A question may be long to
# read; what is open after so many stays in doubt.
MOST_QUESTIONS = 12


class Verdict(NamedTuple):
    """Who won, and why."""

    winner: Winner
    ground: Ground


IN_DOUBT = Verdict(Winner.RECORD, Ground.IN_DOUBT)
_RECORD_IS_NEWER = Verdict(Winner.RECORD, Ground.NEWER)
_DOTDIGITAL_IS_NEWER = Verdict(Winner.DOTDIGITAL, Ground.NEWER)


class OpenConflict(NamedTuple):
    """An address with a conflict that only Dotdigital can settle: was the contact changed after the record was?"""

    item: Item
    modified_at: datetime


def judge(item: Item, modified_at: datetime | None, compared_until: datetime | None) -> Verdict | None:
    """Who is newer, as far as it follows from what we know; None when Dotdigital has to be asked.

    `compared_until` is up to when Dotdigital's changes were compared completely before this run.
    """
    if modified_at is None:
        return IN_DOUBT
    if item.is_confirmed and item.prepared_at is not None and modified_at < item.prepared_at:
        return IN_DOUBT  # it was changed past the field, by a bulk update or in SQL
    if modified_at >= item.read_at:
        return _RECORD_IS_NEWER
    if compared_until is not None and modified_at <= compared_until:
        return _DOTDIGITAL_IS_NEWER
    return None


def ask_dotdigital(step: StepContext, link: ListConnection, conflicts: Sequence[OpenConflict]) -> dict[int, Verdict]:
    """The verdict for each address, by the key of its item.

    Of two changes in the same second the record's counts as the newer one.
    """
    verdicts: dict[int, Verdict] = {}
    remaining = sorted(conflicts, key=lambda conflict: conflict.modified_at)
    # Their clock may differ from ours. Less than a second is what the call takes, and would move a moment to the second
    # before it.
    skew = timedelta(seconds=round((step.account.server_time() - timezone.now()).total_seconds()))
    for _question in range(MOST_QUESTIONS):
        if not remaining:
            break
        pivot = remaining[len(remaining) // 2].modified_at
        changed = _changed_after(step, link, pivot + skew, {conflict.item.remote_id for conflict in remaining})
        for item, modified_at in remaining:
            if modified_at <= pivot and item.remote_id in changed:
                verdicts[item.id] = _DOTDIGITAL_IS_NEWER
            elif modified_at >= pivot and item.remote_id not in changed:
                verdicts[item.id] = _RECORD_IS_NEWER
        remaining = [conflict for conflict in remaining if conflict.item.id not in verdicts]
    return verdicts | {conflict.item.id: IN_DOUBT for conflict in remaining}


def _changed_after(step: StepContext, link: ListConnection, moment: datetime, asked: set[int]) -> set[int]:
    # The feed takes whole seconds and answers from there on.
    since = moment.replace(microsecond=0) + timedelta(seconds=1)
    pages = step.account.address_book(link.address_book.remote_id).contacts(modified_since=since, full_data=False)
    return {contact.id for page in pages for contact in page.items if contact.id in asked}

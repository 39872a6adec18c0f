"""The numbers of lists as pages show them: counted at this moment where that is quick, else kept ones with their age.

A list whose last count was slow is counted by the worker, one count of it at a time, and only because somebody looks at
it. What the numbers mean is defined by `count_standing`, for the page and the worker alike.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from django.db import connection
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_noop

from dotbridge.backoffice.reads.standing import ListStanding, Standing, count_standing, count_standings
from dotbridge.backoffice.reads.worker import worker_is_alive
from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.entities.faults import asking
from dotbridge.entities.registry import UnknownEntity
from dotbridge.entities.time_limits import StatementRefused, TookTooLong, statement_time_limit
from dotbridge.lists.counting import being_counted, keep_counts, keep_try, request_count
from dotbridge.lists.models import ListCount, MarketingList
from dotbridge.lists.rules import RuleError
from dotbridge.lists.selectors import list_condition
from dotbridge.lock_keys import LOCK_KEY
from dotbridge.sync.models import State, SyncRun
from dotbridge.sync.texts import stored_text

# A person waits so long for a number without wondering. What was counted within it the last time is counted at each
# look, so that it is of the moment; whatever took longer, as a list of a million does, is shown as it was kept.
QUICK_MILLISECONDS = 1_000
# No statement of a page's own count takes longer. A list that was never counted costs its page this once.
LIVE_MILLISECONDS = 1_000
# A million members take the database some seven seconds, and nothing but other counts waits for the worker's count.
WORKER_MILLISECONDS = 120_000
# Kept numbers are counted anew when somebody looks at them and they are older than this, or than what changed them.
OLD_AFTER = timedelta(minutes=5)
# A count that came to nothing would do so again: it is tried again after this, or when somebody asks.
RETRY_AFTER = timedelta(hours=1)
# Of a list that is counted at each look the numbers are kept so often, for the day on which it is quick no more.
KEEP_EVERY = timedelta(minutes=1)
# These kinds of runs change where people stand.
TELLING = [RunKind.SYNC, RunKind.IMPORT, RunKind.EXPORT, RunKind.RECONCILE, RunKind.REQUESTS]
TOO_LONG = gettext_noop(
    "Counting this list takes too long, also for the worker. Make its rule simpler, or count it again at a quiet hour."
)
NEVER = datetime.min.replace(tzinfo=UTC)
_TAKE_TURN = f"SELECT pg_try_advisory_xact_lock({LOCK_KEY})"


class Renew(StrEnum):
    """When the worker is asked for newer numbers than the kept ones. Where there are none it is asked in any case."""

    CHANGED = "changed"  # when they are old, or older than what changed them
    OLD = "old"  # when they are old: where many lists are shown, each run would have all of them counted
    NEVER = "never"  # what has just come is enough: otherwise looking again would never end


def standing_of(marketing_list: MarketingList, *, renew: Renew = Renew.CHANGED) -> ListStanding:
    """Where everybody on the list stands: now, or when it was last counted. Never raises for a rule that cannot be read
    or takes too long; asks the worker to count where the page cannot."""
    kept = ListCount.objects.filter(pk=marketing_list.pk).first()
    is_awaited = marketing_list.pk in being_counted([marketing_list.pk])
    return _standing(marketing_list, kept, is_awaited=is_awaited, renew=renew)


def standings_of(
    lists: Sequence[MarketingList], *, seconds: float, renew: Renew = Renew.OLD
) -> dict[int, ListStanding]:
    """The same of many lists, by their keys. They are counted for so many seconds, whose numbers are oldest first; the
    others are shown as they were kept. All that are quick are counted together, by as many statements as one takes."""
    keys = [each.pk for each in lists]
    kept, awaited = ListCount.objects.in_bulk(keys), being_counted(keys)
    end = time.monotonic() + seconds
    oldest_first = sorted(lists, key=lambda each: _counted_at(kept.get(each.pk)))
    found = _counted_together(oldest_first, kept, milliseconds=1_000 * seconds)
    are_together = bool(found)
    for each in oldest_first:
        if each.pk in found:
            continue
        known, is_awaited = kept.get(each.pk), each.pk in awaited
        # Whoever had no time among the others is among the oldest at the next look.
        may_count = time.monotonic() < end and not (are_together and _goes_with_others(each, known))
        found[each.pk] = _standing(each, known, is_awaited=is_awaited, renew=renew, may_count=may_count)
    return found


def is_slow(marketing_list: MarketingList) -> bool:
    """Whether its last count took longer than a page waits: then so may whatever else goes over all its people."""
    return ListCount.objects.filter(pk=marketing_list.pk, milliseconds__gt=QUICK_MILLISECONDS).exists()


def count_and_keep(marketing_list: MarketingList) -> None:
    """Count a list, however long that takes within reason, and keep what came of it. For the worker."""
    began, clock = timezone.now(), time.monotonic()
    # Should this process be killed, or the count fail for a reason that nobody knows, it is not tried at each look.
    keep_try(list_id=marketing_list.pk, tried_at=began, milliseconds=0)
    try:
        with asking(marketing_list.entity, milliseconds=WORKER_MILLISECONDS):
            found = count_standing(marketing_list)
    except TookTooLong:
        problem = TOO_LONG
    except (RuleError, UnknownEntity) as error:
        problem = str(error)
    else:
        _keep(marketing_list, found, began, _milliseconds_since(clock))
        return
    milliseconds = _milliseconds_since(clock)
    keep_try(list_id=marketing_list.pk, tried_at=began, milliseconds=milliseconds, problem=problem)


def _counted_together(
    lists: Sequence[MarketingList], kept: Mapping[int, ListCount], *, milliseconds: float
) -> dict[int, ListStanding]:
    """The lists whose last counts took no longer than this together, counted now; none where that fails, and then each
    is counted by itself, which tells why."""
    chosen = []
    for each in lists:
        known = kept.get(each.pk)
        if known is None or not _goes_with_others(each, known) or not _can_be_read(each):
            continue
        milliseconds -= max(known.milliseconds, 1)
        if milliseconds < 0:
            break
        chosen.append(each)
    if len(chosen) < 2:
        return {}
    began, clock = timezone.now(), time.monotonic()
    try:
        with statement_time_limit(LIVE_MILLISECONDS):
            found = dict(zip([each.pk for each in chosen], count_standings(chosen), strict=True))
    except (StatementRefused, TookTooLong):
        return {}
    due = [each.pk for each in chosen if began - _counted_at(kept[each.pk]) > KEEP_EVERY]
    if due:
        share = _milliseconds_since(clock) // len(chosen)
        keep_counts(numbers={key: _kept_numbers(found[key]) for key in due}, counted_at=began, milliseconds=share)
    return found


def _goes_with_others(marketing_list: MarketingList, kept: ListCount | None) -> bool:
    """Whether its last count was quick, and of the rule that it has now."""
    return kept is not None and _is_quick(kept) and marketing_list.updated_at <= kept.tried_at


def _can_be_read(marketing_list: MarketingList) -> bool:
    try:
        list_condition(marketing_list)
    except (RuleError, UnknownEntity):
        return False
    return True


def _standing(
    marketing_list: MarketingList,
    kept: ListCount | None,
    *,
    is_awaited: bool,
    renew: Renew,
    may_count: bool = True,
) -> ListStanding:
    # A rule that was changed may have become quick: tried once, unless the worker is at it.
    is_new = kept is None or (marketing_list.updated_at > kept.tried_at and not is_awaited)
    if may_count and (is_new or _is_quick(kept)):
        return _count_now(marketing_list, kept, is_awaited=is_awaited)
    return _as_kept(marketing_list, kept, is_awaited=is_awaited, renew=renew)


def _is_quick(kept: ListCount | None) -> bool:
    """Whether its last count was."""
    return kept is not None and kept.milliseconds <= QUICK_MILLISECONDS


def _count_now(marketing_list: MarketingList, kept: ListCount | None, *, is_awaited: bool) -> ListStanding:
    began, clock = timezone.now(), time.monotonic()
    try:
        with asking(marketing_list.entity, milliseconds=LIVE_MILLISECONDS):
            if not _is_quick(kept) and not _takes_turn(marketing_list):
                # Somebody else's page counts it at this moment.
                return replace(_as_kept(marketing_list, kept, is_awaited=True), lacks_worker=False)
            found = count_standing(marketing_list)
    except (RuleError, UnknownEntity) as error:
        return ListStanding(numbers={}, problem=str(error))
    except TookTooLong:
        slow = max(_milliseconds_since(clock), QUICK_MILLISECONDS + 1)
        keep_try(list_id=marketing_list.pk, tried_at=began, milliseconds=slow)
        if not is_awaited:
            request_count(list_id=marketing_list.pk)
        return _as_kept(marketing_list, kept, is_awaited=True)
    milliseconds = _milliseconds_since(clock)
    is_quick = milliseconds <= QUICK_MILLISECONDS
    if not is_quick or not _goes_with_others(marketing_list, kept) or began - _counted_at(kept) > KEEP_EVERY:
        _keep(marketing_list, found, began, milliseconds)
    return found if is_quick else replace(found, counted_at=began, is_kept=True)


def _takes_turn(marketing_list: MarketingList) -> bool:
    """Whether nobody else counts the list for a page now. Holds until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_TURN, [f"dotbridge.count.{marketing_list.pk}"])
        return bool(cursor.fetchone()[0])


def _as_kept(
    marketing_list: MarketingList, kept: ListCount | None, *, is_awaited: bool, renew: Renew = Renew.NEVER
) -> ListStanding:
    """The kept numbers; the worker is asked for newer ones where these are old."""
    try:
        list_condition(marketing_list)
    except (RuleError, UnknownEntity) as error:
        return ListStanding(numbers={}, problem=str(error))
    numbers = _numbers_of(marketing_list, kept)
    if not is_awaited and _is_due(marketing_list, kept, renew=renew, has_numbers=bool(numbers)):
        request_count(list_id=marketing_list.pk)
        is_awaited = True
    return ListStanding(
        numbers=numbers,
        leaving=kept.leaving if kept and numbers else 0,
        problem=stored_text(kept.problem) if kept and not is_awaited else "",
        counted_at=kept.counted_at if kept and numbers else None,
        is_kept=True,
        is_awaited=is_awaited,
        lacks_worker=is_awaited and not worker_is_alive(),
    )


def _numbers_of(marketing_list: MarketingList, kept: ListCount | None) -> dict[Standing, int]:
    """What was kept, in the order of a bar; nothing where it is of another connection than the present one."""
    link: ListConnection | None = getattr(marketing_list, "connection", None)
    if kept is None or kept.counted_at is None or (Standing.MAILABLE in kept.numbers) != (link is None):
        return {}
    if link is not None and link.created_at > kept.counted_at:
        return {}
    return {state: kept.numbers[state] for state in Standing if state in kept.numbers}


def _is_due(marketing_list: MarketingList, kept: ListCount | None, *, renew: Renew, has_numbers: bool) -> bool:
    """Whether a list is to be counted anew because somebody looks at it."""
    if kept is None:
        return True
    age = timezone.now() - kept.tried_at
    if kept.tried_at > _counted_at(kept):
        return marketing_list.updated_at > kept.tried_at or age > RETRY_AFTER
    if not has_numbers or renew is Renew.NEVER:
        return not has_numbers
    return age > OLD_AFTER or (renew is Renew.CHANGED and _changed_since(marketing_list, kept))


def _changed_since(marketing_list: MarketingList, kept: ListCount) -> bool:
    changes = (marketing_list.updated_at, kept.changed_at, _run_ended_at(marketing_list))
    return any(moment is not None and moment > kept.tried_at for moment in changes)


def _run_ended_at(marketing_list: MarketingList) -> datetime | None:
    """When the last run ended that may have changed where the list's people stand."""
    link: ListConnection | None = getattr(marketing_list, "connection", None)
    if link is None:
        return None
    runs = SyncRun.objects.filter(
        Q(connection=None) | Q(connection=link),
        integration=link.address_book.integration_id,
        kind__in=TELLING,
        finished_at__isnull=False,
    ).exclude(state=State.SKIPPED)
    return runs.order_by("-pk").values_list("finished_at", flat=True).first()


def _counted_at(kept: ListCount | None) -> datetime:
    return (kept.counted_at if kept else None) or NEVER


def _keep(marketing_list: MarketingList, found: ListStanding, began: datetime, milliseconds: int) -> None:
    numbers = {marketing_list.pk: _kept_numbers(found)}
    keep_counts(numbers=numbers, counted_at=began, milliseconds=milliseconds)


def _kept_numbers(found: ListStanding) -> tuple[dict[str, int], int]:
    return {str(state): number for state, number in found.numbers.items()}, found.leaving


def _milliseconds_since(clock: float) -> int:
    return round(1_000 * (time.monotonic() - clock))

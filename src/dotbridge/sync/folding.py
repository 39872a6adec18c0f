"""Quiet runs: those of an hour are kept as one.

A hundred integrations make a hundred thousand runs a day, and nearly all of them find nothing to do. Like `services`, a
writer.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Min
from django.utils import timezone

from dotbridge.sync.models import State, SyncRun

HOUR = timedelta(hours=1)
# Counts that only say where a run has looked. Every other one says that there was something to do.
COUNTS_OF_LOOKING = ("read", "compared", "active", "rejected")

# 1. The hour's runs that were not looked at yet, by run_unfolded, and which of them are quiet: the schedule's, for all
#    lists, without a step that went wrong or had anything to do, and with nothing that belongs to them.
# 2. Of each integration and kind the last quiet one is kept, and says how many it stands for.
# 3. The others go with their steps; a rejection that one of them was the last to meet stays.
_FOLD = """
    WITH looked_at AS (
        SELECT r.id, r.integration_id, r.kind, r.times, r.requests,
               r.state = 'succeeded' AND r.trigger = 'schedule' AND r.connection_id IS NULL
               AND NOT EXISTS (
                   SELECT 1 FROM dotbridge_sync_step s
                   WHERE s.run_id = r.id AND s.state NOT IN ('succeeded', 'skipped'))
               AND NOT EXISTS (
                   SELECT 1 FROM dotbridge_sync_step s CROSS JOIN LATERAL jsonb_each_text(s.counts) c
                   WHERE s.run_id = r.id AND c.value <> '0' AND c.key <> ALL(%(looking)s))
               AND NOT EXISTS (SELECT 1 FROM dotbridge_sync_upload u WHERE u.run_id = r.id)
               AND NOT EXISTS (SELECT 1 FROM dotbridge_sync_removal d WHERE d.run_id = r.id)
               AND NOT EXISTS (SELECT 1 FROM dotbridge_sync_valueconflict c WHERE c.run_id = r.id) AS is_quiet
        FROM dotbridge_sync_syncrun r
        WHERE NOT r.is_folded AND r.started_at >= %(since)s AND r.started_at < %(until)s
          AND r.state NOT IN ('running', 'waiting')
    ), kept AS (
        SELECT max(id) AS id, sum(times) AS times, sum(requests) AS requests
        FROM looked_at WHERE is_quiet GROUP BY integration_id, kind
    ), folded AS (
        SELECT l.id FROM looked_at l WHERE l.is_quiet AND NOT EXISTS (SELECT 1 FROM kept k WHERE k.id = l.id)
    ), noted AS (
        UPDATE dotbridge_sync_syncrun r
        SET is_folded = true, times = coalesce(k.times, r.times), requests = coalesce(k.requests, r.requests)
        FROM looked_at l LEFT JOIN kept k ON k.id = l.id
        WHERE r.id = l.id AND NOT EXISTS (SELECT 1 FROM folded f WHERE f.id = l.id)
    ), parted AS (
        UPDATE dotbridge_sync_rejection j SET step_id = NULL
        FROM dotbridge_sync_step s JOIN folded f ON f.id = s.run_id WHERE j.step_id = s.id
    ), steps AS (
        DELETE FROM dotbridge_sync_step s USING folded f WHERE s.run_id = f.id
    )
    DELETE FROM dotbridge_sync_syncrun r USING folded f WHERE r.id = f.id
"""


def fold_quiet_runs(*, now: datetime | None = None) -> int:
    """Fold the quiet runs of each hour that is over, an hour a transaction; answers how many went.

    It looks at each run once, however many are kept.
    """
    this_hour = (now or timezone.now()).replace(minute=0, second=0, microsecond=0)
    waiting = SyncRun.objects.filter(is_folded=False, started_at__lt=this_hour).exclude(
        state__in=[State.RUNNING, State.WAITING]
    )
    folded = 0
    since: datetime | None = waiting.aggregate(at=Min("started_at"))["at"]
    while since is not None:
        hour = since.replace(minute=0, second=0, microsecond=0)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                _FOLD, {"since": hour, "until": min(hour + HOUR, this_hour), "looking": list(COUNTS_OF_LOOKING)}
            )
            folded += cursor.rowcount
        since = waiting.filter(started_at__gte=hour + HOUR).aggregate(at=Min("started_at"))["at"]
    return folded

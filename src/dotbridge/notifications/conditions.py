"""What is not as it should be now: a fixed number of queries, asked every minute."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, F, Max, OuterRef, Q, Subquery, Sum, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.integrations.models import Integration, RateWindow
from dotbridge.notifications.kinds import Kind
from dotbridge.preferences.selectors import settings_in_force
from dotbridge.sync.models import ExportItem, State, SyncRun, Upload, UploadState
from dotbridge.sync.selectors import missing_of_listings

# One failed run may be a hiccup of the network; the next one comes within minutes.
FAILURES = 2
# A feed is old when nothing went well for so many times its interval, and at least so long.
TIMES_THE_INTERVAL = 6
AT_LEAST = timedelta(hours=1)
# Told when less than so much of the calls is left.
SHARE_LEFT = 0.1
GOOD = (State.SUCCEEDED, State.PARTIAL, State.BLOCKED)
# Which kinds of runs read and which send.
DIRECTIONS = {"reading": (RunKind.IMPORT, RunKind.SYNC), "sending": (RunKind.EXPORT, RunKind.SYNC)}


@dataclass(frozen=True, kw_only=True)
class Found:
    """One thing that is not as it should be. `since` is None where only now is known."""

    kind: Kind
    subject: str
    page: str
    page_id: int | None
    details: dict[str, Any] = field(default_factory=dict)
    since: datetime | None = None


def found_now() -> list[Found]:
    """All of it, in the accounts that are switched on."""
    accounts = {each.pk: each.name for each in Integration.objects.filter(is_active=True)}
    return [
        *_failing(accounts),
        *_refused(accounts),
        *_stopped(),
        *_old(accounts),
        *_empty(),
        *_uploads(),
        *_quota(accounts),
    ]


def _account(kind: Kind, pk: int, name: str, **more: Any) -> Found:
    since = more.pop("since", None)
    suffix = f":{more['direction']}" if "direction" in more else ""
    details = {"account": name, **more}
    return Found(
        kind=kind, subject=f"integration:{pk}{suffix}", page="account", page_id=pk, details=details, since=since
    )


def _failing(accounts: dict[int, str]) -> Iterator[Found]:
    """Accounts whose last runs of one direction all failed; wrong credentials are told as such."""
    ended = SyncRun.objects.filter(integration__in=accounts).exclude(state__in=[State.RUNNING, State.SKIPPED])
    for direction, kinds in DIRECTIONS.items():
        # Of each account the last ones alone, by the index over integration, kind and state.
        place = Window(RowNumber(), partition_by="integration_id", order_by=F("id").desc())
        recent = ended.filter(kind__in=kinds, started_at__gt=timezone.now() - timedelta(days=2))
        last = recent.annotate(place=place).filter(place__lte=FAILURES)
        runs: dict[int, list[Any]] = {}
        for row in last.order_by("-id").values("integration_id", "state", "is_refused", "message", "started_at"):
            runs.setdefault(row["integration_id"], []).append(row)
        for pk, rows in runs.items():
            if len(rows) == FAILURES and all(row["state"] == State.FAILED and not row["is_refused"] for row in rows):
                yield _account(
                    Kind.SYNC_FAILING,
                    pk,
                    accounts[pk],
                    direction=direction,
                    message=rows[0]["message"],
                    since=rows[-1]["started_at"],
                )


def _refused(accounts: dict[int, str]) -> Iterator[Found]:
    """Accounts whose newest ended run was not let in: a person has to correct the credentials or the address."""
    newest = SyncRun.objects.filter(integration=OuterRef("pk")).exclude(state__in=[State.RUNNING, State.SKIPPED])
    keys = Integration.objects.filter(pk__in=accounts).values_list(Subquery(newest.order_by("-id").values("pk")[:1]))
    for run in SyncRun.objects.filter(pk__in=[key for (key,) in keys if key], is_refused=True):
        pk = run.integration_id
        yield _account(Kind.CREDENTIALS_REFUSED, pk, accounts[pk], message=run.message, since=run.finished_at)


def _stopped() -> Iterator[Found]:
    links = ListConnection.objects.filter(stopped_at__isnull=False, address_book__integration__is_active=True)
    for link in links.select_related("marketing_list"):
        yield Found(
            kind=Kind.BREAKER_WAITING,
            subject=f"connection:{link.pk}",
            page="list",
            page_id=link.marketing_list_id,
            details={"list": str(link.marketing_list), "number": link.stopped_rows, "of": link.stopped_of},
            since=link.stopped_at,
        )


def _old(accounts: dict[int, str]) -> Iterator[Found]:
    """Directions in which nothing went well for too long, though it did once."""
    every = settings_in_force("import_every_seconds", "export_every_seconds")
    intervals = {"reading": every["import_every_seconds"], "sending": every["export_every_seconds"]}
    good = SyncRun.objects.filter(integration__in=accounts, state__in=GOOD).order_by()
    rows = good.values_list("integration_id", "kind").annotate(at=Max("finished_at"))
    last: dict[tuple[int, str], datetime] = {(pk, kind): at for pk, kind, at in rows if at}
    for pk, name in accounts.items():
        for direction, kinds in DIRECTIONS.items():
            newest = max((last[pk, kind] for kind in kinds if (pk, kind) in last), default=None)
            limit = max(AT_LEAST, timedelta(seconds=TIMES_THE_INTERVAL * intervals[direction]))
            if newest is not None and timezone.now() - newest > limit:
                yield _account(Kind.FEED_OLD, pk, name, direction=direction, since=newest)


def _empty() -> Iterator[Found]:
    for missing in missing_of_listings(most_names=1):
        yield Found(
            kind=Kind.FEED_EMPTY,
            subject=f"integration:{missing.integration.pk}:{missing.listing.value}",
            page="account",
            page_id=missing.integration.pk,
            details={
                "account": missing.integration.name,
                "listing": missing.listing.value,
                "number": missing.number,
                "of": missing.known,
            },
            since=missing.since,
        )


def _uploads() -> Iterator[Found]:
    """Refused as a whole, with people in it who were not sent again since, and nobody but a person sends again."""
    items = ExportItem.objects.filter(upload=OuterRef("pk"))
    refused = Upload.objects.filter(Exists(items), state=UploadState.REFUSED, retry_at=None)
    for upload in refused.annotate(people=Count("items")).select_related("connection__marketing_list"):
        yield Found(
            kind=Kind.UPLOAD_REFUSED,
            subject=f"upload:{upload.pk}",
            page="upload",
            page_id=upload.pk,
            details={
                "list": str(upload.connection.marketing_list),
                "number": upload.people,
                "message": upload.message,
            },
            since=upload.finished_at,
        )


def _quota(accounts: dict[int, str]) -> Iterator[Found]:
    """Accounts that have few calls left in an open window, or none: what the last hour cost is the measure."""
    now = timezone.now()
    used = dict(
        SyncRun.objects.filter(started_at__gt=now - timedelta(hours=1))
        .order_by()
        .values_list("integration")
        .annotate(number=Sum("requests"))
    )
    left = dict(
        RateWindow.objects.filter(Q(integration__in=accounts), resets_at__gt=now)
        .order_by()
        .values_list("integration")
        .annotate(number=Max("remaining"))
    )
    for pk, remaining in left.items():
        spent = used.get(pk) or 0
        if remaining <= SHARE_LEFT * (remaining + spent):
            yield _account(Kind.QUOTA_NEAR, pk, accounts[pk], number=max(remaining, 0), used=spent)

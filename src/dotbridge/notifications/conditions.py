"""What is not as it should be now: a fixed number of queries, asked every minute."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from django.db.models import Count, Exists, Max, OuterRef, Q, Subquery, Sum
from django.utils import timezone

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.integrations.models import Integration, RateWindow
from dotbridge.notifications.kinds import Kind
from dotbridge.preferences.selectors import settings_in_force
from dotbridge.sync.models import WENT_WELL, ExportItem, State, Step, SyncRun, Upload, UploadState
from dotbridge.sync.selectors import missing_of_listings

# One failed run may be a hiccup of the network; the next one comes within minutes.
FAILURES = 2
# A feed is old when nothing went well for so many times its interval, and at least so long.
TIMES_THE_INTERVAL = 6
AT_LEAST = timedelta(hours=1)
# Told when less than so much of the calls is left.
SHARE_LEFT = 0.1
GOOD = (*WENT_WELL, State.BLOCKED)
# Which kinds of runs read and which send.
DIRECTIONS = {"reading": (RunKind.IMPORT, RunKind.SYNC), "sending": (RunKind.EXPORT, RunKind.SYNC)}


@dataclass(frozen=True, kw_only=True)
class Found:
    """One thing that is not as it should be. `since` is None where only now is known; `details` name the account that
    it is in, by `account_id`."""

    kind: Kind
    subject: str
    page: str
    page_id: int | None
    details: dict[str, Any] = field(default_factory=dict)
    since: datetime | None = None


def found_now() -> list[Found]:
    """All of it, in the accounts that are switched on."""
    accounts = {each.pk: each.name for each in Integration.objects.filter(is_active=True)}
    runs = _runs_of(accounts)
    return [
        *_failing(accounts, runs),
        *_refused(accounts, runs),
        *_stopped(),
        *_old(accounts, runs),
        *_empty(),
        *_uploads(),
        *_quota(accounts),
    ]


def _account(kind: Kind, pk: int, name: str, **more: Any) -> Found:
    since = more.pop("since", None)
    suffix = f":{more['direction']}" if "direction" in more else ""
    details = {"account_id": pk, "account": name, **more}
    return Found(
        kind=kind, subject=f"integration:{pk}{suffix}", page="account", page_id=pk, details=details, since=since
    )


def _runs_of(accounts: dict[int, str]) -> dict[tuple[int, str], Any]:
    """By account and what it is: the last two runs of each direction, the last good one, and the last of all.

    Each is found from the end of an index, so that it costs the same with a million runs. Two queries.
    """
    of_account = SyncRun.objects.filter(integration=OuterRef("pk")).order_by("-id").values("pk")
    # One that was cut off, or only waited for calls, says neither that all is well nor that it is not.
    ended = of_account.exclude(state__in=[State.RUNNING, State.SKIPPED, State.INTERRUPTED]).filter(waits_until=None)
    has_done_something = Exists(Step.objects.filter(run=OuterRef("pk"), state=State.SUCCEEDED))
    good = of_account.filter(Q(waits_until=None) | has_done_something, state__in=GOOD)
    keys: dict[str, Any] = {"newest": Subquery(ended[:1])}
    for direction, kinds in DIRECTIONS.items():
        keys[f"{direction}_last"] = Subquery(ended.filter(kind__in=kinds)[:1])
        keys[f"{direction}_former"] = Subquery(ended.filter(kind__in=kinds)[1:2])
        keys[f"{direction}_good"] = Subquery(good.filter(kind__in=kinds)[:1])
    rows = list(Integration.objects.filter(pk__in=accounts).annotate(**keys).values("pk", *keys))
    runs = SyncRun.objects.in_bulk({row[name] for row in rows for name in keys if row[name]})
    return {(row["pk"], name): runs.get(row[name]) for row in rows for name in keys}


def _failing(accounts: dict[int, str], runs: dict[tuple[int, str], Any]) -> Iterator[Found]:
    """Accounts whose last two runs of one direction failed; wrong credentials are told as such."""
    for (pk, name), direction in product(accounts.items(), DIRECTIONS):
        last, former = runs.get((pk, f"{direction}_last")), runs.get((pk, f"{direction}_former"))
        both = [run for run in (last, former) if run and run.state == State.FAILED and not run.is_refused]
        if len(both) == FAILURES:
            yield _account(
                Kind.SYNC_FAILING,
                pk,
                name,
                direction=direction,
                message=both[0].message,
                since=both[1].started_at,
            )


def _refused(accounts: dict[int, str], runs: dict[tuple[int, str], Any]) -> Iterator[Found]:
    """Accounts whose last run was not let in: a person has to correct the credentials or the address."""
    for pk, name in accounts.items():
        run = runs.get((pk, "newest"))
        if run is not None and run.is_refused:
            yield _account(Kind.CREDENTIALS_REFUSED, pk, name, message=run.message, since=run.finished_at)


def _stopped() -> Iterator[Found]:
    links = ListConnection.objects.filter(stopped_at__isnull=False, address_book__integration__is_active=True)
    for link in links.select_related("marketing_list", "address_book"):
        yield Found(
            kind=Kind.BREAKER_WAITING,
            subject=f"connection:{link.pk}",
            page="list",
            page_id=link.marketing_list_id,
            details={
                "account_id": link.address_book.integration_id,
                "list": str(link.marketing_list),
                "number": link.stopped_rows,
                "of": link.stopped_of,
            },
            since=link.stopped_at,
        )


def _old(accounts: dict[int, str], runs: dict[tuple[int, str], Any]) -> Iterator[Found]:
    """Directions in which nothing went well for too long, though it did once."""
    every = settings_in_force("import_every_seconds", "export_every_seconds")
    intervals = {"reading": every["import_every_seconds"], "sending": every["export_every_seconds"]}
    for (pk, name), direction in product(accounts.items(), DIRECTIONS):
        good = runs.get((pk, f"{direction}_good"))
        limit = max(AT_LEAST, timedelta(seconds=TIMES_THE_INTERVAL * intervals[direction]))
        if good is not None and good.finished_at and timezone.now() - good.finished_at > limit:
            yield _account(Kind.FEED_OLD, pk, name, direction=direction, since=good.finished_at)


def _empty() -> Iterator[Found]:
    for missing in missing_of_listings(most_names=1):
        yield Found(
            kind=Kind.FEED_EMPTY,
            subject=f"integration:{missing.integration.pk}:{missing.listing.value}",
            page="account",
            page_id=missing.integration.pk,
            details={
                "account_id": missing.integration.pk,
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
    refused = refused.select_related("connection__marketing_list", "connection__address_book")
    for upload in refused.annotate(people=Count("items")):
        yield Found(
            kind=Kind.UPLOAD_REFUSED,
            subject=f"upload:{upload.pk}",
            page="upload",
            page_id=upload.pk,
            details={
                "account_id": upload.connection.address_book.integration_id,
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

"""The overview: is everything in step, does anything wait, and what to do first. A fixed number of queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob, ProcrastinateWorker

from dotbridge.backoffice.campaign_reads import newest_campaigns
from dotbridge.backoffice.reads.worker import SILENT_AFTER
from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import RUN_TASK
from dotbridge.integrations.models import Integration
from dotbridge.lists.models import MarketingList
from dotbridge.sync.models import ExportItem, State, SyncRun, Upload, UploadState

# Imports and exports are scheduled every four minutes; three missed ones are worth a look.
INTERVAL = timedelta(minutes=4)
STALE_AFTER = 3 * INTERVAL
GOOD = (State.SUCCEEDED, State.PARTIAL)


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """How one direction of an integration stands: its newest run, and when one last did its work."""

    run: SyncRun | None
    good_at: datetime | None

    @property
    def is_stale(self) -> bool:
        """Whether the last good run is longer ago than three intervals."""
        return self.good_at is None or timezone.now() - self.good_at > STALE_AFTER


@dataclass(frozen=True, kw_only=True)
class IntegrationLine:
    """An integration on the overview."""

    integration: Integration
    imports: Freshness
    exports: Freshness


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What has yet to be done, and whether anybody is there to do it."""

    is_alive: bool
    last_heartbeat: datetime | None
    queued: int
    at_work: int
    uploads_unfinished: int
    uploads_refused: int


def fill_dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Django-unfold asks for this to complete the context of the admin's first page."""
    user = request.user
    may_see = {
        "runs": user.has_perm("dotbridge_integrations.view_integration")
        and user.has_perm("dotbridge_sync.view_syncrun"),
        "lists": user.has_perm("dotbridge_lists.view_marketinglist"),
        "campaigns": user.has_perm("dotbridge_campaigns.view_emailcampaign"),
    }
    context |= {"may_see": may_see, "stale_minutes": int(STALE_AFTER.total_seconds() // 60)}
    if may_see["runs"]:
        context |= {"integrations": integration_lines(), "waiting": what_waits()}
    if may_see["lists"]:
        context["connections"] = connection_lines()
    if may_see["campaigns"]:
        context["mails"] = newest_campaigns()
    if may_see["runs"] and may_see["lists"] and not context["connections"]:
        context["first_steps"] = _first_steps(context)
    return context


def integration_lines() -> list[IntegrationLine]:
    """Every integration with its newest import and export, in two queries."""
    directions = {
        "import": (RunKind.IMPORT, RunKind.SYNC),
        "export": (RunKind.EXPORT, RunKind.SYNC),
    }
    annotations: dict[str, Any] = {}
    for name, kinds in directions.items():
        runs = SyncRun.objects.filter(integration=OuterRef("pk"), kind__in=kinds).order_by("-id")
        annotations[f"last_{name}"] = Subquery(runs.values("pk")[:1])
        annotations[f"good_{name}"] = Subquery(runs.filter(state__in=GOOD).values("finished_at")[:1])
    integrations: list[Any] = list(Integration.objects.annotate(**annotations).order_by("-is_active", "name"))
    keys = {key for each in integrations for key in (each.last_import, each.last_export)} - {None}
    runs_by_key = SyncRun.objects.in_bulk(keys)
    return [
        IntegrationLine(
            integration=each,
            imports=Freshness(run=runs_by_key.get(each.last_import), good_at=each.good_import),
            exports=Freshness(run=runs_by_key.get(each.last_export), good_at=each.good_export),
        )
        for each in integrations
    ]


def connection_lines() -> list[dict[str, Any]]:
    """Every connected list with its addresses confirmed, waiting and rejected, in two queries."""
    links = ListConnection.objects.select_related("marketing_list", "address_book__integration").order_by(
        "marketing_list__name"
    )
    is_confirmed = Q(reason="", upload__state=UploadState.FINISHED)
    items: QuerySet[Any, Any] = ExportItem.objects.filter(removal=None).order_by().values("connection")
    totals = {
        row["connection"]: row
        for row in items.annotate(
            addresses=Count("pk"),
            confirmed=Count("pk", filter=is_confirmed),
            rejected=Count("pk", filter=~Q(reason="")),
        )
    }
    lines = []
    for link in links:
        row = totals.get(link.pk, {"addresses": 0, "confirmed": 0, "rejected": 0})
        waiting = row["addresses"] - row["confirmed"] - row["rejected"]
        lines.append({"link": link, **row, "waiting": waiting})
    return lines


def what_waits() -> Waiting:
    """The queue, the workers and the uploads, in four queries."""
    heartbeat = ProcrastinateWorker.objects.aggregate(newest=Max("last_heartbeat"))["newest"]
    jobs = ProcrastinateJob.objects.filter(task_name=RUN_TASK, status__in=["todo", "doing"]).aggregate(
        queued=Count("pk", filter=Q(status="todo")), at_work=Count("pk", filter=Q(status="doing"))
    )
    on_their_way = Upload.objects.filter(state__in=[UploadState.UPLOADING, UploadState.SENT, UploadState.UNKNOWN])
    # Rows that were sent again belong to another upload by then.
    has_rows = Exists(ExportItem.objects.filter(upload=OuterRef("pk")))
    return Waiting(
        is_alive=heartbeat is not None and timezone.now() - heartbeat < SILENT_AFTER,
        last_heartbeat=heartbeat,
        queued=jobs["queued"],
        at_work=jobs["at_work"],
        uploads_unfinished=on_their_way.count(),
        uploads_refused=Upload.objects.filter(has_rows, state=UploadState.REFUSED).count(),
    )


def _first_steps(context: dict[str, Any]) -> dict[str, bool]:
    """Which of the first steps are done."""
    lines: list[IntegrationLine] = context["integrations"]
    return {
        "integration": bool(lines),
        "run": any(line.imports.good_at for line in lines),
        "list": MarketingList.objects.exists(),
    }

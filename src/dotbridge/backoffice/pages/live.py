"""The strip that follows a run from the button that was pressed to what it did."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.backoffice.pages.frame import page
from dotbridge.backoffice.queries import after_run_of
from dotbridge.backoffice.reads.live import live_moment
from dotbridge.connections.services import RUN_TASK
from dotbridge.integrations.models import Integration

MAY_FOLLOW = (
    "dotbridge_lists.view_marketinglist",
    "dotbridge_integrations.view_integration",
    "dotbridge_sync.view_syncrun",
)
POLL_SECONDS, IDLE_SECONDS = 2, 20


def strip_context(request: HttpRequest, integration: int, after: str, *, reloads: bool = False) -> dict[str, Any]:
    """What the strip shows, whether it asks again, and whether the page comes again at the end."""
    live = live_moment(integration, after=int(after) if after else None)
    is_idle = live is None and not after
    return {
        "live": live,
        "integration": integration,
        "after": after,
        "reloads": reloads,
        "polls": live is None or not live.is_over,
        "seconds": IDLE_SECONDS if is_idle else POLL_SECONDS,
        "may_cancel": request.user.has_perm("dotbridge_sync.add_syncrun"),
        "may_see_run": request.user.has_perm("dotbridge_sync.view_syncrun"),
        "request": request,
    }


@page()
def live(request: HttpRequest, integration: int) -> HttpResponseBase:
    """The strip again; at the end of a run it tells the page, whose numbers then follow, or has it come again."""
    if not any(map(request.user.has_perm, MAY_FOLLOW)):
        raise PermissionDenied
    get_object_or_404(Integration, pk=integration)
    reloads = request.GET.get("reloads") == "yes"
    context = strip_context(request, integration, after_run_of(request), reloads=reloads)
    response = render(request, "backoffice/components/live.html", context)
    if context["live"] is not None and context["live"].is_over:
        name, value = ("HX-Refresh", "true") if reloads else ("HX-Trigger", "dotbridge-run-ended")
        response[name] = value
    return response


@require_POST
@page("dotbridge_sync.add_syncrun")
def cancel(request: HttpRequest, integration: int, job: int) -> HttpResponseBase:
    """Call back a run that only waits, and show how things stand then."""
    waiting = ProcrastinateJob.objects.filter(pk=job, task_name=RUN_TASK, args__integration_id=integration)
    if waiting.exists():
        app.job_manager.cancel_job_by_id(job)
    return live(request, integration)

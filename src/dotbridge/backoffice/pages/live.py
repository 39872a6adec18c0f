"""The strip that follows a run from the button that was pressed to what it did."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from dotbridge.backoffice.pages.frame import page
from dotbridge.backoffice.queries import after_run_of
from dotbridge.backoffice.reads.live import Live, live_moment
from dotbridge.backoffice.reads.worker import seconds_to_ask
from dotbridge.backoffice.rights import MAY_REQUEST, MAY_SEE_ACCOUNTS, MAY_SEE_LISTS, MAY_SEE_RUNS
from dotbridge.connections.send_models import CampaignSend, SendState
from dotbridge.connections.services import RUN_TASK
from dotbridge.integrations.models import Integration

MAY_FOLLOW = (
    MAY_SEE_LISTS,
    MAY_SEE_ACCOUNTS,
    MAY_SEE_RUNS,
)
POLL_SECONDS, IDLE_SECONDS = 2, 20
LIVE = "backoffice/components/live.html"


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
        "seconds": IDLE_SECONDS if is_idle else _seconds(live),
        "may_cancel": request.user.has_perm(MAY_REQUEST),
        "may_see_run": request.user.has_perm(MAY_SEE_RUNS),
        "request": request,
    }


def _seconds(live: Live | None) -> int:
    """A run that was started on the command line needs no worker."""
    return POLL_SECONDS if live is not None and live.run is not None else seconds_to_ask(POLL_SECONDS)


@page()
def live(request: HttpRequest, integration: int) -> HttpResponseBase:
    """The strip again; at the end of a run it tells the page, whose numbers then follow, or has it come again."""
    if not any(map(request.user.has_perm, MAY_FOLLOW)):
        raise PermissionDenied
    get_object_or_404(Integration, pk=integration)
    reloads = request.GET.get("reloads") == "yes"
    context = strip_context(request, integration, after_run_of(request), reloads=reloads)
    response = render(request, LIVE, context)
    if context["live"] is not None and context["live"].is_over:
        name, value = ("HX-Refresh", "true") if reloads else ("HX-Trigger", "dotbridge-run-ended")
        response[name] = value
    return response


@require_POST
@page(MAY_REQUEST)
def cancel(request: HttpRequest, integration: int, job: int) -> HttpResponseBase:
    """Call back a run that only waits, and show how things stand then."""
    waiting = ProcrastinateJob.objects.filter(pk=job, task_name=RUN_TASK, args__integration_id=integration)
    if waiting.exists():
        app.job_manager.cancel_job_by_id(job)
    sends = CampaignSend.objects.filter(integration=integration, state=SendState.WAITING).count()
    if not sends:
        return live(request, integration)
    # The run was only the next one: what is asked for goes with whichever comes.
    text = ngettext(
        "The run was called back, but %(number)s campaign still waits to be sent",
        "The run was called back, but %(number)s campaigns still wait to be sent",
        sends,
    )
    context = strip_context(request, integration, after_run_of(request))
    detail = _("It goes within minutes. To stop it, take it back on the campaign's own page.")
    said = Live(text=text % {"number": sends}, detail=detail, tone="wait")
    return render(request, LIVE, {**context, "live": said, "polls": True, "seconds": IDLE_SECONDS})

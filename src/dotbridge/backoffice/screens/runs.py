"""Runs: what each pass over an integration did, step by step, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from dotbridge.backoffice.labels import counts_in_words, duration, grouped, state_badge, step_label, trigger_text
from dotbridge.backoffice.reads.worker import seconds_to_ask
from dotbridge.backoffice.rights import MAY_SEE_ACCOUNTS, MAY_SEE_PROBLEMS, MAY_SEE_UPLOADS
from dotbridge.backoffice.screens.base import Button, EmptyList, InfinitePaginator, ReadOnlyScreen, View
from dotbridge.backoffice.site import table_site
from dotbridge.sync.models import State, SyncRun
from dotbridge.sync.texts import stored_text

REFRESH_SECONDS = 3


@admin.register(SyncRun, site=table_site)
class RunScreen(ReadOnlyScreen):
    """The runs, newest first."""

    list_display = ("number", "integration", "kind", "started_by", "state_label", "started_at", "took", "calls", "text")
    list_filter = ("integration", "kind", "state")
    list_select_related = ("integration",)
    ordering = ("-id",)
    sortable_by = ()
    paginator = InfinitePaginator
    show_full_result_count = False
    fields = (
        ("integration", "kind", "started_by"),
        ("state_label", "calls", "took"),
        ("started_at", "finished_at"),
        "text",
    )
    readonly_fields = (
        "integration",
        "kind",
        "started_by",
        "state_label",
        "calls",
        "took",
        "started_at",
        "finished_at",
        "text",
    )
    change_form_template = "backoffice/run.html"
    empty_list = EmptyList(
        title=_("No runs yet"),
        text=_("Runs start by themselves every few minutes while a worker is running, or with “Sync now”."),
        link="dotbridge_tables:dotbridge_integrations_integration_changelist",
        link_text=_("Go to the integrations"),
        permission=MAY_SEE_ACCOUNTS,
    )

    @admin.display(description=_("Run"))
    def number(self, run: SyncRun) -> str:
        """Its number."""
        return f"#{run.pk}"

    @admin.display(description=_("Started by"))
    def started_by(self, run: SyncRun) -> str:
        """Schedule, person or command line."""
        return str(trigger_text(run.trigger))

    @admin.display(description=_("State"))
    def state_label(self, run: SyncRun) -> SafeString:
        """The state as a label."""
        return state_badge(run)

    @admin.display(description=_("Took"))
    def took(self, run: SyncRun) -> str:
        """How long it took, or has been taking."""
        return duration(run.started_at, run.finished_at)

    @admin.display(description=_("Calls"))
    def calls(self, run: SyncRun) -> str:
        """How many calls to Dotdigital it made."""
        return grouped(run.requests)

    @admin.display(description=_("What happened"))
    def text(self, run: SyncRun) -> str | None:
        """The run's own words."""
        return stored_text(run.message) or None

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, which asks again by itself while a run is at work."""
        at_work = SyncRun.objects.filter(state=State.RUNNING).exists()
        context = {"refresh_seconds": seconds_to_ask(REFRESH_SECONDS) if at_work else 0}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def buttons(self, request: HttpRequest, record: SyncRun) -> Sequence[Button]:
        """The ways to what it rejected and uploaded."""
        chosen = f"?run={record.pk}"
        ways = (
            (
                MAY_SEE_PROBLEMS,
                _("Rejections"),
                "dotbridge_tables:dotbridge_sync_rejection_changelist",
                chosen,
                "report",
            ),
            (
                MAY_SEE_UPLOADS,
                _("Uploads"),
                "dotbridge_tables:dotbridge_sync_upload_changelist",
                chosen,
                "upload",
            ),
        )
        return [
            Button(title=title, url=reverse(page) + query, icon=icon)
            for permission, title, page, query, icon in ways
            if request.user.has_perm(permission)
        ]

    def pages(self) -> Mapping[str, View]:
        """The piece of the page that renews itself."""
        return {"progress": self.progress}

    def panel_context(self, request: HttpRequest, record: SyncRun) -> Mapping[str, Any]:
        """The run and its steps."""
        return {**super().panel_context(request, record), **run_context(request, record)}

    def progress(self, request: HttpRequest, run: SyncRun) -> HttpResponse:
        """The run and its steps, as a piece of a page."""
        return render(request, "backoffice/run_progress.html", run_context(request, run))


def run_context(request: HttpRequest, run: SyncRun) -> dict[str, Any]:
    """What the run's page shows of it."""
    steps: QuerySet[Any] = run.steps.annotate(rejection_count=Count("rejections")).order_by("pk")
    may_see = request.user.has_perm(MAY_SEE_PROBLEMS)
    rejections = reverse("dotbridge_tables:dotbridge_sync_rejection_changelist")
    return {
        "run": run,
        "started_by": trigger_text(run.trigger),
        "took": duration(run.started_at, run.finished_at),
        "steps": [
            {
                "step": step,
                "label": step_label(step.name),
                "counts": counts_in_words(step.counts),
                "took": duration(step.started_at, step.finished_at),
                "rejections_url": f"{rejections}?run={run.pk}&step={step.name}"
                if may_see and step.rejection_count
                else "",
                "rejection_count": step.rejection_count,
            }
            for step in steps
        ],
        "refresh_seconds": seconds_to_ask(REFRESH_SECONDS) if run.state == State.RUNNING else 0,
        "progress_url": reverse("dotbridge_tables:dotbridge_sync_syncrun_progress", args=[run.pk]),
    }

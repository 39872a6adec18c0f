"""Rejections: what could not be taken or sent, and why."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from dotbridge.backoffice.labels import reason_text, shortened, step_label
from dotbridge.backoffice.reads.shown import may_see_every_person
from dotbridge.backoffice.screens.base import EmptyList, InfinitePaginator, ReadOnlyScreen, link_to
from dotbridge.backoffice.screens.sync_filters import ReasonFilter, RejectionRunFilter, StepFilter
from dotbridge.backoffice.site import table_site
from dotbridge.sync.models import Rejection


@admin.register(Rejection, site=table_site)
class RejectionScreen(ReadOnlyScreen):
    """What was rejected, what was met last first."""

    list_display = ("subject_text", "reason_words", "step_name", "run_link", "first_at", "last_at", "times", "ended_at")
    list_filter = (ReasonFilter, StepFilter, RejectionRunFilter)
    list_select_related = ("step__run",)
    ordering = ("-last_at", "-id")
    sortable_by = ()
    paginator = InfinitePaginator
    show_full_result_count = False
    fields = ("subject", "reason_words", "detail", "step_name", "run_link", "first_at", "last_at", "times", "ended_at")
    readonly_fields = fields
    empty_list = EmptyList(
        title=_("Nothing was rejected"),
        text=_("Addresses, fields and files that could not be taken or sent stand here, each with its reason."),
    )

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For those who may see the addresses in it; the page of the problems does without them."""
        return super().has_view_permission(request, obj) and may_see_every_person(request.user)

    @admin.display(description=_("What"))
    def subject_text(self, rejection: Rejection) -> str:
        """The beginning of what was refused."""
        return shortened(rejection.subject)

    @admin.display(description=_("Reason"))
    def reason_words(self, rejection: Rejection) -> str:
        """The reason as a sentence."""
        return str(reason_text(rejection.reason))

    @admin.display(description=_("Step"))
    def step_name(self, rejection: Rejection) -> str:
        """The step that rejected it."""
        return str(step_label(rejection.step_name))

    @admin.display(description=_("Run"))
    def run_link(self, rejection: Rejection) -> SafeString | None:
        """The run that met it last, as long as it is kept."""
        if rejection.step is None:
            return None
        return link_to(rejection.step.run, f"#{rejection.step.run.pk}")

"""Filters by run, step and reason that never read a whole table to find their choices."""
# ruff: noqa: ARG002 - Django's hooks give more than every screen needs

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from dotbridge.backoffice.labels import reason_text
from dotbridge.backoffice.queries import is_key
from dotbridge.sync.engine import LABELS
from dotbridge.sync.models import Rejection, SyncRun

# How far back the choices look.
RUNS_OFFERED = 30
REJECTIONS_READ = 5_000


class RunFilter(admin.SimpleListFilter):
    """By run: the newest ones, and the chosen one however old."""

    title = _("run")
    parameter_name = "run"
    path: ClassVar[str] = "run"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Runs by number and kind."""
        runs = list(SyncRun.objects.order_by("-id")[:RUNS_OFFERED])
        chosen = request.GET.get(self.parameter_name, "")
        if is_key(chosen) and all(run.pk != int(chosen) for run in runs):
            runs += SyncRun.objects.filter(pk=int(chosen))
        return [(str(run.pk), f"#{run.pk} {run.get_kind_display()}") for run in runs]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """What belongs to the run."""
        value = self.value()
        return queryset.filter(**{f"{self.path}_id": int(value)}) if value and is_key(value) else queryset


class RejectionRunFilter(RunFilter):
    """By the run that met it last."""

    path = "step__run"


class StepFilter(admin.SimpleListFilter):
    """By step."""

    title = _("step")
    parameter_name = "step"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Every step there is."""
        return list(LABELS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """What the step rejected."""
        return queryset.filter(step_name=self.value()) if self.value() else queryset


class ReasonFilter(admin.SimpleListFilter):
    """By reason: those of late, and the chosen one."""

    title = _("reason")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Reasons in words."""
        newest = Rejection.objects.order_by("-last_at", "-id").values("pk")[:REJECTIONS_READ]
        codes = set(Rejection.objects.filter(pk__in=newest).order_by().values_list("reason", flat=True).distinct())
        if chosen := request.GET.get(self.parameter_name):
            codes.add(chosen[:64])
        return sorted(((code, reason_text(code)) for code in codes), key=lambda choice: str(choice[1]))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """What was rejected for it."""
        return queryset.filter(reason=self.value()) if self.value() else queryset

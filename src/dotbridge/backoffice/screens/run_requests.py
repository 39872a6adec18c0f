"""Asking for a run from a screen, and saying what comes of it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from dotbridge.backoffice.reads.worker import worker_is_alive
from dotbridge.backoffice.rights import MAY_REQUEST
from dotbridge.backoffice.screens.base import require
from dotbridge.connections.models import RunKind
from dotbridge.connections.services import request_run
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import switched_off_text


def ask_for_run(request: HttpRequest, *, integration: Integration, kind: RunKind = RunKind.SYNC) -> None:
    """Have the worker run it soon, and tell the person how to follow it.

    Raises PermissionDenied without the permission to add runs.
    """
    require(request, MAY_REQUEST)
    if not integration.is_active:
        messages.error(request, switched_off_text(integration))
        return
    requested = request_run(integration=integration, kind=kind, trigger="person")
    text = (
        _("A run of %(name)s starts in a moment.")
        if requested
        else _("A run of %(name)s waits already; nothing was added.")
    )
    runs = format_html(
        '<a class="db-link" href="{}">{}</a>',
        f"{reverse('dotbridge_tables:dotbridge_sync_syncrun_changelist')}?integration__id__exact={integration.pk}",
        _("See the runs"),
    )
    report = messages.success if requested else messages.info
    report(request, format_html("{} {}", text % {"name": integration}, runs))
    warn_without_worker(request)


def warn_without_worker(request: HttpRequest) -> None:
    """Say that nothing happens while no worker is there."""
    if not worker_is_alive():
        messages.warning(request, _("No worker is running, so the run waits until one is started."))

"""The views of Activity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from dotbridge.backoffice.pages.frame import Tab, show
from dotbridge.backoffice.reads.needs import needs_of


def show_activity(request: HttpRequest, template: str, *, tab: str, context: Mapping[str, Any]) -> HttpResponse:
    """One of the views, with the tabs that the person may see."""
    tabs = (
        ("activity", _("Runs"), "dotbridge_sync.view_syncrun"),
        ("activity-problems", _("Problems"), "dotbridge_sync.view_rejection"),
        ("activity-uploads", _("Uploads"), "dotbridge_sync.view_upload"),
        ("activity-conflicts", _("Changed on both sides"), "dotbridge_sync.view_valueconflict"),
        ("activity-newcomers", _("Newcomers"), "dotbridge_sync.view_newcomer"),
        ("activity-changes", _("Changes of the account"), "dotbridge_connections.view_accountchange"),
        ("activity-audit", _("Audit"), "dotbridge_audit.view_auditentry"),
    )
    return show(
        request,
        template,
        title=_("Activity"),
        current="activity",
        tabs=[
            Tab(title=label, url=reverse(f"dotbridge:{name}"), is_current=name == tab)
            for name, label, permission in tabs
            if request.user.has_perm(permission)
        ],
        context={"needs": needs_of(request), **context},
    )

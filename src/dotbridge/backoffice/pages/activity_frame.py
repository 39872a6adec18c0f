"""The views of Activity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from dotbridge.backoffice.pages.frame import Tab, show
from dotbridge.backoffice.reads.needs import needs_of
from dotbridge.backoffice.rights import (
    MAY_SEE_AUDIT,
    MAY_SEE_CHANGES,
    MAY_SEE_CONFLICTS,
    MAY_SEE_NEWCOMERS,
    MAY_SEE_PROBLEMS,
    MAY_SEE_RUNS,
    MAY_SEE_UPLOADS,
)


def show_activity(request: HttpRequest, template: str, *, tab: str, context: Mapping[str, Any]) -> HttpResponse:
    """One of the views, with the tabs that the person may see."""
    tabs = (
        ("activity", _("Runs"), MAY_SEE_RUNS),
        ("activity-problems", _("Problems"), MAY_SEE_PROBLEMS),
        ("activity-uploads", _("Uploads"), MAY_SEE_UPLOADS),
        ("activity-conflicts", _("Changed on both sides"), MAY_SEE_CONFLICTS),
        ("activity-newcomers", _("Newcomers"), MAY_SEE_NEWCOMERS),
        ("activity-changes", _("Changes of the account"), MAY_SEE_CHANGES),
        ("activity-audit", _("Audit"), MAY_SEE_AUDIT),
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

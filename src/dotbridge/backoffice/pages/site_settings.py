"""The site's settings, with who changed them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from dotbridge.audit.models import AuditEntry
from dotbridge.backoffice.pages.editing import clash, posted_seen, value_in_words
from dotbridge.backoffice.pages.frame import Crumb, page, show
from dotbridge.backoffice.pages.setting_forms import SiteSettingsForm
from dotbridge.backoffice.reads.history import MOST, audit_lines
from dotbridge.backoffice.rights import MAY_CHANGE_SETTINGS, MAY_SEE_ACCOUNTS, MAY_SEE_SETTINGS
from dotbridge.editing import ChangedMeanwhile
from dotbridge.integrations.models import Integration
from dotbridge.preferences.services import choose_settings, fingerprint_of_chosen


@page(MAY_SEE_SETTINGS)
def site_settings(request: HttpRequest) -> HttpResponse:
    """Schedule, limits, retention, what is used, and the default sender."""
    may_change = request.user.has_perm(MAY_CHANGE_SETTINGS)
    if request.method == "POST" and not may_change:
        raise PermissionDenied
    form = SiteSettingsForm(request.POST if request.method == "POST" else None)
    seen = posted_seen(request) or fingerprint_of_chosen()
    context: dict[str, Any] = {"seen": seen}
    if request.method == "POST" and form.is_valid():
        try:
            choose_settings(chosen=form.chosen(), seen=seen)
        except ChangedMeanwhile:
            context = _clash(form)
            if not context["clash"]:
                return HttpResponseRedirect(request.path)
        else:
            messages.success(request, _("Saved. It applies from the next run on."))
            return HttpResponseRedirect(request.path)
    entries = AuditEntry.objects.filter(model="dotbridge_preferences.sitesetting").order_by("-id")[:MOST]
    return show(
        request,
        "backoffice/house/site_settings.html",
        title=_("Schedule and limits"),
        status=409 if "clash" in context else 200,
        current="settings",
        crumbs=[Crumb(title=_("Settings"), url=reverse("dotbridge:settings"))],
        context={
            "form": form,
            "may_change": may_change,
            "history": audit_lines(list(entries), viewer=request.user),
            "accounts": Integration.objects.order_by("name") if request.user.has_perm(MAY_SEE_ACCOUNTS) else [],
            "reload_url": request.path,
            **context,
        },
    )


def _clash(form: SiteSettingsForm) -> dict[str, Any]:
    """What the later one of two people is told. A form knows by itself what holds now."""
    lines = [
        (
            field.label or name,
            value_in_words(field, form.get_initial_for_field(field, name)),
            value_in_words(field, field.widget.value_from_datadict(form.data, form.files, name)),
        )
        for name, field in form.fields.items()
    ]
    entries = AuditEntry.objects.filter(model="dotbridge_preferences.sitesetting").order_by("-id")
    return clash(lines, changed=entries.first(), seen=fingerprint_of_chosen())

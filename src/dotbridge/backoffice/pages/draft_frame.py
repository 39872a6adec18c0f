"""What the pages of one campaign share that was not sent yet: which it is, its address, and its preview."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dotbridge.backoffice.pages.frame import Crumb, page
from dotbridge.backoffice.reads.drafts import DraftPage, draft_page, is_known, preview_of
from dotbridge.backoffice.reads.worker import trouble_of_account, worker_is_alive
from dotbridge.backoffice.rights import MAY_SEE_CAMPAIGNS
from dotbridge.connections.models import LookKind
from dotbridge.connections.services import request_look
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import CampaignContent

# The mail may load its pictures and its own style, and nothing else: no script, no form, no frame, no origin of ours.
CONTENT_POLICY = (
    "sandbox; default-src 'none'; img-src https: http: data:; style-src 'unsafe-inline' https:; font-src https: data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
# A mail that can still be changed is read again when somebody looks so long after the last reading.
FRESH = timedelta(minutes=1)


def draft_url(found: DraftPage, name: str = "draft") -> str:
    """The address of one of the campaign's pages."""
    return reverse(f"dotbridge:{name}", args=[found.integration.pk, found.remote_id])


def draft_or_404(account: int, remote_id: int) -> DraftPage:
    """The campaign, by its id in an account."""
    found = draft_page(get_object_or_404(Integration, pk=account), remote_id)
    if found is None:
        raise Http404
    return found


def draft_crumbs() -> list[Crumb]:
    """The pages above."""
    return [
        Crumb(title=_("Campaigns"), url=reverse("dotbridge:campaigns")),
        Crumb(title=_("Not sent"), url=reverse("dotbridge:drafts")),
    ]


def preview_context(integration: Integration, remote_id: int, *, can_change: bool = True) -> dict[str, Any]:
    """What the preview is drawn from. `is_asked`: there is no need to have it read again."""
    found = preview_of(integration, remote_id)
    read_at = found.content.read_at if found.content else None
    is_asked = read_at is not None and (not can_change or timezone.now() - read_at < FRESH)
    return {
        "preview": found,
        "is_asked": is_asked,
        "trouble": trouble_of_account(integration) if found.is_waiting or not is_asked else "",
        "preview_account": integration,
        "preview_campaign": remote_id,
        "has_worker": worker_is_alive(),
    }


@require_POST
@page(MAY_SEE_CAMPAIGNS)
def look(request: HttpRequest, account: int, remote_id: int) -> HttpResponse:
    """Have the content read anew, and show how that stands: as a piece, or on the whole page for who has no scripts."""
    integration = get_object_or_404(Integration, pk=account)
    if not is_known(integration, remote_id):
        raise Http404
    request_look(integration=integration, kind=LookKind.CONTENT, remote_id=remote_id)
    if "HX-Request" not in request.headers:
        return HttpResponseRedirect(reverse("dotbridge:draft", args=[account, remote_id]))
    context = preview_context(integration, remote_id)
    return render(request, "backoffice/components/mail_preview.html", {**context, "is_asked": True})


@page(MAY_SEE_CAMPAIGNS)
def preview(request: HttpRequest, account: int, remote_id: int) -> HttpResponse:
    """The preview as far as it was read. While it is waited for, nothing is drawn anew."""
    integration = get_object_or_404(Integration, pk=account)
    context = preview_context(integration, remote_id)
    is_told = bool(context["trouble"]) == ("told" in request.GET)
    if context["preview"].is_waiting and context["has_worker"] and is_told:
        return HttpResponse(status=204)
    return render(request, "backoffice/components/mail_preview.html", {**context, "is_asked": True})


@page(MAY_SEE_CAMPAIGNS)
def content(_request: HttpRequest, account: int, remote_id: int) -> HttpResponse:
    """The mail itself, for a frame that may do nothing."""
    found = get_object_or_404(CampaignContent, integration=account, remote_id=remote_id)
    response = HttpResponse(found.html)
    response["Content-Security-Policy"] = CONTENT_POLICY
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "no-store"
    return response

"""Uploads: each file that was given to Dotdigital, what became of it, and sending a refused one again."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from dotbridge.backoffice.labels import grouped, reason_text, report_rows
from dotbridge.backoffice.pages.activity import numbered_pager
from dotbridge.backoffice.pages.activity_frame import show_activity
from dotbridge.backoffice.pages.frame import Crumb, log_change, page, show
from dotbridge.backoffice.pages.list_actions import show_refusal
from dotbridge.backoffice.pages.list_frame import may_see_people
from dotbridge.sync.models import ExportItem, Upload, UploadState
from dotbridge.sync.services import retry_upload

VIEW = "dotbridge_sync.view_upload"
MAY_RETRY = "dotbridge_sync.change_upload"
PAGE = 50
MOST_FAULTS = 200


@page(VIEW)
def uploads(request: HttpRequest) -> HttpResponse:
    """The uploads, newest first."""
    found = Upload.objects.select_related("connection__marketing_list", "connection__address_book__integration")
    state = request.GET.get("state", "")
    if state in set(UploadState):
        found = found.filter(state=state)
    current = Paginator(found.order_by("-pk"), PAGE).get_page(request.GET.get("page"))
    context = {"uploads": current, "pager": numbered_pager(current, f"&state={state}" if state else "")}
    return show_activity(request, "backoffice/house/uploads.html", tab="activity-uploads", context=context)


@page(VIEW)
def upload(request: HttpRequest, pk: int) -> HttpResponse:
    """One upload: Dotdigital's report, and who was refused and why."""
    found = get_object_or_404(
        Upload.objects.select_related("connection__marketing_list", "connection__address_book__integration", "run"),
        pk=pk,
    )
    faults = ExportItem.objects.filter(upload=found).exclude(reason="").order_by("reason", "email_key")
    entity = found.connection.marketing_list.entity
    may_see = may_see_people(request, entity)
    return show(
        request,
        "backoffice/house/upload.html",
        title=_("Upload of %(list)s") % {"list": found.connection.marketing_list},
        current="activity",
        crumbs=[
            Crumb(title=_("Activity"), url=reverse("dotbridge:activity")),
            Crumb(title=_("Uploads"), url=reverse("dotbridge:activity-uploads")),
        ],
        context={
            "upload": found,
            "report": report_rows(found.report),
            "may_retry": found.state == UploadState.REFUSED and request.user.has_perm(MAY_RETRY),
            "faults": [
                {
                    "email": item.email,
                    "why": reason_text(item.reason),
                    "url": reverse("dotbridge:person-record", args=[entity, item.record_id]),
                }
                for item in faults[:MOST_FAULTS]
            ]
            if may_see
            else [],
            "fault_number": faults.count(),
        },
    )


@page(VIEW, MAY_RETRY)
def try_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, and let the people of a refused upload go with the next export."""
    found = get_object_or_404(Upload, pk=pk)
    url = reverse("dotbridge:upload", args=[pk])
    if found.state != UploadState.REFUSED:
        messages.error(request, _("Only a refused upload can be sent again."))
        return HttpResponseRedirect(url)
    if request.method == "POST" and request.POST.get("confirmed"):
        try:
            retry_upload(upload=found)
        except ValidationError as error:
            show_refusal(request, error)
        else:
            log_change(request, found, _("To be sent again."))
            messages.success(request, _("They are sent again with the next export."))
        return HttpResponseRedirect(url)
    return show(
        request,
        "backoffice/house/confirm.html",
        title=_("Send again"),
        current="activity",
        crumbs=[Crumb(title=_("Uploads"), url=reverse("dotbridge:activity-uploads"))],
        context={
            "question": _("Send %(n)s people again?") % {"n": grouped(found.row_count)},
            "consequences": [
                line
                for line in (
                    found.message,
                    _("Those who are still on the list go to Dotdigital with the next export."),
                )
                if line
            ],
            "answer": _("Yes, send again"),
            "action_url": request.path,
            "back_url": url,
        },
    )

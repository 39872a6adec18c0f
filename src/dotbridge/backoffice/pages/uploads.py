"""Uploads: each file that was given to Dotdigital, what became of it, and sending a refused one again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dotbridge.backoffice.entity_labels import label_records
from dotbridge.backoffice.labels import grouped, report_rows, standing_text
from dotbridge.backoffice.pages.activity import numbered_pager
from dotbridge.backoffice.pages.activity_frame import show_activity
from dotbridge.backoffice.pages.frame import Crumb, log_change, page, show, show_refusal
from dotbridge.backoffice.pages.list_frame import may_see_people
from dotbridge.backoffice.queries import key_of
from dotbridge.backoffice.rights import MAY_RETRY_UPLOAD, MAY_SEE_UPLOADS
from dotbridge.sync.models import ExportItem, Upload, UploadState
from dotbridge.sync.services import retry_upload
from dotbridge.sync.texts import stored_text

PAGE = 50


@page(MAY_SEE_UPLOADS)
def uploads(request: HttpRequest) -> HttpResponse:
    """The uploads, newest first."""
    found = Upload.objects.select_related("connection__marketing_list", "connection__address_book__integration")
    state = request.GET.get("state", "")
    if state in set(UploadState):
        found = found.filter(state=state)
    current = Paginator(found.order_by("-pk"), PAGE).get_page(request.GET.get("page"))
    context = {"uploads": current, "pager": numbered_pager(current, f"&state={state}" if state else "")}
    return show_activity(request, "backoffice/house/uploads.html", tab="activity-uploads", context=context)


@page(MAY_SEE_UPLOADS)
def upload(request: HttpRequest, pk: int) -> HttpResponse:
    """One upload: Dotdigital's report, who was in it, who was refused and why, and what can be done."""
    found = get_object_or_404(
        Upload.objects.select_related("connection__marketing_list", "connection__address_book__integration", "run"),
        pk=pk,
    )
    items = ExportItem.objects.filter(connection=found.connection_id, upload=found)
    refused_number = found.row_count if found.is_refused else items.exclude(reason="").count()
    # Of a file that was refused as a whole, everybody was refused.
    shows_refused = not found.is_refused and refused_number > 0 and request.GET.get("show") != "all"
    shown = items.exclude(reason="") if shows_refused else items
    entity = found.connection.marketing_list.entity
    may_see = may_see_people(request, entity)
    people, pager = _people(shown, request) if may_see else ([], {})
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
            "may_retry": found.is_refused and found.retry_at is None and request.user.has_perm(MAY_RETRY_UPLOAD),
            "still_here": items.count() if found.is_refused else found.row_count,
            "refused_number": refused_number,
            "may_see": may_see,
            "chips": _chips(found, refused_number, shows_refused=shows_refused),
            "people": _lines(request, entity, people),
            "pager": pager,
        },
    )


def _people(items: QuerySet[ExportItem], request: HttpRequest) -> tuple[list[ExportItem], dict[str, str]]:
    """A page of people in the order in which they were noted, and the ways to the first ones and the next."""
    after = key_of(request, "after")
    found = items.filter(pk__gt=after) if after is not None else items
    people = list(found.select_related("upload").order_by("pk")[: PAGE + 1])
    kept = "?show=all" if request.GET.get("show") == "all" else "?"
    return people[:PAGE], {
        "previous": kept if after is not None else "",
        "next": f"{kept}&after={people[PAGE - 1].pk}" if len(people) > PAGE else "",
    }


def _lines(request: HttpRequest, entity: str, people: list[ExportItem]) -> list[dict[str, Any]]:
    """Who they are, and where each stands by now."""
    records = label_records(request, entity, [item.record_id for item in people])
    return [
        {
            "record": records.get(item.record_id),
            "email": item.email,
            "why": standing_text(item, item.record_id),
            "url": reverse("dotbridge:person-record", args=[entity, item.record_id]),
        }
        for item in people
    ]


def _chips(upload: Upload, refused_number: int, *, shows_refused: bool) -> list[dict[str, Any]]:
    """Whom the table shows: where Dotdigital refused some, them or everybody."""
    if upload.is_refused or not refused_number:
        return []
    numbers = {"": (_("Refused"), refused_number), "all": (_("Everybody"), upload.row_count)}
    return [
        {"title": f"{title} {grouped(number)}", "url": f"?show={name}", "is_current": (name == "") == shows_refused}
        for name, (title, number) in numbers.items()
    ]


@page(MAY_SEE_UPLOADS, MAY_RETRY_UPLOAD)
def try_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, and let the people of a refused upload go with the next export."""
    found = get_object_or_404(Upload, pk=pk)
    url = reverse("dotbridge:upload", args=[pk])
    if not found.is_refused:
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
    # Who was sent again since, or has left the list, is in the file no more.
    number = ExportItem.objects.filter(connection=found.connection_id, upload=found).count()
    return show(
        request,
        "backoffice/house/confirm.html",
        title=_("Send again"),
        current="activity",
        crumbs=[Crumb(title=_("Uploads"), url=reverse("dotbridge:activity-uploads"))],
        context={
            "question": ngettext("Send %(n)s person again?", "Send %(n)s people again?", number)
            % {"n": grouped(number)},
            "consequences": [
                line
                for line in (
                    stored_text(found.message),
                    _("Those who are still on the list go to Dotdigital with the next export."),
                )
                if line
            ],
            "answer": _("Yes, send again"),
            "action_url": request.path,
            "back_url": url,
        },
    )

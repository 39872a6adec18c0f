"""Files of people: the loads that there were, a new one, and the report of each to be opened and carried away."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from dotbridge.backoffice.pages.activity import numbered_pager
from dotbridge.backoffice.pages.frame import Crumb, log_change, page, person_of, show
from dotbridge.backoffice.reads.files import label_of, may_load_into, targets_of
from dotbridge.backoffice.reads.scheduled_files import files_and_troubles
from dotbridge.backoffice.rights import MAY_ADD_SCHEDULED_FILE, MAY_SEE_SCHEDULED_FILES
from dotbridge.backoffice.tones import LOAD_TONES
from dotbridge.conf import is_standalone
from dotbridge.config import read_config
from dotbridge.files.errors import FileRefused
from dotbridge.files.models import FileLoad
from dotbridge.files.targets import file_target
from dotbridge.files.unpacking import LARGEST_FILE
from dotbridge.files.waiting import cancel_load, forget_file, keep_file, request_undoing
from dotbridge.spreadsheets import csv_lines, guarded

PAGE = 50


class FileForm(forms.Form):
    """The file, and what its people become."""

    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy(
            "CSV, XLSX, XLSB, ODS, XLS, vCard or JSON, also packed as gzip or zip. At most %(most)d MB. Nothing is "
            "loaded before you have seen what was understood."
        ),
    )
    entity = forms.ChoiceField(label=gettext_lazy("What the people become"))

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        file: Any = self.fields["file"]
        most = _largest_megabytes()
        file.help_text = file.help_text % {"most": most}
        too_large = _(
            "The file has more than %(most)d MB. Pack it with gzip or zip, split it, or use: dotbridge crm load"
        )
        # The rest of the request takes a little as well. What is larger does not arrive here at all.
        file.widget.attrs |= {"data-most": (most - 1) * 10**6, "data-too-large": too_large % {"most": most}}
        choice: Any = self.fields["entity"]
        choice.choices = [(target.key, label_of(target.key)) for target in targets_of(request)]


def _largest_megabytes() -> int:
    """How large a file may be; our own web server may take less than a loader does, a host's is its own matter."""
    most = LARGEST_FILE // 1024**2
    return min(most, read_config().request_megabytes) if is_standalone() else most


def load_or_404(request: HttpRequest, pk: int) -> FileLoad:
    """The load, for those who may load into the same."""
    load = get_object_or_404(FileLoad, pk=pk)
    try:
        target = file_target(load.entity)
    except LookupError:
        raise Http404 from None
    if not may_load_into(request, target):
        raise PermissionDenied
    return load


def figures_of(load: FileLoad) -> dict[str, int | None]:
    """How many records a load has made and changed, and how many it has not taken; None before it has loaded any."""
    report = load.report if load.loaded_at else {}
    return {name: report.get(name) for name in ("created", "updated", "refused")}


def file_url(load: FileLoad) -> str:
    """The address of this load's page."""
    return reverse("dotbridge:file", args=[load.pk])


@page()
def files(request: HttpRequest) -> HttpResponse:
    """The loads, newest first."""
    keys = [target.key for target in targets_of(request)]
    if not keys:
        raise PermissionDenied
    found = Paginator(FileLoad.objects.filter(entity__in=keys), PAGE).get_page(request.GET.get("page"))
    rows = [
        {
            "load": load,
            "becomes": label_of(load.entity),
            "tone": LOAD_TONES[load.state],
            "figures": figures_of(load),
        }
        for load in found
    ]
    return show(
        request,
        "backoffice/house/files.html",
        title=_("Files"),
        current="people",
        crumbs=[Crumb(title=_("People"), url=reverse("dotbridge:people"))],
        context={
            "loads": rows,
            "pager": numbered_pager(found),
            "scheduled": [pair for pair in files_and_troubles() if pair[0].entity in keys]
            if request.user.has_perm(MAY_SEE_SCHEDULED_FILES)
            else [],
            "may_schedule": request.user.has_perm(MAY_ADD_SCHEDULED_FILE),
        },
    )


@page()
def add(request: HttpRequest) -> HttpResponse:
    """Take a file, and show what is in it."""
    if not targets_of(request):
        raise PermissionDenied
    form = FileForm(
        request.POST or None, request.FILES or None, request=request, initial={"entity": request.GET.get("entity")}
    )
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            load = keep_file(
                file=file, name=file.name, entity=form.cleaned_data["entity"], who=person_of(request).get_username()
            )
        except FileRefused as error:
            form.add_error("file", str(error))
        else:
            return HttpResponseRedirect(file_url(load))
    return show(
        request,
        "backoffice/house/file_add.html",
        title=_("Load a file"),
        current="people",
        crumbs=_crumbs(),
        context={"form": form, "back_url": reverse("dotbridge:files")},
    )


def _crumbs() -> list[Crumb]:
    return [
        Crumb(title=_("People"), url=reverse("dotbridge:people")),
        Crumb(title=_("Files"), url=reverse("dotbridge:files")),
    ]


def show_load(request: HttpRequest, load: FileLoad, context: dict[str, Any]) -> HttpResponse:
    """The page of a load."""
    return show(
        request,
        "backoffice/house/file.html",
        title=load.file,
        current="people",
        crumbs=_crumbs(),
        context=context,
    )


@require_POST
@page()
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a load end."""
    load = load_or_404(request, pk)
    if not cancel_load(load=load):
        messages.error(request, _("It is too late to cancel it. What it has loaded can be undone."))
    return HttpResponseRedirect(file_url(load))


@require_POST
@page()
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a file that was not loaded."""
    load = load_or_404(request, pk)
    if not forget_file(load=load):
        messages.error(request, _("Only a file that was not loaded can be forgotten."))
        return HttpResponseRedirect(file_url(load))
    messages.success(request, _("The file was forgotten."))
    return HttpResponseRedirect(reverse("dotbridge:files"))


@page()
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, and have the worker take back what a load has changed."""
    load = load_or_404(request, pk)
    if request.method == "POST" and request.POST.get("confirmed"):
        try:
            if request_undoing(load=load):
                log_change(request, load, _("To be undone."))
        except FileRefused as error:
            messages.error(request, str(error))
        return HttpResponseRedirect(file_url(load))
    return show(
        request,
        "backoffice/house/confirm.html",
        title=_("Undo"),
        current="people",
        crumbs=[*_crumbs(), Crumb(title=load.file, url=file_url(load))],
        context={
            "question": _("Undo the load of %(file)s?") % {"file": load.file},
            "consequences": [
                _("Records that it made are deleted, unless something belongs to them by now."),
                _("Values that it changed are restored."),
                _("What somebody has changed since stays as it is now, and so do companies and further addresses."),
                _("What the file said of opting out stays: that is the person's word."),
            ],
            "answer": _("Yes, undo"),
            "is_danger": True,
            "action_url": request.path,
            "back_url": file_url(load),
        },
    )


@page()
def report_file(request: HttpRequest, pk: int, form: str) -> HttpResponse:
    """The report as JSON, or its problems as CSV."""
    load = load_or_404(request, pk)
    if not load.report:
        raise Http404
    if form == "json":
        response = HttpResponse(json.dumps(load.report_in_words, indent=2), content_type="application/json")
    else:
        response = HttpResponse(_problems(load.report_in_words), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="load-{load.pk}.{form}"'
    return response


def _problems(report: dict[str, Any]) -> str:
    names = ("line", "column", "value", "why", "mend")
    rows = (
        [*(str(problem[name]) for name in names), _("yes") if problem["taken"] else _("no")]
        for problem in report["problems"]
    )
    heads = [_("Line"), _("Column"), _("Value"), _("Why"), _("What to do"), _("The row was taken")]
    return "".join(csv_lines(heads, map(guarded, rows)))

"""Putting people on a manual list: by search, or by a file of addresses with a report of what did not match."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from dotbridge.backoffice.entity_labels import label_records
from dotbridge.backoffice.labels import grouped
from dotbridge.backoffice.pages.activity import numbered_pager
from dotbridge.backoffice.pages.frame import log_change, page, person_of, report_change
from dotbridge.backoffice.pages.list_actions import ask_first
from dotbridge.backoffice.pages.list_forms import AddressesForm
from dotbridge.backoffice.pages.list_frame import list_or_404, list_url, may_see_people, show_list_page
from dotbridge.backoffice.queries import after_of, records_of, search_of
from dotbridge.backoffice.reads.address_files import AddressesRead, addresses_in_file, addresses_in_text
from dotbridge.backoffice.reads.address_reports import loads_with_numbers, numbers_of
from dotbridge.backoffice.reads.picking import PAGE, candidates
from dotbridge.backoffice.rights import MAY_CHANGE_LIST, MAY_SEE_LISTS
from dotbridge.entities.registry import UnknownEntity
from dotbridge.entities.time_limits import TookTooLong
from dotbridge.files.errors import FileRefused
from dotbridge.lists.address_loads import load_addresses, undo_address_load
from dotbridge.lists.listed_services import WrongListType, add_records
from dotbridge.lists.models import AddressLoad, ListType, WhyNoted
from dotbridge.spreadsheets import csv_lines, guarded

REPORTS = 20
LINES = 100


def _picked_list(request: HttpRequest, pk: int) -> Any:
    """The list, for those who may see its people and change it."""
    marketing_list = list_or_404(pk)
    if not may_see_people(request, marketing_list.entity):
        raise PermissionDenied
    return marketing_list


@page(MAY_SEE_LISTS, MAY_CHANGE_LIST)
def pick(request: HttpRequest, pk: int) -> HttpResponse:
    """Search for people and put them on the list, or give their addresses."""
    marketing_list = _picked_list(request, pk)
    if marketing_list.type != ListType.MANUAL:
        return HttpResponseRedirect(list_url(marketing_list, "list-rule"))
    form = AddressesForm(request.POST, request.FILES) if request.method == "POST" else AddressesForm()
    if request.method == "POST" and form.is_valid():
        load = _load(request, marketing_list, form)
        if load is not None:
            return HttpResponseRedirect(reverse("dotbridge:list-address-load", args=[pk, load.pk]))
    search, after = search_of(request), after_of(request)
    return show_list_page(
        request,
        "backoffice/house/list_pick.html",
        marketing_list,
        tab="list-pick",
        context={
            "form": form,
            "search": search,
            "after": after,
            "loads": loads_with_numbers(marketing_list)[:REPORTS],
            **_found(request, marketing_list, search, after),
        },
    )


def _found(request: HttpRequest, marketing_list: Any, search: str, after: str) -> dict[str, Any]:
    try:
        found, onward = candidates(marketing_list, search=search, after=after)
    except TookTooLong:
        return {"problem": _("This takes too long. Search for more of the name or the address.")}
    except UnknownEntity as error:
        return {"problem": str(error)}
    known = label_records(request, marketing_list.entity, [each.record_id for each in found])
    return {
        "candidates": [(each, known[each.record_id].text if each.record_id in known else "") for each in found],
        "pager": {
            "previous": "?" + urlencode({"q": search}) if after else "",
            "next": "?" + urlencode({"q": search, "after": onward}) if onward else "",
        },
    }


@require_POST
@page(MAY_SEE_LISTS, MAY_CHANGE_LIST)
def add_people(request: HttpRequest, pk: int) -> HttpResponse:
    """Put the chosen people on the list, and go on where the person was."""
    marketing_list = _picked_list(request, pk)
    asked = records_of(request, PAGE)
    query = {name: request.POST.get(name, "")[:255] for name in ("q", "after") if request.POST.get(name)}
    back = f"{list_url(marketing_list, 'list-pick')}?{urlencode(query)}"
    if not asked:
        messages.error(request, _("Choose at least one person."))
        return HttpResponseRedirect(back)
    try:
        report = add_records(marketing_list=marketing_list, record_ids=asked, by=person_of(request))
    except (WrongListType, UnknownEntity) as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(back)
    text = ngettext("%(n)s person was added.", "%(n)s people were added.", report.added) % {"n": grouped(report.added)}
    if report.added:
        log_change(request, marketing_list, text)
    if report.already:
        already = ngettext("%(n)s was on the list already.", "%(n)s were on the list already.", report.already)
        text = f"{text} {already % {'n': grouped(report.already)}}"
    messages.success(request, text)
    return HttpResponseRedirect(back)


def _load(request: HttpRequest, marketing_list: Any, form: AddressesForm) -> AddressLoad | None:
    """Put those on the list whose addresses were given. None where they cannot be read, which the form then says."""
    file = form.cleaned_data["file"]
    field = "file" if file else "addresses"
    try:
        read = addresses_in_file(file.file) if file else addresses_in_text(form.cleaned_data["addresses"])
    except FileRefused as error:
        form.add_error(field, str(error))
        return None
    if not read.addresses:
        form.add_error(field, _("There is no e-mail address in it."))
        return None
    return _kept(request, marketing_list, read, file.name if file else "")


def _kept(request: HttpRequest, marketing_list: Any, read: AddressesRead, name: str) -> AddressLoad:
    load = load_addresses(
        marketing_list=marketing_list,
        addresses=read.addresses,
        unread=read.unread,
        name=name,
        by=person_of(request),
    )
    text = ngettext(
        "%(n)s person was added by their address.", "%(n)s people were added by their addresses.", load.added
    )
    log_change(request, marketing_list, text % {"n": grouped(load.added)})
    return load


@page(MAY_SEE_LISTS, MAY_CHANGE_LIST)
def address_load(request: HttpRequest, pk: int, load: int) -> HttpResponse:
    """What came of a file of addresses: who is on the list now, and what did not match."""
    marketing_list = _picked_list(request, pk)
    found = get_object_or_404(AddressLoad.objects.select_related("created_by"), pk=load, marketing_list=pk)
    kinds = numbers_of(found)
    chosen = request.GET.get("why", "")
    if chosen not in kinds:
        chosen = next(iter(kinds), "")
    noted = Paginator(found.noted.filter(why=chosen), LINES).get_page(request.GET.get("page"))
    return show_list_page(
        request,
        "backoffice/house/list_address_load.html",
        marketing_list,
        tab="list-pick",
        context={
            "load": found,
            "kinds": [(why, WhyNoted(why).label, number) for why, number in kinds.items()],
            "chosen": chosen,
            "noted": noted,
            "pager": numbered_pager(noted, "&" + urlencode({"why": chosen})),
        },
    )


@page(MAY_SEE_LISTS, MAY_CHANGE_LIST)
def address_load_file(request: HttpRequest, pk: int, load: int) -> HttpResponseBase:
    """The addresses that did not match, each with the reason, as a CSV."""
    _picked_list(request, pk)
    found = get_object_or_404(AddressLoad, pk=load, marketing_list=pk)

    def rows() -> Iterator[list[str]]:
        for text, why in found.noted.values_list("text", "why").iterator():
            yield guarded([text, str(WhyNoted(why).label)])

    response = StreamingHttpResponse(
        csv_lines([_("Address"), _("Why")], rows()), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="list-{pk}-addresses-{load}.csv"'
    return response


@page(MAY_SEE_LISTS, MAY_CHANGE_LIST)
def undo_load(request: HttpRequest, pk: int, load: int) -> HttpResponse:
    """Ask, and take those out again whom a load has put on the list."""
    marketing_list = _picked_list(request, pk)
    found = get_object_or_404(AddressLoad, pk=load, marketing_list=pk)
    back = reverse("dotbridge:list-address-load", args=[pk, load])
    if request.method == "POST" and request.POST.get("confirmed"):
        number = undo_address_load(load=found)
        text = ngettext("%(n)s person was taken out again.", "%(n)s people were taken out again.", number)
        text = text % {"n": grouped(number)}
        report_change(request, marketing_list, text)
        return HttpResponseRedirect(back)
    number = found.listed_records.count()
    question = ngettext("Take %(n)s person out again?", "Take %(n)s people out again?", number)
    return ask_first(
        request,
        marketing_list,
        tab="list-pick",
        question=question % {"n": grouped(number)},
        consequences=[_("These are the people whom this load has put on the list. The report stays.")],
        answer=_("Yes, take out"),
        action_url=request.path,
        back_url=back,
    )

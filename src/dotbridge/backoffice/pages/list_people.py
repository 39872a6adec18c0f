"""What a person does to people of a list: take off, unsubscribe, bring back, carry away as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from openpyxl import Workbook

from dotbridge.backoffice.entity_labels import label_records
from dotbridge.backoffice.labels import grouped
from dotbridge.backoffice.list_reads import OptedOut, chosen_members, opted_out_record
from dotbridge.backoffice.pages.frame import log_change, page, person_of
from dotbridge.backoffice.pages.list_actions import VIEW, ask_first, followed, show_refusal
from dotbridge.backoffice.pages.list_frame import MAY_EXPORT_PEOPLE, link_of, list_or_404, list_url, may_see_people
from dotbridge.backoffice.reads.list_people import PAGE, ListPerson, people_page
from dotbridge.backoffice.reads.live import last_run
from dotbridge.backoffice.reads.standing import WORDS, Standing
from dotbridge.connections.services import request_resubscription
from dotbridge.consent.models import OF_DOTDIGITAL, Scope, Source
from dotbridge.entities.registry import UnknownEntity
from dotbridge.lists.models import RemovedItem
from dotbridge.lists.rules import RuleError
from dotbridge.lists.services import remove_records, restore_records, resubscribe_records, unsubscribe_records

PERMISSIONS = {"remove": "dotbridge_lists.add_removeditem", "unsubscribe": "dotbridge_lists.opt_out_members"}
MAY_ASK = "dotbridge_connections.add_resubscription"
MAY_OPT_IN = "dotbridge_lists.opt_in_members"
# A spreadsheet takes a cell that begins like this for a formula.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _require(request: HttpRequest, *permissions: str) -> None:
    if not request.user.has_perms(permissions):
        raise PermissionDenied


@require_POST
@page(VIEW)
def change_people(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, and then take the chosen people off the list or unsubscribe them from it."""
    marketing_list = list_or_404(pk)
    verb, back = request.POST.get("verb", ""), list_url(marketing_list)
    if verb not in PERMISSIONS:
        messages.error(request, _("Choose what to do with the people."))
        return HttpResponseRedirect(back)
    _require(request, PERMISSIONS[verb])
    if not may_see_people(request, marketing_list.entity):
        raise PermissionDenied
    asked = [key for key in request.POST.getlist("record")[:PAGE] if 0 < len(key) <= 64 and "\0" not in key]
    try:
        chosen = chosen_members(marketing_list, asked)
    except (RuleError, UnknownEntity) as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(back)
    if not chosen:
        messages.error(request, _("Choose at least one person on the list."))
        return HttpResponseRedirect(back)
    if request.POST.get("confirmed"):
        return _changed(request, marketing_list, verb, [row["record_id"] for row in chosen])
    return _ask(request, marketing_list, verb, chosen)


def _ask(request: HttpRequest, marketing_list: Any, verb: str, chosen: list[dict[str, Any]]) -> HttpResponse:
    number, is_connected = len(chosen), link_of(marketing_list) is not None
    if verb == "remove":
        question = ngettext("Take %(n)s person off the list?", "Take %(n)s people off the list?", number)
        answer = _("Yes, take off")
        lines = [_("The records themselves stay. You can put them back on the list, under Taken off.")]
        if is_connected:
            lines.append(_("They leave the address book with the next export; their subscription is not touched."))
    else:
        question = ngettext(
            "Unsubscribe %(n)s person from the list?", "Unsubscribe %(n)s people from the list?", number
        )
        answer = _("Yes, unsubscribe")
        lines = [_("Nothing is sent to them through this list any more, until they ask for it again.")]
        if is_connected:
            lines.append(_("They leave the address book with the next export; their status in the account stays."))
    known = label_records(request, marketing_list.entity, [row["record_id"] for row in chosen])
    items = []
    for row in chosen:
        label = known.get(row["record_id"])
        items.append(", ".join(part for part in (label.text if label else "", row["email"] or "") if part))
    return ask_first(
        request,
        marketing_list,
        tab="list",
        question=question % {"n": grouped(number)},
        consequences=lines,
        items=items,
        answer=answer,
        is_danger=True,
        hidden=[("verb", verb), *(("record", row["record_id"]) for row in chosen)],
        action_url=list_url(marketing_list, "list-change-people"),
        back_url=list_url(marketing_list),
    )


def _changed(request: HttpRequest, marketing_list: Any, verb: str, record_ids: list[str]) -> HttpResponse:
    if verb == "remove":
        number = remove_records(marketing_list=marketing_list, record_ids=record_ids, by=person_of(request))
        text = ngettext("%(n)s person was taken off the list.", "%(n)s people were taken off the list.", number)
    else:
        number = unsubscribe_records(
            marketing_list=marketing_list,
            record_ids=record_ids,
            source=Source.PERSON,
            reason=_("Unsubscribed in the back office"),
            by=person_of(request),
        )
        text = ngettext("%(n)s person was unsubscribed.", "%(n)s people were unsubscribed.", number)
    text = text % {"n": grouped(number)}
    log_change(request, marketing_list, text)
    messages.success(request, text)
    return HttpResponseRedirect(list_url(marketing_list))


@page(VIEW)
def bring_back(request: HttpRequest, pk: int, what: str, record_id: str) -> HttpResponse:
    """Ask, and put somebody back on the list who was taken off, or subscribe somebody again who had opted out."""
    marketing_list = list_or_404(pk)
    if not may_see_people(request, marketing_list.entity):
        raise PermissionDenied
    if what == "removed":
        _require(request, "dotbridge_lists.delete_removeditem")
        return _put_back(request, marketing_list, record_id)
    row = opted_out_record(marketing_list, record_id)
    if row is None:
        raise Http404
    return _subscribe_again(request, marketing_list, row)


def _name(request: HttpRequest, marketing_list: Any, record_id: str) -> str:
    known = label_records(request, marketing_list.entity, [record_id]).get(record_id)
    return known.text if known else record_id


def _put_back(request: HttpRequest, marketing_list: Any, record_id: str) -> HttpResponse:
    if not RemovedItem.objects.filter(marketing_list=marketing_list, record_id=record_id).exists():
        raise Http404
    back = f"{list_url(marketing_list)}?show={Standing.REMOVED}"
    if request.method == "POST" and request.POST.get("confirmed"):
        number = restore_records(marketing_list=marketing_list, record_ids=[record_id])
        text = ngettext("%(n)s person is on the list again.", "%(n)s people are on the list again.", number)
        _report(request, marketing_list, text % {"n": grouped(number)}, record_id)
        return HttpResponseRedirect(back)
    return ask_first(
        request,
        marketing_list,
        tab="list",
        question=_("Put %(name)s back on %(list)s?")
        % {"name": _name(request, marketing_list, record_id), "list": marketing_list},
        consequences=[_("If the list is connected, they are sent to its address book with the next export.")],
        answer=_("Yes, put back"),
        action_url=request.path,
        back_url=back,
    )


def _report(request: HttpRequest, marketing_list: Any, text: str, record_id: str) -> None:
    """Tell the person, and keep in the list's history who did it to which record."""
    log_change(request, marketing_list, f"{text} ({record_id})")
    messages.success(request, text)


def way_back(request: HttpRequest, row: OptedOut) -> str:
    """ "here" where our own word on the list stands alone, "ask" where Dotdigital has to be asked; empty for nobody."""
    scopes = {each.scope for each in row.objections}
    if not row.objections or Scope.EVERYTHING in scopes:
        return ""
    if any(each.source in OF_DOTDIGITAL for each in row.objections):
        return "ask" if request.user.has_perm(MAY_ASK) else ""
    return "here" if scopes == {Scope.LIST} and request.user.has_perm(MAY_OPT_IN) else ""


def _subscribe_again(request: HttpRequest, marketing_list: Any, row: OptedOut) -> HttpResponse:
    back, way = f"{list_url(marketing_list)}?show={Standing.OPTED_OUT}", way_back(request, row)
    if not way:
        messages.error(request, _("This person cannot be subscribed again from here."))
        return HttpResponseRedirect(back)
    if request.method == "POST" and request.POST.get("confirmed"):
        if way == "here":
            return _subscribed(request, marketing_list, row, back)
        return _asked(request, marketing_list, row)
    names = {"name": _name(request, marketing_list, row.record_id), "list": marketing_list}
    question = _("Subscribe %(name)s to %(list)s again?") % names
    lines = [_("The person must have asked for it themselves, after they had unsubscribed.")]
    if way == "ask":
        question = _("Ask Dotdigital to subscribe %(name)s again?") % names
        lines += [
            _(
                "Dotdigital does not mail this person now. It may send a mail that the person has to confirm, "
                "and it may refuse: who complained or is suppressed for good does not return."
            ),
            _("Until Dotdigital says that the person may be mailed, nothing is sent to them."),
        ]
    else:
        lines.append(_("If the list is connected, they are sent to its address book with the next export."))
    return ask_first(
        request,
        marketing_list,
        tab="list",
        question=question,
        consequences=lines,
        answer=_("Yes, the person asked for it"),
        action_url=request.path,
        back_url=back,
    )


def _subscribed(request: HttpRequest, marketing_list: Any, row: OptedOut, back: str) -> HttpResponse:
    resubscribe_records(
        marketing_list=marketing_list, record_ids=[row.record_id], source=Source.PERSON, by=person_of(request)
    )
    _report(request, marketing_list, _("The person is subscribed again."), row.record_id)
    return HttpResponseRedirect(back)


def _asked(request: HttpRequest, marketing_list: Any, row: OptedOut) -> HttpResponse:
    link, back = link_of(marketing_list), list_url(marketing_list)
    if link is None:
        raise LookupError("only a connected list has anybody to ask")
    after = last_run(link.address_book.integration_id)
    try:
        request_resubscription(link=link, record_ids=[row.record_id], opted_in_at=timezone.now(), by=person_of(request))
    except ValidationError as error:
        show_refusal(request, error)
        return HttpResponseRedirect(back)
    text = _("Dotdigital is asked as soon as the worker is free. Its answer stands on the page of the person.")
    _report(request, marketing_list, text, row.record_id)
    return followed(back, after)


@page(VIEW, MAY_EXPORT_PEOPLE)
def people_file(request: HttpRequest, pk: int, form: str) -> HttpResponseBase:
    """The people that the page shows, all of them, as a CSV or a workbook."""
    marketing_list = list_or_404(pk)
    if not may_see_people(request, marketing_list.entity):
        raise PermissionDenied
    shown = request.GET.get("show", "")
    if shown and shown not in set(Standing):
        raise Http404
    rows = _file_rows(request, marketing_list, Standing(shown) if shown else None)
    try:
        first = next(rows)
    except (RuleError, UnknownEntity) as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(list_url(marketing_list))
    name = f"list-{marketing_list.pk}.{form}"
    if form == "csv":
        response: HttpResponseBase = StreamingHttpResponse(
            _csv_lines(first, rows), content_type="text/csv; charset=utf-8"
        )
    else:
        response = _workbook(first, rows)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _file_rows(request: HttpRequest, marketing_list: Any, show: Standing | None) -> Iterator[list[str]]:
    """Page after page, so that a million people are never here at once."""
    after = ""
    found = people_page(marketing_list, show=show)
    yield [_("Record"), _("Who"), _("Address"), _("State"), _("Why")]
    while True:
        known = label_records(request, marketing_list.entity, [person.record_id for person in found.people])
        for person in found.people:
            yield _file_row(person, known[person.record_id].text if person.record_id in known else "")
        after = found.after
        if not after:
            return
        found = people_page(marketing_list, show=show, after=after)


def _file_row(person: ListPerson, name: str) -> list[str]:
    cells = [person.record_id, name, person.email, str(WORDS[person.standing]), str(person.why)]
    return [f"'{cell}" if cell.startswith(FORMULA) else cell for cell in cells]


def _csv_lines(first: list[str], rest: Iterator[list[str]]) -> Iterator[str]:
    yield _csv_line(first)
    yield from map(_csv_line, rest)


def _csv_line(row: list[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(row)
    return line.getvalue()


def _workbook(first: list[str], rest: Iterator[list[str]]) -> HttpResponse:
    book = Workbook(write_only=True)
    sheet = book.create_sheet()
    sheet.append(first)
    for row in rest:
        sheet.append(row)
    content = io.BytesIO()
    book.save(content)
    return HttpResponse(
        content.getvalue(), content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )

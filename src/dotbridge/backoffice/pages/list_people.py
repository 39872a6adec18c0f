"""What a person does to people of a list: take off or out, unsubscribe, bring back."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from dotbridge.backoffice.entity_labels import label_records
from dotbridge.backoffice.labels import grouped
from dotbridge.backoffice.pages.frame import log_change, page, person_of, report_change, show_refusal
from dotbridge.backoffice.pages.list_actions import ask_first, followed
from dotbridge.backoffice.pages.list_frame import link_of, list_or_404, list_url, may_see_people
from dotbridge.backoffice.pages.list_take_out import is_picked, take_out
from dotbridge.backoffice.queries import records_of
from dotbridge.backoffice.reads.list_actions import OptedOut, chosen_members, chosen_records, opted_out_record
from dotbridge.backoffice.reads.list_people import PAGE
from dotbridge.backoffice.reads.live import last_run
from dotbridge.backoffice.reads.standing import Standing
from dotbridge.backoffice.rights import (
    MAY_ASK_AGAIN,
    MAY_CHANGE_LIST,
    MAY_OPT_IN,
    MAY_OPT_OUT,
    MAY_PUT_BACK,
    MAY_SEE_LISTS,
    MAY_TAKE_OFF,
)
from dotbridge.connections.services import request_resubscription
from dotbridge.consent.models import OF_DOTDIGITAL, Scope, Source
from dotbridge.entities.registry import UnknownEntity
from dotbridge.lists.models import RemovedItem
from dotbridge.lists.rules import RuleError
from dotbridge.lists.services import remove_records, restore_records, resubscribe_records, unsubscribe_records

PERMISSIONS = {
    "remove": MAY_TAKE_OFF,
    "take-out": MAY_CHANGE_LIST,
    "unsubscribe": MAY_OPT_OUT,
}


def _require(request: HttpRequest, *permissions: str) -> None:
    if not request.user.has_perms(permissions):
        raise PermissionDenied


@require_POST
@page(MAY_SEE_LISTS)
def change_people(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, and then take the chosen people off the list or unsubscribe them from it."""
    marketing_list = list_or_404(pk)
    verb, back = request.POST.get("verb", ""), list_url(marketing_list)
    if verb not in PERMISSIONS or (verb == "take-out" and not is_picked(marketing_list)):
        messages.error(request, _("Choose what to do with the people."))
        return HttpResponseRedirect(back)
    _require(request, PERMISSIONS[verb])
    if not may_see_people(request, marketing_list.entity):
        raise PermissionDenied
    asked = records_of(request, PAGE)
    try:
        chosen = (chosen_records if verb == "take-out" else chosen_members)(marketing_list, asked)
    except (RuleError, UnknownEntity) as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(back)
    if not chosen:
        messages.error(request, _("Choose at least one person on the list."))
        return HttpResponseRedirect(back)
    if request.POST.get("confirmed"):
        return _changed(request, marketing_list, verb, [row["record_id"] for row in chosen])
    return _ask(request, marketing_list, verb, chosen)


def _said_before(verb: str, *, number: int, is_connected: bool) -> tuple[str, str, list[str]]:
    """The question, the answer that does it, and what follows."""
    if verb == "unsubscribe":
        question = ngettext(
            "Unsubscribe %(n)s person from the list?", "Unsubscribe %(n)s people from the list?", number
        )
        lines = [_("Nothing is sent to them through this list any more, until they ask for it again.")]
        if is_connected:
            lines.append(_("They leave the address book with the next export; their status in the account stays."))
        return question, _("Yes, unsubscribe"), lines
    if verb == "take-out":
        question = ngettext("Take %(n)s person out of the list?", "Take %(n)s people out of the list?", number)
        answer = _("Yes, take out")
        lines = [_("The records themselves stay. You can undo it afterwards, or pick them again at any time.")]
    else:
        question = ngettext("Take %(n)s person off the list?", "Take %(n)s people off the list?", number)
        answer = _("Yes, take off")
        lines = [_("The records themselves stay. You can put them back on the list, under “Taken off”.")]
    if is_connected:
        lines.append(_("They leave the address book with the next export; their subscription is not touched."))
    return question, answer, lines


def _ask(request: HttpRequest, marketing_list: Any, verb: str, chosen: list[dict[str, Any]]) -> HttpResponse:
    number, is_connected = len(chosen), link_of(marketing_list) is not None
    question, answer, lines = _said_before(verb, number=number, is_connected=is_connected)
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
    if verb == "take-out":
        text = take_out(request, marketing_list, record_ids)
        report_change(request, marketing_list, text)
        return HttpResponseRedirect(list_url(marketing_list))
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
    report_change(request, marketing_list, text)
    return HttpResponseRedirect(list_url(marketing_list))


@page(MAY_SEE_LISTS)
def bring_back(request: HttpRequest, pk: int, what: str, record_id: str) -> HttpResponse:
    """Ask, and put somebody back on the list who was taken off, or subscribe somebody again who had opted out."""
    marketing_list = list_or_404(pk)
    if not may_see_people(request, marketing_list.entity):
        raise PermissionDenied
    if what == "removed":
        _require(request, MAY_PUT_BACK)
        return _put_back(request, marketing_list, record_id)
    if what != "opted-out":
        raise Http404
    row = opted_out_record(marketing_list, record_id)
    return _subscribe_again(request, marketing_list, row) if row else _too_late(request, marketing_list)


def _too_late(request: HttpRequest, marketing_list: Any) -> HttpResponse:
    """Somebody has brought them back already, or they have left meanwhile."""
    messages.info(request, _("This cannot be done with the person as they stand now."))
    return HttpResponseRedirect(list_url(marketing_list))


def _name(request: HttpRequest, marketing_list: Any, record_id: str) -> str:
    known = label_records(request, marketing_list.entity, [record_id]).get(record_id)
    return known.text if known else record_id


def _put_back(request: HttpRequest, marketing_list: Any, record_id: str) -> HttpResponse:
    if not RemovedItem.objects.filter(marketing_list=marketing_list, record_id=record_id).exists():
        return _too_late(request, marketing_list)
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
        return "ask" if request.user.has_perm(MAY_ASK_AGAIN) else ""
    return "here" if scopes == {Scope.LIST} and request.user.has_perm(MAY_OPT_IN) else ""


def _subscribe_again(request: HttpRequest, marketing_list: Any, row: OptedOut) -> HttpResponse:
    back, way = f"{list_url(marketing_list)}?show={Standing.OPTED_OUT}", way_back(request, row)
    if not way:
        messages.error(
            request, _("They cannot be subscribed again from the list. This page says why, and what could change it.")
        )
        return HttpResponseRedirect(reverse("dotbridge:person-record", args=[marketing_list.entity, row.record_id]))
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
    if opted_out_record(marketing_list, row.record_id) is not None:
        messages.error(request, _("The opt-out stays: it was said later, or of another record."))
    else:
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
    text = _("Dotdigital is asked in a moment. Its answer stands on the page of the person.")
    _report(request, marketing_list, text, row.record_id)
    return followed(back, after)

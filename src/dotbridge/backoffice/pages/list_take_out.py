"""Taking people out of a manual list, and putting those back who were taken out last."""

from __future__ import annotations

import time
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from dotbridge.backoffice.labels import grouped
from dotbridge.backoffice.pages.frame import log_change, page, person_of
from dotbridge.backoffice.pages.list_frame import list_or_404, list_url, may_see_people
from dotbridge.backoffice.rights import MAY_CHANGE_LIST, MAY_SEE_LISTS
from dotbridge.entities.registry import UnknownEntity
from dotbridge.lists.listed_services import WrongListType, add_records, take_out_records
from dotbridge.lists.models import ListType, MarketingList

# What was taken out last is kept in the session for so long: it names records, and nobody undoes what is long done.
UNDO_SECONDS = 3600
_TAKEN_OUT = "dotbridge_taken_out"


def is_picked(marketing_list: MarketingList) -> bool:
    """Whether people leave the list by being taken out of it. Whoever a list keeps because it reached them would stay
    on it, so from such a list people are taken off, as from one with a rule."""
    return marketing_list.type == ListType.MANUAL and not marketing_list.include_previously_contacted


def take_out(request: HttpRequest, marketing_list: Any, record_ids: list[str]) -> str:
    """Take them out, keep who it was, and answer the text that says so."""
    number = take_out_records(marketing_list=marketing_list, record_ids=record_ids)
    request.session[_TAKEN_OUT] = {"list": marketing_list.pk, "ids": record_ids, "at": int(time.time())}
    text = ngettext("%(n)s person was taken out.", "%(n)s people were taken out.", number)
    return text % {"n": grouped(number)}


def last_taken_out(request: HttpRequest, marketing_list: Any) -> list[str]:
    """The records that the person has just taken out of this list."""
    kept = request.session.get(_TAKEN_OUT)
    if not isinstance(kept, dict) or kept.get("list") != marketing_list.pk or not is_picked(marketing_list):
        return []
    return list(kept["ids"]) if time.time() - kept["at"] < UNDO_SECONDS else []


@require_POST
@page(MAY_SEE_LISTS, MAY_CHANGE_LIST)
def put_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Put those back whom the person took out last."""
    marketing_list = list_or_404(pk)
    if not may_see_people(request, marketing_list.entity):
        raise PermissionDenied
    ids = last_taken_out(request, marketing_list)
    request.session.pop(_TAKEN_OUT, None)
    try:
        report = add_records(marketing_list=marketing_list, record_ids=ids, by=person_of(request))
    except (WrongListType, UnknownEntity) as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(list_url(marketing_list))
    if report.added:
        text = ngettext("%(n)s person is on the list again.", "%(n)s people are on the list again.", report.added)
        log_change(request, marketing_list, text % {"n": grouped(report.added)})
        messages.success(request, text % {"n": grouped(report.added)})
    else:
        messages.info(request, _("There was nobody to put back."))
    return HttpResponseRedirect(list_url(marketing_list))

"""Who matches a list's rule and may not be mailed: why, since when, and the way back for those who ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _

from dotbridge.backoffice.consent_labels import objection_text
from dotbridge.backoffice.entity_labels import label_records
from dotbridge.backoffice.labels import RESUBSCRIPTION_TEXTS
from dotbridge.backoffice.list_reads import OptedOut, opted_out_page, opted_out_record
from dotbridge.backoffice.screens.base import person_of, require, show_problem, url_of
from dotbridge.backoffice.screens.list_tabs import MAY_SEE_OPT_OUTS, link_of, list_tabs
from dotbridge.backoffice.screens.run_requests import warn_without_worker
from dotbridge.connections.models import ResubscriptionState
from dotbridge.connections.services import request_resubscription
from dotbridge.consent.models import OF_DOTDIGITAL, Scope, Source
from dotbridge.entities.registry import UnknownEntity
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules import RuleError
from dotbridge.lists.services import resubscribe_records

if TYPE_CHECKING:
    from dotbridge.backoffice.screens.base import Screen

MAY_ASK = "dotbridge_connections.add_resubscription"
MAY_OPT_IN = "dotbridge_lists.opt_in_members"


def show_opted_out(screen: Screen, request: HttpRequest, marketing_list: MarketingList) -> HttpResponse:
    """A page of them, each with every reason."""
    require(request, MAY_SEE_OPT_OUTS)
    context: dict[str, Any] = {"rows": []}
    try:
        rows, context["after"] = opted_out_page(marketing_list, after=request.GET.get("after", "")[:64])
    except (RuleError, UnknownEntity) as error:
        context["problem"] = str(error)
    else:
        known = label_records(request, marketing_list.entity, [row.record_id for row in rows])
        context["rows"] = [
            {
                "record_id": row.record_id,
                "email": row.email,
                "record": known.get(row.record_id),
                "reasons": [objection_text(each) for each in row.objections] or [_("The address was erased.")],
                "wish": _wish_text(row),
                "may_return": _way_back(request, row) != "",
            }
            for row in rows
        ]
    return screen.render_page(
        request,
        "backoffice/opted_out.html",
        title=_("Opted out"),
        record=marketing_list,
        list_tabs=list_tabs(request, marketing_list, current="opted-out"),
        is_first_page=not request.GET.get("after"),
        opt_in_url=url_of(marketing_list, "opt-in"),
        **context,
    )


def opt_in(screen: Screen, request: HttpRequest, marketing_list: MarketingList) -> HttpResponse:
    """Ask, and then take back what was said here, or have Dotdigital asked."""
    back = url_of(marketing_list, "opted-out")
    row = opted_out_record(marketing_list, request.POST.get("record", "")[:64])
    way = _way_back(request, row) if row else ""
    if row is None or not way:
        messages.error(request, _("This person cannot be subscribed again from here."))
        return HttpResponseRedirect(back)
    if request.POST.get("confirmed"):
        return _carry_out(screen, request, marketing_list, row, way)
    known = label_records(request, marketing_list.entity, [row.record_id]).get(row.record_id)
    name = known.text if known else row.record_id
    question = _("Subscribe %(name)s to %(list)s again?") % {"name": name, "list": marketing_list}
    lines = [_("The person must have asked for it themselves, after they had unsubscribed.")]
    if way == "ask":
        question = _("Ask Dotdigital to subscribe %(name)s again?") % {"name": name}
        lines += [
            _(
                "Dotdigital does not mail this person now. It may send a mail that the person has to confirm, "
                "and it may refuse: who complained or is suppressed for good does not return."
            ),
            _("Until Dotdigital says that the person may be mailed, nothing is sent to them."),
        ]
    else:
        lines.append(_("If the list is connected, the record is sent to its address book with the next export."))
    return screen.render_page(
        request,
        "backoffice/confirm.html",
        title=_("Subscribe again"),
        record=marketing_list,
        question=question,
        consequences=lines,
        answer=_("Yes, the person asked for it"),
        hidden=[("record", row.record_id)],
        action_url=url_of(marketing_list, "opt-in"),
        back_url=back,
    )


def _way_back(request: HttpRequest, row: OptedOut) -> str:
    """ "here" where our own word on the list stands alone, "ask" where Dotdigital has to be asked; empty for nobody."""
    scopes = {each.scope for each in row.objections}
    if not row.objections or Scope.EVERYTHING in scopes:
        return ""
    if any(each.source in OF_DOTDIGITAL for each in row.objections):
        return "ask" if request.user.has_perm(MAY_ASK) else ""
    return "here" if scopes == {Scope.LIST} and request.user.has_perm(MAY_OPT_IN) else ""


def _carry_out(
    screen: Screen, request: HttpRequest, marketing_list: MarketingList, row: OptedOut, way: str
) -> HttpResponse:
    back = HttpResponseRedirect(url_of(marketing_list, "opted-out"))
    if way == "here":
        resubscribe_records(
            marketing_list=marketing_list, record_ids=[row.record_id], source=Source.PERSON, by=person_of(request)
        )
        text = _("The record is subscribed again.")
    else:
        link = link_of(marketing_list)
        if link is None:
            raise LookupError("only a connected list has anybody to ask")
        try:
            request_resubscription(
                link=link, record_ids=[row.record_id], opted_in_at=timezone.now(), by=person_of(request)
            )
        except ValidationError as error:
            show_problem(request, error)
            return back
        text = _("Dotdigital is asked as soon as the worker is free. Its answer stands here.")
        warn_without_worker(request)
    screen.log_change(request, marketing_list, f"{text} ({row.record_id})")
    messages.success(request, text)
    return back


def _wish_text(row: OptedOut) -> str:
    """What became of the person's newest wish to return."""
    if row.wish is None:
        return ""
    state = ResubscriptionState(row.wish.state)
    answer = row.wish.answer if state == ResubscriptionState.UNKNOWN else ""
    return " ".join(filter(None, [str(RESUBSCRIPTION_TEXTS[state]), row.wish.message, answer]))

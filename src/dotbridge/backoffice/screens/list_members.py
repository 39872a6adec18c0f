"""The members of a marketing list, and taking some of them off it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dotbridge.backoffice.entity_labels import label_records, record_url
from dotbridge.backoffice.labels import grouped, standing_text
from dotbridge.backoffice.list_reads import PAGE, chosen_members, member_page, standing_of_addresses
from dotbridge.backoffice.screens.base import person_of, require, url_of
from dotbridge.backoffice.screens.list_tabs import link_of, list_tabs
from dotbridge.consent.models import Source
from dotbridge.entities.registry import UnknownEntity
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules import RuleError
from dotbridge.lists.services import remove_records, unsubscribe_records

if TYPE_CHECKING:
    from dotbridge.backoffice.screens.base import Screen

PERMISSIONS = {"remove": "dotbridge_lists.add_removeditem", "unsubscribe": "dotbridge_lists.opt_out_members"}


def show_members(screen: Screen, request: HttpRequest, marketing_list: MarketingList) -> HttpResponse:
    """A page of members with address and label."""
    search = request.GET.get("q", "").strip()[:255]
    context: dict[str, Any] = {"search": search, "rows": []}
    try:
        page = member_page(marketing_list, after=request.GET.get("after", "")[:64], beginning=search)
    except (RuleError, UnknownEntity) as error:
        context["problem"] = str(error)
    else:
        known = label_records(request, marketing_list.entity, [row["record_id"] for row in page.rows])
        is_connected = link_of(marketing_list) is not None
        items = standing_of_addresses(marketing_list, (row["email_key"] for row in page.rows if row["email_key"]))
        context["rows"] = [
            {
                **row,
                "record": known.get(row["record_id"]),
                "results_url": record_url(marketing_list.entity, row["record_id"]),
                "standing": standing_text(items.get(row["email_key"]), row["record_id"]) if row["email_key"] else "",
            }
            for row in page.rows
        ]
        context["is_connected"] = is_connected
        context["after"] = page.after
    return screen.render_page(
        request,
        "backoffice/members.html",
        title=_("Members"),
        record=marketing_list,
        list_tabs=list_tabs(request, marketing_list, current="members"),
        is_first_page=not request.GET.get("after"),
        may_remove=request.user.has_perm(PERMISSIONS["remove"]),
        may_unsubscribe=request.user.has_perm(PERMISSIONS["unsubscribe"]),
        may_see_results=request.user.has_perm("dotbridge_campaigns.view_marketingactivity"),
        change_url=url_of(marketing_list, "change-members"),
        **context,
    )


def change_members(screen: Screen, request: HttpRequest, marketing_list: MarketingList) -> HttpResponse:
    """Ask, and then remove or unsubscribe the chosen members."""
    verb = request.POST.get("verb", "")
    if verb not in PERMISSIONS:
        messages.error(request, _("Choose what to do with the members."))
        return HttpResponseRedirect(url_of(marketing_list, "members"))
    require(request, PERMISSIONS[verb])
    asked = [record_id for record_id in request.POST.getlist("record")[:PAGE] if 0 < len(record_id) <= 64]
    try:
        chosen = chosen_members(marketing_list, [record_id for record_id in asked if "\0" not in record_id])
    except (RuleError, UnknownEntity) as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(url_of(marketing_list))
    if not chosen:
        messages.error(request, _("Choose at least one member of the list."))
        return HttpResponseRedirect(url_of(marketing_list, "members"))
    record_ids = [row["record_id"] for row in chosen]
    if request.POST.get("confirmed"):
        return _change(screen, request, marketing_list, verb, record_ids)
    return _ask(screen, request, marketing_list, verb, chosen)


def _ask(
    screen: Screen, request: HttpRequest, marketing_list: MarketingList, verb: str, chosen: list[dict[str, Any]]
) -> HttpResponse:
    number, is_connected = len(chosen), link_of(marketing_list) is not None
    if verb == "remove":
        question = ngettext("Remove %(n)s member from the list?", "Remove %(n)s members from the list?", number)
        answer = _("Yes, remove")
        lines = [_("The records themselves stay. You can put them back on the list under Removed.")]
        if is_connected:
            lines.append(_("They leave the address book with the next export; their subscription is not touched."))
    else:
        question = ngettext(
            "Unsubscribe %(n)s member from the list?", "Unsubscribe %(n)s members from the list?", number
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
    return screen.render_page(
        request,
        "backoffice/confirm.html",
        title=answer,
        record=marketing_list,
        question=question % {"n": grouped(number)},
        consequences=lines,
        items=items,
        answer=answer,
        is_danger=True,
        hidden=[("verb", verb), *(("record", row["record_id"]) for row in chosen)],
        action_url=url_of(marketing_list, "change-members"),
        back_url=url_of(marketing_list, "members"),
    )


def _change(
    screen: Screen, request: HttpRequest, marketing_list: MarketingList, verb: str, record_ids: list[str]
) -> HttpResponse:
    if verb == "remove":
        number = remove_records(marketing_list=marketing_list, record_ids=record_ids, by=person_of(request))
        text = ngettext("%(n)s member was removed from the list.", "%(n)s members were removed from the list.", number)
    else:
        number = unsubscribe_records(
            marketing_list=marketing_list,
            record_ids=record_ids,
            source=Source.PERSON,
            reason=_("Unsubscribed in the back office"),
            by=person_of(request),
        )
        text = ngettext("%(n)s member was unsubscribed.", "%(n)s members were unsubscribed.", number)
    text = text % {"n": grouped(number)}
    screen.log_change(request, marketing_list, text)
    messages.success(request, text)
    return HttpResponseRedirect(url_of(marketing_list, "members"))

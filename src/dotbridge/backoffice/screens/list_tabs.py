"""The tabs that hold a marketing list's pages together."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from dotbridge.backoffice.screens.base import url_of
from dotbridge.backoffice.screens.sync_filters import is_key
from dotbridge.connections.models import ListConnection
from dotbridge.lists.models import MarketingList

MAY_SEE_OPT_OUTS = "dotbridge_consent.view_consentstate"


@dataclass(frozen=True, kw_only=True)
class Tab:
    """One of them."""

    title: str
    url: str
    is_current: bool = False


def link_of(marketing_list: MarketingList) -> ListConnection | None:
    """The list's connection, if it has one."""
    return getattr(marketing_list, "connection", None)


def list_tabs(request: HttpRequest, marketing_list: MarketingList, *, current: str) -> list[Tab]:
    """The pages of the list that the person may see."""
    by_id, by_list = f"?marketing_list__id__exact={marketing_list.pk}", f"?list={marketing_list.pk}"
    further = [
        ("dotbridge_lists.view_removeditem", _("Removed"), by_id),
        ("dotbridge_campaigns.view_emailcampaign", _("E-mail campaigns"), by_id),
    ]
    if is_connected := link_of(marketing_list) is not None:
        further += [
            ("dotbridge_sync.view_valueconflict", _("Changed on both sides"), by_list),
            ("dotbridge_sync.view_newcomer", _("Newcomers"), by_list),
        ]
    tabs = [
        Tab(title=_("List"), url=url_of(marketing_list), is_current=current == "settings"),
        Tab(title=_("Members"), url=url_of(marketing_list, "members"), is_current=current == "members"),
    ]
    if request.user.has_perm(MAY_SEE_OPT_OUTS):
        url = url_of(marketing_list, "opted-out")
        tabs.append(Tab(title=_("Opted out"), url=url, is_current=current == "opted-out"))
    for permission, title, query in further:
        if request.user.has_perm(permission):
            app, model = permission.split(".view_")
            url = reverse(f"dotbridge_tables:{app}_{model}_changelist") + query
            tabs.append(Tab(title=title, url=url, is_current=current == model))
    if is_connected:
        for page, title in (("preview", _("Preview")), ("plan", _("Next export"))):
            tabs.append(Tab(title=title, url=url_of(marketing_list, page), is_current=current == page))
    if is_connected and request.user.has_perm("dotbridge_connections.change_listconnection"):
        page = "connection-settings"
        tabs.append(Tab(title=_("Connection settings"), url=url_of(marketing_list, page), is_current=current == page))
    return tabs


def tabs_of_chosen_list(request: HttpRequest, chosen: str, *, current: str) -> dict[str, object]:
    """The tabs of the list with this key, as it came in an address, as a page's context.

    Empty without a list that the person may see.
    """
    if not is_key(chosen):
        return {}
    marketing_list = MarketingList.objects.filter(pk=int(chosen)).select_related("connection").first()
    if marketing_list is None or not request.user.has_perm("dotbridge_lists.view_marketinglist"):
        return {}
    return {
        "list_tabs": list_tabs(request, marketing_list, current=current),
        "tabs_title": str(marketing_list),
    }

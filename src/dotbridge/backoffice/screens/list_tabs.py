"""The tabs that hold a marketing list's pages together."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from dotbridge.backoffice.screens.base import url_of
from dotbridge.lists.models import MarketingList
from dotbridge.sync.models import Connection


@dataclass(frozen=True, kw_only=True)
class Tab:
    """One of them."""

    title: str
    url: str
    is_current: bool = False


def link_of(marketing_list: MarketingList) -> Connection | None:
    """The list's connection, if it has one."""
    return getattr(marketing_list, "connection", None)


def list_tabs(request: HttpRequest, marketing_list: MarketingList, *, current: str) -> list[Tab]:
    """The pages of the list that the person may see."""
    chosen = f"?marketing_list__id__exact={marketing_list.pk}"
    tabs = [
        Tab(title=_("List"), url=url_of(marketing_list), is_current=current == "settings"),
        Tab(title=_("Members"), url=url_of(marketing_list, "members"), is_current=current == "members"),
    ]
    if request.user.has_perm("lists.view_removeditem"):
        url = reverse("admin:lists_removeditem_changelist") + chosen
        tabs.append(Tab(title=_("Removed"), url=url, is_current=current == "removeditem"))
    if request.user.has_perm("lists.view_unsubscribeditem"):
        url = reverse("admin:lists_unsubscribeditem_changelist") + chosen
        tabs.append(Tab(title=_("Unsubscribed"), url=url, is_current=current == "unsubscribeditem"))
    return tabs

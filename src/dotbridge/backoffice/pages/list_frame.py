"""What the pages of one list share: the list that is asked for, its head, its tabs, and the ways between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dotbridge.backoffice.counting import Renew
from dotbridge.backoffice.pages.frame import Crumb, Tab, show
from dotbridge.backoffice.queries import after_run_of
from dotbridge.backoffice.reads.lists import lists_with_state
from dotbridge.backoffice.reads.needs import needs_of
from dotbridge.backoffice.reads.rules import rule_words
from dotbridge.backoffice.reads.worker import worker_is_alive
from dotbridge.backoffice.rights import (
    MAY_CHANGE_CONNECTION,
    MAY_CHANGE_LIST,
    MAY_CONNECT,
    MAY_DELETE_LIST,
    MAY_END,
    MAY_REQUEST,
    MAY_SEE_CAMPAIGNS,
)
from dotbridge.connections.models import ListConnection
from dotbridge.entities.registry import UnknownEntity, entity
from dotbridge.entities.rights import may_view
from dotbridge.lists.counting import being_counted
from dotbridge.lists.models import ListType, MarketingList

# A piece asks so often whether the newer numbers are there that the worker counts.
COUNT_SECONDS = 2
NOT_CONNECTED = gettext_lazy("The list is not connected to an address book. Connect it first.")


def list_or_404(pk: int) -> Any:
    """The list with its connection and state."""
    return get_object_or_404(lists_with_state(), pk=pk)


def link_of(marketing_list: MarketingList) -> ListConnection | None:
    """The list's connection, if it has one."""
    return getattr(marketing_list, "connection", None)


def list_url(marketing_list: MarketingList, page: str = "list") -> str:
    """The address of one of the list's pages."""
    return reverse(f"dotbridge:{page}", args=[marketing_list.pk])


def waits_for_count(request: HttpRequest, pk: int) -> bool:
    """Whether a piece that stands on a page already asks for newer numbers of the list that are not there yet."""
    return _has_waited(request) and bool(being_counted([pk])) and worker_is_alive()


def renewal_of(request: HttpRequest) -> Renew:
    """When a piece asks for newer numbers: not again when those that it waited for have come."""
    return Renew.NEVER if _has_waited(request) else Renew.CHANGED


def _has_waited(request: HttpRequest) -> bool:
    return request.GET.get("waits") == "yes"


def may_see_people(request: HttpRequest, entity_key: str) -> bool:
    """Whether the person may see records of this entity: a list shows no more of people than they may see anyway."""
    try:
        return may_view(request.user, entity(entity_key).model)
    except UnknownEntity:
        return False


def list_tabs(request: HttpRequest, marketing_list: MarketingList, current: str) -> list[Tab]:
    """The views of a list that the person may have."""
    tabs = [("list", _("People"), "")]
    if marketing_list.type != ListType.MANUAL:
        tabs += [("list-rule", _("Rule"), "")]
    elif may_see_people(request, marketing_list.entity):
        tabs += [("list-pick", _("Pick people"), MAY_CHANGE_LIST)]
    tabs += [("list-campaigns", _("Campaigns"), MAY_SEE_CAMPAIGNS)]
    tabs += [("list-connection", _("Connection"), ""), ("list-settings", _("Settings"), MAY_CHANGE_LIST)]
    tabs += [("list-history", _("History"), "")]
    return [
        Tab(title=title, url=list_url(marketing_list, name), is_current=name == current)
        for name, title, permission in tabs
        if not permission or request.user.has_perm(permission)
    ]


def show_list_page(
    request: HttpRequest,
    template: str,
    marketing_list: Any,
    *,
    tab: str,
    status: int = 200,
    context: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """One of the list's pages, with its head."""
    may = request.user.has_perm
    link = link_of(marketing_list)
    coming = None if link else marketing_list.coming_account
    return show(
        request,
        template,
        title=str(marketing_list),
        current="lists",
        crumbs=[Crumb(title=_("Lists"), url=reverse("dotbridge:lists"))],
        tabs=list_tabs(request, marketing_list, tab),
        status=status,
        context={
            "marketing_list": marketing_list,
            "link": link,
            "rule_words": rule_words(marketing_list, request.user),
            "is_manual": marketing_list.type == ListType.MANUAL,
            "is_snapshot": marketing_list.type == ListType.ON_DEMAND,
            "may_change_list": may(MAY_CHANGE_LIST),
            "list_needs": [need for need in needs_of(request) if need.marketing_list == marketing_list.pk],
            "may_connect": link is None and not coming and may(MAY_CONNECT),
            "may_sync": link is not None and link.address_book.integration.is_active and may(MAY_REQUEST),
            "may_change_connection": may(MAY_CHANGE_CONNECTION),
            "may_end": link is not None and may(MAY_END),
            "may_delete": link is None and may(MAY_DELETE_LIST),
            "strip_account": link.address_book.integration_id if link else coming,
            "strip_after": after_run_of(request),
            # Nothing is typed on the page of the people: it may come again when the connection is another one.
            "strip_reloads": tab == "list" and bool(coming or getattr(link, "ending", None)),
            **(context or {}),
        },
    )

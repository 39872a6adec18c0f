"""The pages that show what would be sent of real records: one of a mapping, one of a connected list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from dotbridge.backoffice.preview_reads import preview_of_list, preview_of_mapping
from dotbridge.backoffice.screens.base import url_of
from dotbridge.backoffice.screens.list_tabs import Tab, link_of, list_tabs
from dotbridge.entities.registry import UnknownEntity
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules import RuleError
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.soundness import broken_rows
from dotbridge.sync.sql import mapping_of

if TYPE_CHECKING:
    from dotbridge.backoffice.screens.base import Screen

LIST_PAGE = "preview"


def preview_mapping(screen: Screen, request: HttpRequest, mapping: Mapping) -> HttpResponse:
    """Records of the mapping's entity, as they would be sent."""
    search = _search_of(request)
    context: dict[str, Any] = {"search": search, "mapping": mapping, "mapping_url": url_of(mapping)}
    try:
        context["records"] = preview_of_mapping(request, mapping, beginning=search)
        context["broken"] = broken_rows(mapping)
    except UnknownEntity as error:
        context["problem"] = str(error)
    return screen.render_page(request, "backoffice/preview.html", title=_("Preview"), record=mapping, **context)


def preview_list(screen: Screen, request: HttpRequest, marketing_list: MarketingList) -> HttpResponse:
    """Members of the list, as they would be sent to the connected book."""
    search, link = _search_of(request), link_of(marketing_list)
    tabs: list[Tab] = list_tabs(request, marketing_list, current=LIST_PAGE)
    context: dict[str, Any] = {"search": search, "list_tabs": tabs}
    if link is None:
        context["problem"] = _(
            "Connect the list to an address book first: the mapping of its account says what is sent."
        )
    else:
        try:
            mapping = mapping_of(link)
            context |= {
                "mapping": mapping,
                "mapping_url": url_of(mapping)
                if mapping and request.user.has_perm("dotbridge_mapping.view_mapping")
                else "",
                "records": preview_of_list(request, marketing_list, mapping, beginning=search),
                "broken": broken_rows(mapping) if mapping else [],
            }
        except (RuleError, UnknownEntity) as error:
            context["problem"] = str(error)
    return screen.render_page(request, "backoffice/preview.html", title=_("Preview"), record=marketing_list, **context)


def _search_of(request: HttpRequest) -> str:
    return request.GET.get("q", "").strip().replace("\0", "")[:255]

"""The page that shows what would be sent of real records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from dotbridge.backoffice.queries import search_of
from dotbridge.backoffice.reads.previews import preview_of_mapping
from dotbridge.backoffice.screens.base import url_of
from dotbridge.entities.registry import UnknownEntity
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.soundness import broken_rows

if TYPE_CHECKING:
    from dotbridge.backoffice.screens.base import Screen


def preview_mapping(screen: Screen, request: HttpRequest, mapping: Mapping) -> HttpResponse:
    """Records of the mapping's entity, as they would be sent."""
    search = search_of(request)
    context: dict[str, Any] = {"search": search, "mapping": mapping, "mapping_url": url_of(mapping)}
    try:
        context["records"] = preview_of_mapping(request, mapping, beginning=search)
        context["broken"] = broken_rows(mapping)
    except UnknownEntity as error:
        context["problem"] = str(error)
    return screen.render_page(request, "backoffice/preview.html", title=_("Preview"), record=mapping, **context)

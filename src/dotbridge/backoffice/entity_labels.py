"""Entities and their records, by the names people know."""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from dotbridge.entities.names import name_of
from dotbridge.entities.registry import Entity, UnknownEntity, entities, entity
from dotbridge.entities.rights import Viewer, may_view
from dotbridge.entities.sql import as_key


@dataclass(frozen=True, kw_only=True)
class RecordLabel:
    """How a record of the host is shown: its own text, and its page where the person may see it."""

    text: str
    url: str


def entity_choices(viewer: Viewer) -> list[tuple[str, str]]:
    """The registered entities whose records the viewer may see: key, label."""
    return [(known.key, str(known.label)) for known in entities() if may_view(viewer, known.model)]


def entity_label(key: str) -> str:
    """The entity's label; a key that is not registered any more is shown as it is."""
    try:
        return str(entity(key).label)
    except UnknownEntity:
        return _("%(key)s (not registered any more)") % {"key": key}


def label_records(request: HttpRequest, key: str, record_ids: Iterable[str]) -> dict[str, RecordLabel]:
    """The records by their id as text, in one query; one that does not exist any more is missing.

    Whoever may not see records of the entity gets no name of any, only what kind of record it is and its number.
    """
    try:
        known = entity(key)
    except UnknownEntity:
        return {}
    model = known.model
    if not may_view(request.user, model):
        return {each: RecordLabel(text=f"{known.label} {each}", url="") for each in record_ids if each}
    primary_keys = [each for record_id in record_ids if (each := as_key(known, record_id)) is not None]
    page = _page_of(request, model)
    found = model._default_manager.in_bulk(primary_keys)
    return {
        str(pk): RecordLabel(text=name_of(record), url=reverse(page, args=[pk]) if page else "")
        for pk, record in found.items()
    }


def record_url(key: str, record_id: object, page: str = "of-record") -> str:
    """The address of the page that shows what a record did."""
    query = urlencode({"entity": key, "record": record_id})
    return f"{reverse(f'dotbridge_tables:dotbridge_campaigns_marketingactivity_{page}')}?{query}"


def _page_of(request: HttpRequest, model: type) -> str:
    """The name of the records' page in the host's admin, empty where there is none or the person may not see it."""
    if not admin.site.is_registered(model):
        return ""
    screen: Any = admin.site.get_model_admin(model)
    if not screen.has_view_permission(request):
        return ""
    page = f"{admin.site.name}:{screen.opts.app_label}_{screen.opts.model_name}_change"
    try:
        reverse(page, args=["0"])
    except NoReverseMatch:
        # Registered, but the host has not mounted its admin.
        return ""
    return page


def entity_admin_urls(request: HttpRequest, known: Iterable[Entity]) -> list[tuple[str, str]]:
    """The host's own admin pages of these entities: label, address. Those the person may not see are missing."""
    found = []
    for each in known:
        page = _page_of(request, each.model)
        if page:
            found.append((str(each.label), reverse(page.removesuffix("_change") + "_changelist")))
    return found

"""A list that two people change at once: its values in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

from dotbridge.backoffice.labels import shortened
from dotbridge.backoffice.pages.editing import clash, last_change
from dotbridge.backoffice.pages.list_forms import interval_text
from dotbridge.backoffice.reads.list_columns import seen_columns
from dotbridge.editing import ChangedMeanwhile, fingerprint
from dotbridge.entities.registry import UnknownEntity, entity
from dotbridge.lists.columns import ColumnsError, Sort, columns_of
from dotbridge.lists.models import ListType, MarketingList
from dotbridge.lists.rules import read_rule
from dotbridge.lists.rules.words import read_in_words

if TYPE_CHECKING:
    from dotbridge.entities.rights import Viewer


def clash_of_list(
    request: HttpRequest, error: ChangedMeanwhile, form: forms.Form | None, mine: Mapping[str, Any]
) -> dict[str, Any]:
    """What the page of a list says to the later one; see `clash`. Raises Http404 where the list was deleted."""
    if not error.records:
        raise Http404
    theirs = cast("MarketingList", error.records[0])
    lines = [
        (
            (form.fields[name].label or name) if form is not None else _("Columns"),
            in_words(theirs, name, getattr(theirs, name), request.user),
            in_words(theirs, name, value, request.user),
        )
        for name, value in mine.items()
    ]
    return clash(lines, changed=last_change(theirs), seen=fingerprint(theirs, mine))


def in_words(marketing_list: MarketingList, name: str, value: Any, viewer: Viewer) -> str:
    """A value of the list for people."""
    if name == "rule":
        return _rule_in_words(marketing_list, value, viewer)
    if name == "columns":
        return _columns_in_words(marketing_list, value, viewer)
    if name == "refresh_every":
        return interval_text(int(value.total_seconds())) if value else _("Only when somebody asks")
    if name == "type":
        return str(ListType(value).label)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return shortened(str(value), 200) if value else _("empty")


def _rule_in_words(marketing_list: MarketingList, rule: Mapping[str, Any], viewer: Viewer) -> str:
    try:
        known = entity(marketing_list.entity)
    except UnknownEntity as error:
        return str(error)
    return read_in_words(known, read_rule(known, rule, marketing_list=marketing_list, viewer=viewer))


def _columns_in_words(marketing_list: MarketingList, columns: Any, viewer: Viewer) -> str:
    """The columns by their headings; those of fields that the person may not see are left out."""
    try:
        known = entity(marketing_list.entity)
        shown = columns_of(MarketingList(entity=marketing_list.entity, columns=columns))
    except (UnknownEntity, ColumnsError) as error:
        return str(error)
    arrows = {Sort.ASCENDING: " ↑", Sort.DESCENDING: " ↓", Sort.NONE: ""}
    return ", ".join(f"{column.label}{arrows[column.sort]}" for column in seen_columns(known, shown, viewer))

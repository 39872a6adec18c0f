"""A list's rule as a person reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.text import capfirst
from django.utils.translation import gettext as _

from dotbridge.entities.registry import UnknownEntity, entity
from dotbridge.lists.models import ListType, MarketingList
from dotbridge.lists.rules import read_rule
from dotbridge.lists.rules.words import read_in_words

if TYPE_CHECKING:
    from dotbridge.entities.rights import Viewer

LONGEST = 400


def rule_words(marketing_list: MarketingList, viewer: Viewer) -> str:
    """Whom the list holds, in one sentence; a field that the viewer may not see is left out of it."""
    try:
        listed = entity(marketing_list.entity)
    except UnknownEntity as error:
        return str(error)
    if marketing_list.type == ListType.MANUAL:
        return _("%(records)s picked by hand") % {"records": capfirst(str(listed.plural or listed.label))}
    words = read_in_words(listed, read_rule(listed, marketing_list.rule, marketing_list=marketing_list, viewer=viewer))
    return words if len(words) <= LONGEST else _("%(beginning)s…") % {"beginning": words[:LONGEST]}


def may_see_rule(marketing_list: MarketingList, viewer: Viewer) -> bool:
    """Whether the viewer may see every field that the list's rule asks about, and so the values that it names."""
    try:
        listed = entity(marketing_list.entity)
    except UnknownEntity:
        return False
    asked = read_rule(listed, marketing_list.rule, marketing_list=marketing_list, viewer=viewer)
    return asked.problems == read_rule(listed, marketing_list.rule, marketing_list=marketing_list).problems

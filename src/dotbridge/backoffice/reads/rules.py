"""A list's rule as a person reads it."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dotbridge.backoffice.entity_labels import entity_label
from dotbridge.lists.models import MarketingList


def rule_words(marketing_list: MarketingList) -> str:
    """Whom the rule matches, in one sentence."""
    label = entity_label(marketing_list.entity)
    number = _conditions(marketing_list.rule)
    if not number:
        return _("Every %(entity)s") % {"entity": label}
    text = ngettext(
        "%(entity)s records that match %(n)s condition", "%(entity)s records that match %(n)s conditions", number
    )
    return text % {"entity": label, "n": number}


def _conditions(tree: object) -> int:
    if not isinstance(tree, dict):
        return 0
    rules = tree.get("rules")
    return sum(map(_conditions, rules)) if isinstance(rules, list) else int("field" in tree)

"""A list's rule as a person reads it."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dotbridge.backoffice.entity_labels import entity_label
from dotbridge.entities.registry import FieldKind, entities
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules import OPERATORS


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


@dataclass(frozen=True, kw_only=True)
class RuleHelp:
    """What a rule can ask about one entity: its fields with their operators."""

    label: str
    fields: list[tuple[str, str, str]]


def rule_help(key: str = "") -> list[RuleHelp]:
    """The help for one entity, or for all of them while none is chosen."""
    return [
        RuleHelp(
            label=str(known.label),
            fields=[
                (field.path, str(field.label), ", ".join(OPERATORS[field.kind]))
                for field in known.fields
                if field.kind is not FieldKind.OTHER
            ],
        )
        for known in entities()
        if key in ("", known.key)
    ]

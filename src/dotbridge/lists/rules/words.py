"""A rule as a sentence: "Contacts who are VIP, or whose last name begins with B and whose score is 80 or more"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from dotbridge.entities.fields import EntityField, FieldKind
from dotbridge.entities.names import uncapitalised
from dotbridge.entities.registry import Entity
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules.lists_named import LIST_PATH
from dotbridge.lists.rules.operators import Measure
from dotbridge.lists.rules.phrases import CLAUSES, COUNTED, MEASURED_CLAUSES, family
from dotbridge.lists.rules.reading import ReadRule, read_rule
from dotbridge.lists.rules.tree import Asked, Group, Measured, OnList, Part
from dotbridge.lists.rules.value_words import ValueWords, quoted


def rule_in_words(entity: Entity, tree: Mapping[str, Any] | None) -> str:
    """The rule as one sentence in the language of the person. What cannot be read is left out; `read_rule` tells it."""
    return read_in_words(entity, read_rule(entity, tree))


def read_in_words(entity: Entity, read: ReadRule) -> str:
    """The same for a rule that was read already."""
    records = str(entity.plural or entity.label)
    if read.root is None:
        return _("All %(records)s") % {"records": uncapitalised(records)}
    words = _Words(values=ValueWords.of(_named(read.root)))
    return _("%(records)s %(conditions)s") % {"records": records, "conditions": words.group(read.root, depth=0)}


def names_of_values(read: ReadRule) -> dict[str, dict[str, str]]:
    """How the values of a rule are called that stand for something with a name, by field: campaigns, other lists."""
    if read.root is None:
        return {}
    found = ValueWords.of(_named(read.root)).names
    names = {path: {str(value): name for value, name in known.items()} for path, known in found.items()}
    lists = {str(each.pk): each.name for each in _lists(read.root)}
    return {**names, LIST_PATH: lists} if lists else names


def _lists(part: Part) -> list[MarketingList]:
    if isinstance(part, Group):
        return [each for inner in part.parts for each in _lists(inner)]
    return [each.marketing_list for each in part.lists] if isinstance(part, OnList) else []


def field_in_words(field: EntityField) -> str:
    """The field's name within a sentence, with the records that lead to it: "account's city"."""
    name = uncapitalised(str(field.names[0])) if field.names else uncapitalised(str(field.label))
    for part in field.names[1:]:
        name = _("%(owner)s's %(field)s") % {"owner": name, "field": uncapitalised(str(part))}
    return name


def _named(part: Part) -> list[tuple[EntityField, Any]]:
    """The fields with a value of the rule, wherever they stand in it."""
    if isinstance(part, Group):
        return [each for inner in part.parts for each in _named(inner)]
    if isinstance(part, Asked):
        return [(part.field, part.value)]
    if isinstance(part, Measured):
        inner = _named(part.where) if part.where is not None else []
        return [*inner, (part.of, part.value)] if part.of is not None else inner
    return []


def _listed(parts: Sequence[str]) -> str:
    return _("%(parts)s and %(last)s") % {"parts": ", ".join(parts[:-1]), "last": parts[-1]}


@dataclass(frozen=True)
class _Words:
    values: ValueWords

    def group(self, group: Group, *, depth: int) -> str:
        parts = [self.part(part, depth=depth + 1) for part in group.parts]
        text = parts[0] if len(parts) == 1 else self._joined(group, parts, depth)
        return _("not those %(conditions)s") % {"conditions": text} if group.is_inverted else text

    def _joined(self, group: Group, parts: Sequence[str], depth: int) -> str:
        is_plain = not any(isinstance(part, Group) for part in group.parts)
        if depth == 0:
            if group.is_any:
                return _(", or ").join(parts)
            return _listed(parts) if is_plain else _(", and ").join(parts)
        if group.is_any:
            text = _(" or ").join(parts)
            return _("either %(conditions)s") % {"conditions": text} if is_plain else f"({text})"
        text = _(" and ").join(parts)
        return text if is_plain and depth == 1 else f"({text})"

    def part(self, part: Part, *, depth: int) -> str:
        if isinstance(part, Group):
            return self.group(part, depth=depth)
        if isinstance(part, OnList):
            names = self.values.listed([quoted(each.marketing_list.name) for each in part.lists])
            text = _("who are on the list %(lists)s") if part.is_on else _("who are not on the list %(lists)s")
            return text % {"lists": names}
        return self.measured(part) if isinstance(part, Measured) else self.asked(part)

    def asked(self, asked: Asked) -> str:
        field, name = asked.field, field_in_words(asked.field)
        if field.kind is FieldKind.BOOLEAN and asked.operator.name in ("=", "!="):
            is_so = asked.value is (asked.operator.name == "=")
            return (_("who are %(field)s") if is_so else _("who are not %(field)s")) % {"field": name}
        clause = CLAUSES[family(field.kind), asked.operator.name]
        return str(clause) % {"field": name, **self.values.of_condition(field, asked.operator, asked.value)}

    def measured(self, part: Measured) -> str:
        records = uncapitalised(str(part.collection.label))
        within = f" ({self.group(part.where, depth=0)})" if part.where is not None else ""
        if part.measure is Measure.EXISTS:
            return self._existence(part, records) + within
        if part.of is None:
            clause = str(COUNTED[part.operator.name])
            return clause % {"records": records, **self.values.of_number(part.operator, part.value)} + within
        name = str(MEASURED_CLAUSES[part.measure]) % {"records": records, "field": field_in_words(part.of)} + within
        if part.of.kind is FieldKind.BOOLEAN and part.operator.name in ("=", "!="):
            is_so = part.value is (part.operator.name == "=")
            return (_("with %(field)s: yes") if is_so else _("with %(field)s: no")) % {"field": name}
        template = str(CLAUSES[family(part.kind), part.operator.name])
        return template % {"field": name, **self.values.of_condition(part.of, part.operator, part.value)}

    def _existence(self, part: Measured, records: str) -> str:
        own = part.collection.has if part.value else part.collection.has_not
        if own:
            return str(own)
        return (_("with %(records)s") if part.value else _("without %(records)s")) % {"records": records}

"""What rules can ask about beside the fields of a record: registered by the apps that know it, such as the campaigns.

An app registers its source when it is ready:

    register_rule_source(RuleSource(key="campaigns", label=_("Marketing results"), collections=..., fields=...))

What a source offers has paths that begin with its key and a dot ("campaigns.clicked").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q

from dotbridge.entities.fields import EntityField
from dotbridge.entities.registry import Entity
from dotbridge.entities.related_records import Collection
from dotbridge.lists.models import MarketingList

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, kw_only=True)
class RuleSource:
    """What one app lets rules ask about an entity's records.

    `fields` and `collections` answer for an entity; their expressions and rows belong to `OuterRef("pk")`.
    `contacted` is the condition that a record was written to through a list, for lists that keep whom they reached.
    """

    key: str
    label: StrOrPromise
    fields: Callable[[Entity], Sequence[EntityField]] = lambda _entity: ()
    collections: Callable[[Entity], Sequence[Collection]] = lambda _entity: ()
    contacted: Callable[[Entity, MarketingList], Q] | None = None


_sources: dict[str, RuleSource] = {}


def register_rule_source(source: RuleSource) -> None:
    """Let rules ask what the source offers. One of the same key takes its place."""
    _sources[source.key] = source


def rule_sources() -> tuple[RuleSource, ...]:
    """All sources, in the order of their keys."""
    return tuple(_sources[key] for key in sorted(_sources))


def source_field(entity: Entity, path: str) -> EntityField | None:
    """The field of a source with this path, None where there is none."""
    source = _sources.get(path.partition(".")[0])
    return next((known for known in source.fields(entity) if known.path == path), None) if source else None


def known_collection(entity: Entity, path: str) -> Collection | None:
    """The collection with this path, the entity's own or a source's; None where there is none."""
    source = _sources.get(path.partition(".")[0])
    offered = source.collections(entity) if source else entity.collections
    return next((known for known in offered if known.path == path), None)


def contacted_through(entity: Entity, marketing_list: MarketingList) -> Q | None:
    """The condition that a record was written to through this list; None where no app knows."""
    found = [source.contacted(entity, marketing_list) for source in rule_sources() if source.contacted]
    condition: Q | None = None
    for each in found:
        condition = each if condition is None else condition | each
    return condition

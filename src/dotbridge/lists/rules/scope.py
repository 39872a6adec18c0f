"""Where a condition stands while a rule is read: whose fields it can name, and where its problems are noted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import Subquery
from django.utils.translation import gettext as _

from dotbridge.entities.choices import Choices
from dotbridge.entities.fields import EntityField
from dotbridge.entities.registry import Entity, UnknownField
from dotbridge.entities.related_records import Collection
from dotbridge.entities.rights import Viewer, may_see_collection, may_see_field, may_view, models_behind
from dotbridge.lists.rules.problems import PartRefused, Place, ProblemKind, RuleProblem, broken
from dotbridge.lists.rules.sources import known_collection, source_field

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from dotbridge.lists.rules.lists_named import ListsNamed

# What the parts of a rule cost the database, roughly, a plain column being 1.
COST_OF_COLUMN, COST_OF_RELATED, COST_OF_SUBQUERY, COST_OF_COLLECTION, COST_OF_LIST = 1, 2, 10, 20, 10
LARGEST_COST = 1_000


@dataclass(frozen=True, kw_only=True)
class Found:
    """A field that a condition names, with its name for people."""

    field: EntityField
    label: StrOrPromise


@dataclass(kw_only=True)
class Reading:
    """One rule being read: what was found so far, counted over all of it."""

    entity: Entity
    viewer: Viewer | None
    named: ListsNamed
    problems: list[RuleProblem] = field(default_factory=list)
    conditions: int = 0
    cost: int = 0
    _chosen: list[tuple[Scope, Place, EntityField, set[Any]]] = field(default_factory=list)

    def choose(self, scope: Scope, place: Place, asked: EntityField, values: Iterable[Any]) -> None:
        """Note values that have to exist where the field's choices come from."""
        self._chosen.append((scope, place, asked, set(values)))

    def check_choices(self) -> None:
        """See which of the noted values exist: one question for each field, however many conditions there are."""
        wanted: dict[str, tuple[Choices, set[Any]]] = {}
        for _scope, _place, asked, values in self._chosen:
            if asked.lookup is not None:
                wanted.setdefault(asked.path, (asked.lookup, set()))[1].update(values)
        known = {path: lookup.named(values) for path, (lookup, values) in wanted.items()}
        for scope, place, asked, values in self._chosen:
            if values - known[asked.path].keys():
                text = _("%(field)s: what was chosen is not there any more.") % {"field": asked.label}
                scope.note(place, broken(text))

    def check_cost(self) -> None:
        """Refuse a rule that would keep the database busy for everybody."""
        if self.cost > LARGEST_COST:
            text = _(
                "This rule asks too much of the database at once: %(cost)d of at most %(most)d points. A condition "
                "on a field of the record is 1 point, on a related one 2, on a looked-up value or a list 10, on many "
                "records 20."
            )
            self.problems.append(
                RuleProblem(place=(), kind=ProblemKind.WRONG, text=text % {"cost": self.cost, "most": LARGEST_COST})
            )


@dataclass(kw_only=True)
class Scope:
    """The record itself, or the rows of a collection of it in the condition at `owner`."""

    reading: Reading
    collection: Collection | None = None
    owner: Place | None = None

    def find(self, path: str) -> Found | Collection | None:
        """The field or collection of this path, None where there is none."""
        if self.collection is not None:
            own = self.collection.field(path)
            return Found(field=own, label=own.label) if own else None
        entity = self.reading.entity
        try:
            asked: EntityField | None = entity.field(path)
        except UnknownField:
            asked = source_field(entity, path)
        if asked is not None:
            return Found(field=asked, label=asked.label)
        return known_collection(entity, path)

    def may_see(self, found: Found | Collection) -> bool:
        """Whether the viewer, if there is one, may see what was found."""
        viewer = self.reading.viewer
        if viewer is None:
            return True
        if isinstance(found, Collection):
            return may_see_collection(viewer, found)
        if self.collection is not None:
            models = models_behind(self.collection.shows[0], found.field)
            return all(may_view(viewer, model) for model in models)
        return may_see_field(viewer, self.reading.entity, found.field)

    @cached_property
    def labels(self) -> dict[str, str]:
        """The fields that could be named here: their names by path."""
        fields = self.collection.fields if self.collection is not None else self.reading.entity.fields
        return {known.path: str(known.label) for known in fields}

    def spend(self, asked: EntityField) -> None:
        """Count what a condition on this field costs."""
        self.reading.cost += cost_of(asked)

    def note(self, place: Place, refused: PartRefused) -> None:
        """Keep what is wrong at this place."""
        at, within = (place, None) if self.owner is None else (self.owner, place)
        self.reading.problems.append(
            RuleProblem(
                place=at, within=within, kind=refused.kind, text=str(refused), without_values=refused.without_values
            )
        )


def cost_of(asked: EntityField) -> int:
    """What one condition on the field costs the database."""
    source: Any = asked.source
    flatten = getattr(source, "flatten", None)
    if flatten and any(isinstance(part, Subquery) for part in flatten()):
        return COST_OF_SUBQUERY
    return COST_OF_RELATED if asked.is_virtual or "__" in asked.path else COST_OF_COLUMN

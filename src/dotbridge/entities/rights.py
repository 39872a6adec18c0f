"""What a person may see of records: the right is asked of every model whose values are shown, not of the list alone."""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from dotbridge.entities.fields import EntityField
from dotbridge.entities.registry import Entity
from dotbridge.entities.related_records import Collection


class Viewer(Protocol):
    """Somebody who has rights: a user."""

    def has_perm(self, perm: str, /) -> bool:
        """Whether they have the right, named as Django names it ("crm.view_contact")."""
        ...


def may_view(viewer: Viewer, model: type[models.Model]) -> bool:
    """Whether the person may see records of the model."""
    return viewer.has_perm(f"{model._meta.app_label}.view_{model._meta.model_name}")


def may_see_field(viewer: Viewer, owner: Entity, field: EntityField) -> bool:
    """Whether the person may see this value: they may see every model that it comes from."""
    return all(may_view(viewer, model) for model in models_behind(owner.model, field))


def may_see_paths(viewer: Viewer, owner: Entity, paths: Iterable[str]) -> bool:
    """Whether the person may see the values of all these fields. One that is not known any more has none to show."""
    known = {field.path: field for field in owner.fields}
    return all(may_see_field(viewer, owner, known[path]) for path in paths if path in known)


def may_see_collection(viewer: Viewer, collection: Collection) -> bool:
    """Whether the person may see the records of the collection; their related values are asked about one by one."""
    return all(may_view(viewer, model) for model in collection.shows)


def models_behind(model: type[models.Model], field: EntityField) -> set[type[models.Model]]:
    """All models whose records the field's value comes from: its own, and those along the paths that it reads."""
    found: set[type[models.Model]] = {model, *field.shows}
    for path in field.reads:
        found.update(_along(model, path))
    return found


def _along(model: type[models.Model], path: str) -> Iterator[type[models.Model]]:
    for name in path.split("__"):
        try:
            part: Any = model._meta.get_field(name)
        except FieldDoesNotExist:
            return
        if not part.is_relation or part.related_model is None:
            return
        model = part.related_model
        yield model

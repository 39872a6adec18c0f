"""Deleting many rows with all that hangs on them."""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

from typing import Any

from django.db.models import SET_NULL, QuerySet
from django.db.models.fields.reverse_related import ForeignObjectRel


def delete_with_children(records: QuerySet[Any]) -> None:
    """Children before parents, a statement a table: Django's own cascade reads what it deletes into memory first."""
    for relation in records.model._meta.get_fields(include_hidden=True):
        if not isinstance(relation, ForeignObjectRel) or relation.many_to_many:
            continue
        children = relation.related_model._base_manager.filter(
            **{f"{relation.field.name}__in": records.values(relation.field.target_field.name)}
        )
        if relation.on_delete is SET_NULL:
            children.update(**{relation.field.name: None})
        else:
            delete_with_children(children)
    records._raw_delete(records.db)

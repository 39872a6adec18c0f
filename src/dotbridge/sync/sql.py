"""Querysets as parts of larger statements, so that no member is ever loaded into Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from dotbridge.connections.models import ListConnection
from dotbridge.entities.registry import entity
from dotbridge.mapping.models import Mapping


@dataclass(frozen=True)
class Fragment:
    """A query as text with its parameters, ready to stand inside another statement."""

    sql: str
    parameters: tuple[Any, ...]


def compiled(queryset: QuerySet[Any, Any]) -> Fragment:
    """The SQL of a queryset, for use as a subquery."""
    text, parameters = queryset.query.get_compiler(connection=connection).as_sql()
    return Fragment(text, tuple(parameters))


def key_type(link: ListConnection) -> str:
    """The column type of the primary key of a list's records."""
    key = entity(link.marketing_list.entity).model._meta.pk  # noqa: SLF001 - Django's documented way to ask a model
    return str(key.rel_db_type(connection))


def mapping_of(link: ListConnection) -> Mapping | None:
    """How the list's entity is described to the account of the connected book."""
    return Mapping.objects.filter(
        integration=link.address_book.integration_id, entity=link.marketing_list.entity
    ).first()

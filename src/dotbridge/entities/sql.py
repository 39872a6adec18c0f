"""Querysets as parts of larger statements, so that no record is ever loaded into Python."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import F, QuerySet

from dotbridge.entities.email import normalised
from dotbridge.entities.record_ids import as_record_id
from dotbridge.entities.registry import Entity


@dataclass(frozen=True)
class Fragment:
    """A query as text with its parameters, ready to stand inside another statement."""

    sql: str
    parameters: tuple[Any, ...]

    def named(self, prefix: str) -> tuple[str, dict[str, Any]]:
        """The same with its parameters by name, for a statement that names its own: text and values."""
        values = {f"{prefix}_{number}": value for number, value in enumerate(self.parameters)}
        left = iter(values)
        # A doubled percent sign stays one.
        return re.sub("%[s%]", lambda found: f"%({next(left)})s" if found[0] == "%s" else found[0], self.sql), values


def compiled(queryset: QuerySet[Any, Any]) -> Fragment:
    """The SQL of a queryset, for use as a subquery."""
    text, parameters = queryset.query.get_compiler(connection=connection).as_sql()
    return Fragment(text, tuple(parameters))


def addresses_of(owner: Entity, record_ids: Iterable[str]) -> Fragment:
    """`record_id` and `email_key` (NULL without an address) of these records, also of those that the host hides."""
    keys = [key for record_id in record_ids if (key := as_key(owner, record_id)) is not None]
    records = owner.model._base_manager.filter(pk__in=keys).order_by().values(record_pk=F("pk"))  # noqa: SLF001
    found = compiled(records.annotate(record_id=as_record_id(), email_key=normalised(owner.email_expression())))
    return Fragment(f"SELECT record_id, nullif(email_key, '') FROM ({found.sql}) found", found.parameters)


def as_key(owner: Entity, record_id: str) -> Any:
    """A record id as a primary key of the entity's model; None for a text that cannot be one."""
    if "\0" in record_id:
        return None
    try:
        return owner.model._meta.pk.to_python(record_id)  # noqa: SLF001 - Django's documented way to ask a model
    except (ValidationError, OverflowError):
        return None

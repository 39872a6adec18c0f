"""What the database works out of one record: an expression that it cannot work out takes no other along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models.expressions import Combinable

from dotbridge.entities.registry import Entity
from dotbridge.entities.time_limits import StatementRefused, TookTooLong, statement_time_limit

# In less nothing is worked out.
_SHORTEST = 20


def values_of_record(
    entity: Entity, record_key: Any, expressions: Mapping[str, Combinable], *, milliseconds: int
) -> dict[str, Any]:
    """The value of each expression for the record, by its name: one statement, where all of them can be worked out.

    Missing are those that the database refuses, and those that it did not come to in the time, which is that of all
    together. Where there is no such record all are missing.
    """
    if not expressions or milliseconds < _SHORTEST:
        return {}
    # Of one row no order is asked: Django would compare each column with what it orders by.
    asked = entity.queryset().order_by().filter(pk=record_key).values(**expressions)[:1]
    try:
        # Half of the time stays for the others, where one takes too long.
        with statement_time_limit(milliseconds // 2):
            return next(iter(asked), {})
    except StatementRefused:
        left = milliseconds
    except TookTooLong:
        left = milliseconds // 4
    if len(expressions) == 1:
        return {}
    names = list(expressions)
    middle = len(names) // 2
    found: dict[str, Any] = {}
    for half in (names[:middle], names[middle:]):
        found |= values_of_record(entity, record_key, {name: expressions[name] for name in half}, milliseconds=left)
    return found

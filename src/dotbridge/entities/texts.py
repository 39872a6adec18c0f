"""Texts that can be stored, and texts of the host as texts of ours, which compare as all others do."""

from __future__ import annotations

import re
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import CharField, Func
from django.db.models.sql.compiler import SQLCompiler

# What a Python text can hold and a PostgreSQL text cannot.
NOT_STORABLE = re.compile("[\0\ud800-\udfff]")


def collated(column: Any) -> str:
    """What follows a text in SQL that is compared with this column, and ordered as it is; empty but for a collation."""
    name = column.db_parameters(connection).get("collation")
    return f" COLLATE {connection.ops.quote_name(name)}" if name else ""


class PlainText(Func):
    """A text under the database's own collation.

    A column may have another one: by one that takes capital letters for small ones PostgreSQL matches no pattern, and
    by any it compares with no column of ours. Where a column has none of its own nothing is added, so that an index on
    it is of use.
    """

    template = "%(expressions)s"
    arity = 1

    def __init__(self, expression: Any, **extra: Any) -> None:
        super().__init__(expression, output_field=CharField(), **extra)

    def as_sql(
        self,
        compiler: SQLCompiler,
        connection: BaseDatabaseWrapper,
        function: str | None = None,
        template: str | None = None,
        arg_joiner: str | None = None,
        **extra: Any,
    ) -> tuple[str, tuple[str | int, ...]]:
        """The text itself, told to compare as others do where it would not."""
        (source,) = self.get_source_expressions()
        if getattr(source._output_field_or_none, "db_collation", None):  # noqa: SLF001 - None where nobody can tell
            template = '(%(expressions)s COLLATE "default")'
        return super().as_sql(compiler, connection, function, template, arg_joiner, **extra)

"""Who has an address, asked by the columns that it stands in, which a host can have an index on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import CharField, F, TextField
from django.db.models.sql import Query

from dotbridge.entities.email import normalised
from dotbridge.entities.registry import Entity
from dotbridge.entities.texts import PlainText


def records_with_addresses(owner: Entity, keys: Iterable[str]) -> set[Any]:
    """The primary keys of records with one of these normalised addresses in any text column that their address is made
    of: at least all who have it, where it stands in one column as it is. A statement a column.

    An index of the host's on `lower(trim(column))` is what makes it quick.
    """
    wanted = list(keys)
    found: set[Any] = set()
    paths = [owner.email_path] if owner.email_path else owner.email_reads
    for path in paths:
        if _is_text(owner, path):
            address = normalised(PlainText(F(path)))
            rows = owner.model._base_manager.alias(dotbridge_address=address)  # noqa: SLF001
            found.update(rows.filter(dotbridge_address__in=wanted).values_list("pk", flat=True))
    return found


def _is_text(owner: Entity, path: str) -> bool:
    """Whether a text stands at the end of the path, which may lead to many records."""
    names, model = path.split("__"), owner.model
    final = Query(model).names_to_path(names, model._meta, allow_many=True, fail_on_missing=True)[1]  # noqa: SLF001
    return isinstance(final, CharField | TextField)

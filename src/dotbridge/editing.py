"""Two people who change one thing at once: the later one is told, and nothing of the earlier one is lost unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model

Edited = TypeVar("Edited", bound=Model)


class ChangedMeanwhile(Exception):
    """Somebody else changed what is being saved since it was read. `records` hold what they saved: one as a rule, none
    where it was deleted."""

    def __init__(self, records: Sequence[Model]) -> None:
        names = ", ".join(f"{each._meta.label} {each.pk}" for each in records)  # noqa: SLF001 - Django's documented way
        super().__init__(f"changed meanwhile: {names or 'deleted'}")
        self.records = records


def fingerprint(record: Model, fields: Iterable[str]) -> str:
    """What these fields of a record hold, as a short text that changes with them. `fields` in any order."""
    return fingerprint_of_all([record], fields)


def fingerprint_of_all(records: Iterable[Model], fields: Iterable[str]) -> str:
    """The same of several records, in their order, or of none."""
    names = sorted(fields)
    # A related record is known by its key, without asking the database for it.
    held: list[dict[str, Any]] = [
        {name: getattr(record, record._meta.get_field(name).attname) for name in names}  # type: ignore[union-attr]  # noqa: SLF001
        for record in records
    ]
    text = json.dumps(held, cls=DjangoJSONEncoder, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def held_as_seen(record: Edited, fields: Iterable[str], seen: str) -> Edited:
    """The record as it stands now, locked to the end of the transaction.

    Raises ChangedMeanwhile where these fields hold something else than `seen`, their fingerprint, says, and where the
    record was deleted.
    """
    now = type(record)._base_manager.select_for_update(of=("self",)).filter(pk=record.pk).first()  # noqa: SLF001
    if now is None or seen != fingerprint(now, fields):
        raise ChangedMeanwhile([now] if now else [])
    return now

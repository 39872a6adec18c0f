"""Ids of records as text, as every table of ours keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from django.db.models import F, TextField
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast

from dotbridge.entities.texts import PlainText

# A primary key as text: also an address, a slug or a path that is a host's key. `register` refuses longer ones.
RECORD_ID_LENGTH = 255
# Records given at once to a statement: enough to make round trips cheap, few enough to keep memory flat.
BATCH = 5_000


def record_id_of(given: object) -> str:
    """A primary key as text. Raises ValueError for what cannot be one."""
    record_id = str(given)
    if not 0 < len(record_id) <= RECORD_ID_LENGTH or "\0" in record_id:
        raise ValueError(
            f"{record_id[:RECORD_ID_LENGTH]!r} is no record id: "
            f"give a primary key, as text 1 to {RECORD_ID_LENGTH} characters long."
        )
    return record_id


def as_record_id(key: Combinable | str = "pk") -> Cast:
    """A primary key as such a text in a query, fit to be compared with the ids that we keep: `key` names it."""
    return Cast(PlainText(F(key) if isinstance(key, str) else key), TextField())


def batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """The texts in lists of at most `BATCH`, each taken when it is asked for."""
    left = iter(texts)
    while batch := list(islice(left, BATCH)):
        yield batch

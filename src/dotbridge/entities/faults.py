"""Which field of an entity the database cannot work out, found by asking each alone, and where the host wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models import Count
from django.utils.translation import gettext as _

from dotbridge.entities.registry import Entity, FaultyEntity, UnknownEntity, entity
from dotbridge.entities.time_limits import StatementRefused, TookTooLong, refused_statements, statement_time_limit

# Each field is asked of all records, so that the one record is met that it fails for.
MILLISECONDS_A_FIELD = 1_000


def faults_of(owner: Entity) -> str:
    """The entity's fields that the database cannot work out, with the host's lines; empty when it can."""
    found = []
    for own in owner.fields:
        records = owner.queryset().order_by().annotate(dotbridge_value=own.expression())
        try:
            with statement_time_limit(MILLISECONDS_A_FIELD):
                records.aggregate(number=Count("dotbridge_value"))
        except TookTooLong:
            continue
        except StatementRefused as refused:
            place = own.registered_at or owner.registered_at
            found.append(f"{own.label}: {refused.kind} ({own.path}, {place})")
    return "; ".join(found)


@contextmanager
def asking(key: str, *, milliseconds: int | None) -> Iterator[None]:
    """Ask the database about records of the entity `key`, no statement for longer than this. A transaction.

    None is for what cannot take long. Raises TookTooLong, and FaultyEntity where the database cannot work it out: which
    field is at fault, and where it was registered.
    """
    try:
        with refused_statements() if milliseconds is None else statement_time_limit(milliseconds):
            yield
    except StatementRefused as refused:
        raise faulty(key, refused.kind) from refused


def faulty(key: str, kind: str) -> FaultyEntity:
    """What to tell of an entity for which the database refused a statement, for a reason of this kind."""
    try:
        faults = faults_of(entity(key))
    except UnknownEntity:
        faults = ""
    text = _("The database cannot work this out: %(kind)s.") % {"kind": kind}
    if faults:
        text += " " + _("At fault: %(fields)s.") % {"fields": faults}
    return FaultyEntity(key, text)

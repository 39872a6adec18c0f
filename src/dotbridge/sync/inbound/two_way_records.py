"""Writing Dotdigital's values into records: checked by the model, and a constant number of statements a chunk."""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

import structlog
from django.core.exceptions import ValidationError
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    models,
    transaction,
)
from django.db.models import F
from django.utils.translation import gettext_noop as _
from psycopg import sql

from dotbridge.entities.email import normalised
from dotbridge.entities.registry import Entity
from dotbridge.entities.sql import as_key
from dotbridge.integrations.models import Integration
from dotbridge.mapping.canonical import DoesNotFit, coerced
from dotbridge.mapping.models import Mapping as FieldMapping
from dotbridge.mapping.two_way import TwoWayRow
from dotbridge.mapping.values import mapped_values
from dotbridge.sync.context import Refusal
from dotbridge.sync.failures import failure_of, kind_of
from dotbridge.sync.texts import EMPTY_VALUE, VALUE_NOT_WRITTEN

# Change tracking reads these in its triggers: what an account has written itself is no news to it.
ORIGIN, INTEGRATION = "dotbridge.origin", "dotbridge.integration"
DOTDIGITAL = "dotdigital"
# A value is quoted in a rejection so that it can be found, not so that it can be read in full.
_LONGEST_QUOTE = 100
# The database's own text shows the whole row.
BROKEN_RULE = _("A rule of the database does not allow it.")
# The database is away, or what is to be written is in another's hands: the next run tries again.
SAYS_NOTHING_OF_A_RECORD = (OperationalError, InterfaceError)
_LENGTH = re.compile(r"\(.*?\)")

log = structlog.get_logger(__name__)
T = TypeVar("T")


def mark_origin(integration: Integration) -> None:
    """Say, until the transaction ends, that what it writes comes from Dotdigital, from this account."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config(%s, %s, true), set_config(%s, %s, true)",
            [ORIGIN, DOTDIGITAL, INTEGRATION, str(integration.pk)],
        )


@dataclass(kw_only=True)
class Target:
    """A record that is locked for this transaction: its address, what it would send now, when it was changed last.

    `before` holds the former values of the fields that were given another one.
    """

    record: models.Model
    email_key: str | None
    values: Mapping[str, str | None]
    modified_at: datetime | None
    before: dict[str, Any] = field(default_factory=dict)


def lock_targets(owner: Entity, mapping: FieldMapping, record_ids: Iterable[str]) -> dict[str, Target]:
    """The records of these ids, by id, locked until the transaction ends. What is no key of the model is left out."""
    keys = [key for record_id in record_ids if (key := as_key(owner, record_id)) is not None]
    # By themselves: what a host's manager counts or puts together cannot be locked.
    alone = owner.model._base_manager.filter(pk__in=keys).order_by()
    locked = list(alone.select_for_update(of=("self",)).values_list("pk", flat=True))
    records = (
        owner.queryset()
        .filter(pk__in=locked)
        .order_by()
        .annotate(
            dotbridge_email=normalised(owner.email_expression()),
            dotbridge_values=mapped_values(mapping, owner),
            dotbridge_modified_at=F(owner.modified_at or "pk"),
        )
    )
    return {
        str(record.pk): Target(
            record=record,
            email_key=record.dotbridge_email,
            values=record.dotbridge_values,
            modified_at=record.dotbridge_modified_at if owner.modified_at else None,
        )
        for record in records
    }


def in_transaction(work: Callable[..., T]) -> T:
    """Do it in a transaction; where a host's own check breaks that, do it again with each check in a savepoint.

    The work is told by `in_savepoints` whether they are: a savepoint a record costs more than most checks do.
    """
    try:
        with transaction.atomic():
            return work(in_savepoints=False)
    except SAYS_NOTHING_OF_A_RECORD:
        raise
    except DatabaseError:
        with transaction.atomic():
            return work(in_savepoints=True)


def error_of_check(check: Callable[[], object], *, in_savepoint: bool) -> Exception | None:
    """What a host's own check raises about a record; None where it raises nothing.

    Raises what says nothing of a record, and without a savepoint any fault of the database: that broke the transaction.
    """
    try:
        with transaction.atomic() if in_savepoint else nullcontext():
            check()
    except SAYS_NOTHING_OF_A_RECORD:
        raise
    except Exception as error:  # the host's own check failed for this one; the others go on
        if isinstance(error, DatabaseError) and not in_savepoint:
            raise
        return error
    return None


def set_value(target: Target, row: TwoWayRow, text: str | None, email: str, *, in_savepoint: bool) -> Refusal | None:
    """Put Dotdigital's value into a record, unsaved. Answers why not, when it does not fit; nothing is changed then.

    Raises as `error_of_check`.
    """
    own = target.record._meta.get_field(row.path)
    before = getattr(target.record, row.path)

    def set_and_check() -> None:
        value = coerced(row.kind, text or "")
        setattr(target.record, row.path, _empty(own) if value is None else value)
        target.record.clean_fields(exclude=set(_other_fields(type(target.record), row.path)))

    error = error_of_check(set_and_check, in_savepoint=in_savepoint)
    if error is None:
        target.before[row.path] = before
        return None
    setattr(target.record, row.path, before)
    if isinstance(error, DoesNotFit | ValidationError | OverflowError):
        return refusal(email, row, text, error)
    return Refusal(email, "value_refused", f"{row.data_field} → {row.path}: {_failed(error)}")


def check_target(target: Target, *, in_savepoint: bool) -> str | None:
    """Ask the model whether the record that was written to is right as a whole. Answers why not; its values are set
    back then. What nothing was written to is not asked about. Raises as `error_of_check`."""
    if not target.before:
        return None
    error = error_of_check(target.record.clean, in_savepoint=in_savepoint)
    if error is None:
        return None
    _set_back(target)
    return " ".join(error.messages) if isinstance(error, ValidationError) else _failed(error)


def save_targets(targets: Sequence[Target], *, one_by_one: bool) -> dict[str, str]:
    """Store the records that were written to. Answers why not, by record id, for those that were refused.

    The number of statements grows only with how many are refused; `one_by_one` each by its own `save()`, with the
    host's signals.
    """
    changed = [target for target in targets if target.before]
    refused: dict[str, str] = {}
    if one_by_one:
        for target in changed:
            _save_one(target, refused)
    else:
        _save(changed, refused)
    return refused


def _save_one(target: Target, refused: dict[str, str]) -> None:
    record = target.record
    stamps = [own.name for own in record._meta.concrete_fields if getattr(own, "auto_now", False)]
    try:
        with transaction.atomic():
            record.save(update_fields=[*target.before, *stamps])
    except SAYS_NOTHING_OF_A_RECORD:
        raise
    except (IntegrityError, DataError):
        refused[str(record.pk)] = BROKEN_RULE
    except Exception as error:  # noqa: BLE001 - the host's own `save` may raise anything; the others go on
        refused[str(record.pk)] = _failed(error)


def _set_back(target: Target) -> None:
    for path, value in target.before.items():
        setattr(target.record, path, value)
    target.before.clear()


def _failed(error: Exception) -> str:
    failure = failure_of(error)
    log.error("a record was not written", error=kind_of(error), place=failure.place)
    return failure.text


def refusal(email: str, row: TwoWayRow, text: str | None, error: Exception) -> Refusal:
    """Why a value of Dotdigital was not written: where from and where to, what, and what to do about it."""
    why = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
    quoted = repr(text[:_LONGEST_QUOTE]) if text else EMPTY_VALUE
    detail = VALUE_NOT_WRITTEN % {"data_field": row.data_field, "field": row.path, "value": quoted, "reason": why}
    return Refusal(email, "value_refused", detail)


def _save(targets: list[Target], refused: dict[str, str]) -> None:
    if not targets:
        return
    model = type(targets[0].record)
    # A bulk update does not touch the moment of the last change by itself.
    stamps = [own for own in model._meta.concrete_fields if getattr(own, "auto_now", False)]
    for target in targets:
        for stamp in stamps:
            stamp.pre_save(target.record, add=False)
    names = {path for target in targets for path in target.before} | {stamp.name for stamp in stamps}
    try:
        with transaction.atomic():
            _update(model, [target.record for target in targets], sorted(names))
    except SAYS_NOTHING_OF_A_RECORD:
        raise
    except DatabaseError:
        # A constraint, or whatever a trigger of the host raises.
        if len(targets) == 1:
            refused[str(targets[0].record.pk)] = BROKEN_RULE
            return
        middle = len(targets) // 2
        _save(targets[:middle], refused)
        _save(targets[middle:], refused)


def _update(model: type[models.Model], records: list[models.Model], names: list[str]) -> None:
    """One statement for all records. Django's bulk update builds a CASE of a branch a record, which takes ten times
    as long; it is left to models whose fields stand in several tables.
    """
    fields = [model._meta.get_field(name) for name in names]
    if any(own.model._meta.concrete_model is not model._meta.concrete_model for own in fields):
        model._base_manager.bulk_update(records, names)
        return
    columns: list[Any] = [model._meta.pk, *fields]
    quoted = [sql.Identifier(own.column) for own in columns]
    statement = sql.SQL("UPDATE {table} t SET {values} FROM unnest({arrays}) AS v({columns}) WHERE t.{key} = v.{key}")
    composed = statement.format(
        table=sql.SQL(connection.ops.quote_name(model._meta.db_table)),
        values=sql.SQL(", ").join(sql.SQL("{0} = v.{0}").format(column) for column in quoted[1:]),
        # Without the type's length, which a cast would cut to and an assignment holds to.
        arrays=sql.SQL(", ").join(
            sql.SQL("%s::{}[]").format(sql.SQL(_LENGTH.sub("", own.db_type(connection)))) for own in columns
        ),
        columns=sql.SQL(", ").join(quoted),
        key=quoted[0],
    )
    values = [
        [own.get_db_prep_save(getattr(record, own.attname), connection=connection) for record in records]
        for own in columns
    ]
    with connection.cursor() as cursor:
        cursor.execute(composed, values)


@cache
def _other_fields(model: type[models.Model], path: str) -> frozenset[str]:
    return frozenset(own.name for own in model._meta.fields) - {path}


def _empty(own: Any) -> Any:
    return None if own.null or not own.empty_strings_allowed else ""

"""Everything that changes a marketing list. Nobody else writes its tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connection, transaction

from dotbridge.consent.models import Scope, Source
from dotbridge.consent.services import opt_in_records, opt_out_records
from dotbridge.entities.registry import entity as entity_of
from dotbridge.lists.models import RECORD_ID_LENGTH, MarketingList, RemovedItem
from dotbridge.lists.rules import compile_rule

# Ids given at once to a statement: enough to make round trips cheap, few enough to keep memory flat.
BATCH = 5_000


def create_list(
    *, name: str, entity: str, rule: Mapping[str, Any] | None = None, description: str = ""
) -> MarketingList:
    """A new list of the records of `entity` ("crm.contact") that `rule` matches; without a rule, of all of them.

    Raises UnknownEntity, RuleError, and Django's ValidationError for a name that is empty, too long or taken.
    """
    return _save(MarketingList(name=name, entity=entity, rule=dict(rule or {}), description=description))


def update_list(
    *,
    marketing_list: MarketingList,
    name: str | None = None,
    rule: Mapping[str, Any] | None = None,
    description: str | None = None,
) -> MarketingList:
    """Change what is given and keep the rest. The entity stays: removed items and opt-outs name records of it.

    Raises RuleError and Django's ValidationError; then nothing is changed.
    """
    changed = MarketingList.objects.get(pk=marketing_list.pk)
    changed.name = changed.name if name is None else name
    changed.rule = changed.rule if rule is None else dict(rule)
    changed.description = changed.description if description is None else description
    _save(changed)
    marketing_list.refresh_from_db()
    return marketing_list


def remove_records(
    *, marketing_list: MarketingList, record_ids: Iterable[object], by: AbstractBaseUser | None = None
) -> int:
    """Take records off the list, whatever its rule says. Answers how many were not off it before.

    A record id is a primary key, as it is or as text. Says nothing about consent: see unsubscribe_records.
    """
    statement = """
        INSERT INTO dotbridge_lists_removeditem (marketing_list_id, record_id, created_by_id)
        SELECT %s, record_id, %s FROM unnest(%s::text[]) AS record_id
        ON CONFLICT (marketing_list_id, record_id) DO NOTHING
    """
    return _write(statement, [marketing_list.pk, by.pk if by else None], record_ids)


def restore_records(*, marketing_list: MarketingList, record_ids: Iterable[object]) -> int:
    """Put removed records back on the list. Answers how many came back. Unsubscribed ones stay unsubscribed."""
    return _delete(RemovedItem, marketing_list, record_ids)


def unsubscribe_records(
    *,
    marketing_list: MarketingList,
    record_ids: Iterable[object],
    source: Source = Source.CRM,
    reason: str = "",
    by: AbstractBaseUser | None = None,
) -> int:
    """Write no more to these records through the list, nor to their addresses. Answers for how many this is new."""
    said = opt_out_records(
        entity=marketing_list.entity,
        record_ids=record_ids,
        source=source,
        scope=Scope.LIST,
        scope_id=marketing_list.pk,
        evidence=reason,
        by=by,
    )
    return said.records_blocked


def resubscribe_records(
    *,
    marketing_list: MarketingList,
    record_ids: Iterable[object],
    source: Source = Source.CRM,
    opted_in_at: datetime | None = None,
    reason: str = "",
    by: AbstractBaseUser | None = None,
) -> int:
    """Take back what was said here about the list: only for a person's own newer wish.

    What Dotdigital says, or an opt-out of everything, stands. Answers how many records it lifted.
    """
    said = opt_in_records(
        entity=marketing_list.entity,
        record_ids=record_ids,
        source=source,
        scope=Scope.LIST,
        scope_id=marketing_list.pk,
        happened_at=opted_in_at,
        evidence=reason,
        by=by,
    )
    return said.records_lifted


def _save(marketing_list: MarketingList) -> MarketingList:
    compile_rule(entity_of(marketing_list.entity), marketing_list.rule)
    marketing_list.full_clean()
    marketing_list.save()
    return marketing_list


def _write(statement: str, fixed: list[Any], record_ids: Iterable[object]) -> int:
    written = 0
    with transaction.atomic(), connection.cursor() as cursor:
        for batch in _batches(record_ids):
            cursor.execute(statement, [*fixed, batch])
            written += cursor.rowcount
    return written


def _delete(model: type[RemovedItem], marketing_list: MarketingList, ids: Iterable[object]) -> int:
    deleted = 0
    with transaction.atomic():
        for batch in _batches(ids):
            rows, _ = model.objects.filter(marketing_list=marketing_list, record_id__in=batch).delete()
            deleted += rows
    return deleted


def _batches(record_ids: Iterable[object]) -> Iterator[list[str]]:
    left = (_record_id(record_id) for record_id in record_ids)
    while batch := list(islice(left, BATCH)):
        yield batch


def _record_id(given: object) -> str:
    record_id = str(given)
    if not 0 < len(record_id) <= RECORD_ID_LENGTH or "\0" in record_id:
        raise ValueError(
            f"{record_id[:RECORD_ID_LENGTH]!r} is no record id: "
            f"give a primary key, as text 1 to {RECORD_ID_LENGTH} characters long."
        )
    return record_id

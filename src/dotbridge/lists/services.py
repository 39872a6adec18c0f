"""Everything that changes a marketing list. Nobody else writes its tables."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from dotbridge.consent.models import Scope, Source
from dotbridge.consent.services import opt_in_records, opt_out_records
from dotbridge.editing import ChangedMeanwhile, fingerprint
from dotbridge.entities.record_ids import batches, record_id_of
from dotbridge.entities.registry import UnknownEntity
from dotbridge.entities.registry import entity as entity_of
from dotbridge.lists.columns import read_columns
from dotbridge.lists.counting import note_list_changed
from dotbridge.lists.listed_services import fill_list, refresh_list
from dotbridge.lists.models import (
    ListedRecord,
    ListType,
    MarketingList,
    RemovedItem,
)
from dotbridge.lists.rules import ProblemKind, RuleError, RuleProblem, compile_rule, read_rule
from dotbridge.lists.selectors import lists_resting_on, lists_that_name
from dotbridge.lock_keys import LOCK_KEY


class Unchanged(enum.Enum):
    """Stands for a value that is not given, where None is one."""

    UNCHANGED = enum.auto()


UNCHANGED: Final = Unchanged.UNCHANGED


def create_list(
    *,
    name: str,
    entity: str,
    rule: Mapping[str, Any] | None = None,
    description: str = "",
    type: ListType = ListType.DYNAMIC,  # noqa: A002 - the field's own name
    columns: Sequence[Mapping[str, Any]] = (),
    include_previously_contacted: bool = False,
    refresh_every: timedelta | None = None,
    owner: AbstractBaseUser | None = None,
    is_filled: bool = True,
) -> MarketingList:
    """A new list of the records of `entity` ("crm.contact") that `rule` matches; without a rule, of all of them.

    A list on demand is filled at once, unless `is_filled` says that its first refresh follows; a manual one begins
    empty. Raises UnknownEntity, RuleError, ColumnsError, and Django's ValidationError for a name that is empty, too
    long or taken.
    """
    made = MarketingList(
        name=name,
        entity=entity,
        rule=dict(rule or {}),
        description=description,
        type=type,
        columns=[dict(column) for column in columns],
        include_previously_contacted=include_previously_contacted,
        refresh_every=refresh_every,
        owner_id=owner.pk if owner else None,
    )
    with transaction.atomic():
        _save(made)
        if made.type == ListType.ON_DEMAND and is_filled:
            refresh_list(marketing_list=made, by=owner)
    return made


def update_list(
    *,
    marketing_list: MarketingList,
    name: str | None = None,
    rule: Mapping[str, Any] | None = None,
    description: str | None = None,
    type: ListType | None = None,  # noqa: A002 - the field's own name
    columns: Sequence[Mapping[str, Any]] | None = None,
    include_previously_contacted: bool | None = None,
    refresh_every: timedelta | Unchanged | None = UNCHANGED,
    owner: AbstractBaseUser | Unchanged | None = UNCHANGED,
    by: AbstractBaseUser | None = None,
    seen: str | None = None,
) -> MarketingList:
    """Change what is given and keep the rest. The entity stays: removed items and opt-outs name records of it.

    A list that stops being dynamic keeps who is on it now; one that becomes dynamic forgets what stood on it.
    The rule of a list on demand counts from its next refresh. `seen` is the `fingerprint` of the given fields as the
    person saw them. Raises ChangedMeanwhile where they hold something else by now or the list was deleted, RuleError,
    ColumnsError and Django's ValidationError; then nothing is changed.
    """
    given: dict[str, Any] = {
        "name": name,
        "rule": None if rule is None else dict(rule),
        "description": description,
        "type": type,
        "columns": None if columns is None else [dict(column) for column in columns],
        "include_previously_contacted": include_previously_contacted,
    }
    # Of the last two, None is a value.
    given = {field: value for field, value in given.items() if value is not None}
    also = {"refresh_every": refresh_every, "owner": owner}
    given |= {field: value for field, value in also.items() if not isinstance(value, Unchanged)}
    return _change(marketing_list, given, by=by, seen=seen)


def _change(
    marketing_list: MarketingList, given: dict[str, Any], *, by: AbstractBaseUser | None, seen: str | None
) -> MarketingList:
    with transaction.atomic():
        changed = MarketingList.objects.select_for_update().filter(pk=marketing_list.pk).first()
        if changed is None or (seen is not None and seen != fingerprint(changed, given)):
            raise ChangedMeanwhile([changed] if changed else [])
        former_type = changed.type
        for field, value in given.items():
            setattr(changed, field, value)
        # What was broken from outside, its rule or a column, keeps nobody from renaming the list. A manual list asks no
        # rule.
        asks_anew = changed.type not in (former_type, ListType.MANUAL)
        resting = _sound(lists_resting_on(changed)) if "rule" in given or changed.type != former_type else []
        _save(changed, checks_rule="rule" in given or asks_anew, checks_columns="columns" in given)
        _change_type(changed, former_type, by)
        _require_sound(resting)
    marketing_list.refresh_from_db()
    return marketing_list


def _sound(lists: Iterable[MarketingList]) -> list[MarketingList]:
    return [each for each in lists if not _problems(each)]


def _require_sound(resting: Iterable[MarketingList]) -> None:
    """Refuse a change for which a list that asks about this one would ask too much or too deep, and stand still."""
    for each in resting:
        if problems := _problems(each):
            text = _("The list “%(list)s” asks about this one, and could not be worked out any more. %(problem)s")
            said = text % {"list": each.name, "problem": problems[0].text}
            raise RuleError([RuleProblem(place=(), kind=ProblemKind.WRONG, text=said)])


def _problems(marketing_list: MarketingList) -> tuple[RuleProblem, ...]:
    try:
        listed = entity_of(marketing_list.entity)
    except UnknownEntity:
        return ()
    return read_rule(listed, marketing_list.rule, marketing_list=marketing_list).problems


def _change_type(changed: MarketingList, former_type: str, by: AbstractBaseUser | None) -> None:
    if changed.type == former_type:
        return
    if changed.type == ListType.DYNAMIC:
        ListedRecord.objects.filter(marketing_list=changed).delete()
    elif former_type == ListType.DYNAMIC or changed.type == ListType.ON_DEMAND:
        fill_list(marketing_list=changed, by=by)


def delete_list(*, marketing_list: MarketingList) -> None:
    """Delete a list with what stands on it. Who opted out of it stays opted out.

    Raises ValidationError where rules of other lists ask about it. A connected list is refused by the database.
    """
    with transaction.atomic():
        _hold_rules_of_lists()
        if naming := lists_that_name(marketing_list):
            names = ", ".join(each.name for each in naming)
            raise ValidationError(
                _("Other lists ask about this one. Change their rules first: %(names)s.") % {"names": names}
            )
        marketing_list.delete()


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
    written = 0
    with transaction.atomic(), connection.cursor() as cursor:
        for batch in batches(map(record_id_of, record_ids)):
            cursor.execute(statement, [marketing_list.pk, by.pk if by else None, batch])
            written += cursor.rowcount
        note_list_changed(list_id=marketing_list.pk)
    return written


def restore_records(*, marketing_list: MarketingList, record_ids: Iterable[object]) -> int:
    """Put removed records back on the list. Answers how many came back. Unsubscribed ones stay unsubscribed."""
    restored = 0
    with transaction.atomic():
        for batch in batches(map(record_id_of, record_ids)):
            rows, _by_model = RemovedItem.objects.filter(marketing_list=marketing_list, record_id__in=batch).delete()
            restored += rows
        note_list_changed(list_id=marketing_list.pk)
    return restored


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
    note_list_changed(list_id=marketing_list.pk)
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
    note_list_changed(list_id=marketing_list.pk)
    return said.records_lifted


def _save(marketing_list: MarketingList, *, checks_rule: bool = True, checks_columns: bool = True) -> MarketingList:
    with transaction.atomic():
        if "lists." in str(marketing_list.rule):
            # Two lists that are saved at once could each name the other.
            _hold_rules_of_lists()
        listed = entity_of(marketing_list.entity)
        if checks_rule:
            compile_rule(listed, marketing_list.rule, marketing_list=marketing_list)
        if checks_columns:
            read_columns(listed, marketing_list.columns)
        marketing_list.full_clean()
        marketing_list.save()
    return marketing_list


def _hold_rules_of_lists() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock({LOCK_KEY})", ["dotbridge.lists.rules"])

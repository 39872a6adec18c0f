"""Who is on a marketing list: querysets that can stand as a subquery in larger SQL, never lists of ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce, NullIf, Trim
from django.db.models.lookups import Exact

from dotbridge.consent.conditions import blocked_addresses, erased_addresses, is_blocked, record_is_blocked
from dotbridge.consent.scopes import ListScopes, scopes_of_list
from dotbridge.entities.email import normalised, plausible_q, plausible_sql
from dotbridge.entities.record_ids import as_record_id
from dotbridge.entities.registry import entity
from dotbridge.entities.sql import Fragment, compiled
from dotbridge.lists.models import ListType, MarketingList, RemovedItem
from dotbridge.lists.rules import ReadRule, RuleError, compile_rule, read_rule
from dotbridge.lists.rules.lists_named import LIST_PATH, keys_named
from dotbridge.lists.rules.membership import condition_of_list
from dotbridge.lists.rules.tree import ListRule
from dotbridge.one_reading import known_by_key

# Sorting a million addresses in memory, not on disk.
_ROOM = """
    SELECT set_config('work_mem', '128MB', true), set_config('jit', 'off', true),
           set_config('enable_nestloop', %s, true)
"""
# OFFSET 0 keeps a subquery as it is: the address, which may be looked up in another table, is looked up once a record,
# and what it is made of and asked for below does not look it up again. Who may not be mailed is a set that is hashed.
_DIVIDED = """
    SELECT email, email_key, is_removed, is_off, NOT is_removed AND NOT is_off AS is_member,
           {plausible} AS is_plausible
    FROM (
        SELECT email, email_key, is_removed,
               is_record_blocked OR coalesce(email_key IN ({blocked}), false) {erased} AS is_off
        FROM (
            SELECT email, lower(email) COLLATE "C" AS email_key, is_removed, is_record_blocked
            FROM ({matching} OFFSET 0) matching
            OFFSET 0
        ) keyed
        OFFSET 0
    ) judged
    OFFSET 0
"""
_COUNT = """
    SELECT count(*),
           count(*) FILTER (WHERE is_removed),
           count(*) FILTER (WHERE is_off AND NOT is_removed),
           count(*) FILTER (WHERE is_member AND email IS NULL),
           count(*) FILTER (WHERE is_member AND email IS NOT NULL AND NOT is_plausible),
           count(*) FILTER (WHERE is_member AND is_plausible),
           count(DISTINCT email_key) FILTER (WHERE is_member AND is_plausible)
    FROM ({divided}) divided
"""


@dataclass(frozen=True, kw_only=True)
class MemberCounts:
    """How a list's records divide: `matching` is the sum of all the others.

    A record is counted once, under the first that holds of: removed, unsubscribed, without_email, invalid_email,
    duplicates (another record of the same address comes first by primary key); the rest is mailable.
    """

    matching: int
    removed: int
    unsubscribed: int
    without_email: int
    invalid_email: int
    duplicates: int
    mailable: int


def list_condition(marketing_list: MarketingList) -> Q:
    """The condition that a record is on the list: dynamic lists ask their rule, the others what stands on them.

    Raises UnknownEntity, and RuleError for a rule that its entity does not understand any more.
    """
    return condition_of_list(entity(marketing_list.entity), list_rule(marketing_list))


def list_rule(marketing_list: MarketingList) -> ListRule:
    """The list with its rule as it was read, where it goes by one. Raises the same."""
    if not marketing_list.is_live:
        return ListRule(marketing_list=marketing_list, root=None)
    read = rule_as_read(marketing_list)
    if read.problems:
        raise RuleError(read.problems)
    return ListRule(marketing_list=marketing_list, root=read.root)


def rule_as_read(marketing_list: MarketingList) -> ReadRule:
    """The list's rule, with what is wrong with it. Within one reading a rule is read once. Raises UnknownEntity."""
    known = known_by_key(rule_as_read)
    held: tuple[dict[str, Any], ReadRule] | None = known.get(marketing_list.pk)
    # Somebody may have an unsaved rule of the same list in hands.
    if held is None or held[0] != marketing_list.rule:
        read = read_rule(entity(marketing_list.entity), marketing_list.rule, marketing_list=marketing_list)
        held = known[marketing_list.pk] = (marketing_list.rule, read)
    return held[1]


def rule_condition(marketing_list: MarketingList) -> Q:
    """The condition of the list's rule alone, whatever its type: what a refresh would put on it. Raises the same."""
    return compile_rule(entity(marketing_list.entity), marketing_list.rule, marketing_list=marketing_list)


def matching_records(marketing_list: MarketingList) -> QuerySet[Any, dict[str, Any]]:
    """The records that are on the list by its type, removed and unsubscribed ones included.

    Rows have four columns, in this order:
    `record_pk` (the primary key as it is), `record_id` (the same as text, as in RemovedItem.record_id),
    `email` (without blanks around it, NULL where there is none), `email_key` (the same in lower case).
    Further columns can be added with `annotate(name=field.expression())`.
    Raises UnknownEntity, and RuleError for a rule that its entity does not understand any more.
    """
    listed = entity(marketing_list.entity)
    address = NullIf(Trim(listed.email_expression()), Value(""))
    rows: QuerySet[Any, dict[str, Any]] = (
        listed.queryset()
        .order_by()
        .filter(list_condition(marketing_list))
        # Columns are named before they are annotated: so a model may have a field called `email` of its own.
        .values(record_pk=F("pk"))
        .annotate(record_id=as_record_id(), email=address, email_key=normalised(address))
    )
    return rows


def members(marketing_list: MarketingList) -> QuerySet[Any, dict[str, Any]]:
    """Those who match, without the removed and the unsubscribed. Columns as in matching_records."""
    return (
        matching_records(marketing_list)
        .filter(_without(is_removed(marketing_list)))
        .filter(_without(_unsubscribed(marketing_list)))
    )


def opted_out_records(marketing_list: MarketingList) -> QuerySet[Any, dict[str, Any]]:
    """Those who match and may not be mailed, through whatever word. Columns as in matching_records."""
    return matching_records(marketing_list).filter(Q(Exact(_unsubscribed(marketing_list), Value(True))))


def mailable_members(marketing_list: MarketingList) -> QuerySet[Any, dict[str, Any]]:
    """The members with a plausible address. Several may share one `email_key`: the lowest `record_pk` speaks for it."""
    return members(marketing_list).filter(plausible_q("email"))


def records_with_standing(marketing_list: MarketingList, scopes: ListScopes) -> QuerySet[Any, dict[str, Any]]:
    """Those who match, with the columns `record_pk`, `record_id`, `email` as in matching_records, and `is_removed` and
    `is_record_blocked`, truth values, by the scopes that bind the list.

    Whether the address may be mailed has still to be asked of it, see `consent.conditions.blocked_addresses`: to say it
    here the address would be looked up again.
    """
    listed = entity(marketing_list.entity)
    matching: QuerySet[Any, dict[str, Any]] = (
        listed.queryset()
        .order_by()
        .filter(list_condition(marketing_list))
        .values(record_pk=F("pk"))
        .annotate(
            record_id=as_record_id(),
            email=NullIf(Trim(listed.email_expression()), Value("")),
            is_removed=is_removed(marketing_list),
            is_record_blocked=record_is_blocked(scopes, marketing_list.entity),
        )
    )
    return matching


def count_members(marketing_list: MarketingList) -> MemberCounts:
    """How many records the list has and how they divide, in one statement. Raises the same."""
    (counts,) = count_members_of([marketing_list])
    return counts


def count_members_of(lists: Sequence[MarketingList]) -> list[MemberCounts]:
    """The same of several lists, in their order: one statement for all of them."""
    if not lists:
        return []
    divided = [_divided(each) for each in lists]
    counted = [
        f"SELECT {place}, counted.* FROM ({_COUNT.format(divided=each.sql)}) counted"
        for place, each in enumerate(divided)
    ]
    with roomy_transaction(), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(counted), [value for each in divided for value in each.parameters])
        return [_counts(numbers) for _place, *numbers in sorted(cursor.fetchall())]


def _counts(numbers: Sequence[int]) -> MemberCounts:
    matching, removed, unsubscribed, without_email, invalid_email, addressed, mailable = numbers
    return MemberCounts(
        matching=matching,
        removed=removed,
        unsubscribed=unsubscribed,
        without_email=without_email,
        invalid_email=invalid_email,
        duplicates=addressed - mailable,
        mailable=mailable,
    )


def mailable_addresses(marketing_list: MarketingList) -> Fragment:
    """The addresses of `mailable_members`, each as often as a member has it: a query with the column `email_key`.

    It costs a fraction of the same asked of the queryset where there are very many. Raises the same.
    """
    divided = _divided(marketing_list)
    return Fragment(
        f"SELECT email_key FROM ({divided.sql}) divided WHERE is_member AND is_plausible", divided.parameters
    )


@contextmanager
def roomy_transaction(*, without_loops: bool = False) -> Iterator[None]:
    """A transaction whose statements may sort and hash a million rows in memory.

    `without_loops`: none of them works a whole list out anew for each row of another table, whatever the planner
    believes of tables that were filled a moment ago.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ROOM, ["off" if without_loops else "on"])
        yield
        if without_loops and connection.savepoint_ids:
            # A transaction of its own takes the setting with it.
            cursor.execute(_ROOM, ["on"])


def _divided(marketing_list: MarketingList) -> Fragment:
    """Everybody who matches, a row a record, with what decides where it is counted."""
    scopes = scopes_of_list(marketing_list.pk)
    matching = compiled(records_with_standing(marketing_list, scopes))
    erased = erased_addresses("email_key")
    statement = _DIVIDED.format(
        matching=matching.sql,
        blocked=blocked_addresses(scopes, with_shared=True),
        erased=f"OR coalesce({erased.sql}, false)" if erased else "",
        plausible=plausible_sql("email").replace("%", "%%"),
    )
    return Fragment(statement, (*(erased.parameters if erased else ()), *matching.parameters))


def lists_that_name(marketing_list: MarketingList) -> list[MarketingList]:
    """The lists whose rules ask about this one, by their names."""
    found = lists_asking_about(LIST_PATH, [marketing_list.pk])
    return [each for each in found if each.pk != marketing_list.pk]


def lists_resting_on(marketing_list: MarketingList) -> list[MarketingList]:
    """The lists whose rules ask about this one, over other lists too."""
    found: dict[int, MarketingList] = {}
    asked = {marketing_list.pk}
    while asked:
        new = [each for each in lists_asking_about(LIST_PATH, asked) if each.pk not in {marketing_list.pk, *found}]
        found |= {each.pk: each for each in new}
        asked = {each.pk for each in new}
    return list(found.values())


def lists_asking_about(field: str, keys: Iterable[int]) -> list[MarketingList]:
    """The lists whose rules name one of these keys for a field, by their names. A manual list asks nothing."""
    wanted = set(keys)
    ruled = MarketingList.objects.exclude(type=ListType.MANUAL).order_by("name")
    asking = ruled.annotate(rule_text=Cast("rule", TextField())).filter(rule_text__contains=f'"{field}"')
    return [each for each in asking if not wanted.isdisjoint(_named(each.rule, field))]


def keys_in_rules(field: str) -> set[int]:
    """The keys that any list's rule names for a field."""
    ruled = MarketingList.objects.exclude(type=ListType.MANUAL).annotate(rule_text=Cast("rule", TextField()))
    rules = ruled.filter(rule_text__contains=f'"{field}"').values_list("rule", flat=True)
    return {key for rule in rules for key in _named(rule, field)}


def _named(part: Any, field: str) -> set[int]:
    """The keys that a rule, or a part of one, names for a field."""
    if isinstance(part, list):
        return {key for each in part for key in _named(each, field)}
    if not isinstance(part, dict):
        return set()
    named = {key for each in part.values() for key in _named(each, field)}
    return named | set(keys_named(part.get("value"))) if part.get("field") == field else named


def _without(exists: Combinable) -> Q:
    """NOT EXISTS, asked record by record with the help of an index or hash instead of being turned into a join.

    For a join PostgreSQL has to know how many items there are. Right after many were written it does not, and a nested
    loop over them then takes minutes, not moments.
    """
    return Q(Exact(Coalesce(exists, Value(False)), False))


def is_removed(marketing_list: MarketingList) -> Exists:
    """Whether somebody took the record of a row, by its column `record_id`, off the list."""
    return Exists(RemovedItem.objects.filter(marketing_list=marketing_list, record_id=OuterRef("record_id")))


def _unsubscribed(marketing_list: MarketingList) -> Combinable:
    return is_blocked(scopes_of_list(marketing_list.pk), marketing_list.entity)

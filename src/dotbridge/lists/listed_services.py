"""What changes the records that stand on an on-demand or manual list: refreshing the one, picking for the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import DatabaseError, DataError, ProgrammingError, connection, transaction
from django.db.models import DurationField, ExpressionWrapper, F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from dotbridge.entities.email import is_plausible, normalised
from dotbridge.entities.faults import faulty
from dotbridge.entities.record_ids import as_record_id
from dotbridge.entities.registry import Entity, UnknownEntity
from dotbridge.entities.registry import entity as entity_of
from dotbridge.entities.sql import as_key, compiled
from dotbridge.entities.time_limits import StatementRefused
from dotbridge.lists.counting import note_list_changed
from dotbridge.lists.models import AddressLoad, ListedRecord, ListType, MarketingList, RemovedItem
from dotbridge.lists.rules import RuleError
from dotbridge.lists.selectors import rule_condition

log = structlog.get_logger(__name__)

# Asked in one statement, because the addresses of all records have to be looked at for it.
MOST_ADDRESSES = 200_000
_REFRESH = """
    WITH wanted AS MATERIALIZED ({wanted}),
    gone AS (
        DELETE FROM {listed} l
        WHERE l.marketing_list_id = %s AND NOT EXISTS (SELECT FROM wanted w WHERE w.record_id = l.record_id)
        RETURNING 1
    ),
    added AS (
        INSERT INTO {listed} (marketing_list_id, record_id, created_by_id)
        SELECT %s, w.record_id, %s FROM wanted w
        ON CONFLICT (marketing_list_id, record_id) DO NOTHING
        RETURNING 1
    ),
    noted AS (UPDATE {lists} SET refreshed_at = statement_timestamp(), refreshed_by_id = %s WHERE id = %s)
    SELECT (SELECT count(*) FROM wanted), (SELECT count(*) FROM added), (SELECT count(*) FROM gone)
"""
_PICK = """
    WITH found AS MATERIALIZED ({found}),
    added AS (
        INSERT INTO {listed} (marketing_list_id, record_id, created_by_id)
        SELECT %s, f.record_id, %s FROM found f
        ON CONFLICT (marketing_list_id, record_id) DO NOTHING
        RETURNING record_id
    )
    SELECT f.record_id, f.record_id IN (SELECT record_id FROM added) FROM found f
"""
# Of several records with one address the lowest key stands for it, as it does when the list is sent.
_PICK_ADDRESSES = """
    WITH given AS MATERIALIZED (
        SELECT min(a) AS address, lower(btrim(a)) AS email_key FROM unnest(%s::text[]) AS a GROUP BY 2
    ),
    found AS MATERIALIZED (
        SELECT DISTINCT ON (g.email_key) g.email_key, r.record_id, count(*) OVER (PARTITION BY g.email_key) AS records
        FROM given g JOIN ({records}) r ON r.email_key = g.email_key
        ORDER BY g.email_key, r.record_pk
    ),
    added AS (
        INSERT INTO {listed} (marketing_list_id, record_id, created_by_id, load_id)
        SELECT %s, f.record_id, %s, %s FROM found f
        ON CONFLICT (marketing_list_id, record_id) DO NOTHING
        RETURNING record_id
    )
    SELECT g.address, f.records, f.record_id IN (SELECT record_id FROM added),
           f.record_id IN (SELECT record_id FROM {removed} WHERE marketing_list_id = %s)
    FROM given g LEFT JOIN found f ON f.email_key = g.email_key ORDER BY g.address
"""


class WrongListType(ValueError):
    """Something that a list of this type does not do. The text says which type does."""


@dataclass(frozen=True, kw_only=True)
class RefreshReport:
    """What a refresh did: how many records stand on the list now, how many came and went."""

    total: int
    added: int
    taken_out: int


@dataclass(frozen=True, kw_only=True)
class PickReport:
    """What came of picking records: how many are new on the list, how many stood on it, and the ids of no record."""

    added: int
    already: int
    unknown: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AddressReport:
    """What came of a file of addresses, each counted once whatever its letter case.

    `not_found` are addresses of no record, `not_addresses` what could be none, `shared` those of several records: of
    these the first one was taken. Of `taken_off` the records were put on the list as well, but somebody has taken them
    off by hand, and so they stay off.
    """

    added: int
    already: int
    not_found: tuple[str, ...]
    not_addresses: tuple[str, ...]
    shared: tuple[str, ...]
    taken_off: tuple[str, ...] = ()


def refresh_list(*, marketing_list: MarketingList, by: AbstractBaseUser | None = None) -> RefreshReport:
    """Have an on-demand list hold what its rule matches now. One statement, however many records there are.

    Raises WrongListType, UnknownEntity, which may be a FaultyEntity, and RuleError; then the list stays as it was.
    """
    if marketing_list.type != ListType.ON_DEMAND:
        raise WrongListType(_("Only a list on demand is refreshed."))
    report = fill_list(marketing_list=marketing_list, by=by)
    marketing_list.refresh_from_db(fields=["refreshed_at", "refreshed_by"])
    return report


def fill_list(*, marketing_list: MarketingList, by: AbstractBaseUser | None) -> RefreshReport:
    """Have what stands on the list be what its rule matches now, whatever its type. Raises as `refresh_list`."""
    listed = entity_of(marketing_list.entity)
    wanted, parameters = _keys(listed, rule_condition(marketing_list))
    statement = _REFRESH.format(wanted=wanted, listed=_table(ListedRecord), lists=_table(MarketingList))
    key = marketing_list.pk
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            # Two refreshes at once would each count what the other wrote.
            MarketingList.objects.select_for_update().get(pk=key)
            person = by.pk if by else None
            cursor.execute(statement, [*parameters, key, key, person, person, key])
            total, added, taken_out = cursor.fetchone()
            note_list_changed(list_id=key)
    except (DataError, ProgrammingError) as error:
        raise faulty(marketing_list.entity, StatementRefused(error).kind) from error
    return RefreshReport(total=total, added=added, taken_out=taken_out)


def refresh_due_lists() -> int:
    """Refresh every on-demand list whose time has come. Answers how many were; one that cannot be is logged."""
    # An interval may be longer than the calendar, and then nothing is taken from a moment.
    age = ExpressionWrapper(Now() - F("refreshed_at"), output_field=DurationField())
    # One that is to come was noted by a clock that was wrong.
    due = Q(refreshed_at=None) | Q(refreshed_at__gt=Now()) | Q(age__gte=F("refresh_every"))
    timed = MarketingList.objects.filter(type=ListType.ON_DEMAND, refresh_every__isnull=False).alias(age=age)
    refreshed = 0
    for marketing_list in timed.filter(due):
        try:
            refresh_list(marketing_list=marketing_list)
            refreshed += 1
        except (RuleError, UnknownEntity, MarketingList.DoesNotExist):
            log.warning("a list was not refreshed: its rule has to be mended", marketing_list=marketing_list.pk)
        except DatabaseError as error:
            # One that takes too long, or waits for somebody's lock, does so again and must not hold up the others.
            kind = type(error.__cause__ or error).__name__
            log.warning("a list was not refreshed: the database ended it", marketing_list=marketing_list.pk, error=kind)
        except Exception as error:  # noqa: BLE001 - a host's manager may raise anything; the other lists are refreshed
            kind = type(error).__name__
            log.warning(
                "a list was not refreshed: the host's code failed", marketing_list=marketing_list.pk, error=kind
            )
    return refreshed


def add_records(
    *, marketing_list: MarketingList, record_ids: Iterable[object], by: AbstractBaseUser | None = None
) -> PickReport:
    """Put records on a manual list by their ids. Ids of no record are reported, not written.

    Raises WrongListType and UnknownEntity.
    """
    _require_manual(marketing_list)
    listed = entity_of(marketing_list.entity)
    given = dict.fromkeys(str(record_id) for record_id in record_ids)
    keys = [key for key in (_key(listed, text) for text in given) if key is not None]
    if not keys:
        return PickReport(added=0, already=0, unknown=tuple(given))
    found, parameters = _keys(listed, Q(pk__in=keys))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _PICK.format(found=found, listed=_table(ListedRecord)),
            [*parameters, marketing_list.pk, by.pk if by else None],
        )
        picked = dict(cursor.fetchall())
        note_list_changed(list_id=marketing_list.pk)
    unknown = tuple(text for text in given if text not in picked)
    return PickReport(added=sum(picked.values()), already=len(picked) - sum(picked.values()), unknown=unknown)


def add_addresses(
    *,
    marketing_list: MarketingList,
    addresses: Sequence[str],
    by: AbstractBaseUser | None = None,
    load: AddressLoad | None = None,
) -> AddressReport:
    """Put the records of these addresses on a manual list, in one statement. Blank lines say nothing.

    Raises WrongListType, UnknownEntity, and ValueError for more than MOST_ADDRESSES.
    """
    _require_manual(marketing_list)
    if len(addresses) > MOST_ADDRESSES:
        raise ValueError(_("Give at most %(most)d addresses at once.") % {"most": MOST_ADDRESSES})
    given = [address.strip() for address in addresses if address.strip()]
    wrong = tuple(dict.fromkeys(address for address in given if not is_plausible(address)))
    statement, parameters = _addresses(entity_of(marketing_list.entity))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            statement,
            [
                [each for each in given if is_plausible(each)],
                *parameters,
                marketing_list.pk,
                by.pk if by else None,
                load.pk if load else None,
                marketing_list.pk,
            ],
        )
        rows = cursor.fetchall()
        note_list_changed(list_id=marketing_list.pk)
    found = [row for row in rows if row[1] is not None]
    on_it = [is_new for _address, _records, is_new, is_off in found if not is_off]
    return AddressReport(
        added=sum(on_it),
        already=len(on_it) - sum(on_it),
        not_found=tuple(address for address, records, _is_new, _is_off in rows if records is None),
        not_addresses=wrong,
        shared=tuple(address for address, records, _is_new, is_off in found if records > 1 and not is_off),
        taken_off=tuple(address for address, _records, _is_new, is_off in found if is_off),
    )


def take_out_records(*, marketing_list: MarketingList, record_ids: Iterable[object]) -> int:
    """Take picked records out of a manual list again. Answers how many stood on it. Raises WrongListType."""
    _require_manual(marketing_list)
    ids = [str(record_id) for record_id in record_ids]
    with transaction.atomic():
        taken, _by_model = ListedRecord.objects.filter(marketing_list=marketing_list, record_id__in=ids).delete()
        note_list_changed(list_id=marketing_list.pk)
    return taken


def _require_manual(marketing_list: MarketingList) -> None:
    if marketing_list.type != ListType.MANUAL:
        raise WrongListType(_("Records are picked for a manual list only; this one has a rule."))


def _keys(listed: Entity, condition: Q) -> tuple[str, Sequence[Any]]:
    # Columns are named before they are annotated: so a model may have a field called `record_id` of its own.
    records = listed.queryset().order_by().filter(condition).values(record_pk=F("pk"))
    found = compiled(records.annotate(record_id=as_record_id()))
    return found.sql, found.parameters


def _addresses(listed: Entity) -> tuple[str, Sequence[Any]]:
    records = (
        listed.queryset()
        .order_by()
        .values(record_pk=F("pk"))
        .annotate(record_id=as_record_id(), email_key=normalised(listed.email_expression()))
    )
    sql, parameters = records.query.sql_with_params()
    tables = {"listed": _table(ListedRecord), "removed": _table(RemovedItem)}
    return _PICK_ADDRESSES.format(records=sql, **tables), parameters


def _key(listed: Entity, text: str) -> Any:
    key = as_key(listed, text)
    # What is larger than the column would be refused by the database, with all others.
    return None if isinstance(key, int) and abs(key) >= 2**63 else key


def _table(model: type[ListedRecord | MarketingList | RemovedItem]) -> str:
    return connection.ops.quote_name(model._meta.db_table)  # noqa: SLF001 - Django's documented way to ask a model about itself

"""The people of a list, each with where they stand and why: pages of them, and the same set as each number counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext_lazy as _

from dotbridge.backoffice.consent_labels import objection_text
from dotbridge.backoffice.labels import reason_text, standing_text
from dotbridge.backoffice.queries import is_key
from dotbridge.backoffice.reads.people import with_name_or_address
from dotbridge.backoffice.reads.standing import MEANINGS, Standing
from dotbridge.connections.models import ListConnection
from dotbridge.consent.scopes import scopes_of_list
from dotbridge.consent.selectors import Objection, objections_of
from dotbridge.entities.email import address_key, is_plausible, plausible_q
from dotbridge.entities.registry import entity
from dotbridge.entities.sql import as_key
from dotbridge.lists.columns import ListColumn, Sort, with_columns
from dotbridge.lists.models import MarketingList, RemovedItem
from dotbridge.lists.selectors import mailable_members, matching_records, members, opted_out_records
from dotbridge.sync.models import ExportItem, UploadState
from dotbridge.sync.outbound.states import RowState, state_of_row

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    Rows = QuerySet[Any, dict[str, Any]]

PAGE = 50
AT_ONCE = 1_000
MOST_SKIPPED = 10_000_000


@dataclass(frozen=True, kw_only=True)
class ListPerson:
    """One line of the table."""

    record_id: str
    email: str
    standing: Standing
    why: StrOrPromise
    is_member: bool
    since: datetime | None = None
    cells: tuple[Any, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PeoplePage:
    """Some people in the order of their keys, or as the columns sort them. `after` leads to the next ones; empty on the
    last page."""

    people: list[ListPerson]
    after: str


def people_page(
    marketing_list: MarketingList,
    *,
    show: Standing | None = None,
    after: str = "",
    search: str = "",
    columns: Sequence[ListColumn] = (),
) -> PeoplePage:
    """A page of people: all of the list, or those that a state's number counts.

    `after` is the key of the last one before, or how many stood before where a column sorts the list. `search` is a
    part of the address or of a name. Raises RuleError and UnknownEntity.
    """
    found = _found(marketing_list, show, search, columns)
    skipped = min(int(after), MOST_SKIPPED) if is_sorted(columns) and is_key(after) else 0
    key = None if is_sorted(columns) else _key_of(marketing_list, after)
    if key is not None:
        found = found.filter(record_pk__gt=key)
    rows = list(found[skipped : skipped + PAGE + 1])
    people = described(marketing_list, rows[:PAGE])
    if len(rows) <= PAGE:
        return PeoplePage(people=people, after="")
    return PeoplePage(people=people, after=str(skipped + PAGE) if is_sorted(columns) else people[-1].record_id)


def all_people(
    marketing_list: MarketingList, *, show: Standing | None = None, columns: Sequence[ListColumn] = ()
) -> Iterator[list[ListPerson]]:
    """Everybody that the pages show, some at a time: a million people are never here at once. Raises the same."""
    rows = _found(marketing_list, show, "", columns).iterator(chunk_size=AT_ONCE)
    while some := list(islice(rows, AT_ONCE)):
        yield described(marketing_list, some)


def is_sorted(columns: Sequence[ListColumn]) -> bool:
    """Whether any of the columns orders the list."""
    return any(column.sort is not Sort.NONE for column in columns)


def _found(marketing_list: MarketingList, show: Standing | None, search: str, columns: Sequence[ListColumn]) -> Rows:
    found = _in_state(marketing_list, show)
    if search:
        found = with_name_or_address(found, entity(marketing_list.entity), search, address="email")
    return with_columns(found, columns)


def _in_state(marketing_list: MarketingList, show: Standing | None) -> Rows:
    """The rows that a state's number counts; all that match, without one."""
    plain: dict[Standing | None, Callable[[], Rows]] = {
        None: lambda: matching_records(marketing_list),
        Standing.OPTED_OUT: lambda: opted_out_records(marketing_list).filter(~_taken_off(marketing_list)),
        Standing.REMOVED: lambda: matching_records(marketing_list).filter(_taken_off(marketing_list)),
        Standing.NO_ADDRESS: lambda: members(marketing_list).filter(email__isnull=True),
        Standing.BAD_ADDRESS: lambda: members(marketing_list).filter(Q(email__isnull=False) & ~plausible_q("email")),
        Standing.SHARED: lambda: _speaking(marketing_list, is_first=False),
    }
    return plain[show]() if show in plain else _exported_state(marketing_list, show)


def _speaking(marketing_list: MarketingList, *, is_first: bool) -> Rows:
    """Who speaks for an address: of those who share one, the record with the lowest key; or all the others.

    A subquery: what is searched for or paged over afterwards must not change who speaks.
    """
    placed = mailable_members(marketing_list).annotate(
        place=Window(RowNumber(), partition_by=[F("email_key")], order_by=F("record_pk").asc())
    )
    chosen = placed.filter(place=1) if is_first else placed.filter(place__gt=1)
    return mailable_members(marketing_list).filter(record_pk__in=chosen.values("record_pk"))


def _exported_state(marketing_list: MarketingList, show: Standing | None) -> Rows:
    """Those whose address stands so in the connected book; without a connection, those who could be sent to one."""
    speaking = _speaking(marketing_list, is_first=True)
    link: ListConnection | None = getattr(marketing_list, "connection", None)
    if link is None:
        return speaking if show is Standing.MAILABLE else speaking.none()
    items = ExportItem.objects.filter(connection=link, removal=None, email_key=OuterRef("email_key"))
    confirmed = Exists(items.filter(reason="", upload__state=UploadState.FINISHED, taken_out_at=None))
    taken_out = Exists(items.filter(taken_out_at__isnull=False))
    refused = Exists(items.filter(taken_out_at=None).exclude(reason=""))
    conditions = {
        Standing.IN_STEP: Q(confirmed),
        Standing.TAKEN_OUT: Q(taken_out),
        Standing.REFUSED: Q(refused),
        Standing.WAITING: ~Q(confirmed) & ~Q(refused) & ~Q(taken_out),
    }
    return speaking.filter(conditions[show]) if show in conditions else speaking.none()


def _taken_off(marketing_list: MarketingList) -> Exists:
    return Exists(RemovedItem.objects.filter(marketing_list=marketing_list, record_id=OuterRef("record_id")))


def _key_of(marketing_list: MarketingList, text: str) -> Any:
    return as_key(entity(marketing_list.entity), text) if text else None


def described(marketing_list: MarketingList, rows: Sequence[dict[str, Any]]) -> list[ListPerson]:
    """The rows with where each stands, in a fixed number of queries."""
    ids = [str(row["record_id"]) for row in rows]
    removed = set(
        RemovedItem.objects.filter(marketing_list=marketing_list, record_id__in=ids).values_list("record_id", flat=True)
    )
    off = _objections(marketing_list, rows)
    keys = {address_key(row["email"] or "") for row in rows} - {""}
    link = getattr(marketing_list, "connection", None)
    items = _items(link, keys)
    speakers = _speakers(marketing_list, keys)
    described = []
    for row in rows:
        record_id, key = str(row["record_id"]), address_key(row["email"] or "")
        is_member = record_id not in removed and record_id not in off
        why: StrOrPromise = ""
        if record_id in removed:
            standing = Standing.REMOVED
        elif record_id in off:
            standing, why = Standing.OPTED_OUT, _why_off(off[record_id])
        elif not key:
            standing = Standing.NO_ADDRESS
        elif not is_plausible(row["email"]):
            standing = Standing.BAD_ADDRESS
        elif speakers.get(key, record_id) != record_id:
            standing = Standing.SHARED
        else:
            standing, why = _exported(link, items.get(key), record_id)
        described.append(
            ListPerson(
                record_id=record_id,
                email=row["email"] or "",
                standing=standing,
                why=why or MEANINGS[standing],
                is_member=is_member,
                since=_since(off[record_id]) if standing is Standing.OPTED_OUT else None,
                cells=_cells(row),
            )
        )
    return described


def _cells(row: dict[str, Any]) -> tuple[Any, ...]:
    """The values of the columns, in their order."""
    return tuple(row[f"column_{place}"] for place in range(len(row)) if f"column_{place}" in row)


def _items(link: ListConnection | None, keys: set[str]) -> dict[str, ExportItem]:
    """What was exported for these addresses, by address."""
    if link is None or not keys:
        return {}
    items = ExportItem.objects.filter(connection=link, email_key__in=keys).select_related("upload")
    return {item.email_key: item for item in items}


def _exported(link: ListConnection | None, item: ExportItem | None, record_id: str) -> tuple[Standing, StrOrPromise]:
    if link is None:
        return Standing.MAILABLE, ""
    if item is None or item.removal_id is not None:
        return Standing.WAITING, ""
    state = state_of_row(item)
    if state is RowState.CONFIRMED:
        return Standing.IN_STEP, ""
    if state is RowState.TAKEN_OUT:
        return Standing.TAKEN_OUT, ""
    if state is RowState.REJECTED:
        return Standing.REFUSED, reason_text(item.reason)
    return Standing.WAITING, standing_text(item, record_id if item.record_id == record_id else item.record_id)


def _speakers(marketing_list: MarketingList, keys: set[str]) -> dict[str, str]:
    """Which record each of these addresses is sent for: the one with the lowest key."""
    found = mailable_members(marketing_list).filter(email_key__in=keys).order_by("email_key", "-record_pk")
    return dict(found.values_list("email_key", "record_id"))


def _objections(marketing_list: MarketingList, rows: Sequence[dict[str, Any]]) -> dict[str, tuple[Objection, ...]]:
    """What stands against each of these records that may not be mailed; the others are missing."""
    keys = [row["record_pk"] for row in rows]
    blocked = list(opted_out_records(marketing_list).filter(record_pk__in=keys).values_list("record_id", "email_key"))
    said = objections_of(scopes_of_list(marketing_list.pk), marketing_list.entity, blocked)
    return {record_id: said.get(record_id, ()) for record_id, _email_key in blocked}


def _why_off(objections: Sequence[Objection]) -> StrOrPromise:
    return "; ".join(map(objection_text, objections)) or _("The address was erased.")


def _since(objections: Sequence[Objection]) -> datetime | None:
    return min((each.since for each in objections), default=None)

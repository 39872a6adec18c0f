"""The people of a list, each with where they stand and why: pages of them, and the same set as each number counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from dotbridge.backoffice.labels import reason_text, standing_text
from dotbridge.backoffice.reads.standing import MEANINGS, Standing
from dotbridge.entities.email import plausible_q
from dotbridge.entities.registry import UnknownField, entity
from dotbridge.lists.models import MarketingList, RemovedItem, UnsubscribedItem
from dotbridge.lists.selectors import mailable_members, matching_records, members, records_with_standing
from dotbridge.connections.models import ListConnection
from dotbridge.sync.models import ExportItem, UploadState
from dotbridge.sync.outbound.states import RowState, state_of_row

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    Rows = QuerySet[Any, dict[str, Any]]

PAGE = 50


@dataclass(frozen=True, kw_only=True)
class ListPerson:
    """One line of the table."""

    record_id: str
    email: str
    standing: Standing
    why: StrOrPromise
    is_member: bool
    since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class PeoplePage:
    """Some people in the order of their keys. `after` leads to the next ones; empty on the last page."""

    people: list[ListPerson]
    after: str


def people_page(
    marketing_list: MarketingList, *, show: Standing | None = None, after: str = "", search: str = ""
) -> PeoplePage:
    """The people after the one with the key `after`: all of the list, or those that a state's number counts.

    `search` is a part of the address or of a name. Raises RuleError and UnknownEntity.
    """
    found = _in_state(marketing_list, show)
    if search:
        found = _searched(marketing_list, found, search)
    key = _key_of(marketing_list, after)
    if key is not None:
        found = found.filter(record_pk__gt=key)
    rows = list(found.order_by("record_pk")[: PAGE + 1])
    more = len(rows) > PAGE
    rows = rows[:PAGE]
    return PeoplePage(people=described(marketing_list, rows), after=str(rows[-1]["record_id"]) if more else "")


def people_keys(marketing_list: MarketingList, show: Standing | None = None) -> Rows:
    """The same people with `record_pk`, `record_id` and `email`, for counting and for files."""
    return _in_state(marketing_list, show)


def _in_state(marketing_list: MarketingList, show: Standing | None) -> Rows:
    link: ListConnection | None = getattr(marketing_list, "connection", None)
    if show is None:
        return matching_records(marketing_list)
    if show is Standing.OPTED_OUT:
        return records_with_standing(marketing_list).filter(is_unsubscribed=True, is_removed=False)
    if show is Standing.REMOVED:
        return records_with_standing(marketing_list).filter(is_removed=True)
    if show is Standing.NO_ADDRESS:
        return members(marketing_list).filter(email__isnull=True)
    if show is Standing.BAD_ADDRESS:
        return members(marketing_list).filter(Q(email__isnull=False) & ~plausible_q("email"))
    speaking = mailable_members(marketing_list).annotate(
        place=Window(RowNumber(), partition_by=[F("email_key")], order_by=F("record_pk").asc())
    )
    # A subquery: what is searched for or paged over afterwards must not change who speaks for an address.
    is_first = show is not Standing.SHARED
    chosen = speaking.filter(place=1) if is_first else speaking.filter(place__gt=1)
    speaking = mailable_members(marketing_list).filter(record_pk__in=chosen.values("record_pk"))
    if show is Standing.SHARED or (show is Standing.MAILABLE and link is None):
        return speaking
    if link is None:
        return speaking.none()
    items = ExportItem.objects.filter(connection=link, removal=None, email_key=OuterRef("email_key"))
    confirmed = Exists(items.filter(reason="", upload__state=UploadState.FINISHED))
    refused = Exists(items.exclude(reason=""))
    if show is Standing.IN_STEP:
        return speaking.filter(confirmed)
    if show is Standing.REFUSED:
        return speaking.filter(refused)
    return speaking.filter(~confirmed, ~refused) if show is Standing.WAITING else speaking.none()


def _searched(marketing_list: MarketingList, found: Rows, search: str) -> Rows:
    listed = entity(marketing_list.entity)
    condition = Q(email__icontains=search)
    for name in ("full_name", "first_name", "last_name", "name"):
        try:
            field = listed.field(name)
        except UnknownField:
            continue
        found = found.annotate(**{f"said_{name}": field.expression()})
        condition |= Q(**{f"said_{name}__icontains": search})
    return found.filter(condition)


def _key_of(marketing_list: MarketingList, text: str) -> Any:
    model = entity(marketing_list.entity).model
    try:
        return model._meta.pk.to_python(text) if text else None  # noqa: SLF001 - Django's way to ask a model
    except ValidationError:
        return None


def described(marketing_list: MarketingList, rows: Sequence[dict[str, Any]]) -> list[ListPerson]:
    """The rows with where each stands, in a fixed number of queries."""
    ids = [str(row["record_id"]) for row in rows]
    removed = set(
        RemovedItem.objects.filter(marketing_list=marketing_list, record_id__in=ids).values_list("record_id", flat=True)
    )
    off = {
        item.record_id: item
        for item in UnsubscribedItem.objects.filter(marketing_list=marketing_list, record_id__in=ids)
    }
    keys = {(row["email"] or "").lower() for row in rows} - {""}
    link = getattr(marketing_list, "connection", None)
    items = (
        {item.email_key: item for item in _items(link).filter(email_key__in=keys)} if link is not None and keys else {}
    )
    plausible = _plausible(marketing_list, rows)
    speakers = _speakers(marketing_list, keys)
    described = []
    for row in rows:
        record_id, key = str(row["record_id"]), (row["email"] or "").lower()
        is_member = record_id not in removed and record_id not in off
        why: StrOrPromise = ""
        if record_id in removed:
            standing = Standing.REMOVED
        elif record_id in off:
            standing, why = Standing.OPTED_OUT, _why_off(off[record_id])
        elif not key:
            standing = Standing.NO_ADDRESS
        elif record_id not in plausible:
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
                since=off[record_id].created_at if standing is Standing.OPTED_OUT else None,
            )
        )
    return described


def _items(link: ListConnection) -> QuerySet[ExportItem]:
    return ExportItem.objects.filter(connection=link).select_related("upload")


def _exported(link: ListConnection | None, item: ExportItem | None, record_id: str) -> tuple[Standing, StrOrPromise]:
    if link is None:
        return Standing.MAILABLE, ""
    if item is None or item.removal_id is not None:
        return Standing.WAITING, ""
    state = state_of_row(item)
    if state is RowState.CONFIRMED:
        return Standing.IN_STEP, ""
    if state is RowState.REJECTED:
        return Standing.REFUSED, reason_text(item.reason)
    return Standing.WAITING, standing_text(item, record_id if item.record_id == record_id else item.record_id)


def _plausible(marketing_list: MarketingList, rows: Sequence[dict[str, Any]]) -> set[str]:
    keys = [row["record_pk"] for row in rows]
    found = mailable_members(marketing_list).filter(record_pk__in=keys)
    return set(found.values_list("record_id", flat=True))


def _speakers(marketing_list: MarketingList, keys: set[str]) -> dict[str, str]:
    """Which record each of these addresses is sent for: the one with the lowest key."""
    found = mailable_members(marketing_list).filter(email_key__in=keys).order_by("email_key", "-record_pk")
    return dict(found.values_list("email_key", "record_id"))


def _why_off(item: UnsubscribedItem) -> StrOrPromise:
    if item.origin == UnsubscribedItem.Origin.DOTDIGITAL:
        return reason_text(item.reason)
    return item.reason

"""What the marketing lists' screens read: totals of many lists at once, pages of members, free books."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import QuerySet

from dotbridge.connections.models import Resubscription
from dotbridge.consent.scopes import scopes_of_list
from dotbridge.consent.selectors import Objection, objections_of
from dotbridge.entities.registry import UnknownEntity, entity
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules import RuleError
from dotbridge.lists.selectors import members, opted_out_records
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.models import ExportItem

PAGE = 50


@dataclass(frozen=True, kw_only=True)
class MemberPage:
    """Some members in the order of their keys. `after` leads to the next page; empty on the last one."""

    rows: list[dict[str, Any]]
    after: str


def member_totals(lists: Iterable[MarketingList]) -> dict[int, int]:
    """How many members each list has, in one statement. A list whose rule cannot be read any more is missing."""
    parts: list[str] = []
    parameters: list[Any] = []
    for marketing_list in lists:
        try:
            sql, values = members(marketing_list).values("record_pk").query.sql_with_params()
        except (RuleError, UnknownEntity):
            continue
        parts.append(f"SELECT %s::bigint, (SELECT count(*) FROM ({sql}) m)")
        parameters += [marketing_list.pk, *values]
    if not parts:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), parameters)
        return dict(cursor.fetchall())


def member_page(marketing_list: MarketingList, *, after: str = "", beginning: str = "") -> MemberPage:
    """The members after the one with the key `after`, whose address begins with `beginning`.

    A key that cannot be one counts as none. Raises RuleError and UnknownEntity.
    """
    found: QuerySet[Any, dict[str, Any]] = members(marketing_list).order_by("record_pk")
    key = _key_of(marketing_list, after)
    if key is not None:
        found = found.filter(record_pk__gt=key)
    if beginning:
        found = found.filter(email_key__startswith=beginning.lower())
    rows = list(found[: PAGE + 1])
    return MemberPage(rows=rows[:PAGE], after=rows[PAGE - 1]["record_id"] if len(rows) > PAGE else "")


def _key_of(marketing_list: MarketingList, text: str) -> Any:
    if not text:
        return None
    model = entity(marketing_list.entity).model
    try:
        return model._meta.pk.to_python(text)  # noqa: SLF001 - Django's documented way to ask a model about itself
    except ValidationError:
        return None


def standing_of_addresses(marketing_list: MarketingList, email_keys: Iterable[str]) -> dict[str, ExportItem]:
    """What was last exported to each of these addresses of a connected list, in one query; the others are missing."""
    link = getattr(marketing_list, "connection", None)
    if link is None:
        return {}
    items = ExportItem.objects.filter(connection=link, email_key__in=set(email_keys)).select_related("upload")
    return {item.email_key: item for item in items}


def chosen_members(marketing_list: MarketingList, record_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Those of the ids that are members, with their addresses: what came from a browser may be anything."""
    return list(members(marketing_list).filter(record_id__in=record_ids).order_by("record_pk")[: len(record_ids)])


def free_books(name: str = "") -> QuerySet[AddressBook]:
    """The address books that a list can be connected to: of active accounts, existing, connected to none yet."""
    books = AddressBook.objects.filter(integration__is_active=True, gone_at=None, connection=None)
    if name:
        books = books.filter(name__icontains=name)
    return books.select_related("integration").order_by("name", "integration__name")


@dataclass(frozen=True, kw_only=True)
class OptedOut:
    """One record that matches a list's rule and may not be mailed: why, and its newest wish to return, if any."""

    record_id: str
    email: str | None
    objections: tuple[Objection, ...]
    wish: Resubscription | None


def opted_out_page(marketing_list: MarketingList, *, after: str = "") -> tuple[list[OptedOut], str]:
    """The records after the one with the key `after`, and what leads to the next page. Raises as `member_page`."""
    found: QuerySet[Any, dict[str, Any]] = opted_out_records(marketing_list).order_by("record_pk")
    key = _key_of(marketing_list, after)
    if key is not None:
        found = found.filter(record_pk__gt=key)
    rows = list(found[: PAGE + 1])
    leads_on = rows[PAGE - 1]["record_id"] if len(rows) > PAGE else ""
    return _with_reasons(marketing_list, rows[:PAGE]), leads_on


def opted_out_record(marketing_list: MarketingList, record_id: str) -> OptedOut | None:
    """One of them, by its record; None for anybody else."""
    rows = list(opted_out_records(marketing_list).filter(record_id=record_id)[:1])
    return next(iter(_with_reasons(marketing_list, rows)), None)


def _with_reasons(marketing_list: MarketingList, rows: list[dict[str, Any]]) -> list[OptedOut]:
    subjects = [(row["record_id"], row["email_key"]) for row in rows]
    objections = objections_of(scopes_of_list(marketing_list.pk), marketing_list.entity, subjects)
    wishes = Resubscription.objects.filter(
        connection__marketing_list=marketing_list, record_id__in=[row["record_id"] for row in rows]
    ).order_by("id")
    newest = {wish.record_id: wish for wish in wishes}
    return [
        OptedOut(
            record_id=row["record_id"],
            email=row["email"],
            objections=objections[row["record_id"]],
            wish=newest.get(row["record_id"]),
        )
        for row in rows
    ]

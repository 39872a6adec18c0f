"""What the marketing lists' screens read: totals of many lists at once, pages of members, free books."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import QuerySet

from dotbridge.entities.registry import UnknownEntity, entity
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules import RuleError
from dotbridge.lists.selectors import matching_records, members
from dotbridge.mirror.models import AddressBook, Contact, Membership
from dotbridge.mirror.status import LIVE
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


def records_not_mailed(marketing_list: MarketingList, record_ids: Sequence[str]) -> set[str]:
    """Those of the ids whom Dotdigital does not mail, in the connected account or book; none without a connection."""
    link = getattr(marketing_list, "connection", None)
    if link is None:
        return set()
    book = link.address_book
    records = matching_records(marketing_list).filter(record_id__in=record_ids)
    keys = {row["record_id"]: row["email_key"] for row in records.values("record_id", "email_key") if row["email_key"]}
    contacts = Contact.objects.filter(integration_id=book.integration_id, email_key__in=set(keys.values()))
    unmailed = set(contacts.exclude(status__in=LIVE).values_list("email_key", flat=True))
    unmailed |= set(
        Membership.objects.filter(address_book=book, contact__in=contacts)
        .exclude(status__in=LIVE)
        .values_list("contact__email_key", flat=True)
    )
    return {record_id for record_id, key in keys.items() if key in unmailed}

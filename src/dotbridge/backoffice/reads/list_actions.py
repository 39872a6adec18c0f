"""What the pages of a list read to act on: members that were chosen, free books, and who opted out and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from dotbridge.consent.scopes import scopes_of_list
from dotbridge.consent.selectors import Objection, objections_of
from dotbridge.entities.registry import entity
from dotbridge.entities.sql import as_key
from dotbridge.lists.models import MarketingList
from dotbridge.lists.selectors import matching_records, members, opted_out_records
from dotbridge.mirror.models import AddressBook

PAGE = 50


def chosen_members(marketing_list: MarketingList, record_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Those of the ids that are members, with their addresses: what came from a browser may be anything."""
    return _chosen(members(marketing_list), marketing_list, record_ids)


def chosen_records(marketing_list: MarketingList, record_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Those of the ids that stand on the list, whether they may be mailed or not, with their addresses."""
    return _chosen(matching_records(marketing_list), marketing_list, record_ids)


def _chosen(
    rows: QuerySet[Any, dict[str, Any]], marketing_list: MarketingList, record_ids: Sequence[str]
) -> list[dict[str, Any]]:
    # By the key itself, which has an index; its text has none.
    known = entity(marketing_list.entity)
    keys = [key for key in (as_key(known, text) for text in record_ids) if key is not None]
    return list(rows.filter(record_pk__in=keys).order_by("record_pk"))


def free_books() -> QuerySet[AddressBook]:
    """The address books that a list can be connected to: of active accounts, existing, connected to none yet."""
    books = AddressBook.objects.filter(integration__is_active=True, gone_at=None, connection=None)
    return books.select_related("integration").order_by("name", "integration__name")


@dataclass(frozen=True, kw_only=True)
class OptedOut:
    """One record that matches a list's rule and may not be mailed, and why."""

    record_id: str
    email: str | None
    objections: tuple[Objection, ...]


def opted_out_record(marketing_list: MarketingList, record_id: str) -> OptedOut | None:
    """One of them, by its record; None for anybody else."""
    key = as_key(entity(marketing_list.entity), record_id)
    row = opted_out_records(marketing_list).filter(record_pk=key).first()
    if row is None:
        return None
    subject = (row["record_id"], row["email_key"])
    objections = objections_of(scopes_of_list(marketing_list.pk), marketing_list.entity, [subject])
    return OptedOut(record_id=row["record_id"], email=row["email"], objections=objections[row["record_id"]])

"""Whom a manual list could be given: records by a part of their name or address, with how each stands to the list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet, Value
from django.db.models.functions import NullIf, Trim

from dotbridge.backoffice.reads.people import SEARCH_MILLISECONDS, with_name_or_address
from dotbridge.consent.conditions import is_blocked
from dotbridge.consent.scopes import scopes_of_list
from dotbridge.entities.email import normalised
from dotbridge.entities.faults import asking
from dotbridge.entities.record_ids import as_record_id
from dotbridge.entities.registry import entity
from dotbridge.entities.sql import as_key
from dotbridge.lists.models import ListedRecord, MarketingList, RemovedItem

PAGE = 25


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A record that can be picked, or is on the list already, or was taken off it by hand."""

    record_id: str
    email: str
    is_listed: bool
    is_removed: bool
    is_blocked: bool


def candidates(marketing_list: MarketingList, *, search: str, after: str = "") -> tuple[list[Candidate], str]:
    """A page of them in the order of their keys, and the key that the next page comes after; empty on the last one.

    Raises UnknownEntity, and TookTooLong.
    """
    known = entity(marketing_list.entity)
    address = NullIf(Trim(known.email_expression()), Value(""))
    of_list = {"marketing_list": marketing_list, "record_id": OuterRef("record_id")}
    rows: QuerySet[Any, dict[str, Any]] = (
        known.queryset()
        .order_by()
        .values(record_pk=F("pk"))
        .annotate(record_id=as_record_id(), email=address, email_key=normalised(address))
    )
    if search:
        rows = with_name_or_address(rows, known, search, address="email")
    key = as_key(known, after) if after else None
    if key is not None:
        rows = rows.filter(record_pk__gt=key)
    rows = rows.annotate(
        is_listed=Exists(ListedRecord.objects.filter(**of_list)),
        is_removed=Exists(RemovedItem.objects.filter(**of_list)),
        is_off=is_blocked(scopes_of_list(marketing_list.pk), known.key),
    )
    with asking(known.key, milliseconds=SEARCH_MILLISECONDS):
        found = list(rows.order_by("record_pk")[: PAGE + 1])
    page = [
        Candidate(
            record_id=str(row["record_id"]),
            email=row["email"] or "",
            is_listed=row["is_listed"],
            is_removed=row["is_removed"],
            is_blocked=bool(row["is_off"]),
        )
        for row in found[:PAGE]
    ]
    return page, page[-1].record_id if len(found) > PAGE else ""

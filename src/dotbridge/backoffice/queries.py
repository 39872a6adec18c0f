"""What people type and addresses carry, as far as a page can use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet
from django.http import HttpRequest

from dotbridge.entities.record_ids import RECORD_ID_LENGTH

LONGEST_SEARCH = 255


def search_of(request: HttpRequest) -> str:
    """What the person searches for, without what the database cannot hold; empty without a search."""
    return request.GET.get("q", "").strip().replace("\0", "")[:LONGEST_SEARCH]


def which_exist(rows: Mapping[str, QuerySet[Any]]) -> set[str]:
    """The names of those queries that have any row, in one statement."""
    asked, parameters = [], []
    for name, query in rows.items():
        try:
            sql, values = query.order_by().values("pk").query.sql_with_params()
        except EmptyResultSet:
            continue
        asked.append(f"SELECT %s WHERE EXISTS ({sql})")
        parameters += [name, *values]
    if not asked:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked), parameters)
        return {name for (name,) in cursor.fetchall()}


def is_key(text: str) -> bool:
    """Whether a text out of an address can be a record's key."""
    return text.isascii() and text.isdecimal() and len(text) < 19


def key_of(request: HttpRequest, name: str) -> int | None:
    """The key that a parameter of the address carries; None without one, or where it can be none."""
    text = request.GET.get(name, "")
    return int(text) if is_key(text) else None


def number_told(request: HttpRequest, name: str) -> int | None:
    """The number that the person was told before they answered, as their form says; None without one."""
    text = request.POST.get(name, "")
    return int(text) if is_key(text) else None


def records_of(request: HttpRequest, most: int) -> list[str]:
    """The ids of records that the person has chosen, without what can be none."""
    chosen = request.POST.getlist("record")[:most]
    return [key for key in chosen if 0 < len(key) <= RECORD_ID_LENGTH and "\0" not in key]


def after_of(request: HttpRequest) -> str:
    """The id of the record after which a page begins; empty for the first one."""
    return request.GET.get("after", "").replace("\0", "")[:RECORD_ID_LENGTH]


def after_run_of(request: HttpRequest) -> str:
    """The run after which the person pressed a button, as it stands in the address; empty without one."""
    text = request.GET.get("after_run", "")
    return text if is_key(text) else ""

"""The list, compiled: each step's statement contains the list's own query, so no member is ever loaded into Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import JSONField, QuerySet, Value

from dotbridge.entities.email import plausible_q
from dotbridge.entities.registry import entity
from dotbridge.lists.selectors import mailable_members, members
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.values import mapped_values
from dotbridge.sync.models import Connection


@dataclass(frozen=True)
class Fragment:
    """A query as text with its parameters, ready to stand inside another statement."""

    sql: str
    parameters: tuple[Any, ...]


def compiled(queryset: QuerySet[Any, Any]) -> Fragment:
    """The SQL of a queryset, for use as a subquery."""
    text, parameters = queryset.query.get_compiler(connection=connection).as_sql()
    return Fragment(text, tuple(parameters))


def mapping_of(link: Connection) -> Mapping | None:
    """How the list's entity is described to the account of the connected book."""
    return Mapping.objects.filter(
        integration=link.address_book.integration_id, entity=link.marketing_list.entity
    ).first()


def member_keys(link: Connection) -> Fragment:
    """`email_key` and `record_id` of every member that has an address, valid or not."""
    return compiled(members(link.marketing_list).filter(email_key__isnull=False).values("email_key", "record_id"))


def unmailable_members(link: Connection) -> Fragment:
    """`email_key`, `email` and `record_id` of members whose address cannot be one, one row an address."""
    return compiled(_one_an_address(members(link.marketing_list).filter(~plausible_q("email"), email__isnull=False)))


def wanted_items(link: Connection) -> Fragment:
    """`email_key`, `email`, `record_id` and `mapped`, the values; one row an address that can be mailed."""
    mapping = mapping_of(link)
    values = mapped_values(mapping, entity(link.marketing_list.entity)) if mapping else Value({}, JSONField())
    return compiled(_one_an_address(mailable_members(link.marketing_list).annotate(mapped=values)))


def _one_an_address(rows: QuerySet[Any, dict[str, Any]]) -> QuerySet[Any, dict[str, Any]]:
    # Of several records with one address the one with the lowest key speaks, always: they never take turns.
    return rows.order_by("email_key", "record_pk").distinct("email_key")

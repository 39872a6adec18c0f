"""Reads of what has to be compared."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import QuerySet

from dotbridge.entities.registry import entity
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.mapping.tracking.models import DirtyRecord
from dotbridge.mapping.values import mapped_values

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What has to be compared of one mapping's records, as it was when it was asked.

    `compares_everything`: the values of all members; else those of the dirty records, and of members that are new.
    `stale_at` and `digest` are what was seen, so that a mark set later is not taken for this one.
    """

    mapping_id: int
    compares_everything: bool
    stale_at: datetime | None
    digest: str


def standing_of(mapping: Mapping) -> Standing:
    """How a mapping stands now. Raises UnknownEntity when its entity is not registered any more.

    Everything has to be compared when somebody marked it as stale, and when the values are worked out in another way
    than at the last comparison: rows, priorities, what a virtual field is made of, the form in which values are sent.
    """
    marked, compared_as = Mapping.objects.values_list("stale_at", "compared_as").get(pk=mapping.pk)
    digest = _digest(mapping)
    return Standing(
        mapping_id=mapping.pk,
        compares_everything=marked is not None or digest != compared_as,
        stale_at=marked,
        digest=digest,
    )


def dirty_records(mapping: Mapping) -> QuerySet[DirtyRecord]:
    """The records of a mapping whose values have to be compared. They need not be members, nor exist any more."""
    return DirtyRecord.objects.filter(mapping=mapping)


def _digest(mapping: Mapping) -> str:
    """One text for everything but the records themselves that decides what is sent of them."""
    owner = entity(mapping.entity)
    query = (
        owner.queryset()
        .order_by()
        .values(dotbridge_email=owner.email_expression(), dotbridge_values=mapped_values(mapping, owner))
        .query.get_compiler(connection=connection)
    )
    # An address can belong to records of several entities; then their mappings decide together what is sent.
    together = list(
        MappingRow.objects.filter(mapping__integration_id=mapping.integration_id)
        .order_by("mapping__entity", "data_field__name")
        .values_list("mapping__entity", "mapping__sync_priority", "data_field__name", "data_field__type")
    )
    priorities = list(
        Mapping.objects.filter(integration_id=mapping.integration_id)
        .order_by("entity")
        .values_list("entity", "sync_priority")
    )
    return hashlib.sha256(repr((query.as_sql(), together, priorities)).encode()).hexdigest()

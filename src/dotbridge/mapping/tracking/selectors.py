"""Reads of what has to be compared."""

from __future__ import annotations

import hashlib

from django.db import connection
from django.db.models import QuerySet

from dotbridge.entities.registry import entity
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.mapping.tracking.models import DirtyRecord
from dotbridge.mapping.values import mapped_values


def digest_of(mapping: Mapping) -> str:
    """One text for everything but the records themselves that decides what is sent of them.

    Whoever has compared all records under another digest has to compare all of them again: the values are worked out
    in another way since (rows, priorities, what a virtual field is made of, the form in which values are sent), or
    something may have changed that was not tracked record by record. Raises UnknownEntity when the entity is not
    registered any more, and UnknownField when a mapped field is no entity field any more.
    """
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
        .values_list("mapping__entity", "data_field__name", "data_field__type")
    )
    mappings = list(
        Mapping.objects.filter(integration_id=mapping.integration_id)
        .order_by("entity")
        .values_list("entity", "sync_priority")
    )
    stale_at = Mapping.objects.values_list("stale_at", flat=True).get(pk=mapping.pk)
    return hashlib.sha256(repr((query.as_sql(), together, mappings, stale_at)).encode()).hexdigest()


def dirty_records(mapping: Mapping) -> QuerySet[DirtyRecord]:
    """The records of a mapping whose values have to be compared. They need not be members, nor exist any more."""
    return DirtyRecord.objects.filter(mapping=mapping)

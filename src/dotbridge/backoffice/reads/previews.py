"""What would be sent of some real records: the values as the upload's CSV has them, and what an empty one does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import F, QuerySet, Value
from django.db.models.functions import NullIf, Trim
from django.http import HttpRequest

from dotbridge.backoffice.entity_labels import label_records
from dotbridge.entities.email import address_key, normalised
from dotbridge.entities.registry import Entity, entity
from dotbridge.entities.rights import may_see_paths, may_view
from dotbridge.mapping.models import EmptyValues, Mapping, MappingRow
from dotbridge.mapping.soundness import sound_rows
from dotbridge.mapping.values import mapped_values

MOST_SHOWN = 3


@dataclass(frozen=True, kw_only=True)
class PreviewCell:
    """One data field of one record. `is_kept`: the record has no value, and Dotdigital's stays as it is."""

    data_field: str
    entity_fields: str
    value: str
    is_kept: bool = False
    is_cleared: bool = False


@dataclass(frozen=True, kw_only=True)
class PreviewedRecord:
    """One record as it would be sent."""

    name: str
    url: str
    email: str
    cells: list[PreviewCell]


def preview_of_mapping(request: HttpRequest, mapping: Mapping, *, beginning: str) -> list[PreviewedRecord]:
    """Some records of a mapping's entity, by the beginning of their address; values that may not be seen are left out.

    Raises UnknownEntity, and PermissionDenied for somebody who may not see the records.
    """
    owner = entity(mapping.entity)
    if not may_view(request.user, owner.model):
        raise PermissionDenied
    address = NullIf(Trim(owner.email_expression()), Value(""))
    records: QuerySet[Any, dict[str, Any]] = (
        owner.queryset()
        .order_by()
        .values(record_pk=F("pk"))
        .annotate(email=address, email_key=normalised(address))
        .filter(email__isnull=False)
    )
    records = records.annotate(mapped=mapped_values(mapping, owner))
    if beginning:
        records = records.filter(email_key__startswith=address_key(beginning))
    rows = list(records.order_by("record_pk")[:MOST_SHOWN])
    known = label_records(request, mapping.entity, [str(row["record_pk"]) for row in rows])
    sound = [row for row in sound_rows(mapping) if may_see_paths(request.user, owner, row.entity_fields)]
    previewed = []
    for row in rows:
        label = known.get(str(row["record_pk"]))
        previewed.append(
            PreviewedRecord(
                name=label.text if label else str(row["record_pk"]),
                url=label.url or "" if label else "",
                email=row["email"],
                cells=_cells(sound, owner, row.get("mapped") or {}),
            )
        )
    return previewed


def _cells(sound: list[MappingRow], owner: Entity, values: dict[str, str]) -> list[PreviewCell]:
    cells = []
    for row in sound:
        name = row.data_field.name
        value = values.get(name)
        cells.append(
            PreviewCell(
                data_field=name,
                entity_fields=" + ".join(str(owner.field(path).label) for path in row.entity_fields),
                value=value or "",
                is_kept=value is None,
                is_cleared=value == "" and row.empty_values == EmptyValues.CLEAR,
            )
        )
    return cells

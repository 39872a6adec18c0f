"""What the pages show of mappings: lines with samples, fields that fit, and what a change would send again."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from dotbridge.backoffice.reads.previews import PreviewedRecord, preview_of_mapping
from dotbridge.backoffice.reads.values import value_in_words
from dotbridge.connections.models import ListConnection
from dotbridge.entities.faults import asking
from dotbridge.entities.registry import Entity, FieldKind, UnknownEntity, UnknownField, entity
from dotbridge.entities.rights import Viewer, may_see_field
from dotbridge.entities.time_limits import TookTooLong
from dotbridge.integrations.models import Integration
from dotbridge.lists.rules import RuleError
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.mapping.soundness import KINDS_OF_TYPE, problem_of_row
from dotbridge.mirror.models import DataField
from dotbridge.sync.outbound.next_export import BookGone, ExportKind, next_export

IMPACT_MILLISECONDS = 30_000
# So long one person is looked for, to be shown as they would be sent.
SAMPLE_MILLISECONDS = 8_000


@dataclass(frozen=True, kw_only=True)
class AccountFields:
    """An account with its mappings and data fields."""

    integration: Integration
    mappings: list[Any]
    data_fields: list[Any]


@dataclass(frozen=True, kw_only=True)
class MappingLine:
    """One data field and what fills it, with the value of a sample person."""

    row: MappingRow
    ours: str
    problem: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Impact:
    """How many people a change of a mapping would send again, over all connected lists; or why that is not known."""

    people: int = 0
    problem: str = ""


def mappings_of_accounts() -> list[AccountFields]:
    """Every account's mappings and data fields, in four queries."""
    mapped: dict[int, list[str]] = {}
    mappings = Mapping.objects.select_related("integration").prefetch_related("rows__data_field")
    for mapping in mappings:
        for row in mapping.rows.all():
            mapped.setdefault(row.data_field_id, []).append(" + ".join(row.entity_fields))
    fields = list(DataField.objects.filter(gone_at=None).order_by("name"))
    for field in fields:
        field.filled_from = ", ".join(mapped.get(field.pk, []))  # type: ignore[attr-defined]
    return [
        AccountFields(
            integration=integration,
            mappings=[each for each in mappings if each.integration_id == integration.pk],
            data_fields=[field for field in fields if field.integration_id == integration.pk],
        )
        for integration in Integration.objects.order_by("name")
    ]


def mapping_lines(mapping: Mapping, sample: PreviewedRecord | None) -> list[MappingLine]:
    """The lines of a mapping, in the order of their making."""
    try:
        owner = entity(mapping.entity)
    except UnknownEntity:
        owner = None
    values = {cell.data_field: cell.value for cell in sample.cells} if sample else {}
    return [
        MappingLine(
            row=row,
            ours=_words(owner, row.entity_fields),
            problem=problem_of_row(row, owner)
            if owner
            else _("This kind of record is not known here any more. Ask whoever looks after the server."),
            value=value_in_words(row.data_field.type, values.get(row.data_field.name, "")),
        )
        for row in mapping.rows.select_related("data_field").order_by("pk")
    ]


def field_words(key: str, paths: Iterable[str]) -> str:
    """Fields of an entity by their labels, joined with a plus; one that is not known any more by its path."""
    try:
        return _words(entity(key), paths)
    except UnknownEntity:
        return _words(None, paths)


def _words(owner: Entity | None, paths: Iterable[str]) -> str:
    labels = []
    for path in paths:
        try:
            labels.append(str(owner.field(path).label) if owner else path)
        except UnknownField:
            labels.append(path)
    return " + ".join(labels)


def sample_person(request: HttpRequest, mapping: Mapping, beginning: str) -> PreviewedRecord | None:
    """One real person as they would be sent, by the beginning of the address. Raises TookTooLong."""
    try:
        with asking(mapping.entity, milliseconds=SAMPLE_MILLISECONDS):
            found = preview_of_mapping(request, mapping, beginning=beginning)
    except UnknownEntity:
        return None
    return found[0] if found else None


def fitting_fields(mapping: Mapping, wanted: str, *, viewer: Viewer, chosen: Collection[str]) -> list[tuple[str, str]]:
    """The fields that the person may see and that can fill a data field of this type; of any type, without one.

    What is `chosen` already is offered as well, so that a line can be saved by somebody who may not see all of it.
    """
    kinds = KINDS_OF_TYPE.get(wanted, set(FieldKind) - {FieldKind.OTHER})
    owner = entity(mapping.entity)
    return [
        (field.path, str(field.label))
        for field in owner.fields
        if field.kind in kinds and (field.path in chosen or may_see_field(viewer, owner, field))
    ]


def impact_of(mapping: Mapping, change: Callable[[], None]) -> Impact:
    """Whom a change would send again: it is made, the exports are worked out, and it is taken back. Until then whoever
    else changes the mapping waits, so all of it together has a time.

    Raises what the change raises.
    """
    links = ListConnection.objects.filter(
        address_book__integration=mapping.integration_id,
        address_book__gone_at=None,
        marketing_list__entity=mapping.entity,
    ).select_related("marketing_list", "address_book__integration")
    end = time.monotonic() + IMPACT_MILLISECONDS / 1_000

    def sent() -> int:
        people = 0
        for link in links:
            if time.monotonic() > end:
                raise TookTooLong(IMPACT_MILLISECONDS)
            people += _sent(link)
        return people

    try:
        with transaction.atomic():
            with asking(mapping.entity, milliseconds=IMPACT_MILLISECONDS):
                before = sent()
                change()
                after = sent()
            transaction.set_rollback(True)
    except (BookGone, RuleError, UnknownEntity, UnknownField) as error:
        return Impact(problem=str(error))
    except TookTooLong:
        return Impact(problem=_("It takes too long to work out how many people are sent again."))
    return Impact(people=max(0, after - before))


def _sent(link: ListConnection) -> int:
    with next_export(link) as planned:
        counts = planned.numbers().counts
    return counts[ExportKind.NEW] + counts[ExportKind.ADD] + counts[ExportKind.UPDATE]

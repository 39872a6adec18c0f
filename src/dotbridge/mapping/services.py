"""The writers of mappings."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from dotbridge.editing import ChangedMeanwhile, fingerprint_of_all
from dotbridge.entities.registry import Entity, entities, entity
from dotbridge.integrations.models import Integration
from dotbridge.mapping.models import EmptyValues, Mapping, MappingRow
from dotbridge.mapping.soundness import problem_of_fields
from dotbridge.mapping.tracking.installing import install_after_commit
from dotbridge.mapping.two_way import problem_among_rows, problem_of_two_way
from dotbridge.mirror.models import PREFERENCE, DataField

# What a person sees of a row in its form.
ROW_FIELDS = ("data_field", "entity_fields", "is_two_way", "empty_values")
# An update is the second of PostgreSQL's kinds of statements. What is not there yet stops nobody.
_TAKES_CHANGES = "SELECT coalesce(pg_relation_is_updatable(to_regclass(%s), true) & 4 > 0, true)"
# What every account has and what nearly every entity calls these values.
DEFAULT_ROWS: dict[str, tuple[str, ...]] = {
    "FIRSTNAME": ("first_name",),
    "LASTNAME": ("last_name",),
    "FULLNAME": ("first_name", "last_name"),
}


@transaction.atomic
def create_default_mappings(*, integration: Integration) -> int:
    """Map first, last and full name of every entity that has, and had, no mapping yet. Answers how many were made."""
    fields = {field.name: field for field in DataField.objects.filter(integration=integration, gone_at=None)}
    mapped = set(Mapping.objects.filter(integration=integration).values_list("entity", flat=True))
    # Read anew: a person may have deleted one since the run began.
    left_out = Integration.objects.values_list("unmapped_entities", flat=True).get(pk=integration.pk)
    mapped.update(left_out)
    made = 0
    for candidate in entities():
        rows = [] if candidate.key in mapped else _default_rows(candidate, fields)
        if rows:
            mapping = Mapping.objects.create(
                integration=integration, entity=candidate.key, sync_priority=candidate.default_priority
            )
            for row in rows:
                row.mapping = mapping
            MappingRow.objects.bulk_create(rows)
            install_after_commit()
            made += 1
    return made


@transaction.atomic
def delete_mapping(*, mapping: Mapping) -> None:
    """Delete a mapping, as a person wants it: no reading of the data fields makes one of its entity by itself again."""
    held = Integration.objects.select_for_update().get(pk=mapping.integration_id)
    held.unmapped_entities = sorted({*held.unmapped_entities, mapping.entity})
    held.save(update_fields=["unmapped_entities"])
    mapping.delete()


def _default_rows(candidate: Entity, fields: dict[str, DataField]) -> list[MappingRow]:
    own = {field.path for field in candidate.fields if not field.is_virtual}
    return [
        MappingRow(entity_fields=list(paths), data_field=fields[name])
        for name, paths in DEFAULT_ROWS.items()
        if name in fields and own.issuperset(paths)
    ]


@transaction.atomic
def set_mapping_row(
    *,
    mapping: Mapping,
    data_field: DataField,
    entity_fields: Sequence[str],
    is_two_way: bool = False,
    empty_values: str = EmptyValues.KEEP,
    replaces: int | None = None,
    seen: str | None = None,
) -> MappingRow:
    """Fill a data field from these entity fields.

    `replaces` is the key of the row that this one takes the place of. `seen` is the `fingerprint_of_all`, with
    `ROW_FIELDS`, of the rows that go, as the person saw them. Raises ChangedMeanwhile with those that would go now
    where they are others, and ValidationError with the texts of `check_mapping_row`.
    """
    Mapping.objects.select_for_update().get(pk=mapping.pk)
    going = mapping.rows.filter(Q(pk=replaces) | Q(data_field=data_field)).select_related("data_field").order_by("pk")
    if seen is not None and seen != fingerprint_of_all(going, ROW_FIELDS):
        raise ChangedMeanwhile(list(going))
    going.exclude(data_field=data_field).delete()
    row = MappingRow(
        mapping=mapping,
        data_field=data_field,
        entity_fields=list(entity_fields),
        is_two_way=is_two_way,
        empty_values=empty_values,
    )
    check_mapping_row(row)
    stored, _created = MappingRow.objects.update_or_create(
        mapping=mapping,
        data_field=data_field,
        defaults={"entity_fields": row.entity_fields, "is_two_way": is_two_way, "empty_values": empty_values},
    )
    return stored


def check_mapping_row(row: MappingRow) -> None:
    """Raise ValidationError, a text a field, when the row could not be exported."""
    problems: dict[str, str] = {}
    if row.data_field.integration_id != row.mapping.integration_id:
        problems["data_field"] = _("This data field belongs to another account. Choose one of this account.")
    elif row.data_field.gone_at is not None and not _is_stored(row):
        problems["data_field"] = _("This data field does not exist in Dotdigital any more.")
    elif row.data_field.leaving_since is not None and not _is_stored(row):
        problems["data_field"] = _("This data field is being deleted.")
    if not row.entity_fields:
        problems["entity_fields"] = _("At least one entity field must be chosen.")
    else:
        problem = problem_of_fields(entity(row.mapping.entity), row.entity_fields, row.data_field.type)
        if problem:
            problems["entity_fields"] = problem
    if row.is_two_way:
        if row.data_field.type == PREFERENCE:
            problems["is_two_way"] = _("A marketing preference is sent to Dotdigital only.")
        owner = entity(row.mapping.entity)
        obstacle = problem_of_two_way(owner, row.entity_fields) or problem_among_rows(row) or _problem_of_table(owner)
        if obstacle:
            problems["is_two_way"] = str(obstacle)
    if problems:
        raise ValidationError(problems)


def _problem_of_table(owner: Entity) -> str | None:
    """Why nothing can be written into any record; None where the table, or the view, takes changes."""
    options = owner.model._meta  # noqa: SLF001 - Django's documented way to ask a model about itself
    with connection.cursor() as cursor:
        cursor.execute(_TAKES_CHANGES, [connection.ops.quote_name(options.db_table)])
        (takes_changes,) = cursor.fetchone()
    if takes_changes:
        return None
    return _("%(entity)s is a view of the database, and what it shows cannot be changed through it.") % {
        "entity": owner.label
    }


def _is_stored(row: MappingRow) -> bool:
    return MappingRow.objects.filter(mapping_id=row.mapping_id, data_field_id=row.data_field_id).exists()

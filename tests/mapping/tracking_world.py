"""Mappings, tracked tables and what comes out of the change log, for the tests of change tracking."""

from __future__ import annotations

from typing import Any

from django.db import connection

from dotbridge.integrations.models import Integration
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.mapping.tracking.changes import take_changes
from dotbridge.mapping.tracking.models import Change, DirtyRecord
from dotbridge.mapping.tracking.selectors import digest_of
from dotbridge.mapping.tracking.services import claim_dirty_records, forget_claimed_records
from dotbridge.mirror.models import DataField


def make_integration(name: str = "Shop") -> Integration:
    return Integration.objects.create(name=name, username="u", password_sealed="")


def map_fields(integration: Integration, entity: str, *fields: str, two_way: tuple[str, ...] = ()) -> Mapping:
    """A mapping with a row a field; several fields joined with "+" make one row."""
    mapping, _made = Mapping.objects.get_or_create(integration=integration, entity=entity)
    for name in fields:
        data_field = DataField.objects.create(
            integration=integration, name=f"F{DataField.objects.count()}", type="String"
        )
        MappingRow.objects.create(
            mapping=mapping, data_field=data_field, entity_fields=name.split("+"), is_two_way=name in two_way
        )
    return mapping


def log() -> list[tuple[str, list[str] | None]]:
    """The change log: each source with its keys, in order."""
    return [(change.source, change.keys and sorted(change.keys)) for change in Change.objects.order_by("pk")]


# By mapping, the digest under which all records were compared last, as a connected list keeps it.
COMPARED: dict[int, str] = {}


def compare(mapping: Mapping) -> int:
    """All records of the mapping are compared; answers how many dirty ones are forgotten for it."""
    claim_dirty_records(mapping=mapping)
    COMPARED[mapping.pk] = digest_of(mapping)
    return forget_claimed_records(mapping=mapping)


def compares_everything(mapping: Mapping) -> bool:
    """Whether all records have to be compared again."""
    return digest_of(mapping) != COMPARED.get(mapping.pk)


def quiet() -> None:
    """Everything that has changed until now was compared."""
    take_changes()
    for mapping in Mapping.objects.all():
        compare(mapping)


def dirty(mapping: Mapping) -> set[int]:
    """The keys of the records that have to be compared, once the change log was taken."""
    return set(map(int, dirty_ids(mapping)))


def dirty_ids(mapping: Mapping) -> set[str]:
    """The same as texts."""
    take_changes()
    assert not Change.objects.exists()
    return {record.record_id for record in DirtyRecord.objects.filter(mapping=mapping)}


def execute(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)


def functions() -> int:
    """How many trigger functions there are."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_proc WHERE starts_with(proname, 'dotbridge_track_')")
        return int(cursor.fetchone()[0])


def tracked_tables() -> dict[str, set[str]]:
    """Which tables have which triggers of ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE starts_with(tgname, 'dotbridge_track_')"
        )
        found: dict[str, set[str]] = {}
        for table, trigger in cursor.fetchall():
            found.setdefault(table, set()).add(trigger.removeprefix("dotbridge_track_"))
        return found

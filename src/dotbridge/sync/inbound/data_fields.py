"""Data fields: those of the account, once an interval, and the first mappings made of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from dotbridge.integrations.models import Integration
from dotbridge.mapping.services import create_default_mappings
from dotbridge.mirror.models import DataField
from dotbridge.sync.context import Refusal, StepContext, StepSkipped
from dotbridge.sync.cursors import move_cursor, read_cursor
from dotdigital import DataField as RemoteField

FEED = "data_fields"


def import_data_fields(step: StepContext) -> None:
    """Make the mirror's data fields those of the account, when their last reading is old enough or a person asks."""
    last = read_cursor(step.integration, FEED)
    interval = timedelta(hours=step.integration.data_fields_hours)
    if last and not step.run.force_data_fields and step.run.server_now - last < interval:
        raise StepSkipped(f"Read less than {step.integration.data_fields_hours} hours ago.")
    page = step.account.data_fields()
    step.reject(Refusal("data field", "unreadable", row.reason) for row in page.malformed)
    known = {field.name: field for field in DataField.objects.filter(integration=step.integration)}
    with transaction.atomic():
        _store(step, page.items, known)
        if page.items:
            names = {field.name for field in page.items}
            gone = [field.pk for name, field in known.items() if name not in names and field.gone_at is None]
            DataField.objects.filter(pk__in=gone).update(gone_at=timezone.now())
            step.count(gone=len(gone))
        if last is None:
            step.count(mappings_made=create_default_mappings(integration=step.integration))
        move_cursor(step.integration, FEED, step.run.server_now)
    step.advance(len(page.items), len(page.items))


def store_data_fields(integration: Integration, fields: Iterable[RemoteField]) -> None:
    """Bring some of the account's data fields into the mirror; our own notes stay."""
    DataField.objects.bulk_create(
        [
            DataField(
                integration=integration,
                name=field.name,
                type=field.type or "",
                visibility=field.visibility or "",
                default_value=field.default_value,
            )
            for field in fields
        ],
        update_conflicts=True,
        unique_fields=["integration", "name"],
        update_fields=["type", "visibility", "default_value", "gone_at"],
    )


def _store(step: StepContext, fields: list[RemoteField], known: dict[str, DataField]) -> None:
    changed = [field for field in fields if field.name not in known or _differs(known[field.name], field)]
    store_data_fields(step.integration, changed)
    new = sum(field.name not in known for field in changed)
    step.count(read=len(fields), new=new, changed=len(changed) - new)


def _differs(field: DataField, remote: RemoteField) -> bool:
    seen = (field.type, field.visibility, field.default_value, field.gone_at)
    return seen != (remote.type or "", remote.visibility or "", remote.default_value, None)

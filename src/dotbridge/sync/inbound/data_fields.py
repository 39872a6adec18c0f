"""Data fields: those of the account, once an interval, and the first mappings made of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.utils import timezone
from msgspec.structs import replace

from dotbridge.integrations.models import Integration, WireProtocol
from dotbridge.integrations.protocols import is_denied
from dotbridge.mapping.services import create_default_mappings
from dotbridge.mirror.models import PREFERENCE, PREFERENCE_PREFIX, DataField
from dotbridge.sync.context import Refusal, StepContext, StepSkipped
from dotbridge.sync.cursors import is_over, move_cursor, read_cursor
from dotbridge.sync.inbound.absences import believed_gone
from dotbridge.sync.inbound.storable import is_id, text
from dotbridge.sync.models import Listing
from dotbridge.sync.texts import NO_NAME, READ_LATELY
from dotdigital import DataField as RemoteField
from dotdigital import DotdigitalError

FEED = "data_fields"
LONGEST_NAME, LONGEST_WORD = 64, 32
# A data field that was made anew holds nothing of what it held, and no contact is said to have changed for it.
_FORGET_SENT = """
    UPDATE dotbridge_sync_exportitem i SET values = i.values - %(names)s::text[], own = i.own - %(names)s::text[],
        agreed = i.agreed - %(names)s::text[]
    FROM dotbridge_connections_listconnection l JOIN dotbridge_mirror_addressbook b ON b.id = l.address_book_id
    WHERE b.integration_id = %(integration)s AND i.connection_id = l.id
      AND (jsonb_exists_any(i.values, %(names)s) OR jsonb_exists_any(i.agreed, %(names)s))
"""
_FORGET_SEEN = """
    UPDATE dotbridge_mirror_contact SET data_fields = data_fields - %(names)s::text[]
    WHERE integration_id = %(integration)s AND jsonb_exists_any(data_fields, %(names)s)
"""


def import_data_fields(step: StepContext) -> None:
    """Make the mirror's data fields those of the account, when their last reading is old enough or a person asks."""
    last = read_cursor(step.integration, FEED, step.run.server_now)
    interval = timedelta(hours=step.integration.data_fields_hours)
    if last and not step.run.force_data_fields and not is_over(last, interval, step.run.server_now):
        raise StepSkipped(READ_LATELY % {"number": step.integration.data_fields_hours})
    preferences = _preferences(step)
    page = step.account.data_fields()
    no_name = NO_NAME % {"number": LONGEST_NAME}
    step.reject(Refusal("data field", "unreadable", row.reason) for row in page.malformed)
    step.reject(Refusal("data field", "unreadable", no_name) for field in page.items if not _has_name(field))
    fields = {field.name: _storable(field) for field in page.items if _has_name(field)}
    known = {
        field.name: field
        for field in DataField.objects.filter(integration=step.integration, preference_id__isnull=True)
    }
    with transaction.atomic():
        _store(step, list(fields.values()), known)
        _store_preferences(step, preferences)
        if not page.malformed and len(fields) == len(page.items):
            there = {field.pk: name for name, field in known.items() if field.gone_at is None}
            current = preferences if preferences.is_complete else _known_preferences(step)
            there |= {pk: name for name, pk in _known_preferences(step).ids.items()}
            named = [pk for pk, name in there.items() if name in fields or name in current.ids]
            gone = believed_gone(step, Listing.DATA_FIELDS, known=there, named=named, is_empty=not fields)
            DataField.objects.filter(pk__in=gone).update(gone_at=timezone.now())
            step.count(gone=len(gone))
        # Each time: a host may have registered another model since.
        step.count(mappings_made=create_default_mappings(integration=step.integration))
        move_cursor(step.integration, FEED, step.run.server_now)
    step.advance(len(page.items), len(page.items))


class _Preferences(NamedTuple):
    """Marketing preferences by the names that they have here, and whether these are all: what is not named is gone."""

    ids: dict[str, int]
    is_complete: bool


def _preferences(step: StepContext) -> _Preferences:
    """Those of the account, by their ids; none where nobody asked, or the account does not say. By version 3 alone they
    can be sent."""
    if step.run.protocol is not WireProtocol.V3:
        return _Preferences({}, is_complete=False)
    try:
        tree = step.account.preferences.tree()
    except DotdigitalError as error:
        if not is_denied(error):
            raise
        return _Preferences({}, is_complete=False)
    step.reject(Refusal("marketing preference", "unreadable", row.reason) for row in tree.malformed)
    found: dict[str, int] = {}
    for each in tree.items:
        if each.is_preference:
            found[f"{PREFERENCE_PREFIX}{each.private_name}"] = each.id
        for inner in each.preferences or ():
            found[f"{PREFERENCE_PREFIX}{each.private_name}>{inner.private_name}"] = inner.id
    kept = {name: number for name, number in found.items() if is_id(number) and text(name, LONGEST_NAME) == name}
    # An empty list says nothing: a wrong answer looks like it.
    return _Preferences(kept, is_complete=bool(kept) and not tree.malformed)


def _known_preferences(step: StepContext) -> _Preferences:
    """Those of the mirror that are not gone, by their keys here."""
    ours = DataField.objects.filter(integration=step.integration, preference_id__isnull=False, gone_at=None)
    return _Preferences(dict(ours.values_list("name", "pk")), is_complete=True)


def _store_preferences(step: StepContext, found: _Preferences) -> None:
    """Bring the account's preferences into the mirror."""
    DataField.objects.bulk_create(
        [
            DataField(integration=step.integration, name=name, type=PREFERENCE, preference_id=number)
            for name, number in found.ids.items()
        ],
        update_conflicts=True,
        unique_fields=["integration", "name"],
        update_fields=["type", "preference_id", "gone_at"],
    )


def store_data_fields(integration: Integration, fields: Iterable[RemoteField]) -> None:
    """Bring some of the account's data fields into the mirror; our own notes stay."""
    DataField.objects.bulk_create(
        [
            DataField(
                integration=integration,
                name=field.name,
                type=field.type,
                visibility=field.visibility,
                default_value=field.default_value,
            )
            for field in map(_storable, fields)
        ],
        update_conflicts=True,
        unique_fields=["integration", "name"],
        update_fields=["type", "visibility", "default_value", "gone_at"],
    )


def _has_name(field: RemoteField) -> bool:
    return 0 < len(field.name) <= LONGEST_NAME and "\x00" not in field.name


def _storable(field: RemoteField) -> RemoteField:
    default = field.default_value.replace("\x00", "") if isinstance(field.default_value, str) else field.default_value
    return replace(
        field,
        type=text(field.type, LONGEST_WORD),
        visibility=text(field.visibility, LONGEST_WORD),
        default_value=default,
    )


def _store(step: StepContext, fields: list[RemoteField], known: dict[str, DataField]) -> None:
    changed = [field for field in fields if field.name not in known or _differs(known[field.name], field)]
    store_data_fields(step.integration, changed)
    _forget_values(step.integration, [field.name for field in changed if _was_made_anew(known.get(field.name), field)])
    new = sum(field.name not in known for field in changed)
    step.count(read=len(fields), new=new, changed=len(changed) - new)


def _was_made_anew(field: DataField | None, remote: RemoteField) -> bool:
    return field is not None and (field.gone_at is not None or field.type != remote.type)


def _forget_values(integration: Integration, names: list[str]) -> None:
    """Have the values of these data fields count as not sent and not seen: the next export sends them again."""
    if not names:
        return
    parameters: dict[str, Any] = {"integration": integration.pk, "names": names}
    with connection.cursor() as cursor:
        cursor.execute(_FORGET_SENT, parameters)
        cursor.execute(_FORGET_SEEN, parameters)


def _differs(field: DataField, remote: RemoteField) -> bool:
    seen = (field.type, field.visibility, field.default_value, field.gone_at)
    return seen != (remote.type, remote.visibility, remote.default_value, None)

"""The values of a person on both sides: what the record says, and what Dotdigital has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django.db.models import F, Prefetch, QuerySet
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from dotbridge.entities.registry import Entity
from dotbridge.entities.rights import Viewer, may_see_paths
from dotbridge.entities.time_limits import StatementRefused, TookTooLong, statement_time_limit
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.mapping.soundness import sound_rows
from dotbridge.mapping.values import mapped_values
from dotbridge.mirror.models import Contact

VALUES_MILLISECONDS = 2_000


@dataclass(frozen=True, kw_only=True)
class BothValues:
    """One data field: ours, as it would be sent, and theirs."""

    account: str
    data_field: str
    entity_fields: str
    ours: str
    theirs: str
    is_two_way: bool

    @property
    def differs(self) -> bool:
        """Whether the sides do not say the same; an empty value of ours usually leaves theirs alone."""
        return bool(self.ours) and self.ours != self.theirs


def value_in_words(kind: str, text: str) -> str:
    """A value of a data field as people read it: days and truth values of both sides in one form."""
    if kind == "Boolean" and text.lower() in {"true", "false"}:
        return _("yes") if text.lower() == "true" else _("no")
    if kind == "Date":
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            return text
        return date_format(at, "DATE_FORMAT" if at.time() == time(0) else "DATETIME_FORMAT")
    return text


def both_sides(known: Entity, record_id: str, contacts: Sequence[Contact], *, viewer: Viewer) -> list[BothValues]:
    """Each mapped field that the person may see, with both values, in every account that the entity is mapped in."""
    theirs = {contact.integration_id: contact.data_fields for contact in contacts}
    found = []
    mappings = Mapping.objects.filter(entity=known.key).select_related("integration")
    for mapping in mappings.prefetch_related(Prefetch("rows", MappingRow.objects.select_related("data_field"))):
        rows = [row for row in sound_rows(mapping) if may_see_paths(viewer, known, row.entity_fields)]
        values = _mapped(mapping, known, record_id)
        for row in rows:
            name, kind = row.data_field.name, row.data_field.type
            other = theirs.get(mapping.integration_id, {}).get(name)
            our_text, their_text = str(values.get(name) or ""), "" if other is None else str(other)
            found.append(
                BothValues(
                    account=str(mapping.integration),
                    data_field=name,
                    entity_fields=" + ".join(str(known.field(path).label) for path in row.entity_fields),
                    ours=value_in_words(kind, our_text),
                    theirs=value_in_words(kind, their_text),
                    is_two_way=row.is_two_way,
                )
            )
    return found


def _mapped(mapping: Mapping, known: Entity, record_id: str) -> dict[str, Any]:
    """The record's own values by data field; none where the database cannot work them out."""
    record: QuerySet[Any, dict[str, Any]] = known.queryset().order_by().filter(pk=record_id).values(record_pk=F("pk"))
    try:
        with statement_time_limit(VALUES_MILLISECONDS):
            row = record.annotate(mapped=mapped_values(mapping, known)).first()
    except (StatementRefused, TookTooLong):
        return {}
    return (row["mapped"] or {}) if row else {}

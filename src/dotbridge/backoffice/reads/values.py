"""The values of a person on both sides: what the record says, and what Dotdigital has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django.db.models import Prefetch
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from dotbridge.entities.registry import Entity
from dotbridge.entities.rights import Viewer, may_see_paths
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.mapping.soundness import sound_rows
from dotbridge.mirror.models import Contact


@dataclass(frozen=True, kw_only=True)
class BothValues:
    """One data field: ours, as it would be sent, and theirs."""

    account: str
    data_field: str
    entity_fields: str
    ours: str
    theirs: str
    is_two_way: bool
    # The database could not work out ours.
    is_doubtful: bool

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


def mappings_of(known: Entity) -> list[Mapping]:
    """The mappings of the entity, in every account, with what their rows are made of."""
    mappings = Mapping.objects.filter(entity=known.key).select_related("integration")
    return list(mappings.prefetch_related(Prefetch("rows", MappingRow.objects.select_related("data_field"))))


def both_sides(
    known: Entity,
    mapped: dict[Mapping, dict[str, Any] | None],
    contacts: Sequence[Contact],
    *,
    viewer: Viewer,
) -> list[BothValues]:
    """Each mapped field that the person may see, with both values, in every account that the entity is mapped in.
    `mapped` has what `mapped_values` say of the record, None where the database could not work them out."""
    theirs = {contact.integration_id: contact.data_fields for contact in contacts}
    found = []
    for mapping, values in mapped.items():
        rows = [row for row in sound_rows(mapping) if may_see_paths(viewer, known, row.entity_fields)]
        for row in rows:
            name, kind = row.data_field.name, row.data_field.type
            other = theirs.get(mapping.integration_id, {}).get(name)
            our_text, their_text = str((values or {}).get(name) or ""), "" if other is None else str(other)
            found.append(
                BothValues(
                    account=str(mapping.integration),
                    data_field=name,
                    entity_fields=" + ".join(str(known.field(path).label) for path in row.entity_fields),
                    ours=value_in_words(kind, our_text),
                    theirs=value_in_words(kind, their_text),
                    is_two_way=row.is_two_way,
                    is_doubtful=values is None,
                )
            )
    return found

"""Who has the first word on a contact's data fields.

They belong to the account's contact, which all its books share. Where several connected lists hold one address, the
list whose mapping has the highest sync priority speaks, then the older connection. A list that ranks lower sends, for
the data fields that both map, what the higher one sends, so that the two never take turns.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from dotbridge.connections.models import ListConnection
from dotbridge.connections.selectors import exportable_connections
from dotbridge.entities.registry import UnknownEntity
from dotbridge.integrations.models import Integration
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.mapping.soundness import sound_rows


@dataclass(frozen=True, kw_only=True)
class Superior:
    """A list that ranks higher, and the data fields on which it has the first word."""

    connection_id: int
    data_fields: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """A connected list with its mapping, those that rank higher, the highest last, and the ids of those lower."""

    link: ListConnection
    mapping: Mapping | None
    superiors: tuple[Superior, ...]
    inferiors: tuple[int, ...]
    fingerprint: str


def ranked_connections(integration: Integration) -> list[Ranked]:
    """The connections whose book still exists, the highest rank first."""
    mappings = {
        mapping.entity: mapping
        for mapping in Mapping.objects.filter(integration=integration).prefetch_related("rows__data_field")
    }
    links = exportable_connections(integration)
    by_rank = sorted(links, key=lambda link: (-_priority(mappings.get(link.marketing_list.entity)), link.pk))
    fields = {link.pk: data_fields_of(mappings.get(link.marketing_list.entity)) for link in links}
    ranked = []
    for place, link in enumerate(by_rank):
        superiors = tuple(
            Superior(connection_id=other.pk, data_fields=shared)
            for other in reversed(by_rank[:place])
            if (shared := tuple(name for name in fields[link.pk] if name in fields[other.pk]))
        )
        inferiors = tuple(other.pk for other in by_rank[place + 1 :] if set(fields[other.pk]) & set(fields[link.pk]))
        mapping = mappings.get(link.marketing_list.entity)
        ranked.append(
            Ranked(
                link=link,
                mapping=mapping,
                superiors=superiors,
                inferiors=inferiors,
                fingerprint=_fingerprint(mapping, superiors),
            )
        )
    return ranked


def data_fields_of(mapping: Mapping | None) -> tuple[str, ...]:
    """The data fields that a mapping fills."""
    return tuple(row.data_field.name for row in _sound_rows(mapping))


def _sound_rows(mapping: Mapping | None) -> list[MappingRow]:
    try:
        return [] if mapping is None else sound_rows(mapping)
    except UnknownEntity:
        return []


def _priority(mapping: Mapping | None) -> int:
    return 0 if mapping is None else mapping.sync_priority


def _fingerprint(mapping: Mapping | None, superiors: tuple[Superior, ...]) -> str:
    """Changes whenever the values of unchanged records would come out differently."""
    how = [
        [row.data_field.name, row.data_field.type, row.entity_fields, row.empty_values] for row in _sound_rows(mapping)
    ]
    above = [[superior.connection_id, *superior.data_fields] for superior in superiors]
    return hashlib.sha256(json.dumps([how, above]).encode()).hexdigest()

"""Who has the first word on a contact's data fields.

They belong to the account's contact, which all its books share. Where several connected lists hold one address, the
list whose mapping has the highest sync priority has it, then the older connection. A list that ranks lower sends, for
the data fields that both map, what the higher one sends, so that the two never take turns.

Lists of one entity share its mapping, so it is the mappings that are ranked: a handful, however many lists there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dotbridge.connections.models import ListConnection
from dotbridge.connections.selectors import exportable_connections
from dotbridge.entities.registry import UnknownEntity, UnknownField
from dotbridge.integrations.models import Integration
from dotbridge.mapping.models import EmptyValues, Mapping
from dotbridge.mapping.soundness import sound_rows
from dotbridge.mapping.tracking.selectors import digest_of

# The connections that rank lower than one and map a data field that it maps too. `rank_parameters` has the parameters.
LOWER_CONNECTIONS = """
    SELECT lower_c.id FROM dotbridge_connections_listconnection lower_c
    JOIN dotbridge_lists_marketinglist lower_l ON lower_l.id = lower_c.marketing_list_id
    JOIN dotbridge_mirror_addressbook lower_b ON lower_b.id = lower_c.address_book_id
    JOIN unnest(%(sharing_entities)s::text[], %(sharing_priorities)s::int[]) AS sharing (entity, priority)
         ON sharing.entity = lower_l.entity
    WHERE lower_b.integration_id = %(integration)s AND lower_b.gone_at IS NULL
      AND (sharing.priority < %(priority)s OR (sharing.priority = %(priority)s AND lower_c.id > %(connection)s))
"""


@dataclass(frozen=True, kw_only=True)
class Sharing:
    """A mapping that fills the data fields `names` as well; `clearing` are those that an empty value of its clears."""

    entity: str
    priority: int
    names: tuple[str, ...]
    clearing: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class RankedMapping:
    """One mapping among those of its account.

    `columns` are the data fields that it fills, `clearing` those of them that an empty value clears. `sharing` are the
    mappings that fill some of them too, itself among them.
    `digest`: see `digest_of`; empty with the `problem` that keeps its values from being worked out.
    """

    mapping: Mapping
    columns: tuple[str, ...]
    clearing: tuple[str, ...]
    sharing: tuple[Sharing, ...]
    digest: str
    problem: str


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """A connected list with its mapping, and whether lists that fill the same data fields rank higher, or lower."""

    link: ListConnection
    rank: RankedMapping | None
    has_higher: bool
    has_lower: bool

    @property
    def mapping(self) -> Mapping | None:
        """How the list's entity is described to the account; None where it is not."""
        return self.rank.mapping if self.rank else None

    @property
    def digest(self) -> str:
        """What decides, besides the records, what is sent of them."""
        return self.rank.digest if self.rank else "unmapped"


def rank_mappings(integration: Integration) -> dict[str, RankedMapping]:
    """The account's mappings by entity, as they are now."""
    mappings = list(Mapping.objects.filter(integration=integration).prefetch_related("rows__data_field"))
    rows = {mapping.entity: _filled(mapping) for mapping in mappings}
    ranked = {}
    for mapping in mappings:
        columns = tuple(rows[mapping.entity])
        shared = (_sharing(other, rows[other.entity], columns) for other in mappings)
        digest, problem = _digest(mapping)
        ranked[mapping.entity] = RankedMapping(
            mapping=mapping,
            columns=columns,
            clearing=_clearing(rows[mapping.entity]),
            sharing=tuple(each for each in shared if each.names),
            digest=digest,
            problem=problem,
        )
    return ranked


def ranked_connections(integration: Integration, ranks: dict[str, RankedMapping] | None = None) -> list[Ranked]:
    """The connections whose book still exists, the highest rank first. `ranks`: the mappings, where known already."""
    ranks = rank_mappings(integration) if ranks is None else ranks
    links = exportable_connections(integration)
    oldest: dict[str, int] = {}
    youngest: dict[str, int] = {}
    for link in links:
        oldest.setdefault(link.marketing_list.entity, link.pk)
        youngest[link.marketing_list.entity] = link.pk
    ranked = [
        Ranked(
            link=link,
            rank=rank,
            has_higher=_has_higher(link, rank, oldest),
            has_lower=_has_lower(link, rank, youngest),
        )
        for link in links
        for rank in [ranks.get(link.marketing_list.entity)]
    ]
    return sorted(ranked, key=lambda each: (-(each.mapping.sync_priority if each.mapping else 0), each.link.pk))


def rank_parameters(ranked: Ranked) -> dict[str, Any]:
    """What `LOWER_CONNECTIONS` asks for."""
    sharing = ranked.rank.sharing if ranked.rank else ()
    return {
        "connection": ranked.link.pk,
        "integration": ranked.link.address_book.integration_id,
        "priority": ranked.mapping.sync_priority if ranked.mapping else 0,
        "sharing_entities": [each.entity for each in sharing],
        "sharing_priorities": [each.priority for each in sharing],
    }


def _filled(mapping: Mapping) -> dict[str, str]:
    try:
        return {row.data_field.name: row.empty_values for row in sound_rows(mapping)}
    except UnknownEntity:
        return {}


def _clearing(filled: dict[str, str]) -> tuple[str, ...]:
    return tuple(name for name, empty_values in filled.items() if empty_values == EmptyValues.CLEAR)


def _sharing(other: Mapping, filled: dict[str, str], columns: tuple[str, ...]) -> Sharing:
    names = tuple(name for name in columns if name in filled)
    clearing = tuple(name for name in _clearing(filled) if name in names)
    return Sharing(entity=other.entity, priority=other.sync_priority, names=names, clearing=clearing)


def _digest(mapping: Mapping) -> tuple[str, str]:
    try:
        return digest_of(mapping), ""
    except (UnknownEntity, UnknownField) as error:
        return "", str(error)


def _has_higher(link: ListConnection, rank: RankedMapping | None, oldest: dict[str, int]) -> bool:
    if rank is None:
        return False
    ours = rank.mapping.sync_priority
    return any(
        each.entity in oldest and (each.priority > ours or (each.priority == ours and oldest[each.entity] < link.pk))
        for each in rank.sharing
    )


def _has_lower(link: ListConnection, rank: RankedMapping | None, youngest: dict[str, int]) -> bool:
    if rank is None:
        return False
    ours = rank.mapping.sync_priority
    return any(
        each.entity in youngest
        and (each.priority < ours or (each.priority == ours and youngest[each.entity] > link.pk))
        for each in rank.sharing
    )

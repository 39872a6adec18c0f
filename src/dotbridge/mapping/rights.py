"""Which data fields hold values that a person may not see, because of what fills them."""

from __future__ import annotations

from dotbridge.entities.registry import UnknownEntity, entity
from dotbridge.entities.rights import Viewer, may_see_paths
from dotbridge.integrations.models import Integration
from dotbridge.mapping.models import MappingRow


def data_fields_not_seen(viewer: Viewer, integration: Integration) -> dict[str, frozenset[str]]:
    """The names of the account's data fields that are filled from fields that the person may not see, by entity.

    In one query. What Dotdigital has in such a data field is the same value, so it is no more for them than ours.
    """
    rows = MappingRow.objects.filter(mapping__integration=integration)
    found: dict[str, set[str]] = {}
    for key, name, paths in rows.values_list("mapping__entity", "data_field__name", "entity_fields"):
        try:
            is_seen = may_see_paths(viewer, entity(key), paths)
        except UnknownEntity:
            continue
        if not is_seen:
            found.setdefault(key, set()).add(name)
    return {key: frozenset(names) for key, names in found.items()}

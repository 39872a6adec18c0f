"""Comparing although nothing is known to have changed, because of some values nobody can know it."""

from __future__ import annotations

from dotbridge.entities.registry import UnknownEntity, UnknownField, entity
from dotbridge.integrations.models import ForcedComparison, Integration
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.signals import forced_comparison_chosen
from dotbridge.mapping.tracking.plan import current_plan
from dotbridge.mapping.tracking.services import mark_stale


def force_comparison(*, integration: Integration) -> int:
    """Mark the mappings that the integration compares every night, as its setting says and the host may change.

    "virtual" means those with a mapped field that is virtual or cannot be tracked. Answers how many were marked.
    """
    mappings = list(Mapping.objects.filter(integration=integration).prefetch_related("rows"))
    if integration.forced_comparison == ForcedComparison.ALWAYS:
        chosen = set(mappings)
    elif integration.forced_comparison == ForcedComparison.VIRTUAL:
        untracked = {mapping_id for mapping_id, _path in current_plan().untracked}
        chosen = {mapping for mapping in mappings if mapping.pk in untracked or _has_virtual_fields(mapping)}
    else:
        chosen = set()
    forced_comparison_chosen.send_robust(Integration, integration=integration, mappings=chosen)
    return mark_stale(
        mappings=Mapping.objects.filter(integration=integration, pk__in={mapping.pk for mapping in chosen})
    )


def _has_virtual_fields(mapping: Mapping) -> bool:
    try:
        owner = entity(mapping.entity)
        return any(owner.field(path).is_virtual for row in mapping.rows.all() for path in row.entity_fields)
    except (UnknownEntity, UnknownField):
        return True  # rather once too often: what is left of the mapping may hold one

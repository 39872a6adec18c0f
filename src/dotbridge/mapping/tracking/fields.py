"""Which fields count as changed: the mapped ones, and what a host says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.db import models
from django.utils.translation import gettext_lazy as _

from dotbridge.entities.registry import Entity, entity
from dotbridge.mapping.signals import build_mapping_tracked_fields
from dotbridge.mapping.tracking.relations import Untrackable, Watched, watched_back, watched_for


class TrackedFields:
    """What has to be watched for each field of each entity, when it is mapped. A host adds to it and takes away."""

    def __init__(self) -> None:
        self._added: dict[tuple[str, str], list[Watched]] = {}
        self._removed: set[tuple[str, str]] = set()

    def add(
        self,
        entity_key: str,
        field: str,
        *,
        reads: Sequence[str],
        model: type[models.Model] | None = None,
        leads_by: str | None = None,
    ) -> None:
        """Count changes of what the field reads as changes of the field, where it is mapped.

        `reads` are paths from the entity, over any relation. With `model` they are fields of that model, whose to-one
        relations `leads_by` lead to the entity's record, such as "contact". Raises UnknownEntity, UnknownField and
        Untrackable.
        """
        owner = entity(entity_key)
        owner.field(field)
        if model is None:
            found = [watched for path in reads for watched in watched_for(owner.model, path)]
        else:
            found = watched_back(model, leads_by or "", list(reads), owner.model)
        self._added.setdefault((entity_key, field), []).extend(found)

    def remove(self, entity_key: str, field: str) -> None:
        """Do not count changes of this field at all."""
        self._added.pop((entity_key, field), None)
        self._removed.add((entity_key, field))

    def watched(self, owner: Entity, field: str) -> Iterator[Watched]:
        """What has to be watched for one mapped field. Raises UnknownField and Untrackable."""
        added = self._added.get((owner.key, field), [])
        own = owner.field(field)
        if (owner.key, field) not in self._removed:
            if not own.reads and not added:
                raise Untrackable(_("Its value is worked out, so nobody sees it change."))
            for path in own.reads:
                yield from watched_for(owner.model, path)
        yield from added


def tracked_fields() -> TrackedFields:
    """The fields to be tracked, after the host was asked."""
    tracked = TrackedFields()
    build_mapping_tracked_fields.send_robust(TrackedFields, tracked=tracked)
    return tracked

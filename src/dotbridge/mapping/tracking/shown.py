"""What a mapping's page says about tracking: which of its values change unseen, and why."""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from dotbridge.entities.registry import UnknownEntity, UnknownField, entity
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.tracking.installing import untriggered_tables
from dotbridge.mapping.tracking.plan import current_plan

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

_LATER = _("Its table could not be given triggers yet. That is tried again every five minutes.")
_ADDRESS = _("The e-mail address")


class Unseen(NamedTuple):
    """A mapped field, or what one comes from, by its name for people, and why its changes are not noted."""

    name: StrOrPromise
    reason: StrOrPromise


def unseen_fields(mapping: Mapping) -> list[Unseen]:
    """What changes unseen and is only compared at night, or when somebody refreshes the data fields of a list."""
    plan = current_plan()
    unseen = [
        Unseen(_name(mapping, path), reason)
        for (mapping_id, path), reason in plan.untracked.items()
        if mapping_id == mapping.pk
    ]
    late = [plan.tables[name] for name in sorted(untriggered_tables(plan))]
    names = [table.model._meta.verbose_name_plural or table.name for table in late if mapping.pk in table.mapping_ids]
    return [*unseen, *(Unseen(capfirst(name), _LATER) for name in names)]


def _name(mapping: Mapping, path: str) -> StrOrPromise:
    if not path:
        return _ADDRESS
    try:
        return entity(mapping.entity).field(path).label
    except (UnknownEntity, UnknownField):
        return path

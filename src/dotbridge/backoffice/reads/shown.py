"""What of people's data somebody may see where records of several entities and values of Dotdigital stand together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dotbridge.backoffice.rights import MAY_SEE_CONTACTS
from dotbridge.backoffice.roles import models_of_people
from dotbridge.connections.models import ListConnection
from dotbridge.entities.registry import UnknownEntity, entity
from dotbridge.entities.rights import Viewer, may_see_paths, may_view
from dotbridge.lists.models import MarketingList
from dotbridge.mapping.rights import data_fields_not_seen
from dotbridge.sync.models import ValueConflict
from dotbridge.sync.outbound.next_export import FieldChange


def may_see_every_person(viewer: Viewer) -> bool:
    """Whether nobody's data is hidden from them: the records of every entity, what their fields are read from, and
    Dotdigital's contacts."""
    return viewer.has_perm(MAY_SEE_CONTACTS) and all(may_view(viewer, model) for model in models_of_people())


def may_see_values(viewer: Viewer, conflict: ValueConflict) -> bool:
    """Whether they may see both values of a conflict: Dotdigital's, and the record's field."""
    try:
        owner = entity(conflict.connection.marketing_list.entity)
    except UnknownEntity:
        return False
    return viewer.has_perm(MAY_SEE_CONTACTS) and may_see_paths(viewer, owner, [conflict.entity_field])


def subject_shown(viewer: Any, subject: str, hidden: str) -> str:
    """Whom or what a problem concerns; `hidden` in place of an address for somebody who may not see addresses."""
    return subject if "@" not in subject or viewer.has_perm(MAY_SEE_CONTACTS) else hidden


def details_shown_to(viewer: Any) -> Callable[[str, str], str]:
    """Answers what a problem's subject and detail show in detail to the person, whose rights are asked once.

    Of somebody with an address it may name any value of their record, so it takes all rights.
    """
    sees_all = may_see_every_person(viewer)
    return lambda subject, detail: detail if sees_all or "@" not in subject else ""


def changes_shown_to(viewer: Viewer, link: ListConnection) -> Callable[[FieldChange], bool]:
    """Says of a change in the dry run of this list whether the person may see its values. Two queries, asked at once.

    A value that another list speaks for comes from the records of that list.
    """
    hidden = data_fields_not_seen(viewer, link.address_book.integration)
    nothing: frozenset[str] = frozenset()
    lists = MarketingList.objects.filter(entity__in=hidden).values_list("name", "entity")
    of_list = {name: hidden[key] for name, key in lists}
    own = hidden.get(link.marketing_list.entity, nothing)
    return lambda change: (
        change.data_field not in (of_list.get(change.source_list, nothing) if change.source_list else own)
    )

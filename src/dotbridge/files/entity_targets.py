"""Files into every registered entity that its host lets them fill: its own fields are the columns.

A host that wants more, such as relations or addresses in a table of their own, says it in `file_targets.py`.
"""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import models

from dotbridge.entities.registry import Entity, entities
from dotbridge.files.headers import Role, role_of
from dotbridge.files.targets import FileField, can_be_filled, is_file_target, register_file_target


def register_entities() -> None:
    """Let files fill the entities that were registered with `takes_files`, and not in a `file_targets.py`."""
    for known in entities():
        if known.takes_files and not is_file_target(known.key):
            _register(known)


def _register(known: Entity) -> None:
    if known.email_path is None:
        raise ImproperlyConfigured(
            f"{known.key} takes files, and its address is no field of its own. Say in file_targets.py where it stands."
        )
    fields: list[FileField] = []
    taken: set[Role] = set()
    for field in _writable(known):
        role = _role(field)
        if role in taken or role is Role.EMAIL:
            role = None
        if role is not None:
            taken.add(role)
        fields.append(FileField(field.name, role=role))
    named = (Role.FIRST_NAME, Role.LAST_NAME) if Role.FIRST_NAME in taken else (Role.FULL_NAME,)
    same_person = [field.name for field in fields if field.role in named]
    register_file_target(known.model, address=known.email_path, fields=fields, same_person=same_person)


def _writable(known: Entity) -> list[models.Field[Any, Any]]:
    """The fields of its own that a form of the host would have, as far as lists may ask about them."""
    offered = {field.path for field in known.fields if not field.is_virtual}
    return [
        field
        for field in known.model._meta.concrete_fields
        if field.editable
        and not (field.primary_key or field.generated or field.is_relation)
        and field.name in offered
        and field.name != known.email_path
        and can_be_filled(field)
    ]


def _role(field: models.Field[Any, Any]) -> Role | None:
    found = role_of(field.name.replace("_", " ")) or role_of(str(field.verbose_name))
    # A number called "phone" is a number, and a company that is a choice is no free text.
    is_text = isinstance(field, (models.CharField, models.TextField)) and not field.choices
    return found if is_text or found in {Role.BIRTHDAY, Role.EXTERNAL_ID, Role.LANGUAGE} else None

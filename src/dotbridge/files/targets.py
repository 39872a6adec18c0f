"""Where a file's columns may go: a host says it for each of its models that files may fill.

In a module `file_targets.py` of the host's app, for a model that is registered as an entity:

    from dotbridge.files.targets import FileField, Role, register_file_target

    register_file_target(
        Customer,
        address="email",
        fields=[FileField("name", role=Role.FULL_NAME), FileField("city", spellings="city, town, Ort")],
    )
"""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db import models
from django.db.models import NOT_PROVIDED
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from dotbridge.entities.fields import is_translated
from dotbridge.files.headers import Role, plain

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

__all__ = ["FileField", "FileTarget", "Role", "RowsOfTheirOwn", "file_target", "file_targets", "register_file_target"]

ADDRESS = "email"
FULL_NAME = "full name"


class ValueKind(enum.Enum):
    """How the cells of a column are read."""

    ADDRESS = "address"
    FULL_NAME = "full name"
    TEXT = "text"
    PHONE = "phone"
    WHOLE_NUMBER = "whole number"
    NUMBER = "number"
    DATE = "date"
    MOMENT = "date and time"
    YES_OR_NO = "yes or no"
    RELATED = "related record"


@dataclass(frozen=True, kw_only=True)
class RowsOfTheirOwn:
    """Values that stand in a table of their own: `record` is the foreign key to the record, `value` the field.

    `primary` is a yes-or-no field that is true for the one value that comes first.
    """

    model: type[models.Model]
    record: str
    value: str
    primary: str | None = None


@dataclass(frozen=True)
class FileField:
    """A field of the model that a file may fill, under the names of its `role` and further `spellings`, by commas.

    `by` names the field by which a related record is found, its letter case and blanks aside; one that is missing is
    made. Further values of one record go to `further`.
    """

    name: str
    role: Role | None = None
    spellings: str = ""
    by: str | None = None
    further: RowsOfTheirOwn | None = None


@dataclass(frozen=True, kw_only=True)
class TargetField:
    """A registered field: how its cells are read, and its column in the database."""

    name: str
    label: StrOrPromise
    kind: ValueKind
    field: models.Field[Any, Any]
    by: str | None = None
    further: RowsOfTheirOwn | None = None


@dataclass(frozen=True, kw_only=True)
class FileTarget:
    """A model that files may fill. `key` is its app label and model name, as that of the entity.

    `own` maps plain spellings to field names, `roles` roles to field names. `address` is the model's own field, None
    where addresses have rows of their own. Two rows are the same person where `same_person` are alike.
    """

    key: str
    model: type[models.Model]
    fields: dict[str, TargetField]
    address: str | None
    addresses: RowsOfTheirOwn | None
    own: dict[str, str]
    roles: dict[Role, str]
    same_person: tuple[str, ...]

    def label_of(self, name: str) -> str:
        """A field's name for people."""
        if name in self.fields:
            return str(self.fields[name].label)
        return {ADDRESS: _("E-mail"), FULL_NAME: _("Full name")}.get(name, name)

    @property
    def external_id(self) -> TargetField | None:
        """The field by which the system that a file comes from knows the record, if the model has one."""
        return self.fields.get(self.roles.get(Role.EXTERNAL_ID, ""))

    @property
    def choices(self) -> dict[str, str]:
        """Everything that a column can go to, with its name for people."""
        names = [ADDRESS, *([FULL_NAME] if FULL_NAME in self.roles.values() else []), *self.fields]
        return {name: self.label_of(name) for name in names}


_registered: dict[str, FileTarget] = {}

# The first class that fits decides; DateTimeField is a DateField and so stands before it.
_KINDS: tuple[tuple[type[models.Field[Any, Any]], ValueKind], ...] = (
    (models.ForeignKey, ValueKind.RELATED),
    (models.BooleanField, ValueKind.YES_OR_NO),
    (models.IntegerField, ValueKind.WHOLE_NUMBER),
    (models.DecimalField, ValueKind.NUMBER),
    (models.FloatField, ValueKind.NUMBER),
    (models.DateTimeField, ValueKind.MOMENT),
    (models.DateField, ValueKind.DATE),
    (models.CharField, ValueKind.TEXT),
    (models.TextField, ValueKind.TEXT),
)


def register_file_target(
    model: type[models.Model],
    *,
    address: str | RowsOfTheirOwn,
    fields: Sequence[FileField],
    same_person: Sequence[str] = (),
) -> FileTarget:
    """Let files fill records of `model`, found by their address.

    A model with a field for the first name and one for the last, by their roles, takes whole names as well. Raises
    ImproperlyConfigured for a field that there is not, or that a file cannot fill.
    """
    key = model._meta.label_lower
    if key in _registered:
        raise ImproperlyConfigured(f"{key} is registered for files already.")
    if model._meta.parents:
        raise ImproperlyConfigured(f"{key} has a parent model; files fill models with one table only.")
    _require_key_of_itself(model)
    taken = {each.name: _target_field(model, each) for each in fields}
    roles = {each.role: each.name for each in fields if each.role is not None}
    roles[Role.EMAIL] = ADDRESS
    if Role.FIRST_NAME in roles and Role.LAST_NAME in roles:
        roles.setdefault(Role.FULL_NAME, FULL_NAME)
    own = {plain(spelt): each.name for each in fields for spelt in (each.name, *_spellings(taken[each.name], each))}
    if isinstance(address, str):
        _field(model, address)
    for own_rows in (address, *(each.further for each in fields)):
        if isinstance(own_rows, RowsOfTheirOwn):
            for name in filter(None, (own_rows.record, own_rows.value, own_rows.primary)):
                _field(own_rows.model, name)
    unknown = [name for name in same_person if name not in taken]
    if unknown:
        raise ImproperlyConfigured(f"{key}: same_person names {unknown[0]!r}, which is none of its fields for files.")
    target = FileTarget(
        key=key,
        model=model,
        fields=taken,
        address=address if isinstance(address, str) else None,
        addresses=None if isinstance(address, str) else address,
        own={name: field for name, field in own.items() if name},
        roles=roles,
        same_person=tuple(same_person),
    )
    _registered[key] = target
    return target


def _require_key_of_itself(model: type[models.Model]) -> None:
    key = model._meta.pk
    if isinstance(key, (models.AutoField, models.UUIDField)) or key.db_default is not NOT_PROVIDED:
        return
    raise ImproperlyConfigured(
        f"{model._meta.label_lower} has a primary key, {key.name!r}, that nothing fills by itself, so files make no "
        "records of it. Files fill models with a key that counts, a UUID, or one with a db_default."
    )


def file_target(key: str) -> FileTarget:
    """The model registered for files under `key`, such as "crm.contact". Raises LookupError, with those there are."""
    try:
        return _registered[key]
    except KeyError:
        known = ", ".join(sorted(_registered)) or "none"
        raise LookupError(f"Files cannot be loaded into {key!r}. They can be loaded into: {known}.") from None


def file_targets() -> tuple[FileTarget, ...]:
    """All models that files may fill, by key."""
    return tuple(_registered[key] for key in sorted(_registered))


def is_file_target(key: str) -> bool:
    """Whether files may fill it."""
    return key in _registered


def can_be_filled(field: models.Field[Any, Any]) -> bool:
    """Whether a file can fill a field of this kind."""
    return _kind_of(field) is not None


def _kind_of(field: models.Field[Any, Any]) -> ValueKind | None:
    # Values are written by statements: one that its field has to translate, such as to encrypt it, would not be.
    if is_translated(field):
        return None
    return next((kind for base, kind in _KINDS if isinstance(field, base)), None)


def _spellings(taken: TargetField, given: FileField) -> list[str]:
    return [str(taken.field.verbose_name), *given.spellings.split(",")]


def _field(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    try:
        found = model._meta.get_field(name)
    except FieldDoesNotExist:
        raise ImproperlyConfigured(f"{model._meta.label_lower} has no field {name!r} that a file could fill.") from None
    if not isinstance(found, models.Field) or not found.concrete:
        raise ImproperlyConfigured(f"{model._meta.label_lower}: {name!r} has no column that a file could fill.")
    return found


def _target_field(model: type[models.Model], given: FileField) -> TargetField:
    found = _field(model, given.name)
    kind = _kind_of(found)
    if kind is not None and given.role is Role.PHONE:
        kind = ValueKind.PHONE
    if kind is None:
        raise ImproperlyConfigured(f"{model._meta.label_lower}: {given.name!r} is of a kind that no file can fill.")
    if (kind is ValueKind.RELATED) != (given.by is not None):
        raise ImproperlyConfigured(
            f"{model._meta.label_lower}: {given.name!r} needs `by` if, and only if, it is a relation."
        )
    if given.by is not None:
        _field(found.related_model, given.by)  # type: ignore[arg-type]
    return TargetField(
        name=given.name,
        label=capfirst(found.verbose_name),
        kind=kind,
        field=found,
        by=given.by,
        further=given.further,
    )

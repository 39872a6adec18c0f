"""Which models of the host can be on a marketing list, what their e-mail address is and which fields they have.

A host registers its models in a module `list_entities.py` of its app:

    from dotbridge.entities.registry import register

    register(Customer, email="email")
"""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import F, QuerySet
from django.db.models.expressions import Combinable
from django.utils.text import capfirst

from dotbridge.entities.fields import (
    EntityField,
    FieldKind,
    PathError,
    VirtualField,
    default_paths,
    field_of_path,
)
from dotbridge.entities.lines import line_of_caller
from dotbridge.entities.record_ids import RECORD_ID_LENGTH
from dotbridge.entities.related_records import Collection, collection_of, default_collections
from dotbridge.entities.texts import PlainText

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

__all__ = [
    "Collection",
    "Entity",
    "EntityField",
    "FaultyEntity",
    "FieldKind",
    "NewRecord",
    "NoEmailField",
    "RegistrationError",
    "UnknownEntity",
    "UnknownField",
    "VirtualField",
    "entities",
    "entity",
    "register",
]


class RegistrationError(Exception):
    """A model that cannot be on a list as it was registered. The text says what to change in `list_entities.py`."""


class NoEmailField(RegistrationError):
    """A model registered without an e-mail address that can be read: nobody could be written to."""


class UnknownEntity(LookupError):
    """A key under which no model is registered, with the keys that are."""

    def __init__(self, key: str, known: Sequence[str]) -> None:
        super().__init__(f"No entity is called {key!r}. Registered are: {', '.join(known) or 'none'}.")
        self.key = key


class FaultyEntity(UnknownEntity):
    """An entity whose records cannot be asked about, as if it were not there: the text says which field is at fault."""

    def __init__(self, key: str, text: str) -> None:
        LookupError.__init__(self, text)
        self.key = key


class UnknownField(LookupError):
    """A field that the entity does not have, with the names closest to it."""

    def __init__(self, entity_key: str, path: str, known: Sequence[str]) -> None:
        close = difflib.get_close_matches(path, known, n=3)
        hint = f"Did you mean {' or '.join(map(repr, close))}?" if close else f"It has: {', '.join(known)}."
        super().__init__(f"{entity_key} has no field {path!r}. {hint}")
        self.path = path


@dataclass(frozen=True, kw_only=True)
class NewRecord:
    """A record to be made for somebody whom only Dotdigital knew: checked, not saved yet, and its address."""

    email: str
    record: Any


Create = Callable[[Sequence[NewRecord]], None]
# Takes away the records of a person by their normalised address.
Erase = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Entity:
    """A model of the host whose records can be on a list, as it was registered.

    - `key`: its app label and model name, "crm.contact";
    - `email_path`: the model's own field that holds the address, None where it is no plain field;
    - `email_reads`: the paths of all fields that the address comes from, as far as they are known;
    - `modified_at`: the field that says when a record was changed last;
    - `create`, `erase`: save new records with their addresses, and take them away; None where the host offers no way;
    - `host_creates`: whether `create` is the host's own;
    - `saves_each`: whether values that come from Dotdigital are written by the record's own `save()`;
    - `manager`: the manager whose records count, empty for the model's default one;
    - `collections`: what belongs to a record in any number;
    - `plural`: what several records are called;
    - `takes_files`: whether files of people may fill it;
    - `registered_at`: the file and line where the host registered it.
    """

    key: str
    model: type[models.Model]
    label: StrOrPromise
    fields: tuple[EntityField, ...]
    default_priority: int
    email: Combinable = field(repr=False, compare=False)
    email_path: str | None = None
    email_reads: tuple[str, ...] = ()
    modified_at: str | None = None
    create: Create | None = field(default=None, repr=False, compare=False)
    erase: Erase | None = field(default=None, repr=False, compare=False)
    host_creates: bool = False
    saves_each: bool = False
    manager: str = ""
    collections: tuple[Collection, ...] = ()
    plural: StrOrPromise = ""
    takes_files: bool = False
    registered_at: str = field(default="", repr=False, compare=False)

    def field(self, path: str) -> EntityField:
        """The field with this path. Raises UnknownField."""
        for known in self.fields:
            if known.path == path:
                return known
        raise UnknownField(self.key, path, [known.path for known in self.fields])

    def email_expression(self) -> Combinable:
        """A fresh expression of the record's address as it is stored, NULL where it has none."""
        return PlainText(copy.deepcopy(self.email))

    def queryset(self) -> QuerySet[Any]:
        """All records that count: the others, such as deleted ones, are on no list."""
        manager: models.Manager[Any] = (
            getattr(self.model, self.manager) if self.manager else self.model._default_manager
        )
        return manager.all()


_registered: dict[str, Entity] = {}
# What the statements about records call columns of their own, beside the record's.
_OURS = {"record_pk", "key_on_list", "address_on_list", "address_of_record", "found_value"}
# Whose text is the same in the database and in Python.
_KEYS = (
    models.IntegerField,
    models.CharField,
    models.TextField,
    models.UUIDField,
    models.DecimalField,
    models.DateField,
)


def register(
    model: type[models.Model],
    *,
    email: str | Combinable | None,
    email_reads: Sequence[str] = (),
    label: StrOrPromise | None = None,
    fields: Sequence[str] | None = None,
    exclude: Sequence[str] = (),
    virtual_fields: Sequence[VirtualField] = (),
    default_priority: int = 0,
    modified_at: str | None = None,
    create: Create | None = None,
    erase: Erase | None = None,
    manager: str = "",
    saves_each: bool = False,
    collections: Sequence[str | Collection] | None = None,
    plural: StrOrPromise | None = None,
    takes_files: bool = False,
) -> Entity:
    """Let records of `model` be on marketing lists.

    - `email`: the path of a text field, through relations to one record too (`person__email`), or an expression; then
      `email_reads` names the fields that it is made of, as `VirtualField.reads` does.
    - `fields`, `exclude`: what can be asked about and mapped. Without `fields`, every plain field of the model and of
      its to-one relations, except passwords.
    - `default_priority`: where several entities could give a contact's default values, the highest comes first.
    - `modified_at`: the path of the field with the moment of a record's last change. Of a value changed here and in
      Dotdigital the newer wins; without this nobody knows which that is.
    - `create`: saves new records with their addresses, by a constant number of statements however many they are. Where
      the address is a plain field of the model this is known without it.
    - `erase`: deletes the records of a person who asks to be forgotten, by their address in lower case. Without it they
      are left to the host.
    - `manager`: the name of the manager whose records count, such as one that leaves deleted records out; without it,
      the model's default one.
    - `saves_each`: a value that comes from Dotdigital is written by the record's `save()`, with your signals, a
      statement or more a record. Without it, many records by one statement.
    - `collections`: the names of relations to many records that rules can ask about ("orders"), or collections of the
      host's own. Without it, all that have a name on the records.
    - `takes_files`: files of people may be loaded into the model's own editable fields, where the address is one.

    Raises NoEmailField, and RegistrationError for a primary key, path, virtual field or second registration that does
    not fit.
    """
    key = model._meta.label_lower
    if key in _registered:
        raise RegistrationError(f"{key} is registered already; register each model once.")
    _require_usable_key(model)
    _require_free_names(model)
    address = _email(model, email)
    email_path = _plain_path(model, email)
    paths = default_paths(model) if fields is None else list(fields)
    chosen = [_own_field(model, path) for path in paths if path not in exclude]
    registered = Entity(
        key=key,
        model=model,
        label=capfirst(model._meta.verbose_name or key) if label is None else label,
        fields=(*chosen, *_virtual(key, virtual_fields, taken={own.path for own in chosen})),
        default_priority=default_priority,
        email=address,
        email_path=email_path,
        email_reads=(*email_reads, *_read_by(model, email)),
        modified_at=_modified_at(model, modified_at),
        erase=erase,
        create=create or (_creator(model, email_path) if email_path else None),
        host_creates=create is not None,
        saves_each=saves_each,
        manager=_manager(model, manager),
        collections=_collections(model, collections),
        plural=capfirst(model._meta.verbose_name_plural or key) if plural is None else plural,
        takes_files=takes_files,
        registered_at=line_of_caller(beyond=__file__),
    )
    _registered[key] = registered
    return registered


def entity(key: str) -> Entity:
    """The entity registered under `key`, such as "crm.contact". Raises UnknownEntity."""
    try:
        return _registered[key]
    except KeyError:
        raise UnknownEntity(key, sorted(_registered)) from None


def entities() -> tuple[Entity, ...]:
    """All entities, the ones with the highest default priority first, then by key."""
    return tuple(sorted(_registered.values(), key=lambda each: (-each.default_priority, each.key)))


def _require_usable_key(model: type[models.Model]) -> None:
    key: Any = model._meta.pk
    if isinstance(key, models.CompositePrimaryKey):
        raise RegistrationError(
            f"{model._meta.label_lower} has a primary key of several columns. A record on a list is named by one: "
            "give the model a key of one column."
        )
    while key.is_relation:
        key = key.target_field
    if not isinstance(key, _KEYS) or isinstance(key, models.DateTimeField) or hasattr(key, "from_db_value"):
        raise RegistrationError(
            f"{model._meta.label_lower} has a primary key of the type {type(key).__name__}, whose text in the database "
            "need not be its text in Python. A record on a list is named by this text: give the model a key of whole "
            "numbers, of texts, UUIDs or days."
        )
    if (getattr(key, "max_length", None) or 0) > RECORD_ID_LENGTH:
        raise RegistrationError(
            f"{model._meta.label_lower} has a primary key of up to {key.max_length} characters. "
            f"A record on a list is named by {RECORD_ID_LENGTH} at most."
        )


def _require_free_names(model: type[models.Model]) -> None:
    names = {name for own in model._meta.get_fields() for name in (own.name, getattr(own, "attname", own.name))}
    if taken := sorted(_OURS & names):
        raise RegistrationError(
            f"{model._meta.label_lower} has a field called {taken[0]!r}, as a column of Dotbridge's own statements is. "
            "Give the field another name; with db_column the table stays as it is."
        )


def _collections(model: type[models.Model], chosen: Sequence[str | Collection] | None) -> tuple[Collection, ...]:
    if chosen is None:
        return tuple(default_collections(model))
    try:
        return tuple(each if isinstance(each, Collection) else collection_of(model, each) for each in chosen)
    except LookupError as error:
        raise RegistrationError(f"{model._meta.label_lower} cannot offer a collection: {error}.") from None


def _own_field(model: type[models.Model], path: str) -> EntityField:
    try:
        return field_of_path(model, path)
    except PathError as error:
        raise RegistrationError(f"{model._meta.label_lower} cannot offer the field {error}.") from None


def _written_path(email: str | Combinable | None) -> list[str]:
    path = email.name if isinstance(email, F) else email  # type: ignore[attr-defined]
    return [path] if isinstance(path, str) else []


def _read_by(model: type[models.Model], email: str | Combinable | None) -> list[str]:
    return [read for path in _written_path(email) for read in field_of_path(model, path).reads]


def _plain_path(model: type[models.Model], email: str | Combinable | None) -> str | None:
    own = {own.name for own in model._meta.concrete_fields}
    return next((path for path in _written_path(email) if path in own), None)


def _creator(model: type[models.Model], email_path: str) -> Create:
    def create(newcomers: Sequence[NewRecord]) -> None:
        for newcomer in newcomers:
            setattr(newcomer.record, email_path, newcomer.email)
        if model._meta.get_parent_list():
            # A record in several tables: Django makes no many at once of these.
            for newcomer in newcomers:
                newcomer.record.save(force_insert=True)
        else:
            model._base_manager.bulk_create([newcomer.record for newcomer in newcomers])

    return create


def _manager(model: type[models.Model], name: str) -> str:
    if name and not isinstance(getattr(model, name, None), models.Manager):
        known = ", ".join(repr(manager.name) for manager in model._meta.managers)
        raise RegistrationError(f"{model._meta.label_lower} has no manager {name!r}. It has: {known}.")
    return name


def _modified_at(model: type[models.Model], path: str | None) -> str | None:
    if path is not None and _own_field(model, path).kind is not FieldKind.DATETIME:
        raise RegistrationError(f"{model._meta.label_lower}: modified_at={path!r} is no date with a time.")
    return path


def _virtual(key: str, virtual_fields: Sequence[VirtualField], *, taken: set[str]) -> list[EntityField]:
    offered = []
    for virtual in virtual_fields:
        if virtual.name in taken:
            raise RegistrationError(f"{key} has two fields called {virtual.name!r}; give the virtual one another name.")
        if getattr(virtual.expression, "contains_aggregate", False):
            raise RegistrationError(
                f"{key}: the virtual field {virtual.name!r} is an aggregate; "
                "use a Subquery, so that a record stays one row."
            )
        taken.add(virtual.name)
        offered.append(
            EntityField(
                path=virtual.name,
                label=virtual.label,
                kind=virtual.kind,
                is_virtual=True,
                reads=tuple(virtual.reads),
                source=virtual.expression,
                names=(virtual.label,),
                registered_at=virtual.registered_at,
            )
        )
    return offered


def _email(model: type[models.Model], email: str | Combinable | None) -> Combinable:
    key = model._meta.label_lower
    if isinstance(email, F):
        email = email.name  # type: ignore[attr-defined]
    if isinstance(email, Combinable):
        return email
    mend = 'Pass email="NAME_OF_A_TEXT_FIELD" or an expression that gives the address.'
    if not email:
        raise NoEmailField(f"{key} has no e-mail address, so nobody on a list of it could be written to. {mend}")
    try:
        found = field_of_path(model, email)
    except PathError as error:
        raise NoEmailField(f"{key} cannot take its e-mail address from {error}. {mend}") from None
    if found.kind is not FieldKind.STRING:
        raise NoEmailField(
            f"{key} cannot take its e-mail address from {email!r}: it is no text, or one that only Python can read, "
            f"such as an encrypted one. {mend}"
        )
    return found.source

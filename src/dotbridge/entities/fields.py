"""The fields of an entity: what a rule can ask about and what can be mapped to a data field."""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

import copy
import enum
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import F, Func, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KT
from django.db.models.functions import Cast
from django.utils.choices import CallableChoiceIterator
from django.utils.text import capfirst, format_lazy

from dotbridge.entities.choices import Choices
from dotbridge.entities.lines import line_of_caller
from dotbridge.entities.texts import PlainText

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


BETWEEN_LABELS = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "


class FieldKind(enum.Enum):
    """What a value is, as far as rules and mappings care. OTHER can be neither asked about nor mapped."""

    STRING = "string"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    DATETIME = "datetime"
    BOOLEAN = "boolean"
    OTHER = "other"


# The first class that fits decides; DateTimeField is a DateField and so stands before it.
_KINDS: tuple[tuple[type[models.Field[Any, Any]], FieldKind], ...] = (
    (models.FileField, FieldKind.OTHER),
    (models.CharField, FieldKind.STRING),
    (models.TextField, FieldKind.STRING),
    (models.UUIDField, FieldKind.STRING),
    (ArrayField, FieldKind.STRING),
    (models.BooleanField, FieldKind.BOOLEAN),
    (models.IntegerField, FieldKind.INTEGER),
    (models.DecimalField, FieldKind.DECIMAL),
    (models.FloatField, FieldKind.DECIMAL),
    (models.DateTimeField, FieldKind.DATETIME),
    (models.DateField, FieldKind.DATE),
)


@dataclass(frozen=True, kw_only=True)
class VirtualField:
    """A value worked out by the database from an expression over the model, shown among the model's own fields.

    The expression may follow single-valued relations; aggregates are refused, because a record has to stay one row.
    `reads` names the fields that it is made of, as paths from the model over any relation ("emails__email"): their
    changes count as changes of this value. What is not named, such as the date of today, is seen once a day at best.
    """

    name: str
    label: StrOrPromise
    kind: FieldKind
    expression: Combinable
    reads: tuple[str, ...] = ()
    registered_at: str = field(init=False, default="", repr=False, compare=False)

    def __post_init__(self) -> None:
        """Note the host's line, which texts about the field name."""
        object.__setattr__(self, "registered_at", line_of_caller(beyond=__file__))


@dataclass(frozen=True, kw_only=True)
class EntityField:
    """One value of a record: its path from the model ("account__name"), its name for people, the kind of its values.

    `reads` are the paths of the model's fields that it comes from; a virtual field names its own. `names` are the names
    of the relations that lead to it and its own, the label is made of them. `decimal_places` is None but for decimals.
    `lookup` finds the values of a field whose values are not in `choices`; `shows` are further models that it tells of.
    `registered_at` is the line where a host made a virtual field.
    """

    path: str
    label: StrOrPromise
    kind: FieldKind
    choices: Sequence[tuple[Any, StrOrPromise]] = ()
    is_virtual: bool = False
    reads: tuple[str, ...] = ()
    source: Combinable = field(repr=False, compare=False)
    names: tuple[StrOrPromise, ...] = ()
    decimal_places: int | None = None
    lookup: Choices | None = field(default=None, repr=False, compare=False)
    shows: tuple[type[models.Model], ...] = ()
    registered_at: str = field(default="", repr=False, compare=False)

    def expression(self) -> Combinable:
        """A fresh expression of the value, for `annotate` on the entity's queryset."""
        return copy.deepcopy(self.source)


def _choices(model_field: Any) -> tuple[tuple[Any, StrOrPromise], ...]:
    """The values that the field offers; what stands for none is no value."""
    return tuple((value, text) for value, text in model_field.flatchoices if value not in (None, ""))


class _LiveChoices(Sequence[tuple[Any, "StrOrPromise"]]):
    """What a host's function offers at this moment. It may ask the database, which is not there yet when models are
    registered."""

    def __init__(self, model_field: Any) -> None:
        self._field = model_field

    def __getitem__(self, place: Any) -> Any:
        return _choices(self._field)[place]

    def __iter__(self) -> Iterator[tuple[Any, StrOrPromise]]:
        return iter(_choices(self._field))

    def __len__(self) -> int:
        return len(_choices(self._field))


class PathError(Exception):
    """A path that does not lead from the model to one value of its own or of a single-valued relation."""


def field_of_path(model: type[models.Model], path: str) -> EntityField:
    """The model field at the end of `path`, relations followed by `__`, and behind a JSON field the keys in it.

    Raises PathError, which says which part of the path does not fit and why.
    """
    names = path.split("__")
    labels: list[StrOrPromise] = []
    for position, name in enumerate(names[:-1], 1):
        relation = _part(model, name, path)
        if isinstance(relation, models.JSONField):
            return _key_in_json(path, names[:position], [*labels, _label(relation), *names[position:]])
        if not relation.is_relation or relation.related_model is None:
            raise PathError(f"{path!r}: {name!r} of {model._meta.label} is not a relation")
        if relation.many_to_many or relation.one_to_many:
            raise PathError(f"{path!r}: {name!r} of {model._meta.label} leads to many records, not to one")
        labels.append(_label(relation))
        model = relation.related_model
    found = _part(model, names[-1], path)
    if found.is_relation:
        raise PathError(f"{path!r}: {names[-1]!r} of {model._meta.label} is a relation; name a field behind it")
    labels.append(_label(found))
    return EntityField(
        path=path,
        label=_joined(labels),
        kind=kind_of(found),
        choices=_LiveChoices(found) if isinstance(found.choices, CallableChoiceIterator) else _choices(found),
        is_virtual=isinstance(found, models.GeneratedField | ArrayField),
        reads=(path,),
        source=_source(found, path),
        names=tuple(labels),
        decimal_places=getattr(found, "decimal_places", None),
    )


def same_value(kind: FieldKind, value: Any) -> str | Decimal:
    """A value as it compares with others of the kind, whoever wrote it: 1, 1.0 and "1.00" are one number."""
    if kind in (FieldKind.INTEGER, FieldKind.DECIMAL):
        with suppress(InvalidOperation):
            return Decimal(str(value))
    return str(value)


def kind_of(model_field: models.Field[Any, Any]) -> FieldKind:
    """The kind of a model field's values; OTHER for what has no plain single value, such as JSON, binary and files, and
    for what the database holds otherwise than Python does, such as a field of the host's that encrypts.

    A generated field is what it is made to be; a UUID is its text, and an array the text of its parts.
    """
    if isinstance(model_field, models.GeneratedField):
        return kind_of(model_field.output_field) if model_field.output_field else FieldKind.OTHER
    if is_translated(model_field):
        return FieldKind.OTHER
    return next((kind for base, kind in _KINDS if isinstance(model_field, base)), FieldKind.OTHER)


def is_translated(model_field: models.Field[Any, Any]) -> bool:
    """Whether Python makes another value of what the database holds: a statement would compare and send the latter.

    With choices it holds the values of the choices, and Python makes members of an enumeration of them.
    """
    return hasattr(model_field, "from_db_value") and not model_field.choices


def _source(model_field: models.Field[Any, Any], path: str) -> Combinable:
    """The value as its kind says: what a UUID or an array is compared with, and sent as, is text."""
    if isinstance(model_field, models.UUIDField):
        return Cast(F(path), TextField())
    if isinstance(model_field, ArrayField):
        return Func(F(path), Value(", "), function="array_to_string", output_field=TextField())
    return PlainText(F(path)) if getattr(model_field, "db_collation", None) else F(path)


def _key_in_json(path: str, to_field: Sequence[str], labels: Sequence[StrOrPromise]) -> EntityField:
    return EntityField(
        path=path,
        label=_joined(labels),
        kind=FieldKind.STRING,
        is_virtual=True,
        reads=("__".join(to_field),),
        source=KT(path),
        names=tuple(labels),
    )


def _joined(labels: Sequence[StrOrPromise]) -> StrOrPromise:
    joined: StrOrPromise = format_lazy(BETWEEN_LABELS.join(["{}"] * len(labels)), *labels)
    return joined


def default_paths(model: type[models.Model]) -> list[str]:
    """The model's own mappable fields, then those of its to-one relations, one level deep; never a password."""
    own = _plain_names(model)
    related = [
        f"{relation.name}__{name}"
        for relation in model._meta.concrete_fields
        if relation.is_relation and relation.related_model and not _is_parent_link(relation)
        for name in _plain_names(relation.related_model)
    ]
    return own + related


def _plain_names(model: type[models.Model]) -> list[str]:
    return [
        plain.name
        for plain in model._meta.concrete_fields
        if not plain.is_relation and kind_of(plain) is not FieldKind.OTHER and plain.name != "password"
    ]


def _is_parent_link(relation: models.Field[Any, Any]) -> bool:
    return bool(getattr(relation.remote_field, "parent_link", False))


def _part(model: type[models.Model], name: str, path: str) -> Any:
    try:
        return model._meta.get_field(name)
    except FieldDoesNotExist:
        raise PathError(f"{path!r}: {model._meta.label} has no field {name!r}") from None


def _label(part: Any) -> StrOrPromise:
    # A reverse one-to-one relation has no name of its own.
    named = part.related_model._meta if part.auto_created and part.is_relation else part
    label: StrOrPromise = capfirst(named.verbose_name)
    return label

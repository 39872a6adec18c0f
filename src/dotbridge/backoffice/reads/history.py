"""Who changed what, as people read it: names in place of numbers, a rule as a sentence, before and after."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.translation import gettext as _

from dotbridge.audit.acting import COMMAND_LINE
from dotbridge.audit.models import AuditEntry, Verb
from dotbridge.backoffice.entity_labels import entity_label
from dotbridge.backoffice.permission_labels import permission_label
from dotbridge.backoffice.reads.rules import rule_words
from dotbridge.entities.rights import Viewer
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules.value_words import quoted

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MOST = 50
LONGEST = 300
MOST_TOGETHER = 5
CALLED_BY = {"dotbridge_mapping.mappingrow": "data_field_id", "dotbridge_connections.listconnection": "address_book_id"}
NOTHING = "\N{EN DASH}"


@dataclass(frozen=True, kw_only=True)
class ChangedValue:
    """One field, before and after. Of a secret neither is known, which `is_secret` says."""

    label: str
    before: str = ""
    after: str = ""
    is_secret: bool = False

    @property
    def known(self) -> str:
        """The one side that there is, of what was made or deleted."""
        return self.before if self.after == NOTHING else self.after


@dataclass(frozen=True, kw_only=True)
class HistoryLine:
    """One change, or one thing that somebody did. Without `is_change` it was made or deleted, and has one side."""

    at: datetime
    who: str
    what: str
    values: tuple[ChangedValue, ...] = ()
    is_change: bool = True


def history_of(record: models.Model, *, viewer: Viewer) -> list[HistoryLine]:
    """What stands on the page of this record, newest first: changes, and what people did with it."""
    label, key = record._meta.label_lower, str(record.pk)  # noqa: SLF001 - Django's documented way to ask
    entries = AuditEntry.objects.filter(about_model=label, about_id=key).order_by("-id")[:MOST]
    acts = LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(record), object_id=key)
    lines = [*audit_lines(list(entries), viewer=viewer), *map(_act, acts.select_related("user")[:MOST])]
    return sorted(lines, key=lambda line: line.at, reverse=True)[:MOST]


def _act(entry: LogEntry) -> HistoryLine:
    return HistoryLine(at=entry.action_time, who=str(entry.user), what=entry.get_change_message() or _("Made"))


def audit_lines(entries: Sequence[AuditEntry], *, viewer: Viewer) -> list[HistoryLine]:
    """These rows of the audit, in a fixed number of queries for each kind of record that they name.

    Rights that one person got in one go are one line.
    """
    names = _Names(entries, viewer)
    lines = []
    for _key, group in groupby(entries, key=names.go_of):
        some = list(group)
        values = [value for entry in some for value in _values(entry, names)]
        if len(some) > MOST_TOGETHER:
            rest = _("and %(n)d more") % {"n": len(values) - MOST_TOGETHER}
            values = [*values[:MOST_TOGETHER], ChangedValue(label="", before=NOTHING, after=rest)]
        first = some[0]
        lines.append(
            HistoryLine(
                at=first.at,
                who=who_did(first),
                what=names.headline(first),
                values=tuple(values),
                is_change=first.verb == Verb.CHANGED,
            )
        )
    return lines


def who_did(entry: AuditEntry) -> str:
    """The person, or that the product did it by itself."""
    if not entry.actor:
        return _("By itself")
    return _("%(name)s, at the command line") % {"name": entry.actor} if entry.origin == COMMAND_LINE else entry.actor


def kind_of(label: str) -> StrOrPromise:
    """What a record of this model is called; the model's own name if it is not there any more."""
    model = _model(label)
    return model._meta.verbose_name or label if model is not None else label  # noqa: SLF001


def field_label(label: str, column: str) -> str:
    """What a column is called."""
    field = _field(label, column)
    text = str(field.verbose_name) if field is not None else column
    return text[:1].upper() + text[1:]


def _values(entry: AuditEntry, names: _Names) -> Iterable[ChangedValue]:
    for column, pair in sorted(entry.changes.items()):
        if pair is None:
            yield ChangedValue(label=field_label(entry.model, column), is_secret=True)
            continue
        before, after = (names.shown(entry, column, value) for value in pair)
        is_told_by_headline = names.is_between(entry) and column == names.about_column(entry)
        if not is_told_by_headline and (entry.verb == Verb.CHANGED or {before, after} != {NOTHING}):
            yield ChangedValue(label=field_label(entry.model, column), before=before, after=after)


class _Names:
    """The names behind the numbers that some entries hold, read at once."""

    def __init__(self, entries: Sequence[AuditEntry], viewer: Viewer) -> None:
        self._viewer = viewer
        wanted: dict[type[models.Model], set[Any]] = {}
        for entry in entries:
            for column, pair in entry.changes.items():
                field = _field(entry.model, column)
                if field is not None and field.related_model is not None:
                    wanted.setdefault(field.related_model, set()).update(each for each in pair or () if each)
        lists = {entry.about_id for entry in entries if "rule" in entry.changes}
        self._found = {model: _names_in(model, keys) for model, keys in wanted.items()}
        still_there = MarketingList.objects.filter(pk__in=[key for key in lists if key.isdigit()])
        self._entities = {str(pk): key for pk, key in still_there.values_list("pk", "entity")}

    def headline(self, entry: AuditEntry) -> str:
        """Marketing list “VIPs” changed."""
        if self.is_between(entry):
            owner = self.shown(entry, self.about_column(entry), self._about(entry))
            given = _("Right given to “%(name)s”") if entry.verb == Verb.MADE else _("Right taken from “%(name)s”")
            return given % {"name": owner}
        kind = str(kind_of(entry.model))
        name = entry.record or self._called_by(entry)
        words = [f"{kind[:1].upper()}{kind[1:]}", quoted(name) if name else "", str(entry.get_verb_display())]
        return " ".join(filter(None, words))

    def _called_by(self, entry: AuditEntry) -> str:
        """What a record without a name of its own is called by, as far as the entry holds it."""
        column = CALLED_BY.get(entry.model, "")
        after, before = reversed(entry.changes.get(column) or (None, None))
        value = before if after is None else after
        return "" if value is None else self.shown(entry, column, value)

    def go_of(self, entry: AuditEntry) -> tuple[Any, ...]:
        """What tells the entries apart that stand in lines of their own."""
        if not self.is_between(entry):
            return (entry.pk,)
        return (entry.about_model, entry.about_id, entry.verb, entry.actor, entry.at.replace(microsecond=0))

    def is_between(self, entry: AuditEntry) -> bool:
        """Whether the row stands between a user or group and what it has."""
        model = _model(entry.model)
        return model is not None and bool(model._meta.auto_created)  # noqa: SLF001

    def about_column(self, entry: AuditEntry) -> str:
        """The column of it that names the user or group."""
        return next((name for name in entry.changes if f"{entry.about_model}_id".endswith(f".{name}")), "")

    def _about(self, entry: AuditEntry) -> Any:
        pair = entry.changes.get(self.about_column(entry)) or (None, None)
        return pair[1] if pair[1] is not None else pair[0]

    def shown(self, entry: AuditEntry, column: str, value: Any) -> str:
        """The value as a person reads it."""
        if value in (None, "", [], {}):
            return _("everybody") if column == "rule" and value == {} else NOTHING
        field = _field(entry.model, column)
        if column == "rule":
            return self._rule(entry, value)
        if field is not None and field.related_model is not None:
            return self._found[field.related_model].get(str(value), f"#{value}")
        if isinstance(value, bool):
            return _("Yes") if value else _("No")
        if column == "entity":
            return entity_label(str(value))
        flat = field.flatchoices if field is not None and field.choices else ()
        choices = {str(key): label for key, label in flat}
        return _short(str(choices.get(str(value), _joined(value))))

    def _rule(self, entry: AuditEntry, rule: Any) -> str:
        named = entry.changes.get("entity") or (None, None)
        key = self._entities.get(entry.about_id) or named[1] or named[0] or ""
        return rule_words(MarketingList(entity=key, rule=rule), self._viewer)


def _names_in(model: type[models.Model], keys: set[Any]) -> dict[str, str]:
    """The records by their keys as text, in one query, whatever their names are made of."""
    found = model._default_manager.select_related().in_bulk(list(keys))  # noqa: SLF001 - as Django names it
    return {
        str(pk): permission_label(each) if isinstance(each, Permission) else str(each) for pk, each in found.items()
    }


def _joined(value: Any) -> Any:
    if isinstance(value, list):
        return ", ".join(str(each.get("field", each)) if isinstance(each, dict) else str(each) for each in value)
    return value


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _model(label: str) -> type[models.Model] | None:
    try:
        return apps.get_model(label)
    except (LookupError, ValueError):
        return None


def _field(label: str, column: str) -> Any:
    model = _model(label)
    fields = model._meta.concrete_fields if model is not None else ()  # noqa: SLF001
    return next((field for field in fields if field.column == column), None)

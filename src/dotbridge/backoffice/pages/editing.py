"""Two people who change one thing at once: the later one is told, and shown what stands now beside what they wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Model
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

from dotbridge.audit.models import AuditEntry
from dotbridge.backoffice.labels import shortened
from dotbridge.editing import fingerprint

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

LONGEST = 200


def seen_of(request: HttpRequest, record: Model, fields: Iterable[str]) -> str:
    """What the person saw of these fields: as their form says, or as they are now."""
    return posted_seen(request) or fingerprint(record, fields)


def posted_seen(request: HttpRequest) -> str:
    """What the person saw, as their form says; empty without a form."""
    return request.POST.get("seen", "")[:64]


def clash(lines: Iterable[tuple[StrOrPromise, str, str]], *, changed: AuditEntry | None, seen: str) -> dict[str, Any]:
    """What the page says to the later one: who changed it, both sides of what differs, and what was `seen` now.

    `lines` are labels with what they saved and what this person wants. Saving once more puts the latter in its place.
    Without any difference, as after a double click, there is no clash to tell of: `clash` is empty.
    """
    return {
        "clash": [{"label": label, "theirs": theirs, "mine": mine} for label, theirs, mine in lines if theirs != mine],
        "clash_by": changed,
        "seen": seen,
    }


def clash_of_form(
    form: forms.Form | forms.ModelForm[Any], records: Sequence[Model], fields: Iterable[str]
) -> dict[str, Any]:
    """The same of a form whose fields are those of the one record. Raises Http404 where that was deleted."""
    if not records:
        raise Http404
    theirs, names = records[0], list(fields)
    lines = [
        (
            form.fields[name].label or name,
            value_in_words(form.fields[name], getattr(theirs, name)),
            value_in_words(form.fields[name], form.cleaned_data.get(name)),
        )
        for name in names
    ]
    return clash(lines, changed=last_change(theirs), seen=fingerprint(theirs, names))


def value_in_words(field: forms.Field, value: Any) -> str:
    """A value of a form for people."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    choices = getattr(field, "choices", None)
    if choices is not None and not isinstance(value, Model):
        named: Mapping[str, Any] = {str(key): label for key, label in choices}
        return str(named.get(str(value), value))
    shown = field.prepare_value(value)
    return shortened(str(shown), LONGEST) if shown not in (None, "") else _("empty")


def last_change(record: Model) -> AuditEntry | None:
    """Who changed the record last, as the audit has it."""
    label = record._meta.label_lower  # noqa: SLF001 - Django's documented way to ask
    return AuditEntry.objects.filter(model=label, record_id=str(record.pk)).order_by("-id").first()

"""Two people who change one thing at once: the later one is told, and shown what stands now beside what they wrote."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Model
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _

from dotbridge.audit.models import AuditEntry
from dotbridge.backoffice.labels import shortened
from dotbridge.editing import fingerprint
from dotbridge.encryption import SecretUnreadable, unseal

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    # A label, what they saved, and what this person wants.
    Line = tuple[StrOrPromise, str, str]

LONGEST = 200


def seen_of(request: HttpRequest, record: Model, fields: Iterable[str]) -> str:
    """What the person saw of these fields: as their form says, or as they are now."""
    return posted_seen(request) or fingerprint(record, fields)


def posted_seen(request: HttpRequest) -> str:
    """What the person saw, as their form says; empty without a form."""
    return request.POST.get("seen", "")[:64]


def clash(lines: Iterable[Line], *, changed: AuditEntry | None, seen: str) -> dict[str, Any]:
    """What the page says to the later one: who changed it, both sides of what differs, and what was `seen` now.

    Saving once more puts what this person wants in the place of what they saved.
    Without any difference, as after a double click, there is no clash to tell of: `clash` is empty.
    """
    return {
        "clash": [{"label": label, "theirs": theirs, "mine": mine} for label, theirs, mine in lines if theirs != mine],
        "clash_by": changed,
        "seen": seen,
    }


def clash_of_form(
    form: forms.Form | forms.ModelForm[Any],
    records: Sequence[Model],
    fields: Iterable[str],
    *,
    further: Callable[[Any], Iterable[Line]] = lambda _theirs: (),
    held: Iterable[str] = (),
) -> dict[str, Any]:
    """The same of a form whose fields are those of the one record. Raises Http404 where that was deleted.

    `further` makes the lines of what is kept in another way than its field shows it, of what they saved; then `held`
    are the record's fields that the form was drawn from.
    """
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
    seen = fingerprint(theirs, held or names)
    return clash([*lines, *further(theirs)], changed=last_change(theirs), seen=seen)


def line_of_secret(form: forms.Form | forms.ModelForm[Any], name: str, sealed: str) -> Line:
    """Of a secret only that there is another one than was typed. Both sides are the same where nothing was typed, and
    where they saved just that, as the first of two clicks does."""
    label, typed = form.fields[name].label or name, form.cleaned_data[name]
    try:
        differs = bool(typed) and typed != unseal(sealed)
    except SecretUnreadable:
        differs = True
    return (label, _("as they saved it"), _("type it again")) if differs else (label, "", "")


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

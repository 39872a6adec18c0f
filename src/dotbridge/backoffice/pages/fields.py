"""Fields: which of our fields fills which of theirs?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dotbridge.backoffice.labels import grouped
from dotbridge.backoffice.pages.editing import clash, last_change, posted_seen, value_in_words
from dotbridge.backoffice.pages.forms import add_refusal
from dotbridge.backoffice.pages.frame import Crumb, page, show
from dotbridge.backoffice.pages.list_frame import may_see_people
from dotbridge.backoffice.queries import is_key, search_of
from dotbridge.backoffice.reads.fields import (
    Impact,
    field_words,
    fitting_fields,
    impact_of,
    mapping_lines,
    mappings_of_accounts,
    sample_person,
)
from dotbridge.backoffice.reads.history import history_of
from dotbridge.backoffice.rights import (
    MAY_ADD_DATA_FIELD,
    MAY_ADD_MAPPING,
    MAY_CHANGE_MAPPING,
    MAY_SEE_DATA_FIELDS,
    MAY_SEE_MAPPINGS,
)
from dotbridge.editing import ChangedMeanwhile, fingerprint_of_all
from dotbridge.entities.registry import UnknownEntity
from dotbridge.entities.registry import entity as entity_of
from dotbridge.entities.rights import Viewer
from dotbridge.entities.time_limits import TookTooLong
from dotbridge.mapping.models import EmptyValues, Mapping, MappingRow
from dotbridge.mapping.services import ROW_FIELDS, set_mapping_row
from dotbridge.mirror.models import DataField

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# How many fields can be joined in the form; a row that was made with more keeps them all.
PLACES = 3


class RowForm(forms.Form):
    """One line of a mapping: a data field, and our fields that fill it."""

    data_field = forms.ModelChoiceField(
        label=gettext_lazy("Data field"),
        queryset=DataField.objects.none(),
        empty_label=gettext_lazy("choose a data field"),
    )
    first = forms.ChoiceField(label=gettext_lazy("Our field"))
    second = forms.ChoiceField(
        label=gettext_lazy("joined with"), required=False, help_text=gettext_lazy("Several are joined with a space.")
    )
    third = forms.ChoiceField(label=gettext_lazy("and with"), required=False)
    is_two_way = forms.BooleanField(
        label=gettext_lazy("Both ways"),
        required=False,
        help_text=gettext_lazy("Values changed in Dotdigital are written back. One plain field of the record only."),
    )
    empty_values = forms.ChoiceField(label=gettext_lazy("When ours is empty"), choices=EmptyValues.choices)

    def __init__(
        self, *args: Any, mapping: Mapping, viewer: Viewer, row: MappingRow | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        fields = DataField.objects.filter(integration=mapping.integration_id, gone_at=None, leaving_since=None)
        taken = mapping.rows.values("data_field")
        if row is not None:
            taken = taken.exclude(pk=row.pk)
        # What somebody else has mapped meanwhile is told as such, and not that there is no such field.
        if is_key(self.data.get("data_field", "")):
            taken = taken.exclude(data_field=self.data["data_field"])
        self.fields["data_field"].queryset = fields.exclude(pk__in=taken)  # type: ignore[attr-defined]
        self.fields["data_field"].label_from_instance = _named_with_type  # type: ignore[attr-defined]
        choices = fitting_fields(
            mapping,
            row.data_field.type if row else "",
            viewer=viewer,
            chosen=row.entity_fields if row else (),
        )
        self.places = _places(row)
        for name in self.places[PLACES:]:
            self.fields[name] = forms.ChoiceField(label=_("and with"), required=False)
        for name in self.places:
            empty = _("choose a field") if name == self.places[0] else _("nothing more")
            self.fields[name].choices = [("", empty), *choices]  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """What the mapping's service takes."""
        paths = [self.cleaned_data[name] for name in self.places]
        return {
            "data_field": self.cleaned_data["data_field"],
            "entity_fields": list(dict.fromkeys(path for path in paths if path)),
            "is_two_way": self.cleaned_data["is_two_way"],
            "empty_values": self.cleaned_data["empty_values"],
        }


def _places(row: MappingRow | None) -> list[str]:
    """The names of the form's fields for each of ours that is joined."""
    more = len(row.entity_fields) if row is not None else 0
    return ["first", "second", "third", *(f"place_{place}" for place in range(PLACES, more))]


def _named_with_type(field: DataField) -> str:
    return f"{field.name} ({field.type})"


@page()
def fields(request: HttpRequest) -> HttpResponse:
    """Every account's mappings, and its data fields."""
    may = request.user.has_perm
    if not (may(MAY_SEE_MAPPINGS) or may(MAY_SEE_DATA_FIELDS)):
        raise PermissionDenied
    return show(
        request,
        "backoffice/house/fields.html",
        title=_("Fields"),
        current="fields",
        context={
            "accounts": mappings_of_accounts(),
            "may_see_mappings": may(MAY_SEE_MAPPINGS),
            "may_see_fields": may(MAY_SEE_DATA_FIELDS),
            "may_add_field": may(MAY_ADD_DATA_FIELD),
            "add_field_url": reverse("dotbridge_tables:dotbridge_mirror_datafield_changelist"),
            "may_add_mapping": may(MAY_ADD_MAPPING),
            "add_mapping_url": reverse("dotbridge_tables:dotbridge_mapping_mapping_add"),
        },
    )


def _mapping_or_404(pk: int) -> Mapping:
    return get_object_or_404(Mapping.objects.select_related("integration"), pk=pk)


def _url(mapping: Mapping) -> str:
    return reverse("dotbridge:mapping", args=[mapping.pk])


def _crumbs(mapping: Mapping | None = None) -> list[Crumb]:
    crumbs = [Crumb(title=_("Fields"), url=reverse("dotbridge:fields"))]
    return [*crumbs, Crumb(title=str(mapping), url=_url(mapping))] if mapping else crumbs


@page(MAY_SEE_MAPPINGS)
def mapping(request: HttpRequest, pk: int) -> HttpResponse:
    """One mapping: our fields on the left, theirs on the right, and the values of one person."""
    found = _mapping_or_404(pk)
    search, sample, not_shown = search_of(request), None, ""
    if may_see_people(request, found.entity):
        try:
            sample = sample_person(request, found, search)
        except TookTooLong:
            not_shown = _("This takes too long at present. Type more of the address, or try again later.")
        if search and sample is None:
            not_shown = not_shown or _("Nobody found")
    return show(
        request,
        "backoffice/house/mapping.html",
        title=str(found),
        current="fields",
        crumbs=_crumbs(),
        context={
            "mapping": found,
            "lines": mapping_lines(found, sample),
            "history": history_of(found, viewer=request.user),
            "sample": sample,
            "not_shown": not_shown,
            "search": search,
            "may_see_people": may_see_people(request, found.entity),
            "may_change": request.user.has_perm(MAY_CHANGE_MAPPING) and _is_known(found),
            "table_url": reverse("dotbridge_tables:dotbridge_mapping_mapping_change", args=[pk]),
        },
    )


def _is_known(found: Mapping) -> bool:
    try:
        entity_of(found.entity)
    except UnknownEntity:
        return False
    return True


@page(MAY_SEE_MAPPINGS, MAY_CHANGE_MAPPING)
def row(request: HttpRequest, pk: int, row: int | None = None) -> HttpResponse:
    """Add or change a line; what it sends again is said before it is saved."""
    found = _mapping_or_404(pk)
    stored = found.rows.select_related("data_field").filter(pk=row).first() if row else None
    posted = request.POST if request.method == "POST" else None
    if row and stored is None and posted is None:
        raise Http404
    initial = _initial(stored) if stored else {}
    form = RowForm(posted, mapping=found, viewer=request.user, row=stored, initial=initial)
    impact: Impact | None = None
    seen = posted_seen(request) or fingerprint_of_all([stored] if stored else [], ROW_FIELDS)
    context: dict[str, Any] = {"seen": seen}
    if request.method == "POST" and form.is_valid():

        def write() -> None:
            set_mapping_row(mapping=found, replaces=row, seen=seen, **form.values())

        try:
            if request.POST.get("confirmed"):
                write()
                return _done(request, found, _("Changed: %(field)s.") % {"field": form.cleaned_data["data_field"].name})
            impact = impact_of(found, write)
        except ValidationError as error:
            add_refusal(form, error)
        except ChangedMeanwhile as error:
            context = _clash(form, found, row, error)
            if not context["clash"]:
                return HttpResponseRedirect(_url(found))
    return show(
        request,
        "backoffice/house/mapping_row.html",
        status=409 if "clash" in context else 200,
        title=stored.data_field.name if stored else _("Map another field"),
        current="fields",
        crumbs=_crumbs(found),
        context={
            "form": form,
            "impact": impact,
            "impact_words": _words(impact),
            "back_url": _url(found),
            "reload_url": request.path if stored or not row else _url(found),
            "row": stored,
            **context,
        },
    )


def _clash(form: RowForm, found: Mapping, key: int | None, error: ChangedMeanwhile) -> dict[str, Any]:
    """What the later one of two people is told: what the rows that would go hold now, beside what they chose."""
    going = cast("Sequence[MappingRow]", error.records)
    chosen = MappingRow(mapping=found, **form.values())
    mine, theirs = _row_in_words(chosen), [_row_in_words(each) for each in going]
    lines = [
        (label, "; ".join(each[label] for each in theirs) or _("not mapped any more"), words)
        for label, words in mine.items()
    ]
    newest = last_change(going[0] if going else MappingRow(pk=key))
    return clash(lines, changed=newest, seen=fingerprint_of_all(going, ROW_FIELDS))


def _row_in_words(mapped: MappingRow) -> dict[StrOrPromise, str]:
    """A line of a mapping, by the names that its form has for them."""
    fields: dict[str, forms.Field] = RowForm.base_fields
    return {
        _("Data field"): mapped.data_field.name,
        _("Our field"): field_words(mapped.mapping.entity, mapped.entity_fields),
        _("Both ways"): value_in_words(fields["is_two_way"], mapped.is_two_way),
        _("When ours is empty"): value_in_words(fields["empty_values"], mapped.empty_values),
    }


def _initial(stored: MappingRow) -> dict[str, Any]:
    return {
        "data_field": stored.data_field_id,
        **dict(zip(_places(stored), stored.entity_fields, strict=False)),
        "is_two_way": stored.is_two_way,
        "empty_values": stored.empty_values,
    }


def _words(impact: Impact | None) -> str:
    if impact is None:
        return ""
    if impact.problem:
        return impact.problem
    if not impact.people:
        return _("Saving sends nobody again.")
    text = ngettext("Saving sends %(n)s person again.", "Saving sends %(n)s people again.", impact.people)
    return text % {"n": grouped(impact.people)}


def _done(request: HttpRequest, found: Mapping, text: str) -> HttpResponse:
    messages.success(request, text)
    return HttpResponseRedirect(_url(found))


@page(MAY_SEE_MAPPINGS, MAY_CHANGE_MAPPING)
def delete_row(request: HttpRequest, pk: int, row: int) -> HttpResponse:
    """Ask, and stop filling a data field."""
    found = _mapping_or_404(pk)
    stored = get_object_or_404(found.rows.select_related("data_field"), pk=row)
    seen, now = posted_seen(request), fingerprint_of_all([stored], ROW_FIELDS)
    if request.method == "POST" and request.POST.get("confirmed"):
        if seen in ("", now):
            name = stored.data_field.name
            stored.delete()
            return _done(request, found, _("%(field)s is not filled any more.") % {"field": name})
        messages.warning(request, _("Somebody else has changed this line meanwhile. Look at it first."))
    return show(
        request,
        "backoffice/house/confirm.html",
        title=stored.data_field.name,
        current="fields",
        crumbs=_crumbs(found),
        context={
            "question": _("Stop filling %(field)s?") % {"field": stored.data_field.name},
            "consequences": [
                _("Filled from: %(fields)s.") % {"fields": field_words(found.entity, stored.entity_fields)},
                _("The values that Dotdigital has stay as they are; they are not changed from here any more."),
            ],
            "hidden": [("seen", now)],
            "answer": _("Yes, stop"),
            "is_danger": True,
            "action_url": request.path,
            "back_url": _url(found),
        },
    )

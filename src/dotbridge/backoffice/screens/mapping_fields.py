"""The form field for "these entity fields, in this order"."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget

from dotbridge.entities.registry import Entity, FieldKind
from dotbridge.entities.rights import Viewer, may_see_field

# How many fields can be joined in the form; a stored row with more keeps them all.
PLACES = 3
_PLACE_NAMES = (_("First entity field"), _("Second entity field"), _("Third entity field"))


def choices_of(entity: Entity, stored: Sequence[str], viewer: Viewer) -> list[tuple[str, Any]]:
    """The mappable fields that the person may see, and the stored ones, by label; a stored path that is no field any
    more is named as such."""
    mappable = [field for field in entity.fields if field.kind is not FieldKind.OTHER]
    known = {field.path for field in mappable}
    fields = [
        (field.path, field.label) for field in mappable if field.path in stored or may_see_field(viewer, entity, field)
    ]
    lost = [(path, _("not a field any more: %(path)s") % {"path": path}) for path in stored if path not in known]
    return [*fields, *lost]


class OrderedFieldsWidget(forms.MultiWidget):
    """One list to choose from for each place in the order."""

    template_name = "backoffice/ordered_fields.html"

    def __init__(self, choices: Sequence[tuple[str, Any]], places: int) -> None:
        widgets = []
        for place in range(places):
            label = _PLACE_NAMES[min(place, len(_PLACE_NAMES) - 1)]
            empty = _("choose a field") if place == 0 else _("nothing more")
            widgets.append(UnfoldAdminSelectWidget(attrs={"aria-label": label}, choices=[("", empty), *choices]))
        super().__init__(widgets)

    def decompress(self, value: Any) -> list[str]:
        """The stored list, filled up to the number of places."""
        stored = list(value or [])
        return [*stored, *[""] * (len(self.widgets) - len(stored))]


class OrderedFieldsField(forms.Field):
    """A list of entity field paths, without gaps and repetitions."""

    def __init__(self, *, entity: Entity, viewer: Viewer, stored: Sequence[str], **options: Any) -> None:
        choices = choices_of(entity, stored, viewer)
        self._paths = {path for path, _label in choices}
        super().__init__(widget=OrderedFieldsWidget(choices, max(PLACES, len(stored))), **options)

    def to_python(self, value: Any) -> list[str]:
        """The chosen paths in their order."""
        chosen = [path for path in (value or []) if path]
        if unknown := [path for path in chosen if path not in self._paths]:
            raise forms.ValidationError(_("%(path)s is not a field of this entity.") % {"path": unknown[0]})
        if len(set(chosen)) != len(chosen):
            raise forms.ValidationError(_("The same field is chosen twice."))
        return chosen

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether another choice or order was made."""
        return list(initial or []) != [path for path in (data or []) if path]

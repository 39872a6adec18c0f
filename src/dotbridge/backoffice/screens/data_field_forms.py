"""The form with which a data field is asked for."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from dotbridge.integrations.models import Integration
from dotbridge.mirror.data_field_rules import FieldType, Visibility


class NewDataFieldForm(forms.Form):
    """What is asked for. The service checks it as Dotdigital would, so nothing is checked here."""

    integration = forms.ModelChoiceField(
        label=_("Integration"),
        queryset=Integration.objects.none(),
        widget=UnfoldAdminSelectWidget,
        empty_label=_("choose an integration"),
    )
    name = forms.CharField(
        label=_("Name"),
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("At most 20 characters: letters, digits, hyphens, underscores. Dotdigital writes it in capitals."),
    )
    type = forms.ChoiceField(label=_("Type"), choices=FieldType.choices, widget=UnfoldAdminSelectWidget)
    visibility = forms.ChoiceField(
        label=_("Visibility"),
        choices=Visibility.choices,
        widget=UnfoldAdminSelectWidget,
        help_text=_("Public: contacts see the field, and can change it, where they change their preferences."),
    )
    default_value = forms.CharField(
        label=_("Default value"),
        required=False,
        strip=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=_(
            "What contacts without a value of their own have. String: any text. Numeric: 0 or 12.5. Boolean: yes or "
            "no. Date: 2026-01-31 or 2026-01-31T12:00:00. Empty: none."
        ),
    )
    notes = forms.CharField(
        label=_("Notes"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=_("Kept here only; Dotdigital does not see them."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_active_integrations(self)


def offer_active_integrations(form: forms.Form) -> None:
    """Let a form's field `integration` offer the active ones; the only one is chosen already."""
    active = Integration.objects.filter(is_active=True)
    form.fields["integration"].queryset = active  # type: ignore[attr-defined]
    if len(found := list(active[:2])) == 1:
        form.fields["integration"].initial = found[0]


def add_refusal(form: forms.Form, error: ValidationError) -> None:
    """Put what a service refused at the fields it is about; the rest above the form."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, texts in error.message_dict.items():
        for text in texts:
            form.add_error(name if name in form.fields else None, text)

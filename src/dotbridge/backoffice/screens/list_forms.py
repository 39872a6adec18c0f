"""The forms of a marketing list: what it is, and which address book it is connected to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from dotbridge.backoffice.entity_labels import entity_choices
from dotbridge.backoffice.list_reads import free_books
from dotbridge.backoffice.screens.base import AnyModelForm
from dotbridge.backoffice.screens.data_field_forms import offer_active_integrations
from dotbridge.entities.registry import FieldKind, UnknownEntity, entities, entity
from dotbridge.integrations.models import Integration
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules import OPERATORS, RuleError, compile_rule
from dotbridge.mirror.book_rules import LONGEST_BOOK_NAME
from dotbridge.mirror.data_field_rules import Visibility
from dotbridge.mirror.models import AddressBook


class _Indented(json.JSONEncoder):
    """JSON that a person can read and edit."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "indent": 2})


class MarketingListForm(AnyModelForm):
    """A list's name, entity and rule. The rule is checked as the services check it."""

    entity = forms.ChoiceField(
        label=gettext_lazy("Entity"),
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("Which records can be on the list. It cannot be changed afterwards."),
    )
    rule = forms.JSONField(
        label=gettext_lazy("Rule"),
        required=False,
        initial=dict,
        encoder=_Indented,
        widget=UnfoldAdminTextareaWidget(attrs={"class": "db-code", "rows": 14, "spellcheck": "false"}),
        help_text=gettext_lazy("JSON, as explained below. Empty: every record is on the list."),
        error_messages={"invalid": gettext_lazy("This is not JSON. Look for a missing quote, comma or bracket.")},
    )

    class Meta:
        model = MarketingList
        fields = ("name", "description", "entity", "rule")
        widgets: ClassVar = {"description": UnfoldAdminTextareaWidget(attrs={"rows": 3})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "entity" not in self.fields:
            return
        choices = entity_choices()
        if self.instance.pk:
            self.fields["entity"].disabled = True
            if self.instance.entity not in dict(choices):
                choices.append((self.instance.entity, self.instance.entity))
        self.fields["entity"].choices = [("", _("Select value")), *choices]  # type: ignore[attr-defined]

    def clean_rule(self) -> dict[str, Any]:
        """The rule as an object; nothing at all means the empty one."""
        rule = self.cleaned_data["rule"]
        if rule in (None, ""):
            return {}
        if not isinstance(rule, dict):
            raise forms.ValidationError(_("A rule is an object in braces: { … }."))
        return rule

    def clean(self) -> dict[str, Any]:
        """Raise at the rule what is wrong with it, naming the place in the tree."""
        cleaned = super().clean() or {}
        if "entity" in cleaned and "rule" in cleaned:
            try:
                compile_rule(entity(cleaned["entity"]), cleaned["rule"])
            except RuleError as error:
                self.add_error("rule", str(error))
            except UnknownEntity as error:
                self.add_error("entity", str(error))
        return cleaned


class ConnectForm(forms.Form):
    """The choice of a free address book."""

    address_book = forms.ModelChoiceField(
        queryset=AddressBook.objects.none(),
        error_messages={
            "required": gettext_lazy("Choose an address book."),
            "invalid_choice": gettext_lazy("This address book is not free any more. Choose another one."),
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["address_book"].queryset = free_books()  # type: ignore[attr-defined]


class NewBookForm(forms.Form):
    """The address book that is asked for. The service checks it as Dotdigital would, so nothing is checked here."""

    LONGEST = LONGEST_BOOK_NAME

    integration = forms.ModelChoiceField(
        label=gettext_lazy("Integration"),
        queryset=Integration.objects.none(),
        widget=UnfoldAdminSelectWidget,
        empty_label=gettext_lazy("choose an integration"),
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("At most 128 characters. No other address book of the account may have it."),
    )
    visibility = forms.ChoiceField(
        label=gettext_lazy("Visibility"),
        choices=Visibility.choices,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy(
            "Public: contacts see the address book, by this name, where they change their preferences."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer_active_integrations(self)


@dataclass(frozen=True, kw_only=True)
class RuleHelp:
    """What a rule can ask about one entity: its fields with their operators."""

    label: str
    fields: list[tuple[str, str, str]]


def rule_help(key: str = "") -> list[RuleHelp]:
    """The help for one entity, or for all of them while none is chosen."""
    return [
        RuleHelp(
            label=str(known.label),
            fields=[
                (field.path, str(field.label), ", ".join(OPERATORS[field.kind]))
                for field in known.fields
                if field.kind is not FieldKind.OTHER
            ],
        )
        for known in entities()
        if key in ("", known.key)
    ]

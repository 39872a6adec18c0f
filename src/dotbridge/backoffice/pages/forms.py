"""Plain forms of the pages: what is wrong is said at the field it is about."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dotbridge.backoffice.entity_labels import entity_choices
from dotbridge.backoffice.list_reads import free_books
from dotbridge.connections.models import ListConnection
from dotbridge.entities.registry import Entity, UnknownEntity, entity
from dotbridge.entities.rights import Viewer, may_view
from dotbridge.integrations.models import Integration
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules import RuleError, compile_rule, read_rule
from dotbridge.mirror.data_field_rules import Visibility
from dotbridge.mirror.models import AddressBook


class _Indented(json.JSONEncoder):
    """JSON that a person can read and edit."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "indent": 2})


class ListForm(forms.Form):
    """A list's name, what it is made of, and its rule."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=255)
    description = forms.CharField(
        label=gettext_lazy("Description"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    entity = forms.ChoiceField(
        label=gettext_lazy("Who can be on the list"),
        help_text=gettext_lazy("It cannot be changed afterwards."),
    )
    rule = forms.JSONField(
        label=gettext_lazy("Rule"),
        required=False,
        encoder=_Indented,
        widget=forms.Textarea(attrs={"class": "code", "rows": 12, "spellcheck": "false"}),
        help_text=gettext_lazy("Empty: everybody is on the list."),
        error_messages={"invalid": gettext_lazy("This is not JSON. Look for a missing quote, comma or bracket.")},
    )

    def __init__(self, *args: Any, viewer: Viewer, marketing_list: MarketingList | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.marketing_list, self.viewer = marketing_list, viewer
        if marketing_list is None:
            self.fields["entity"].choices = entity_choices(viewer)  # type: ignore[attr-defined]
        else:
            del self.fields["entity"]

    def clean_name(self) -> str:
        """The name, if no other list has it."""
        name: str = self.cleaned_data["name"].strip()
        others = MarketingList.objects.filter(name=name)
        if self.marketing_list is not None:
            others = others.exclude(pk=self.marketing_list.pk)
        if others.exists():
            raise ValidationError(_("Another list has this name already."))
        return name

    def clean_rule(self) -> dict[str, Any]:
        """The rule as an object; nothing at all means everybody."""
        rule = self.cleaned_data["rule"]
        if rule in (None, ""):
            return {}
        if not isinstance(rule, dict):
            raise ValidationError(_("A rule is an object in braces: { … }."))
        return rule

    def clean(self) -> dict[str, Any]:
        """Say at the rule what is wrong with it."""
        cleaned = super().clean() or {}
        key = self.marketing_list.entity if self.marketing_list else cleaned.get("entity", "")
        if key and "rule" in cleaned:
            try:
                compile_rule(entity(key), cleaned["rule"], marketing_list=self.marketing_list)
                self._require_seen(entity(key), cleaned["rule"])
            except (RuleError, UnknownEntity) as error:
                self.add_error("rule", str(error))
        return cleaned

    def _require_seen(self, listed: Entity, rule: dict[str, Any]) -> None:
        """A new rule asks only what its author may see: who is on the list would tell the rest. An old one may stay."""
        if self.marketing_list is not None and rule == self.marketing_list.rule:
            return
        if not may_view(self.viewer, listed.model):
            self.add_error("rule", _("You may not see these records, so you cannot ask about them."))
        for problem in read_rule(listed, rule, marketing_list=self.marketing_list, viewer=self.viewer).problems:
            self.add_error("rule", problem.text)


class BookForm(forms.Form):
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
    """The address book that is asked for. The service checks it as Dotdigital would."""

    integration = forms.ModelChoiceField(
        label=gettext_lazy("Account"), queryset=Integration.objects.none(), empty_label=None
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        help_text=gettext_lazy("At most 128 characters. No other address book of the account may have it."),
    )
    visibility = forms.ChoiceField(
        label=gettext_lazy("Who sees it"),
        choices=Visibility.choices,
        help_text=gettext_lazy("Public: people see the book, by this name, where they change their preferences."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["integration"].queryset = Integration.objects.filter(is_active=True)  # type: ignore[attr-defined]


class ConnectionForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a connection does beyond sending."""

    class Meta:
        model = ListConnection
        fields = ("create_entities", "unsubscribes_book", "always_put_back")
        labels = {
            "create_entities": gettext_lazy("Create new entities"),
            "unsubscribes_book": gettext_lazy("An opt-out of the list unsubscribes from the address book"),
            "always_put_back": gettext_lazy("Always put back who is taken out of the address book in Dotdigital"),
        }
        help_texts = {
            "unsubscribes_book": gettext_lazy(
                "Otherwise who opts out of the list is only taken out of the address book, and Dotdigital itself does "
                "not learn that they opted out."
            ),
            "always_put_back": gettext_lazy(
                "Otherwise they stay out until somebody puts them back on the list's page. Unsubscribed people stay "
                "out in any case."
            ),
        }


def add_refusal(form: forms.BaseForm, error: ValidationError) -> None:
    """What a service refused, at the fields it names."""
    named = error.error_dict if hasattr(error, "error_dict") else {}
    for name, errors in named.items():
        form.add_error(name if name in form.fields else None, ValidationError(errors))
    if not named:
        form.add_error(None, error)

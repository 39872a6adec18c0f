"""The forms of a list: what it is called and how it comes to its people, its rule, and who is put on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dotbridge.backoffice.pages.forms import owners
from dotbridge.backoffice.pages.list_frame import may_see_people
from dotbridge.backoffice.screens.rule_builder import for_browser
from dotbridge.entities.registry import UnknownEntity, entities, entity
from dotbridge.entities.rights import Viewer
from dotbridge.lists.models import ListType, MarketingList
from dotbridge.lists.rules import RuleError, compile_read, read_rule

HOUR, DAY = 3_600, 86_400
INTERVALS = (HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 30 * DAY)
MEANINGS = {
    ListType.DYNAMIC: gettext_lazy("Whoever matches the rule is on the list, at every moment."),
    ListType.ON_DEMAND: gettext_lazy(
        "It holds whom the rule matched when it was last refreshed, until you or its own schedule refresh it."
    ),
    ListType.MANUAL: gettext_lazy("You pick the people yourself: by search, or by a file of addresses."),
}
# What the form of the settings changes; the rule and the columns have forms of their own.
SETTINGS = ("name", "description", "owner", "type", "include_previously_contacted", "refresh_every")


class _Indented(json.JSONEncoder):
    """JSON that a person can read and edit."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "indent": 2})


def interval_text(seconds: int) -> str:
    """How often, in the largest unit that has no rest."""
    if seconds % DAY == 0:
        days = seconds // DAY
        return ngettext("Every day", "Every %(n)s days", days) % {"n": days}
    if seconds % HOUR == 0:
        hours = seconds // HOUR
        return ngettext("Every hour", "Every %(n)s hours", hours) % {"n": hours}
    minutes = max(1, seconds // 60)
    return ngettext("Every minute", "Every %(n)s minutes", minutes) % {"n": minutes}


def rule_problem(key: str, rule: Mapping[str, Any], *, marketing_list: MarketingList | None, viewer: Viewer) -> str:
    """What is wrong with a rule that the person wants to save, fields that they may not see included; else empty."""
    try:
        known = entity(key)
        compile_read(known, read_rule(known, rule, marketing_list=marketing_list, viewer=viewer))
    except (RuleError, UnknownEntity) as error:
        return str(error)
    return ""


class _RuleField(forms.JSONField):
    """A rule as JSON; the builder in the browser stands in its place."""

    def __init__(self) -> None:
        super().__init__(
            label=gettext_lazy("Rule"),
            required=False,
            encoder=_Indented,
            widget=forms.Textarea(attrs={"class": "code", "rows": 12, "spellcheck": "false"}),
            error_messages={"invalid": gettext_lazy("This is not JSON. Look for a missing quote, comma or bracket.")},
        )

    def prepare_value(self, value: Any) -> Any:
        """The rule as the builder in the browser can read it without rounding a number."""
        return super().prepare_value(value if isinstance(value, InvalidJSONInput) else for_browser(value))

    def bound_data(self, data: Any, initial: Any) -> Any:
        """What was typed, as it was typed where no page could show it otherwise."""
        try:
            shown = super().bound_data(data, initial)
            self.prepare_value(shown).encode()
        except (ValueError, RecursionError):
            return InvalidJSONInput(data)
        return shown

    def clean(self, value: Any) -> dict[str, Any]:
        """The rule as an object; nothing at all means everybody."""
        try:
            rule = super().clean(value)
        except RecursionError:
            raise ValidationError(_("The rule is nested too deep.")) from None
        except ValueError:
            # A number of thousands of digits.
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None
        if rule in (None, ""):
            return {}
        if not isinstance(rule, dict):
            raise ValidationError(_("A rule is an object in braces: { … }."))
        return rule


class SettingsForm(forms.Form):
    """What a list is called, whose it is, and how it comes to its people. `seen` says what the person saw of it."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=255)
    type = forms.ChoiceField(label=gettext_lazy("How people get on it"), choices=ListType.choices)
    refresh_every = forms.TypedChoiceField(
        label=gettext_lazy("Refresh it by itself"),
        coerce=lambda seconds: timedelta(seconds=int(seconds)),
        empty_value=None,
        required=False,
        help_text=gettext_lazy("A worker does it, within five minutes of its time."),
    )
    owner: forms.ModelChoiceField[Any] = forms.ModelChoiceField(
        label=gettext_lazy("Owner"), queryset=None, required=False, empty_label=gettext_lazy("Nobody")
    )
    description = forms.CharField(
        label=gettext_lazy("Description"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    include_previously_contacted = forms.BooleanField(
        label=gettext_lazy("Include previously contacted"),
        required=False,
        help_text=gettext_lazy("Whoever was sent a campaign through the list stays on it, whatever else holds."),
    )

    def __init__(self, *args: Any, marketing_list: MarketingList | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.marketing_list = marketing_list
        self.fields["owner"].queryset = owners(marketing_list.owner_id if marketing_list else None)  # type: ignore[attr-defined]
        known = {*INTERVALS}
        if marketing_list is not None and marketing_list.refresh_every is not None:
            known.add(int(marketing_list.refresh_every.total_seconds()))
        choices = [("", _("Only when somebody asks")), *((str(each), interval_text(each)) for each in sorted(known))]
        self.fields["refresh_every"].choices = choices  # type: ignore[attr-defined]

    @property
    def types(self) -> list[dict[str, Any]]:
        """The types with what each means, for radio buttons that say it."""
        chosen = self["type"].value() or ListType.DYNAMIC
        return [
            {"value": each.value, "label": each.label, "meaning": MEANINGS[each], "is_chosen": each.value == chosen}
            for each in ListType
        ]

    def clean_name(self) -> str:
        """The name, if no other list has it."""
        name: str = self.cleaned_data["name"].strip()
        others = MarketingList.objects.filter(name=name)
        if self.marketing_list is not None:
            others = others.exclude(pk=self.marketing_list.pk)
        if others.exists():
            raise ValidationError(_("Another list has this name already."))
        return name

    def settings(self) -> dict[str, Any]:
        """What the form says of SETTINGS. Only a list on demand is refreshed."""
        given = {name: self.cleaned_data[name] for name in SETTINGS}
        given["type"] = ListType(given["type"])
        if given["type"] != ListType.ON_DEMAND:
            given["refresh_every"] = None
        return given


class NewListForm(SettingsForm):
    """A list that is not there yet: also whose records it holds, and the rule."""

    entity = forms.ChoiceField(
        label=gettext_lazy("Who can be on the list"),
        help_text=gettext_lazy("It cannot be changed afterwards."),
    )
    rule = _RuleField()
    field_order = ("name", "entity", "type", "refresh_every", "owner", "description")

    def __init__(self, *args: Any, request: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.viewer = request.user
        seen = [(each.key, str(each.label)) for each in entities() if may_see_people(request, each.key)]
        self.fields["entity"].choices = seen  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Say at the rule what is wrong with it; a manual list has none."""
        cleaned = super().clean() or {}
        if cleaned.get("type") == ListType.MANUAL:
            cleaned["rule"] = {}
            self.errors.pop("rule", None)
        elif cleaned.get("entity") and "rule" in cleaned:
            problem = rule_problem(cleaned["entity"], cleaned["rule"], marketing_list=None, viewer=self.viewer)
            if problem:
                self.add_error("rule", problem)
        return cleaned


class RuleForm(forms.Form):
    """The rule of a list."""

    rule = _RuleField()

    def __init__(self, *args: Any, marketing_list: MarketingList, viewer: Viewer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.marketing_list, self.viewer = marketing_list, viewer

    def clean_rule(self) -> dict[str, Any]:
        """The rule, if it can be asked by this person."""
        rule: dict[str, Any] = self.cleaned_data["rule"]
        key = self.marketing_list.entity
        if problem := rule_problem(key, rule, marketing_list=self.marketing_list, viewer=self.viewer):
            raise ValidationError(problem)
        return rule


class AddressesForm(forms.Form):
    """Addresses that are pasted, or a file of them."""

    addresses = forms.CharField(
        label=gettext_lazy("Paste addresses"),
        required=False,
        strip=True,
        # What is sent in a form, and not in a file of it, has a limit of 2.5 MB.
        max_length=1_000_000,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "autocomplete": "off"}),
        help_text=gettext_lazy("One a line, or with a comma or semicolon between. For very many, choose a file."),
    )
    file = forms.FileField(
        label=gettext_lazy("Or choose a file"),
        required=False,
        help_text=gettext_lazy("A CSV, a workbook or a text; the column of addresses is found by itself."),
    )

    def clean(self) -> dict[str, Any]:
        """Either of the two."""
        cleaned = super().clean() or {}
        if not self.errors and not cleaned.get("addresses") and not cleaned.get("file"):
            raise ValidationError(_("Paste at least one address, or choose a file."))
        if cleaned.get("addresses") and cleaned.get("file"):
            raise ValidationError(_("Give either pasted addresses or a file, not both."))
        return cleaned

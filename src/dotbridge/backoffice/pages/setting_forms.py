"""The form of the site's settings: each with its default and what it is for. The limits are those of `choosable`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dotbridge.choosable import BY_NAME, Choosable, Days, Line, Seconds, Switch
from dotbridge.preferences.durations import duration_words, read_duration_words
from dotbridge.preferences.selectors import from_environment, settings_in_force

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A setting on the page: its name for people, and what changes with it."""

    name: str
    label: StrOrPromise
    help: StrOrPromise


GROUPS: tuple[tuple[StrOrPromise, tuple[Shown, ...]], ...] = (
    (
        gettext_lazy("How often"),
        (
            Shown(
                name="import_every_seconds",
                label=gettext_lazy("Read from Dotdigital every"),
                help=gettext_lazy("New contacts, opt-outs and results of campaigns."),
            ),
            Shown(
                name="export_every_seconds",
                label=gettext_lazy("Send to Dotdigital every"),
                help=gettext_lazy("Who joined or left a list, and changed values."),
            ),
            Shown(
                name="changes_every_seconds",
                label=gettext_lazy("Look for changed records every"),
                help=gettext_lazy("What was found is sent with the next export."),
            ),
        ),
    ),
    (
        gettext_lazy("How long"),
        (
            Shown(
                name="run_seconds",
                label=gettext_lazy("A first reading takes at most"),
                help=gettext_lazy("Then the run ends, and another one goes on where it was."),
            ),
            Shown(
                name="import_wait_seconds",
                label=gettext_lazy("Wait for Dotdigital to take an upload for"),
                help=gettext_lazy("If it takes longer, the next run looks again."),
            ),
            Shown(
                name="unknown_outcome_seconds",
                label=gettext_lazy("An upload without an answer counts as unknown after"),
                help=gettext_lazy("Then it is looked up in Dotdigital before anything is sent again."),
            ),
        ),
    ),
    (
        gettext_lazy("What is kept"),
        (
            Shown(
                name="keep_runs_days",
                label=gettext_lazy("Keep runs, problems and log-ins for (days)"),
                help=gettext_lazy("What is older is deleted every night."),
            ),
            Shown(
                name="keep_events_days",
                label=gettext_lazy("Keep opens and clicks for (days)"),
                help=gettext_lazy("Older ones are neither kept nor read. Counts of campaigns stay."),
            ),
        ),
    ),
    (
        gettext_lazy("What is used"),
        (
            Shown(
                name="reads_campaigns",
                label=gettext_lazy("Campaigns"),
                help=gettext_lazy("Read and show campaigns and their results. Lists are kept in step either way."),
            ),
            Shown(
                name="reads_activities",
                label=gettext_lazy("Marketing activities"),
                help=gettext_lazy("Write down for each record what it was sent, opened and clicked."),
            ),
        ),
    ),
    (
        gettext_lazy("Default sender"),
        (
            Shown(
                name="sender_name",
                label=gettext_lazy("Name"),
                help=gettext_lazy("Of notifications by mail, and of campaigns that are made here."),
            ),
            Shown(
                name="sender_email",
                label=gettext_lazy("E-mail address"),
                help=gettext_lazy("Empty: as the server is set up."),
            ),
        ),
    ),
)


class SiteSettingsForm(forms.Form):
    """All of them. What is left empty, or is as the environment says, follows the environment."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [shown.name for _title, some in GROUPS for shown in some]
        in_force = settings_in_force(*names)
        for _title, some in GROUPS:
            for shown in some:
                choosable = BY_NAME[shown.name]
                self.fields[shown.name] = _field(choosable, shown)
                self.initial.setdefault(shown.name, _as_text(choosable, in_force[shown.name]))

    def groups(self) -> Iterator[tuple[StrOrPromise, list[Any]]]:
        """The bound fields under their headings."""
        for title, some in GROUPS:
            yield title, [self[shown.name] for shown in some]

    def chosen(self) -> dict[str, str | None]:
        """What `choose_settings` takes."""
        return {
            name: None if value is None or value == from_environment(name) else _stored(BY_NAME[name], value)
            for name, value in self.cleaned_data.items()
        }


class ChosenField(forms.CharField):
    """A setting written as a text; empty is its default."""

    def __init__(self, choosable: Choosable, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=200, **kwargs)
        self.choosable = choosable

    def clean(self, value: Any) -> Any:
        """The value, None for the default."""
        text = super().clean(value)
        if not text and not isinstance(self.choosable, Line):
            return None
        try:
            if isinstance(self.choosable, Seconds):
                return self.choosable.read(str(read_duration_words(text)))
            return self.choosable.read(text)
        except ValueError:
            raise ValidationError(_refusal(self.choosable)) from None


def _field(choosable: Choosable, shown: Shown) -> forms.Field:
    default = _("By default: %(value)s.") % {"value": _as_text(choosable, from_environment(shown.name)) or _("empty")}
    if isinstance(choosable, Switch):
        return forms.BooleanField(label=shown.label, help_text=shown.help, required=False)
    return ChosenField(choosable, label=shown.label, help_text=f"{shown.help} {default}")


def _as_text(choosable: Choosable, value: Any) -> Any:
    if isinstance(choosable, Seconds):
        return duration_words(value)
    return value if isinstance(choosable, Switch) else str(value)


def _stored(choosable: Choosable, value: Any) -> str:
    if isinstance(choosable, Switch):
        return "1" if value else "0"
    return f"{value:g}" if isinstance(choosable, Seconds) else str(value)


def _refusal(choosable: Choosable) -> str:
    if isinstance(choosable, Seconds):
        limits = {"least": duration_words(choosable.least), "most": duration_words(choosable.most)}
        text = _("Write a length of time from %(least)s to %(most)s, such as 90 seconds, 1 h 30 min or 1 day.")
        return text % limits
    if isinstance(choosable, Days):
        return _("Write a whole number of days from 1 to %(most)d, such as 90.") % {"most": choosable.most}
    return (
        _("Write an e-mail address, such as news@example.com.")
        if getattr(choosable, "is_address", False)
        else _("Write one line of at most 200 characters.")
    )

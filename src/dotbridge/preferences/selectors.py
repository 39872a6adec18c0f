"""Reads what is in force: what was chosen in the back office, else what the environment says."""

from __future__ import annotations

from typing import Any

from dotbridge.choosable import BY_NAME
from dotbridge.conf import app_settings
from dotbridge.one_reading import asked_once
from dotbridge.preferences.models import SiteSetting


def setting(name: str) -> Any:
    """The value of one setting of `choosable`, in one query."""
    return settings_in_force(name)[name]


@asked_once
def _all_chosen() -> dict[str, str]:
    """Whatever was chosen; there are few settings."""
    return dict(SiteSetting.objects.values_list("name", "value"))


def settings_in_force(*names: str) -> dict[str, Any]:
    """The values of some settings, in one query. A stored value that is not allowed any more does not count."""
    chosen = _all_chosen()
    values = {}
    for name in names:
        values[name] = from_environment(name)
        if name in chosen:
            try:
                values[name] = BY_NAME[name].read(chosen[name])
            except ValueError:
                continue
    return values


def from_environment(name: str) -> Any:
    """What a setting is while nobody has chosen anything in the back office."""
    return getattr(app_settings(), name)

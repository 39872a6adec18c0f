"""Writes what people choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from dotbridge.choosable import BY_NAME
from dotbridge.preferences.models import Preferences, SiteSetting


def choose_settings(*, chosen: Mapping[str, str | None]) -> None:
    """Store these settings, as texts that `Choosable.read` takes; None goes back to what the environment says.

    Raises ValueError for a text that is not allowed, and KeyError for a setting that is none.
    """
    for name, text in chosen.items():
        if text is not None:
            BY_NAME[name].read(text)
    with transaction.atomic():
        SiteSetting.objects.filter(name__in=[name for name, text in chosen.items() if text is None]).delete()
        for name, text in chosen.items():
            if text is not None:
                SiteSetting.objects.update_or_create(name=name, defaults={"value": text})


def choose_preferences(*, user: Any, **chosen: str) -> Preferences:
    """Store how a person wants to see the back office: `language`, `time_zone`, `theme`."""
    preferences, _is_new = Preferences.objects.update_or_create(user=user, defaults=chosen)
    return preferences

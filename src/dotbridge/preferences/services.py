"""Writes what people choose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection, transaction

from dotbridge.choosable import BY_NAME
from dotbridge.editing import ChangedMeanwhile, fingerprint_of_all
from dotbridge.preferences.models import Preferences, SiteSetting


def choose_settings(*, chosen: Mapping[str, str | None], seen: str | None = None) -> None:
    """Store these settings, as texts that `Choosable.read` takes; None goes back to what the environment says.

    `seen` is the `fingerprint_of_chosen` that the person saw. Raises ChangedMeanwhile where somebody has chosen
    something else since, ValueError for a text that is not allowed, and KeyError for a setting that is none.
    """
    for name, text in chosen.items():
        if text is not None:
            BY_NAME[name].read(text)
    with transaction.atomic():
        _take_turns()
        if seen is not None and seen != fingerprint_of_chosen():
            raise ChangedMeanwhile(list(SiteSetting.objects.all()))
        SiteSetting.objects.filter(name__in=[name for name, text in chosen.items() if text is None]).delete()
        for name, text in chosen.items():
            if text is not None:
                SiteSetting.objects.update_or_create(name=name, defaults={"value": text})


def fingerprint_of_chosen() -> str:
    """What is chosen for the site, as a short text that changes with it."""
    return fingerprint_of_all(SiteSetting.objects.order_by("name"), ["name", "value"])


def _take_turns() -> None:
    """Of two people who save, one waits for the other: what nobody has chosen yet has no row to be locked."""
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {SiteSetting._meta.db_table} IN SHARE ROW EXCLUSIVE MODE")  # noqa: SLF001


def choose_preferences(*, user: Any, **chosen: str) -> Preferences:
    """Store how a person wants to see the back office: `language`, `time_zone`, `theme`."""
    preferences, _is_new = Preferences.objects.update_or_create(user=user, defaults=chosen)
    return preferences

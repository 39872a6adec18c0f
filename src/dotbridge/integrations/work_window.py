"""When large readings of an account may go: a window of each day, by the clock of the site."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone

from dotbridge.integrations.models import Integration

_DAY = timedelta(days=1)


def large_readings_wait_until(integration: Integration, now: datetime) -> datetime | None:
    """When the account's window opens next; None while it is open, and for an account without one.

    A window that ends no later than it begins goes over midnight. Its ends are moments of the site's clock: the night
    on which clocks change it is an hour shorter or longer, and an end that does not exist in it is an hour later.
    """
    begins, ends = integration.bulk_from, integration.bulk_until
    if begins is None or ends is None:
        return None
    today = timezone.localtime(now, timezone.get_default_timezone()).date()
    # Yesterday's may not have closed, and today's may have.
    for day in (today - _DAY, today):
        opens, closes = _moment(day, begins), _moment(day if begins < ends else day + _DAY, ends)
        if now < opens:
            return opens
        if now < closes:
            return None
    return _moment(today + _DAY, begins)


def _moment(day: date, at: time) -> datetime:
    # In UTC, since two moments of one zone are compared by their clock faces, also over a change of clocks.
    return datetime.combine(day, at, timezone.get_default_timezone()).astimezone(UTC)

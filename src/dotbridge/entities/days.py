"""Days, counted in the time zone of the site, for Python and for SQL alike.

A person's own time zone never counts here: a list has the same members whoever looks at it, and where nobody does.
"""

from __future__ import annotations

import datetime
from typing import Any

from django.db.models import DateField, Expression, Func, IntegerField
from django.db.models.expressions import Combinable
from django.utils import timezone


def site_zone() -> datetime.tzinfo:
    """The time zone of the site, whatever zone is active for the person who asks."""
    return timezone.get_default_timezone()


def today() -> datetime.date:
    """The day that it is now on the site."""
    return timezone.localdate(timezone=site_zone())


def start_of_day(day: datetime.date) -> datetime.datetime:
    """The first moment of a day of the site, in UTC. Where the clock skips midnight that is the moment of the change.

    Raises OverflowError for a day at the very ends of the calendar.
    """
    local = datetime.datetime.combine(day, datetime.time.min, tzinfo=site_zone())
    return local.astimezone(datetime.UTC)


class Today(Expression):
    """The day that it is on the site when the statement is made, as a value in SQL."""

    output_field = DateField()

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:  # noqa: ARG002 - Django's
        """The day as a parameter."""
        return "%s::date", (today(),)


class LocalDay(Func):
    """The day of a moment, such as `F("created_at")`, on the site; NULL where there is no moment."""

    output_field = DateField()

    def as_sql(  # type: ignore[override]
        self,
        compiler: Any,
        connection: Any,  # noqa: ARG002 - Django's signature
    ) -> tuple[str, tuple[Any, ...]]:
        """The moment's local time, cut to its day."""
        inner, parameters = compiler.compile(self.source_expressions[0])
        return f"({inner} AT TIME ZONE %s)::date", (*parameters, str(site_zone()))


class _Finite(Func):
    """A day, NULL where it is PostgreSQL's "infinity", with which nothing can be counted."""

    template = "nullif(nullif(%(expressions)s, 'infinity'), '-infinity')"
    arity = 1
    output_field = DateField()


class DaysSince(Func):
    """How many days ago a day was; negative where it is still to come, NULL for none or "infinity". For a moment, give
    `LocalDay` of it."""

    template = "(%(expressions)s)"
    arg_joiner = " - "
    output_field = IntegerField()

    def __init__(self, day: Combinable | str) -> None:
        super().__init__(Today(), _Finite(day))


class YearsSince(Func):
    """How many whole years ago a day was: somebody's age, from their birthday; NULL for none or "infinity"."""

    template = "date_part('year', age(%(expressions)s))::integer"
    output_field = IntegerField()

    def __init__(self, day: Combinable | str) -> None:
        super().__init__(Today(), _Finite(day))

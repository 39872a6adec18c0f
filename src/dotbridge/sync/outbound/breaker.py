"""The breaker: a run that would take too many out of a book at once stops for that list, and asks a person.

An opt-out is never held up by it: whoever opted out is taken out of the book however many they are.

A rule edited by mistake, a broken filter or an emptied table looks to the export like everybody leaving at once.
"""

from __future__ import annotations

from typing import Any

from django.db.models import F, QuerySet, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from dotbridge.connections.models import ListConnection
from dotbridge.sync.context import StepContext
from dotbridge.sync.selectors import book_size
from dotbridge.sync.texts import STOPPED

# A small list changes by large shares; so few never stop a run.
NEVER_STOPS = 25
# Between asking and going on some more may have left: so much more than was allowed still goes.
GROWTH_PERCENT = 10

_STOPPED = ("stopped_at", "stopped_rows", "stopped_of")
_ALLOWED = ("allowed_rows", "allowed_at", "allowed_by")


def may_go_on(step: StepContext, link: ListConnection, rows: int) -> bool:
    """Whether a run may take so many out at once. If not, that is noted, and the run leaves the list alone."""
    if not rows and link.stopped_at is None:
        return True
    of = book_size(link.address_book) if rows > NEVER_STOPS else 0
    link.refresh_from_db(fields=[*_STOPPED, *_ALLOWED])
    if not would_ask(link, rows, of):
        if link.stopped_at is not None:
            _go_on(link)
        return True
    if not _stop(link, rows, of):
        # Somebody has allowed something meanwhile.
        return may_go_on(step, link, rows)
    step.run.left_out.add(link.pk)
    step.count(stopped=1)
    step.mark_partial(stopped_text(link))
    return False


def would_ask(link: ListConnection, rows: int, of: int) -> bool:
    """Whether a run that would take so many out of a book of this size would stop and ask, as things stand."""
    return is_too_many(link, rows, of) and not _is_allowed(link, rows)


def is_too_many(link: ListConnection, rows: int, of: int) -> bool:
    """Whether so many, of a book of this size, are more than the integration's settings let go without a person."""
    settings = link.address_book.integration
    share_is_large = rows * 100 > settings.breaker_percent * of
    return rows > NEVER_STOPS and (rows > settings.breaker_rows or share_is_large)


def stopped_text(link: ListConnection) -> str:
    """What a person is asked."""
    return STOPPED % {"list": link.marketing_list, "number": link.stopped_rows, "of": link.stopped_of}


def use_up_allowance(link: ListConnection, rows: int) -> None:
    """So many of those who were allowed have gone; call it in the transaction that takes them."""
    ListConnection.objects.filter(pk=link.pk, allowed_rows__isnull=False).update(
        allowed_rows=Greatest(F("allowed_rows") - rows, Value(0))
    )


def end_allowance(link: ListConnection) -> None:
    """All who were allowed have gone. What is allowed from now on is for the next run."""
    if link.allowed_rows is not None:
        _as_allowed(link).update(allowed_rows=None, allowed_at=None, allowed_by=None)


def _is_allowed(link: ListConnection, rows: int) -> bool:
    if link.allowed_rows is None:
        return False
    return rows <= link.allowed_rows + max(NEVER_STOPS, link.allowed_rows * GROWTH_PERCENT // 100)


def _as_allowed(link: ListConnection) -> QuerySet[ListConnection]:
    """The connection, unless something else was allowed since it was read."""
    return ListConnection.objects.filter(pk=link.pk, allowed_at=link.allowed_at)


def _stop(link: ListConnection, rows: int, of: int) -> bool:
    """Note that it has stopped, and end what was allowed. False where something else was allowed meanwhile."""
    stopped = {"stopped_at": link.stopped_at or timezone.now(), "stopped_rows": rows, "stopped_of": of}
    noted: dict[str, Any] = stopped | {"allowed_rows": None, "allowed_at": None, "allowed_by": None}
    if not _as_allowed(link).update(**noted):
        return False
    for name, value in noted.items():
        setattr(link, name, value)
    return True


def _go_on(link: ListConnection) -> None:
    link.stopped_at, link.stopped_rows, link.stopped_of = None, 0, 0
    link.save(update_fields=_STOPPED)

"""Reads of notifications."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from dotbridge.notifications.kinds import MANNERS, Kind
from dotbridge.notifications.models import Choice, Delivery, MailState

MOST = 100


def may_be_told(user: Any, kind: str) -> bool:
    """Whether the person may enter the back office and see what this kind is about, now. Nobody is told of a kind that
    only another version knows."""
    manner = MANNERS[Kind(kind)] if kind in Kind.values else None
    return bool(manner and user.is_active and getattr(user, "is_staff", False) and user.has_perm(manner.permission))


def _told(user: Any) -> QuerySet[Delivery]:
    """What was told somebody and they may see still: rights are taken away too."""
    kinds = [kind for kind in Kind if may_be_told(user, kind)]
    return Delivery.objects.filter(user=user, is_shown=True, notification__kind__in=kinds)


def deliveries_of(user: Any) -> QuerySet[Delivery]:
    """What was told somebody: what goes on first, then the newest."""
    found = _told(user).select_related("notification")
    return found.order_by("-notification__ended_at", "-notification__id")


def unseen_of(user: Any) -> int:
    """How many that go on somebody has not seen yet."""
    return _told(user).filter(seen_at=None, notification__ended_at=None).count()


def choices_of(user: Any) -> dict[Kind, tuple[bool, bool]]:
    """How somebody is told of each kind that they may see: in the back office, and by mail."""
    chosen = {Kind(each.kind): each for each in Choice.objects.filter(user=user, kind__in=Kind.values)}
    return {
        kind: (chosen[kind].is_shown, chosen[kind].is_mailed) if kind in chosen else (True, manner.is_mailed)
        for kind, manner in MANNERS.items()
        if user.has_perm(manner.permission)
    }


def unsent_mails(since: datetime | None = None) -> dict[str, int]:
    """How many mails wait, were given up, or were cut off in the middle, so that nobody knows; or those since then."""
    states = {"waiting": MailState.WAITING, "failed": MailState.FAILED, "unknown": MailState.SENDING}
    mails = Delivery.objects.all() if since is None else Delivery.objects.filter(due_at__gt=since)
    return {name: mails.filter(Q(mail=state) | Q(end_mail=state)).count() for name, state in states.items()}

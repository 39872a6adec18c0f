"""Writes notifications: what begins, what goes on, what is over, who is told, and what people choose and have seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from dotbridge.integrations.models import Integration
from dotbridge.notifications.conditions import Found, found_now
from dotbridge.notifications.kinds import MANNERS, Kind
from dotbridge.notifications.models import Choice, Delivery, MailState, Notification
from dotbridge.notifications.selectors import may_be_told
from dotbridge.sync.cursors import is_over
from dotbridge.user_address import address_of_user

KEEP = timedelta(days=90)
# Before a mail that was not taken goes again.
LONGEST_PAUSE = timedelta(hours=3)


def note_conditions(now: datetime | None = None) -> None:
    """Compare what is not as it should be with what was told, and tell what is new and what is over.

    Called every minute. Whatever ends in the middle of it is done by the next call.
    """
    moment = now or timezone.now()
    found = {(each.kind.value, each.subject): each for each in found_now()}
    with transaction.atomic():
        _note(found, moment)
        _end(found, moment)
        _tell(moment)
    Notification.objects.filter(ended_at__lt=moment - KEEP).delete()


def _note(found: Mapping[tuple[str, str], Found], now: datetime) -> None:
    """One row for each, however many calls at once; what was there already keeps its beginning and gets new numbers."""
    rows = [
        Notification(
            kind=each.kind,
            subject=each.subject,
            details=each.details,
            page=each.page,
            page_id=each.page_id,
            since=each.since or now,
            noted_at=now,
            met_at=now,
        )
        for each in found.values()
    ]
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    there = list(Notification.objects.filter(ended_at=None, kind__in={each.kind for each in found.values()}))
    for row in there:
        if known := found.get((row.kind, row.subject)):
            row.met_at, row.details = now, known.details
    Notification.objects.bulk_update(there, ["met_at", "details"], batch_size=500)


def _end(found: Mapping[tuple[str, str], Found], now: datetime) -> None:
    """What was not met for its time of calm is over; what nobody was told of is forgotten.

    Nobody looks at an account that was switched off: that of it is over says nothing of how it is.
    """
    looked_at = set(Integration.objects.filter(is_active=True).values_list("pk", flat=True))
    for row in Notification.objects.select_for_update().filter(ended_at=None, kind__in=Kind.values):
        if (row.kind, row.subject) in found or not is_over(row.met_at, MANNERS[Kind(row.kind)].calm, now):
            continue
        if row.told_at is None:
            row.delete()
            continue
        row.ended_at = now
        if row.details.get("account_id") not in looked_at:
            row.details = {**row.details, "is_off": True}
        row.save(update_fields=["ended_at", "details"])
        mails = row.deliveries.all()
        mails.filter(mail__in=[MailState.SENT, MailState.SENDING]).update(
            end_mail=MailState.WAITING, attempts=0, due_at=Now()
        )
        # Who has not had the first one yet needs neither.
        mails.filter(mail=MailState.WAITING).update(mail=MailState.NONE)


def _tell(now: datetime) -> None:
    for row in Notification.objects.select_for_update().filter(ended_at=None, told_at=None, kind__in=Kind.values):
        manner = MANNERS[Kind(row.kind)]
        if not is_over(row.noted_at, manner.grace, now):
            continue
        row.told_at = now
        row.save(update_fields=["told_at"])
        Delivery.objects.bulk_create(_deliveries(row, Kind(row.kind)), ignore_conflicts=True)


def _deliveries(row: Notification, kind: Kind) -> Iterable[Delivery]:
    """For everybody who may see what it is about, as they chose."""
    chosen = {choice.user_id: choice for choice in Choice.objects.filter(kind=kind)}
    for user in people_told_of(kind):
        choice = chosen.get(user.pk)
        is_shown = choice.is_shown if choice else True
        wants_mail = (choice.is_mailed if choice else MANNERS[kind].is_mailed) and bool(address_of_user(user))
        if is_shown or wants_mail:
            mail = MailState.WAITING if wants_mail else MailState.NONE
            yield Delivery(notification=row, user=user, is_shown=is_shown, mail=mail)


def people_told_of(kind: Kind) -> list[Any]:
    """Everybody who may enter the back office and has the right to see it.

    Each is asked, because a host may give rights by other means than Django's tables. They are some dozens, and it is
    done when something new is told.
    """
    everybody = get_user_model()._default_manager.filter(is_active=True)  # noqa: SLF001 - as Django names it
    return [user for user in everybody if may_be_told(user, kind)]


def choose(*, user: Any, kind: Kind, is_shown: bool, is_mailed: bool) -> None:
    """Store how somebody wants to be told of a kind, from now on."""
    Choice.objects.update_or_create(user=user, kind=kind, defaults={"is_shown": is_shown, "is_mailed": is_mailed})


def mark_seen(*, user: Any) -> int:
    """Note that somebody has looked at what was told them. Answers how many were new."""
    return Delivery.objects.filter(user=user, seen_at=None, is_shown=True).update(seen_at=Now())


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A mail that was taken to be sent. `is_end`: it says that what was told is over."""

    delivery: Delivery
    is_end: bool


def claim_mail() -> Mail | None:
    """Take the next mail that is due for this caller alone; None when there is none.

    It is marked before the server is asked, and alone: whoever dies over it leaves no other one behind.
    """
    waits = Q(mail=MailState.WAITING) | Q(end_mail=MailState.WAITING)
    # None is put off for longer than the longest pause: what would be, was so by a clock that was wrong.
    is_due = Q(due_at__lte=Now()) | Q(due_at__gt=Now() + LONGEST_PAUSE)
    with transaction.atomic():
        waiting = Delivery.objects.select_for_update(skip_locked=True, of=("self",)).filter(waits, is_due)
        delivery = waiting.select_related("notification", "user").order_by("due_at", "pk").first()
        if delivery is None:
            return None
        is_end = delivery.mail != MailState.WAITING
        setattr(delivery, _column(is_end=is_end), MailState.SENDING)
        delivery.attempts += 1
        delivery.save(update_fields=["mail", "end_mail", "attempts"])
    return Mail(delivery=delivery, is_end=is_end)


def end_mail(*, mail: Mail, state: MailState, pause: timedelta = timedelta(0)) -> None:
    """Note what became of a mail that was claimed; with WAITING it is tried again after the pause."""
    column = _column(is_end=mail.is_end)
    with transaction.atomic():
        Delivery.objects.filter(pk=mail.delivery.pk, **{column: MailState.SENDING}).update(
            **{column: state}, due_at=timezone.now() + pause
        )
        over = Delivery.objects.filter(pk=mail.delivery.pk, notification__ended_at__isnull=False)
        # Ended while its first mail was on the way: the second one follows that, and who did not get it needs neither.
        over.filter(mail=MailState.SENT, end_mail=MailState.NONE).update(end_mail=MailState.WAITING, attempts=0)
        over.filter(mail=MailState.WAITING).update(mail=MailState.NONE)
        over.filter(mail__in=[MailState.NONE, MailState.FAILED], end_mail=MailState.WAITING).update(
            end_mail=MailState.NONE
        )


def _column(*, is_end: bool) -> str:
    return "end_mail" if is_end else "mail"

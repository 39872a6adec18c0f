"""The writers of resubscriptions: a person's newer wish is noted here, and a worker asks Dotdigital for them.

Nobody becomes mailable by it: the record stays unsubscribed until Dotdigital itself says that the contact is live.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from dotbridge.connections.models import ListConnection, Resubscription, ResubscriptionState, RunKind
from dotbridge.connections.request_moves import RESUBSCRIPTION_MOVES, move
from dotbridge.connections.services.run_requests import request_run
from dotbridge.consent.models import OF_DOTDIGITAL, Scope, Source
from dotbridge.consent.scopes import scopes_of_list
from dotbridge.consent.selectors import Objection, objections_of
from dotbridge.entities.registry import entity
from dotbridge.entities.sql import as_key
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import require_active
from dotbridge.lists.selectors import matching_records
from dotbridge.lists.services import resubscribe_records
from dotbridge.mirror.models import Contact, Membership
from dotbridge.mirror.status import LIVE

_NOTE_RETURNS = """
    UPDATE dotbridge_connections_resubscription r SET live_at = %(now)s
    FROM dotbridge_connections_listconnection l
        JOIN dotbridge_mirror_addressbook b ON b.id = l.address_book_id
        JOIN dotbridge_mirror_contact c ON c.integration_id = b.integration_id
        LEFT JOIN dotbridge_mirror_membership m ON m.contact_id = c.id AND m.address_book_id = b.id
    WHERE r.live_at IS NULL AND r.state IN ('added', 'challenged') AND l.id = r.connection_id
      AND b.integration_id = %(integration)s AND c.email_key = r.email_key
      AND c.status = ANY(%(live)s) AND (m.id IS NULL OR m.status = ANY(%(live)s))
"""


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """One record, with what is known of its unsubscription."""

    record_id: str
    email: str
    email_key: str
    contact: Contact | None
    membership: Membership | None
    objections: tuple[Objection, ...]

    @property
    def left_at(self) -> list[datetime]:
        """When they opted out: here, from the account, from the book."""
        return [objection.since for objection in self.objections]

    @property
    def waits_for_dotdigital(self) -> bool:
        """Whether it is Dotdigital that does not mail this person."""
        by_status = any(part is not None and part.status not in LIVE for part in (self.contact, self.membership))
        return by_status or any(objection.source in OF_DOTDIGITAL for objection in self.objections)


@transaction.atomic
def request_resubscription(
    *, link: ListConnection, record_ids: Iterable[object], opted_in_at: datetime, by: AbstractBaseUser | None = None
) -> list[Resubscription]:
    """Have Dotdigital asked to subscribe these records' people again, who asked for it themselves at this moment.

    All of them or none. Raises ValidationError when one of them opted in before they unsubscribed, is not unsubscribed
    in Dotdigital, has no address, or is being asked for already; and ValueError for a moment without a time zone.
    """
    _require_possible(link, opted_in_at)
    asked = _asked(link, {str(record_id) for record_id in record_ids})
    for each in asked:
        _check(each, opted_in_at)
    try:
        with transaction.atomic():
            made = Resubscription.objects.bulk_create(
                Resubscription(
                    connection=link,
                    record_id=each.record_id,
                    email=each.email,
                    email_key=each.email_key,
                    opted_in_at=opted_in_at,
                    requested_by_id=by.pk if by else None,
                )
                for each in asked
            )
    except IntegrityError:
        raise ValidationError(_("Dotdigital is being asked for this already.")) from None
    # Dotdigital's word alone stands from here on: what was said here was overtaken by the person's own newer wish.
    resubscribe_records(
        marketing_list=link.marketing_list,
        record_ids=[each.record_id for each in asked],
        source=Source.PERSON if by else Source.CRM,
        opted_in_at=opted_in_at,
        reason="asked to come back",
        by=by,
    )
    request_run(integration=link.address_book.integration, kind=RunKind.REQUESTS, trigger="person")
    return made


def _require_possible(link: ListConnection, opted_in_at: datetime) -> None:
    if opted_in_at.tzinfo is None:
        raise ValueError("opted_in_at has no time zone: give an aware datetime")
    if opted_in_at > timezone.now():
        raise ValidationError(_("The opt-in lies in the future."))
    require_active(link.address_book.integration)


def finish_resubscription(
    *, resubscription: Resubscription, state: ResubscriptionState, answer: str = "", message: str = ""
) -> None:
    """Note what Dotdigital made of it."""
    noted = {"answer": answer[:64], "message": message, "finished_at": timezone.now()}
    move(resubscription, RESUBSCRIPTION_MOVES, state, **noted)


def note_returns(*, integration: Integration) -> int:
    """Note which of those who were asked for are live again, as far as the mirror knows. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(_NOTE_RETURNS, {"now": timezone.now(), "integration": integration.pk, "live": list(LIVE)})
        return int(cursor.rowcount)


def _asked(link: ListConnection, record_ids: set[str]) -> list[_Asked]:
    book = link.address_book
    # By the key itself: the database would go through everybody for its text.
    known = entity(link.marketing_list.entity)
    keys_of = [key for record_id in record_ids if (key := as_key(known, record_id)) is not None]
    rows = list(
        matching_records(link.marketing_list)
        .filter(record_pk__in=keys_of, email_key__isnull=False)
        .values("record_id", "email", "email_key")
    )
    if len(rows) < len(record_ids) or not rows:
        raise ValidationError(_("A record that has no address, or that the list's rule does not match, cannot return."))
    keys = {row["email_key"] for row in rows}
    contacts = {
        contact.email_key: contact
        for contact in Contact.objects.filter(integration_id=book.integration_id, email_key__in=keys)
    }
    memberships = {
        membership.contact_id: membership
        for membership in Membership.objects.filter(address_book=book, contact__in=contacts.values())
    }
    objections = objections_of(
        scopes_of_list(link.marketing_list_id),
        link.marketing_list.entity,
        [(row["record_id"], row["email_key"]) for row in rows],
    )
    asked = []
    for row in rows:
        contact = contacts.get(row["email_key"])
        membership = memberships.get(contact.pk) if contact else None
        asked.append(_Asked(**row, contact=contact, membership=membership, objections=objections[row["record_id"]]))
    return asked


def _check(asked: _Asked, opted_in_at: datetime) -> None:
    if any(objection.scope == Scope.EVERYTHING for objection in asked.objections):
        raise ValidationError(_("This person opted out of everything. That is taken back on their own page first."))
    if not asked.waits_for_dotdigital:
        raise ValidationError(_("Dotdigital mails this person, so there is nothing to ask it for."))
    if asked.left_at and opted_in_at <= (left_at := max(asked.left_at)):
        raise ValidationError(
            _("The opt-in of %(opted_in)s is not newer than the unsubscription of %(left)s, so it does not count.")
            % {"opted_in": date_format(opted_in_at, "DATETIME_FORMAT"), "left": date_format(left_at, "DATETIME_FORMAT")}
        )

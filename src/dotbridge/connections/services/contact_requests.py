"""The writers of what Dotdigital has to learn of single contacts: opt-outs said here, and erasures.

Whoever opted out of everything is unsubscribed in every connected account, and whoever opted out of a list from its
book, where the connection says so. Each word is asked for once; Dotdigital's later word is not argued with.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from dotbridge.connections.models import (
    ChangeState,
    ContactRequest,
    ContactRequestKind,
    ListConnection,
    Resubscription,
    RunKind,
)
from dotbridge.connections.recipients import held_in_book
from dotbridge.connections.request_moves import CHANGE_MOVES, move
from dotbridge.connections.services.run_requests import request_run
from dotbridge.consent.conditions import LONGEST_TRANSACTION, states_since
from dotbridge.consent.models import Scope
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import Contact, FormerAddress, Membership
from dotbridge.mirror.status import LIVE

# Who has an address in an account: the contact that has it, or else the one that had it until it got another one there.
_KNOWN_AS = """
    SELECT c.id, c.integration_id, c.remote_id, c.status, c.email_key FROM dotbridge_mirror_contact c
    UNION ALL
    SELECT c.id, c.integration_id, c.remote_id, c.status, a.email_key
    FROM dotbridge_mirror_formeraddress a
    JOIN dotbridge_mirror_contact c ON c.integration_id = a.integration_id AND c.remote_id = a.remote_id
    WHERE c.email_key IS DISTINCT FROM a.email_key
      AND NOT EXISTS (SELECT FROM dotbridge_mirror_contact o
                      WHERE o.integration_id = a.integration_id AND o.email_key = a.email_key)
"""
# 1. Who opted out of everything and is live in an account. 2. Who opted out of a list and is live in its book.
_ASK = f"""
    INSERT INTO dotbridge_connections_contactrequest
        (integration_id, kind, address_book_id, email_key, remote_id, event_id, state, message, attempts)
    SELECT c.integration_id, 'unsubscribe', NULL::bigint, s.subject, c.remote_id, s.event_id, 'waiting', '', 0
    FROM {{states}} s
    JOIN ({_KNOWN_AS}) c ON c.email_key = s.subject AND c.status = ANY(%(live)s)
    JOIN dotbridge_integrations_integration g ON g.id = c.integration_id AND g.is_active
    WHERE s.scope = 'everything' AND s.kind = 'address' AND s.is_blocked
        AND (%(email_key)s::text IS NULL OR s.subject = %(email_key)s::text)
        AND (%(integration)s::bigint IS NULL OR g.id = %(integration)s::bigint)
    UNION ALL
    SELECT b.integration_id, 'unsubscribe_book', b.id, s.subject, c.remote_id, s.event_id, 'waiting', '', 0
    FROM dotbridge_connections_listconnection n
    JOIN dotbridge_mirror_addressbook b ON b.id = n.address_book_id AND b.gone_at IS NULL
    JOIN dotbridge_integrations_integration g ON g.id = b.integration_id AND g.is_active
    JOIN {{states}} s
        ON s.scope = 'list' AND s.scope_id = n.marketing_list_id AND s.kind = 'address' AND s.is_blocked
    JOIN ({_KNOWN_AS}) c
        ON c.integration_id = b.integration_id AND c.email_key = s.subject AND c.status = ANY(%(live)s)
    JOIN dotbridge_mirror_membership m
        ON m.address_book_id = b.id AND m.contact_id = c.id AND m.gone_at IS NULL AND m.status = ANY(%(live)s)
    WHERE n.unsubscribes_book AND (%(email_key)s::text IS NULL OR s.subject = %(email_key)s::text)
        AND (%(integration)s::bigint IS NULL OR g.id = %(integration)s::bigint)
    ON CONFLICT (integration_id, kind, address_book_id, remote_id, event_id) DO NOTHING
"""
# An opt-out that was taken back before Dotdigital learned of it is none of its concern. Of whoever was erased there is
# no state any more, and what they said before still holds.
_WITHDRAW = """
    DELETE FROM dotbridge_connections_contactrequest r
    WHERE r.state = 'waiting' AND r.kind <> 'erase' AND r.email_key <> ''
      AND (%(email_key)s::text IS NULL OR r.email_key = %(email_key)s::text)
      AND NOT EXISTS (SELECT FROM dotbridge_consent_consentstate s WHERE s.event_id = r.event_id AND s.is_blocked)
"""
_ASKED_ANEW: dict[str, Any] = {"state": ChangeState.WAITING, "attempts": 0, "due_at": None, "finished_at": None}
# Whoever is held in a book, see `recipients`. A word about the record or a former address is none about this address:
# such a request names none, so that it is not withdrawn. Whoever was unsubscribed so before has come back to the book
# since, and what they said here still holds.
_ASK_FOR_HELD = """
    INSERT INTO dotbridge_connections_contactrequest AS r
        (integration_id, kind, address_book_id, email_key, remote_id, event_id, state, message, attempts)
    SELECT c.integration_id, 'unsubscribe_book', %(book_asked)s,
           CASE WHEN s.event_id IS NULL THEN '' ELSE c.email_key END, c.remote_id, coalesce(s.event_id, 0),
           'waiting', '', 0
    FROM ({held}) held
    JOIN dotbridge_mirror_contact c ON c.id = held.id
    LEFT JOIN LATERAL (
        SELECT max(event_id) AS event_id FROM dotbridge_consent_consentstate
        WHERE kind = 'address' AND subject = c.email_key AND is_blocked
    ) s ON true
    ON CONFLICT (integration_id, kind, address_book_id, remote_id, event_id) DO UPDATE SET
        state = 'waiting', message = '', attempts = 0, due_at = NULL, finished_at = NULL
    WHERE r.state IN ('done', 'failed')
"""
# By the contact's id alone. An account that goes on listing whoever left a book is asked once a day.
_ASK_FOR_ERASED = """
    INSERT INTO dotbridge_connections_contactrequest AS r
        (integration_id, kind, address_book_id, email_key, remote_id, event_id, state, message, attempts)
    SELECT DISTINCT b.integration_id, 'unsubscribe_book', b.id, '', m.remote_id, 0, 'waiting', '', 0
    FROM unnest(%(books)s::bigint[], %(ids)s::bigint[]) AS m (book_id, remote_id)
    JOIN dotbridge_mirror_addressbook b ON b.id = m.book_id
    JOIN dotbridge_connections_listconnection n ON n.address_book_id = b.id
    ON CONFLICT (integration_id, kind, address_book_id, remote_id, event_id) DO UPDATE SET
        state = 'waiting', message = '', attempts = 0, due_at = NULL, finished_at = NULL
    WHERE r.state IN ('done', 'failed') AND r.finished_at NOT BETWEEN now() - interval '1 day' AND now()
"""


def request_unsubscriptions(
    *, email_key: str | None = None, integration: Integration | None = None, only_recent: bool = False
) -> int:
    """Note which opt-outs Dotdigital has to learn of and has not been asked for yet, for all accounts or for one.

    With `email_key` those of one normalised address alone; with `only_recent` those that were said within the hour,
    which takes no time however many there are: whose contact is new in an account, or is in a book by now, only the
    whole tells. What waits because of an opt-out that was taken back is withdrawn. Answers how many are asked for now.
    """
    states = states_since(Scope.EVERYTHING, Scope.LIST) if only_recent else "dotbridge_consent_consentstate"
    asked: dict[str, Any] = {
        "live": list(LIVE),
        "email_key": email_key,
        "integration": integration.pk if integration else None,
        "since": timezone.now() - LONGEST_TRANSACTION,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_WITHDRAW, asked)
        cursor.execute(_ASK.format(states=states), asked)
        return int(cursor.rowcount)


def unsubscribe_held(*, links: Sequence[ListConnection]) -> int:
    """Have whoever may not be mailed, and still stands in one of these books, unsubscribed from it in Dotdigital.

    An export takes out only whom we have brought there. Answers how many are asked for now, in a statement a book.
    """
    asked = 0
    for link in links:
        held, values = held_in_book(link).named("held")
        with connection.cursor() as cursor:
            cursor.execute(_ASK_FOR_HELD.format(held=held), {**values, "book_asked": link.address_book_id})
            asked += int(cursor.rowcount)
    return asked


def tell_of_opt_out(*, email_key: str) -> int:
    """Have Dotdigital told soon of what one address opted out of. Answers how many accounts have to be told."""
    request_unsubscriptions(email_key=email_key)
    waiting = ContactRequest.objects.filter(email_key=email_key, state=ChangeState.WAITING)
    accounts = Integration.objects.filter(pk__in=waiting.values("integration"), is_active=True).order_by("pk")
    for integration in accounts:
        request_run(integration=integration, kind=RunKind.REQUESTS, trigger="person")
    return len(accounts)


def erase_from_accounts(*, email_key: str, event_id: int, is_remote: bool, **_said: Any) -> None:
    """Receives `erasure_begins`: have the contact deleted in every account; or where Dotdigital keeps it, have it
    unsubscribed from the books of lists, since nobody here knows from then on who in them is not to be written to."""
    if is_remote:
        _delete_in_accounts(email_key, event_id)
        return
    standing = Membership.objects.filter(contact__in=_contacts_with(email_key), gone_at=None, status__in=LIVE)
    unsubscribe_erased(standing.filter(contact__status__in=LIVE).values_list("address_book", "contact__remote_id"))


def unsubscribe_erased(members: Iterable[tuple[int, int]]) -> None:
    """Have contacts who were erased here, and whom Dotdigital keeps, unsubscribed from books that lists are connected
    to. `members` are pairs of a book's key and a contact's id there; of other books nothing is asked."""
    books, ids = [], []
    for book_id, remote_id in members:
        books.append(book_id)
        ids.append(remote_id)
    if ids:
        with connection.cursor() as cursor:
            cursor.execute(_ASK_FOR_ERASED, {"books": books, "ids": ids})


def _delete_in_accounts(email_key: str, event_id: int) -> None:
    """Where we know no contact, because it was erased here before or was never read, an account that is switched on is
    searched for the address."""
    ids: dict[int, list[int]] = {}
    for integration_id, remote_id in _contacts_with(email_key).values_list("integration", "remote_id"):
        ids.setdefault(integration_id, []).append(remote_id)
    for integration in Integration.objects.order_by("pk"):
        for remote_id in ids.get(integration.pk, ()):
            request_deletion(integration=integration, remote_id=remote_id)
        if not integration.is_active:
            continue
        if integration.pk not in ids:
            ContactRequest.objects.create(
                integration=integration,
                kind=ContactRequestKind.ERASE,
                email_key=email_key,
                remote_id=0,
                event_id=event_id,
            )
        request_run(integration=integration, kind=RunKind.REQUESTS, trigger="person")


def request_deletion(*, integration: Integration, remote_id: int) -> None:
    """Have a contact that was erased here deleted in an account; the next minute's run asks for it. One that is there
    all the same is asked for again."""
    asked, is_new = ContactRequest.objects.get_or_create(
        integration=integration, kind=ContactRequestKind.ERASE, address_book=None, remote_id=remote_id, event_id=0
    )
    if not is_new:
        over = ContactRequest.objects.filter(pk=asked.pk, state__in=[ChangeState.DONE, ChangeState.FAILED])
        over.update(**_ASKED_ANEW)


def _contacts_with(email_key: str) -> QuerySet[Contact]:
    """Who has the address, or had it until it got another one in Dotdigital and nobody has it since."""
    former = FormerAddress.objects.filter(
        integration=OuterRef("integration"), remote_id=OuterRef("remote_id"), email_key=email_key
    )
    present = Contact.objects.filter(integration=OuterRef("integration"), email_key=email_key)
    return Contact.objects.filter(Q(email_key=email_key) | (Exists(former) & ~Exists(present)))


def erase_from_requests(*, email_key: str, **_said: Any) -> None:
    """Receives `address_erased`: what Dotdigital was asked to take away stays, without the address; nobody is brought
    back. Who is to be deleted there, and is known by the address alone, is so until that is done."""
    unknown = Q(kind=ContactRequestKind.ERASE) & ~Q(state=ChangeState.DONE)
    ContactRequest.objects.filter(~unknown, email_key=email_key).update(email_key="")
    Resubscription.objects.filter(email_key=email_key).delete()


def finish_contact_request(*, request: ContactRequest, state: ChangeState, message: str = "") -> None:
    """Note how a request ended. Of whoever was deleted there nothing is known any more."""
    is_erased = request.kind == ContactRequestKind.ERASE and state == ChangeState.DONE
    noted = {"email_key": ""} if is_erased else {}
    move(request, CHANGE_MOVES, state, message=message, finished_at=timezone.now(), **noted)


def retry_contact_request(*, request: ContactRequest) -> None:
    """Have a failed request tried again. Raises ValidationError for any other."""
    if not ContactRequest.objects.filter(pk=request.pk, state=ChangeState.FAILED).update(**_ASKED_ANEW):
        raise ValidationError(_("Only what failed can be tried again."))
    request_run(integration=request.integration, kind=RunKind.REQUESTS, trigger="person")

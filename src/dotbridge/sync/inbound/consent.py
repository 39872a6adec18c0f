"""What Dotdigital says about consent goes into the ledger: at each import, before anything waits for anything.

Its word about a contact binds every record whose address is, or when we last wrote to it was, that contact's: the
contact's present address, its former ones, and addresses under which a record was written to until lately.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction

from dotbridge.connections.services import note_opt_outs_of_former_books, note_returns, request_unsubscriptions
from dotbridge.consent.bulk import Recorded, record_events
from dotbridge.consent.models import Scope, Source, What
from dotbridge.mirror.status import LIVE
from dotbridge.sync.context import StepContext
from dotbridge.sync.inbound.suppressions import hear_of_former_books
from dotbridge.sync.models import Upload
from dotbridge.sync.outbound.forget import bring_back_returned
from dotbridge.sync.outbound.states import UNSUBSCRIBING

# Dotdigital's statuses and what they mean here; any other that is not live is taken as blocked.
MEANINGS = {
    "Unsubscribed": What.OPTED_OUT,
    "HardBounced": What.BOUNCED,
    "IspComplained": What.COMPLAINED,
    "DirectComplaint": What.COMPLAINED,
}

_MEANING = "CASE {status} " + " ".join(f"WHEN '{word}' THEN '{what.value}'" for word, what in MEANINGS.items())
_MEANING += f" ELSE '{What.BLOCKED.value}' END"
# Whom Dotdigital does not mail are few beside the others, and a partial index finds them. An address that has gone over
# to another contact is that one's: its word is noted, though the state already says the same.
_ACCOUNT_FALLEN = """
    SELECT %(account)s AS scope, %(integration)s::bigint AS scope_id, c.remote_id, c.email_key, c.status,
           coalesce(c.suppressed_at, %(now)s) AS at
    FROM dotbridge_mirror_contact c
    LEFT JOIN dotbridge_consent_consentstate s
        ON s.scope = %(account)s AND s.scope_id = %(integration)s AND s.kind = 'address' AND s.entity = ''
       AND s.subject = c.email_key
    WHERE c.integration_id = %(integration)s AND c.status NOT IN ({live}) AND c.email_key IS NOT NULL
      AND (s.id IS NULL OR NOT s.is_blocked OR s.status <> c.status OR s.remote_id IS DISTINCT FROM c.remote_id)
"""
_BOOK_FALLEN = """
    SELECT %(book)s, m.address_book_id, c.remote_id, c.email_key, m.status, coalesce(m.unsubscribed_at, %(now)s)
    FROM dotbridge_mirror_addressbook b
    JOIN dotbridge_mirror_membership m ON m.address_book_id = b.id AND m.status NOT IN ({live})
    JOIN dotbridge_mirror_contact c ON c.id = m.contact_id AND c.email_key IS NOT NULL
    LEFT JOIN dotbridge_consent_consentstate s
        ON s.scope = %(book)s AND s.scope_id = b.id AND s.kind = 'address' AND s.entity = '' AND s.subject = c.email_key
    WHERE b.integration_id = %(integration)s
      AND (s.id IS NULL OR NOT s.is_blocked OR s.status <> m.status OR s.remote_id IS DISTINCT FROM c.remote_id)
"""
# A record is bound by what was written to it, or was about to be: by the addresses of its notes.
_FALLEN = f"""
    WITH fallen AS MATERIALIZED ({_ACCOUNT_FALLEN} UNION ALL {_BOOK_FALLEN}),
    known_as AS (
        SELECT scope, scope_id, remote_id, at, email_key FROM fallen
        UNION
        SELECT f.scope, f.scope_id, f.remote_id, f.at, a.email_key
        FROM fallen f
        JOIN dotbridge_mirror_formeraddress a ON a.integration_id = %(integration)s AND a.remote_id = f.remote_id
    ),
    written AS (
        SELECT DISTINCT k.scope, k.scope_id, k.remote_id, l.entity, i.record_id
        FROM known_as k
        JOIN dotbridge_mirror_addressbook b
            ON b.integration_id = %(integration)s AND (k.scope = %(account)s OR b.id = k.scope_id)
        JOIN dotbridge_connections_listconnection n ON n.address_book_id = b.id
        JOIN dotbridge_lists_marketinglist l ON l.id = n.marketing_list_id
        JOIN dotbridge_sync_exportitem i ON i.connection_id = n.id AND i.email_key = k.email_key
        UNION
        SELECT k.scope, k.scope_id, k.remote_id, p.entity, p.record_id
        FROM known_as k
        JOIN dotbridge_sync_pastaddress p
            ON p.integration_id = %(integration)s AND p.email_key = k.email_key
           AND (p.ended_at IS NULL OR p.ended_at >= k.at)
    )
    SELECT f.scope, f.scope_id, {_MEANING.format(status="f.status")}, %(feed)s, f.status, f.at, f.email_key,
           w.entity, w.record_id, f.remote_id, ''
    FROM fallen f LEFT JOIN written w USING (scope, scope_id, remote_id)
"""
# Identity is the remote id: when the address of somebody who was written to is changed in Dotdigital to one that opted
# out here, it is the record that was written to which must not be.
_FOLLOWED = """
    SELECT s.scope, s.scope_id, s.what, s.source, s.status, s.since, NULL, l.entity, i.record_id, c.remote_id, ''
    FROM dotbridge_mirror_formeraddress a
    JOIN dotbridge_mirror_contact c ON c.integration_id = a.integration_id AND c.remote_id = a.remote_id
    JOIN dotbridge_consent_consentstate s
        ON s.kind = 'address' AND s.entity = '' AND s.subject = c.email_key AND s.is_blocked
    JOIN dotbridge_sync_exportitem i
        ON i.email_key = a.email_key AND (i.upload_id IS NOT NULL OR i.was_confirmed)
    JOIN dotbridge_connections_listconnection n ON n.id = i.connection_id
    JOIN dotbridge_mirror_addressbook b ON b.id = n.address_book_id AND b.integration_id = a.integration_id
    JOIN dotbridge_lists_marketinglist l ON l.id = n.marketing_list_id
    LEFT JOIN dotbridge_consent_consentstate held
        ON held.scope = s.scope AND held.scope_id = s.scope_id AND held.kind = 'record' AND held.entity = l.entity
       AND held.subject = i.record_id
    WHERE a.integration_id = %(integration)s
      AND (s.scope = %(everything)s OR (s.scope = %(list)s AND s.scope_id = l.id))
      AND (held.id IS NULL OR (NOT held.is_blocked AND held.since < s.since))
"""
# Dotdigital itself may make somebody mailable again: by the status of the account, or of the book. What an upload's
# report said, or another account, is lifted only by a newer subscription, because no feed of this one ever told it.
_RETURNED = """
    SELECT s.scope, s.scope_id, %(opted_in)s, %(feed)s, c.status,
           greatest(%(now)s, s.last_out_at + interval '1 microsecond'),
           CASE s.kind WHEN 'address' THEN s.subject END, s.entity, CASE s.kind WHEN 'record' THEN s.subject END,
           s.remote_id, ''
    FROM dotbridge_consent_consentstate s
    LEFT JOIN dotbridge_consent_consentevent e ON e.id = s.event_id AND s.remote_id IS NULL
    JOIN dotbridge_mirror_contact c
        ON c.integration_id = %(integration)s AND c.status IN ({live})
       AND (c.remote_id = s.remote_id
            OR (s.remote_id IS NULL AND c.email_key = CASE s.kind WHEN 'address' THEN s.subject ELSE e.email_key END))
    LEFT JOIN dotbridge_mirror_membership m
        ON s.scope = %(book)s AND m.address_book_id = s.scope_id AND m.contact_id = c.id
    WHERE s.is_blocked
      AND ((s.scope = %(account)s AND s.scope_id = %(integration)s)
           OR (s.scope = %(book)s AND s.scope_id IN (SELECT id FROM dotbridge_mirror_addressbook
                                                     WHERE integration_id = %(integration)s)))
      AND (m.id IS NULL OR m.status IN ({live}))
      AND s.source IN (%(feed)s, %(report)s)
      AND ((s.source = %(feed)s AND s.remote_id IS NOT NULL) OR c.last_subscribed_at > s.last_out_at)
"""
# A report says of an address that it is not mailed, and not whether that holds for the book or the whole account. It is
# taken for the book, which is what was asked about.
_REFUSED = """
    SELECT %(book)s, n.address_book_id, CASE i.reason {meanings} ELSE %(blocked)s END, %(report)s, i.reason, %(now)s,
           i.email_key, l.entity, i.record_id, c.remote_id, ''
    FROM dotbridge_sync_exportitem i
    JOIN dotbridge_connections_listconnection n ON n.id = i.connection_id
    JOIN dotbridge_lists_marketinglist l ON l.id = n.marketing_list_id
    JOIN dotbridge_mirror_addressbook b ON b.id = n.address_book_id
    LEFT JOIN dotbridge_mirror_contact c ON c.integration_id = b.integration_id AND c.email_key = i.email_key
    WHERE i.upload_id = %(upload)s AND i.reason = ANY(%(reasons)s)
"""
_REASONS = {
    "unsubscribed": What.OPTED_OUT,
    "hard_bounced": What.BOUNCED,
    "complained": What.COMPLAINED,
}


def learn_consent(step: StepContext) -> None:
    """Write down who may not be mailed since the last time, then who may be again, as the mirror has it."""
    step.run.knows_consent = False
    note_returns(integration=step.integration)
    fallen, returned = record_dotdigitals_word(step)
    step.run.knows_consent = True
    # A contact that is new in the account may be somebody who has opted out here before.
    request_unsubscriptions(integration=step.integration)
    if hear_of_former_books(step):
        record_dotdigitals_word(step)
    step.count(opted_out=fallen.addresses_blocked, opted_in=returned.addresses_lifted)
    step.advance(0)


@transaction.atomic
def record_dotdigitals_word(step: StepContext) -> tuple[Recorded, Recorded]:
    """The events of one account: who fell, and who returned."""
    live = ", ".join(f"'{status}'" for status in LIVE)
    parameters: dict[str, Any] = {
        "integration": step.integration.pk,
        "account": Scope.ACCOUNT.value,
        "book": Scope.BOOK.value,
        "everything": Scope.EVERYTHING.value,
        "list": Scope.LIST.value,
        "feed": Source.FEED.value,
        "report": Source.REPORT.value,
        "opted_in": What.OPTED_IN.value,
        "now": step.run.server_now,
    }
    fallen = record_events(selection=_FALLEN.format(live=live), parameters=parameters)
    record_events(selection=_FOLLOWED, parameters=parameters)
    note_opt_outs_of_former_books(
        integration=step.integration, heard=step.run.heard_of, reads_everything=step.run.reads_everything
    )
    returned = record_events(selection=_RETURNED.format(live=live), parameters=parameters)
    if returned.addresses_lifted:
        bring_back_returned(step.integration)
    return fallen, returned


def record_refusals(step: StepContext, upload: Upload) -> Recorded:
    """What a report says about the consent of an upload's rows; call it in the transaction that ends the upload.

    It was said by Dotdigital's clock, as the subscription is that lifts it.
    """
    meanings = " ".join(f"WHEN '{code}' THEN '{what.value}'" for code, what in _REASONS.items())
    return record_events(
        selection=_REFUSED.format(meanings=meanings),
        parameters={
            "book": Scope.BOOK.value,
            "blocked": What.BLOCKED.value,
            "report": Source.REPORT.value,
            "now": step.run.server_now,
            "upload": upload.pk,
            "reasons": list(UNSUBSCRIBING),
        },
    )

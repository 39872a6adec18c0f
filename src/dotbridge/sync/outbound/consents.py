"""Consent records: what proves an opt-in, out of the ledger, once to an account with the person whom it is about.

Version 3 alone takes them with an import, up to five of a person at a time, and complete ones only (contract §2.2, §7).
Which ones a file holds is noted before it is sent. What was refused, or may not have arrived, is noted as not sent, and
the person is looked at again.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import connection, transaction

from dotbridge.consent.models import ConsentEvent
from dotbridge.integrations.models import Integration, WireProtocol
from dotbridge.sync.models import SentConsent, Upload

MOST_A_PERSON = 5
# What a record takes in a file beside its texts.
RECORD_BYTES = 150

# What a list may send of an address: what was agreed to for it, for its book or account, or for everything.
_UNSENT = """
    FROM dotbridge_consent_consentevent e
    WHERE e.email_key = {address} AND e.consent_text <> ''
      AND (e.scope = 'everything' OR (e.scope, e.scope_id) IN
           (('account', %(integration)s), ('book', %(book)s), ('list', %(marketing_list)s)))
      AND NOT EXISTS (SELECT FROM dotbridge_sync_sentconsent s
                      WHERE s.integration_id = %(integration)s AND s.event_id = e.id)
"""
NO_CONSENTS = "CROSS JOIN (SELECT NULL::bigint AS bytes) consents"
UNSENT_CONSENTS = f"""
    CROSS JOIN LATERAL (
        SELECT sum({RECORD_BYTES} + octet_length(e.consent_text || e.url || e.user_agent)) AS bytes
        {_UNSENT.format(address="k.email_key")}
    ) consents
"""
_NOTE = f"""
    INSERT INTO dotbridge_sync_sentconsent (integration_id, event_id, upload_id)
    SELECT %(integration)s, found.id, %(upload)s
    FROM dotbridge_sync_exportitem i
    CROSS JOIN LATERAL (
        SELECT e.id {_UNSENT.format(address="i.email_key")} ORDER BY e.happened_at DESC, e.id DESC LIMIT {MOST_A_PERSON}
    ) found
    WHERE i.upload_id = %(upload)s AND i.removal_id IS NULL
    ON CONFLICT DO NOTHING
"""
# By address, for the file.
RECORDS_OF_UPLOAD = """
    SELECT e.email_key, json_agg(json_build_object(
        'text', e.consent_text, 'url', e.url, 'ipAddress', e.ip_address, 'userAgent', e.user_agent,
        'dateTimeConsented', to_char(e.happened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
    ) ORDER BY e.happened_at, e.id) AS records
    FROM dotbridge_sync_sentconsent s JOIN dotbridge_consent_consentevent e ON e.id = s.event_id
    WHERE s.upload_id = {upload} GROUP BY e.email_key
"""
_RELEASE = """
    WITH released AS (
        DELETE FROM dotbridge_sync_sentconsent s USING dotbridge_consent_consentevent e
        WHERE s.upload_id = %(upload)s AND e.id = s.event_id AND (NOT %(refused_only)s OR EXISTS (
            SELECT FROM dotbridge_sync_exportitem i
            WHERE i.upload_id = s.upload_id AND i.email_key = e.email_key AND i.reason <> ''))
        RETURNING e.email_key
    )
    INSERT INTO dotbridge_sync_recheck (connection_id, record_id)
    SELECT DISTINCT i.connection_id, i.record_id
    FROM released
    JOIN dotbridge_sync_exportitem i ON i.email_key = released.email_key AND i.connection_id = %(connection)s
    ON CONFLICT DO NOTHING
"""
# Addresses first, so that each is found by the index of the items, however many there are of these. A note that is
# there already is written anew: an export that is just taking it has to wait until the proof can be seen.
_LOOK_AGAIN = """
    INSERT INTO dotbridge_sync_recheck (connection_id, record_id)
    SELECT DISTINCT i.connection_id, i.record_id
    FROM (
        SELECT unnest(%(addresses)s::text[]) AS email_key
        UNION
        SELECT e.email_key FROM dotbridge_consent_consentevent e
        WHERE e.entity = %(entity)s AND e.record_id = ANY(%(record_ids)s) AND e.record_id <> '' AND e.email_key <> ''
    ) said JOIN dotbridge_sync_exportitem i ON i.email_key = said.email_key
    ORDER BY 1, 2
    ON CONFLICT (connection_id, record_id) DO UPDATE SET record_id = excluded.record_id
"""


def has_consents(integration: Integration) -> bool:
    """Whether the ledger has any that could go to this account."""
    if integration.protocol_found != WireProtocol.V3:
        return False
    return ConsentEvent.objects.exclude(consent_text="").exists()


def note_consents(upload: Upload) -> bool:
    """Note which consent records the file of an upload is to hold; False when there are none."""
    book = upload.connection.address_book
    with transaction.atomic(), connection.cursor() as cursor:
        # A former attempt of the same upload may have got as far as this.
        SentConsent.objects.filter(upload=upload).delete()
        if not has_consents(book.integration):
            return False
        cursor.execute(
            _NOTE,
            {
                "upload": upload.pk,
                "integration": book.integration_id,
                "book": book.pk,
                "marketing_list": upload.connection.marketing_list_id,
            },
        )
        return bool(cursor.rowcount)


def release_consents(upload: Upload, *, refused_only: bool = False) -> None:
    """The consent records of an upload count as not sent, or those of the people who were refused: they go again."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            _RELEASE, {"upload": upload.pk, "connection": upload.connection_id, "refused_only": refused_only}
        )


def look_at_proved(*, entity: str, record_ids: Collection[str], addresses: Collection[str], **_said: Any) -> None:
    """Receives `consent_proved`: whoever was sent already is looked at again, so that the proof follows."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOK_AGAIN, {"entity": entity, "record_ids": list(record_ids), "addresses": list(addresses)})

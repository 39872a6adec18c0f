"""Values that we sent and that are not in Dotdigital any more, though nobody changed them there.

A data field that is deleted in Dotdigital and made again under the same name has lost the values of all contacts, and
no feed of changes says so: no contact was changed. Only a full comparison sees it. What somebody emptied in Dotdigital
stays empty (ADR 5): a person's change comes by the feed of changes, which is read before everything is compared.
"""

from __future__ import annotations

from django.db import connection, transaction

from dotbridge.sync.context import StepContext
from dotbridge.sync.inbound.contacts import import_contacts
from dotbridge.sync.texts import LOST_VALUES

# What we sent and the mirror does not show, of addresses that are in the book and were confirmed. What contacts prefer
# it never shows.
_GAPS = """
    SELECT i.id AS item_id, v.key AS name
    FROM dotbridge_mirror_addressbook b
    JOIN dotbridge_connections_listconnection l ON l.address_book_id = b.id
    JOIN dotbridge_sync_exportitem i ON i.connection_id = l.id AND i.reason = ''
    JOIN dotbridge_sync_upload u ON u.id = i.upload_id AND u.state = 'finished'
    JOIN dotbridge_mirror_contact c ON c.integration_id = b.integration_id AND c.email_key = i.email_key
    JOIN dotbridge_mirror_membership m ON m.address_book_id = b.id AND m.contact_id = c.id AND m.gone_at IS NULL
    CROSS JOIN LATERAL jsonb_each_text(i.values) v
    WHERE b.integration_id = %(integration)s AND v.value <> '' AND NOT starts_with(v.key, 'Preference:')
      AND coalesce(c.data_fields ->> v.key, '') = ''
"""
_KNOWN = f"""
    CREATE TEMP TABLE known_gap AS {_GAPS};
    ANALYZE known_gap
"""
_LOST = f"""
    WITH lost AS (
        SELECT g.item_id, array_agg(g.name) AS names
        FROM ({_GAPS}) g
        JOIN dotbridge_mirror_datafield d
            ON d.integration_id = %(integration)s AND d.name = g.name AND d.gone_at IS NULL
        WHERE NOT EXISTS (SELECT FROM known_gap k WHERE k.item_id = g.item_id AND k.name = g.name)
        GROUP BY 1
    ), not_sent AS (
        UPDATE dotbridge_sync_exportitem i SET values = i.values - lost.names FROM lost WHERE i.id = lost.item_id
        RETURNING i.connection_id, i.record_id
    ), noted AS (
        INSERT INTO dotbridge_sync_recheck (connection_id, record_id)
        SELECT connection_id, record_id FROM not_sent ON CONFLICT DO NOTHING
    )
    SELECT count(*) FROM not_sent
"""


def compare_contacts(step: StepContext) -> None:
    """Read all contacts, and have the next export send again what was lost in Dotdigital.

    1. The feed of changes is read, so that whatever a person emptied there is known.
    2. What is missing by now is noted: it stays as it is.
    3. Everybody is read. What is missing since then counts as not sent.
    """
    parameters = {"integration": step.integration.pk}
    step.run.reads_everything = False
    try:
        import_contacts(step)
    finally:
        step.run.reads_everything = True
    step.step.counts.clear()  # these were no drift
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS known_gap")
        cursor.execute(_KNOWN, parameters)
    try:
        import_contacts(step)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_LOST, parameters)
            (lost,) = cursor.fetchone()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS known_gap")
    if lost:
        step.count(sent_again=lost)
        step.step.message = f"{step.step.message} {LOST_VALUES % {'number': lost}}".strip()

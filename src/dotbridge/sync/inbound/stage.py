"""Contacts of one page on their way into the mirror: copied into a temporary table, then merged by one statement each.

The number of statements a page is constant. All functions run inside the caller's transaction, one a page.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from django.db import connection

from dotbridge.integrations.models import Integration
from dotbridge.sync.inbound.storable import kind
from dotdigital import Contact

LAST_SUBSCRIBED = "LASTSUBSCRIBED"


class StagedContact(NamedTuple):
    """One row of the stage. `data_fields` is None where the feed does not carry them."""

    remote_id: int
    email: str
    status: str | None
    opt_in_type: str
    email_type: str
    data_fields: str | None
    last_subscribed_at: datetime | None
    removed_at: datetime | None = None


class Merged(NamedTuple):
    """What a merge did."""

    new: int
    changed: int


def has_address(contact: Contact) -> bool:
    """Whether a row of the mirror can be made of it: without an address it cannot be matched to anybody."""
    return bool((contact.email or "").replace("\x00", "").strip())


def staged(contact: Contact, *, status: str | None, removed_at: datetime | None = None) -> StagedContact:
    """A contact of the API as a row of the stage. NUL, which PostgreSQL cannot store, is left out of texts."""
    data_fields = last_subscribed_at = None
    if contact.data_fields is not None:
        values = {field.key: field.value for field in contact.data_fields}
        last_subscribed_at = _moment(values.get(LAST_SUBSCRIBED))
        data_fields = msgspec.json.encode(values).decode().replace("\\u0000", "")
    return StagedContact(
        remote_id=contact.id,
        email=(contact.email or "").replace("\x00", "").strip(),
        status=None if status is None else kind(status),
        opt_in_type=kind(contact.opt_in_type),
        email_type=kind(contact.email_type),
        data_fields=data_fields,
        last_subscribed_at=last_subscribed_at,
        removed_at=removed_at,
    )


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


# Of one id the row read last counts. Of one address on two ids in a page the higher id, the younger contact, keeps it.
_STAGE = """
    CREATE TEMP TABLE IF NOT EXISTS stage_contact (
        position bigint GENERATED ALWAYS AS IDENTITY, remote_id bigint, email text, email_key text, status text,
        opt_in_type text, email_type text, data_fields jsonb, last_subscribed_at timestamptz, removed_at timestamptz
    ) ON COMMIT DELETE ROWS
"""
_COPY = """
    COPY stage_contact (remote_id, email, status, opt_in_type, email_type, data_fields, last_subscribed_at, removed_at)
    FROM STDIN
"""
_TIDY = """
    WITH last_of_id AS (
        SELECT position, row_number() OVER (PARTITION BY remote_id ORDER BY position DESC) AS rank FROM stage_contact
    ), dropped AS (
        DELETE FROM stage_contact s USING last_of_id l WHERE s.position = l.position AND l.rank > 1
    ), owner AS (
        SELECT s.position, row_number() OVER (PARTITION BY lower(s.email) ORDER BY s.remote_id DESC) AS rank
        FROM stage_contact s JOIN last_of_id l USING (position) WHERE l.rank = 1
    )
    UPDATE stage_contact s SET email_key = lower(s.email) FROM owner o WHERE s.position = o.position AND o.rank = 1
"""
# An address that has moved to another id leaves its former contact without one, before the new owner is stored.
_RELEASE = """
    UPDATE mirror_contact c SET email_key = NULL
    FROM stage_contact s
    WHERE c.integration_id = %(integration)s AND s.email_key IS NOT NULL
      AND c.email_key = s.email_key AND c.remote_id <> s.remote_id
"""
_MERGE = """
    WITH merged AS (
        INSERT INTO mirror_contact AS c
            (integration_id, remote_id, email, email_key, status, opt_in_type, email_type, data_fields,
             last_subscribed_at, suppressed_at, updated_at)
        SELECT %(integration)s, remote_id, email, email_key,
               CASE WHEN %(sets_status)s THEN coalesce(status, 'Subscribed') ELSE 'Subscribed' END,
               opt_in_type, email_type,
               coalesce(data_fields, '{}'), last_subscribed_at,
               CASE WHEN %(sets_status)s THEN removed_at END, now()
        FROM stage_contact
        ON CONFLICT (integration_id, remote_id) DO UPDATE SET
            email = excluded.email, email_key = excluded.email_key,
            status = CASE WHEN %(sets_status)s THEN excluded.status ELSE c.status END,
            suppressed_at = CASE WHEN NOT %(sets_status)s OR c.status = excluded.status
                                 THEN coalesce(excluded.suppressed_at, c.suppressed_at) ELSE excluded.suppressed_at END,
            opt_in_type = excluded.opt_in_type, email_type = excluded.email_type,
            data_fields = CASE WHEN %(sets_data)s THEN excluded.data_fields ELSE c.data_fields END,
            last_subscribed_at = coalesce(excluded.last_subscribed_at, c.last_subscribed_at),
            updated_at = excluded.updated_at
        WHERE (c.email, c.email_key, c.opt_in_type, c.email_type)
                IS DISTINCT FROM (excluded.email, excluded.email_key, excluded.opt_in_type, excluded.email_type)
           OR (%(sets_status)s AND c.status <> excluded.status)
           OR excluded.suppressed_at <> coalesce(c.suppressed_at, '-infinity')
           OR (%(sets_data)s AND c.data_fields <> excluded.data_fields)
           OR excluded.last_subscribed_at > c.last_subscribed_at
        RETURNING (xmax = 0) AS is_new
    )
    SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM merged
"""


def merge_contacts(
    integration: Integration,
    rows: Iterable[StagedContact],
    *,
    sets_status: bool,
    sets_data: bool,
) -> Merged:
    """Stage the rows and merge them into the mirror's contacts; the stage stays filled until the transaction ends.

    Identity is the id, then the normalised address. `sets_status` says whether this feed speaks for the account's
    status, `sets_data` whether it carries data fields; what a feed does not carry stays as it was.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        with cursor.copy(_COPY) as copy:
            for row in rows:
                copy.write_row(row)
        parameters: dict[str, Any] = {
            "integration": integration.pk,
            "sets_status": sets_status,
            "sets_data": sets_data,
        }
        cursor.execute(_TIDY)
        cursor.execute(_RELEASE, parameters)
        cursor.execute(_MERGE, parameters)
        return Merged(*cursor.fetchone())

"""What an import has made, as rows without local keys and local times; and how a year's may differ from one reading.

A year of many runs knows more than one reading of what is left of it, and until a full comparison it does not know what
no feed of changes tells. `EXPLAINED`, `UNTIL_COMPARED` and `COMPARED` say exactly what: all else has to be equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from dotbridge.mirror.models import CampaignSummary

_FIGURES = ", ".join(
    f"s.{each.column}"
    for each in CampaignSummary._meta.concrete_fields
    if each.name not in {"id", "campaign", "read_at"}
)
_EVENT = "g.remote_id AS campaign, e.remote_contact_id, e.email_key, e.happened_at, e.event_key"
_OF_EMAIL_CAMPAIGN = """JOIN dotbridge_sync_campaignpair k ON k.email_campaign_id = x.email_campaign_id
    JOIN dotbridge_mirror_campaign g ON g.id = k.campaign_id"""
# One query a table; `campaign` is the id in Dotdigital wherever a row belongs to one.
TABLES = {
    "book": """SELECT remote_id, name, visibility, contact_count, gone_at IS NOT NULL AS gone
        FROM dotbridge_mirror_addressbook""",
    "data_field": """SELECT name, type, visibility, default_value, gone_at IS NOT NULL AS gone
        FROM dotbridge_mirror_datafield""",
    "contact": """SELECT remote_id, email, coalesce(email_key, '') AS email_key, status, suppressed_at, opt_in_type,
        email_type, data_fields, last_subscribed_at FROM dotbridge_mirror_contact""",
    "membership": """SELECT b.remote_id AS book, c.remote_id AS contact, m.status, m.unsubscribed_at,
        m.gone_at IS NOT NULL AS gone FROM dotbridge_mirror_membership m
        JOIN dotbridge_mirror_addressbook b ON b.id = m.address_book_id
        JOIN dotbridge_mirror_contact c ON c.id = m.contact_id""",
    "campaign": """SELECT remote_id AS campaign, name, subject, from_name, from_address, reply_action, reply_to_address,
        status, is_split_test, sent_at, sent_when_read, gone_at IS NOT NULL AS gone FROM dotbridge_mirror_campaign""",
    "campaign_book": """SELECT g.remote_id AS campaign, b.remote_id AS book FROM dotbridge_mirror_campaignbook l
        JOIN dotbridge_mirror_campaign g ON g.id = l.campaign_id
        JOIN dotbridge_mirror_addressbook b ON b.id = l.address_book_id""",
    "summary": f"""SELECT g.remote_id AS campaign, {_FIGURES} FROM dotbridge_mirror_campaignsummary s
        JOIN dotbridge_mirror_campaign g ON g.id = s.campaign_id""",
    "activity": """SELECT g.remote_id AS campaign, a.remote_contact_id, a.email, a.email_key, a.opens, a.clicks,
        a.page_views, a.forwards, a.estimated_forwards, a.replies, a.sent_at, a.first_opened_at, a.last_opened_at,
        a.is_unsubscribed, a.is_soft_bounced, a.is_hard_bounced
        FROM dotbridge_mirror_activity a JOIN dotbridge_mirror_campaign g ON g.id = a.campaign_id""",
    "open": f"""SELECT {_EVENT}, e.mail_client, e.is_forward
        FROM dotbridge_mirror_openevent e JOIN dotbridge_mirror_campaign g ON g.id = e.campaign_id""",
    "click": f"""SELECT {_EVENT}, e.url
        FROM dotbridge_mirror_clickevent e JOIN dotbridge_mirror_campaign g ON g.id = e.campaign_id""",
    "waiting": """SELECT g.remote_id AS campaign, w.kind, w.remote_contact_id, w.email_key
        FROM dotbridge_mirror_waitingresult w JOIN dotbridge_mirror_campaign g ON g.id = w.campaign_id""",
    "email_campaign": """SELECT g.remote_id AS campaign, x.name, x.description, x.sender_name, x.sender_email,
        x.schedule, x.transport, x.sent_at, x.owner_id, l.name AS list, m.code, m.name AS marketing_name,
        m.description AS marketing_description, m.report_period, m.is_automatic, m.owner_id AS marketing_owner
        FROM dotbridge_campaigns_emailcampaign x JOIN dotbridge_sync_campaignpair k ON k.email_campaign_id = x.id
        JOIN dotbridge_mirror_campaign g ON g.id = k.campaign_id
        LEFT JOIN dotbridge_lists_marketinglist l ON l.id = x.marketing_list_id
        JOIN dotbridge_campaigns_marketingcampaign m ON m.id = x.marketing_campaign_id""",
    "statistics": f"""SELECT g.remote_id AS campaign, x.entity, x.record_id, x.opens, x.clicks, x.bounces,
        x.unsubscribes, x.last_contacted_at FROM dotbridge_campaigns_emailcampaignstatistics x {_OF_EMAIL_CAMPAIGN}""",
    "marketing_activity": f"""SELECT g.remote_id AS campaign, x.type, x.entity, x.record_id, x.action_date, x.details,
        x.natural_key FROM dotbridge_campaigns_marketingactivity x {_OF_EMAIL_CAMPAIGN}""",
    "consent": """SELECT s.scope, coalesce(b.remote_id, 0) AS book, s.kind, s.entity, s.subject AS email_key,
        s.is_blocked, s.what, s.source, s.status FROM dotbridge_consent_consentstate s
        LEFT JOIN dotbridge_mirror_addressbook b ON s.scope = 'book' AND b.id = s.scope_id""",
    "opted_out": """SELECT DISTINCT l.name AS list, e.contact_id AS record_id, s.subject AS email_key
        FROM dotbridge_connections_listconnection n JOIN dotbridge_mirror_addressbook b ON b.id = n.address_book_id
        JOIN dotbridge_lists_marketinglist l ON l.id = n.marketing_list_id
        JOIN dotbridge_consent_consentstate s ON s.is_blocked AND s.kind = 'address'
            AND (s.scope, s.scope_id) IN (('account', b.integration_id), ('book', b.id))
        JOIN crm_contactemail e ON lower(trim(e.email)) = s.subject AND e.is_primary""",
}
OF_CAMPAIGNS = tuple(name for name, query in TABLES.items() if "AS campaign" in query)
RESULTS = tuple(name for name in OF_CAMPAIGNS if name not in {"campaign", "campaign_book", "waiting", "email_campaign"})

_NOBODY_HAS_IT = """NOT EXISTS (SELECT 1 FROM {seen} c WHERE c.email_key = y.email_key
    AND c.status IN ('Subscribed', 'SoftBounced') AND EXISTS (SELECT 1 FROM year.known n WHERE n.id = c.remote_id))"""
# Where a year may have a row (y) that one reading has not. `listed` are who is in which connected book in the account,
# `known` all of its contacts: read out of the account's own tables. `seen` is the state's own table of contacts.
EXPLAINED = {
    # A data field, or a campaign, that was deleted in Dotdigital is kept, and flagged.
    "data_field": "y.gone",
    **dict.fromkeys(OF_CAMPAIGNS, "EXISTS (SELECT 1 FROM year.deleted_campaign d WHERE d.id = y.campaign)"),
    # A contact is kept that was deleted, or is in no connected book any more and may be mailed.
    "contact": """NOT EXISTS (SELECT 1 FROM year.known n WHERE n.id = y.remote_id)
        OR y.status = 'Subscribed' AND NOT EXISTS (SELECT 1 FROM year.listed n WHERE n.contact = y.remote_id)""",
    # So is their place in a book, flagged; and without a flag that of somebody whom the account suppresses, and
    # therefore does not list, or who had left the book when the contact was deleted.
    "membership": """y.gone OR EXISTS (SELECT 1 FROM {seen} c WHERE c.remote_id = y.contact
        AND (c.suppressed_at IS NOT NULL OR NOT EXISTS (SELECT 1 FROM year.known n WHERE n.id = y.contact)))""",
    # Whoever may not be mailed stays so until Dotdigital says of this address that it may be mailed. Of somebody who
    # may be again one reading knows nothing.
    "consent": f"NOT y.is_blocked OR {_NOBODY_HAS_IT}",
    "opted_out": _NOBODY_HAS_IT,
}
# What only a full comparison finds out: who was taken out of a book without having left it.
UNTIL_COMPARED = {
    "membership": """OR y.status = 'Subscribed' AND NOT EXISTS
        (SELECT 1 FROM year.listed n WHERE n.book = y.book AND n.contact = y.contact)""",
}
# Columns, by table, as they are compared where a year may know more, or less, of a row that both have.
_IS_LISTED = "EXISTS (SELECT 1 FROM year.listed n WHERE n.contact = y.remote_id)"
_KEPT_ITS_NAME = "NOT EXISTS (SELECT 1 FROM year.renamed_campaign r WHERE r.id = y.campaign)"
COMPARED = {
    # The values of somebody who is in no list of a connected book: suppression feeds have none.
    "contact": {name: f"CASE WHEN {_IS_LISTED} THEN y.{name} END" for name in ("data_fields", "last_subscribed_at")},
    # Records made of a campaign keep the names they were made with; the script knows which these may be.
    "email_campaign": {
        name: f"CASE WHEN {_KEPT_ITS_NAME} THEN y.{name} END"
        for name in ("name", "code", "marketing_name", "marketing_description")
    },
}
COMPARED_BEFORE = {
    **COMPARED,
    # A data field that comes or goes changes no contact, and a new address of somebody who is in no list is not told.
    "contact": {
        **COMPARED["contact"],
        "data_fields": f"CASE WHEN {_IS_LISTED} THEN jsonb_strip_nulls(y.data_fields - 'COLOUR') END",
        **{name: f"CASE WHEN {_IS_LISTED} THEN y.{name} END" for name in ("email", "email_key")},
    },
}


@dataclass(frozen=True)
class Difference:
    """Rows that one state has and the other has not."""

    table: str
    which: str
    rows: int
    examples: list[tuple[Any, ...]]


def take(state: str) -> None:
    """Keep the present rows of every table under the name of a state."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS year")
        for table, query in TABLES.items():
            cursor.execute(f"DROP TABLE IF EXISTS year.{state}_{table}")
            cursor.execute(f"CREATE TABLE year.{state}_{table} AS {query}")


def note(table: str, columns: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Keep what the account or the script knows, for the rules."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA IF NOT EXISTS year")
        cursor.execute(f"DROP TABLE IF EXISTS year.{table}")
        cursor.execute(f"CREATE TABLE year.{table} ({columns})")
        with cursor.copy(f"COPY year.{table} FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


def forget() -> None:
    """Drop all states."""
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS year CASCADE")


def differences(many: str, *, is_compared: bool) -> list[Difference]:
    """Wherever this state and that of one reading, `one`, differ without an explanation.

    `is_compared`: whether the last of the many runs was a full comparison.
    """
    found = []
    for table in TABLES:
        columns = _columns(table, (COMPARED if is_compared else COMPARED_BEFORE).get(table, {}))
        more, less = (
            f"SELECT {columns} FROM year.{first}_{table} y EXCEPT ALL SELECT {columns} FROM year.{second}_{table} y"
            for first, second in ((many, "one"), ("one", many))
        )
        explained = EXPLAINED.get(table, "false") + ("" if is_compared else UNTIL_COMPARED.get(table, ""))
        explained = explained.format(seen=f"year.{many}_contact")
        found.append(_rows(table, "only after many runs", f"SELECT * FROM ({more}) y WHERE NOT ({explained})"))
        found.append(_rows(table, "only after one reading", less))
    return [each for each in found if each.rows]


def lost_of_deleted(campaign: int) -> list[Difference]:
    """What was kept, as the state `before`, of a campaign that was then deleted, and is not there any more."""
    found = []
    for table in RESULTS:
        for which, first, second in (("lost", "before", "many"), ("added", "many", "before")):
            query = f"""SELECT * FROM year.{first}_{table} WHERE campaign = {campaign}
                EXCEPT ALL SELECT * FROM year.{second}_{table} WHERE campaign = {campaign}"""
            found.append(_rows(table, which, query))
    return [each for each in found if each.rows]


def count(state: str, table: str) -> int:
    """How many rows a state has of a table."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM year.{state}_{table}")
        return int(cursor.fetchone()[0])


def _columns(table: str, compared: Mapping[str, str]) -> str:
    """All columns of a table, some of them in the way they are compared."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM year.one_{table} LIMIT 0")
        names = [each.name for each in cursor.description]
    return ", ".join(f"{compared.get(name, f'y.{name}')} AS {name}" for name in names)


def _rows(table: str, which: str, query: str) -> Difference:
    with connection.cursor() as cursor:
        cursor.execute(query)
        rows = cursor.fetchall()
    return Difference(table, which, len(rows), rows[:3])

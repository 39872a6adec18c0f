"""What is known of an account that says how many calls a run will need. Dotdigital is not asked, nothing is changed.

One statement for what is read, one for what is sent, and one for lists that were never sent, however many books,
campaigns and lists there are. What only Dotdigital knows, such as who changed there, is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from django.core.exceptions import EmptyResultSet
from django.db import connection

from dotbridge.connections.models import ListConnection
from dotbridge.entities.email import plausible_q
from dotbridge.entities.registry import UnknownEntity
from dotbridge.entities.sql import compiled
from dotbridge.entities.time_limits import StatementRefused, TookTooLong, statement_time_limit
from dotbridge.integrations.models import Integration
from dotbridge.lists.rules import RuleError
from dotbridge.lists.selectors import matching_records
from dotbridge.mirror.campaign_models import UNSENT
from dotbridge.mirror.status import LIVE
from dotbridge.sync.cursors import OVERLAP
from dotbridge.sync.inbound.campaign_activities import FEED as ACTIVITIES
from dotbridge.sync.inbound.campaign_clicks import FEED as CLICKS
from dotbridge.sync.inbound.campaign_feeds import YOUNG, YOUNG_ARE_READ_EVERY
from dotbridge.sync.inbound.campaign_opens import FEED as OPENS
from dotbridge.sync.inbound.campaign_summaries import FEED as SUMMARIES
from dotbridge.sync.inbound.suppressions import WITNESS_EVERY
from dotdigital import DEFAULT_OVERLAP, MAX_PAGE, MAX_PAGE_V3

# So long a page waits for the members of lists that were never sent.
MEMBERS_MILLISECONDS = 3_000
# What a row takes in a file where none was sent yet.
USUAL_ROW_BYTES = 250


def pages_sql(rows: str) -> str:
    """How many pages of version 2 hold so many rows: each begins a little before the end of the last one."""
    further = MAX_PAGE - DEFAULT_OVERLAP
    return f"(CASE WHEN {rows} < {MAX_PAGE} THEN 1 ELSE ({rows} - {MAX_PAGE}) / {further} + 2 END)"


def _due(feed: str) -> str:
    return f"(f.{feed} IS NULL OR f.{feed} < f.active_at)"


def _feed(feed: str) -> str:
    return f"max(cursor.position) FILTER (WHERE cursor.feed = '{feed}') AS {feed}"


# Written out, as the partial index has it.
_LIVE = ", ".join(f"'{status}'" for status in LIVE)
# Positions are by Dotdigital's clock, so it is at least as late as the latest of them.
_READING = f"""
    WITH clock AS (
        SELECT greatest(now(), max(position)) AS now FROM dotbridge_sync_cursor WHERE integration_id = %(integration)s
    ), book AS (
        SELECT b.contact_count AS size, l.id IS NOT NULL AS is_connected, c.position AS read_to, u.position AS asked_at,
               r.skip, greatest(b.contact_count - coalesce(r.skip, 0), 0) AS unread,
               (SELECT coalesce(sum(row_count), 0) FROM dotbridge_sync_upload sent WHERE sent.connection_id = l.id
                   AND sent.state = 'finished' AND sent.finished_at > c.position - %(overlap)s) AS just_sent
        FROM dotbridge_mirror_addressbook b
        LEFT JOIN dotbridge_connections_listconnection l ON l.address_book_id = b.id
        LEFT JOIN dotbridge_sync_cursor c
            ON (c.integration_id, c.feed, c.object_id) = (b.integration_id, 'contacts', b.id)
        LEFT JOIN dotbridge_sync_cursor u
            ON (u.integration_id, u.feed, u.object_id) = (b.integration_id, 'unsubscribes', b.id)
        LEFT JOIN dotbridge_sync_reading r
            ON (r.integration_id, r.feed, r.object_id) = (b.integration_id, 'contacts', b.id)
        WHERE b.integration_id = %(integration)s AND b.gone_at IS NULL
    ), books AS (
        SELECT is_connected, count(*) AS number, sum({pages_sql("size")}) AS pages_of_all,
               sum(CASE WHEN read_to IS NULL THEN {pages_sql("unread")} + (skip IS NOT NULL)::int
                        ELSE {pages_sql("just_sent")} END) AS pages,
               count(*) FILTER (WHERE asked_at IS NULL) AS never_asked,
               count(*) FILTER (WHERE asked_at IS NULL OR asked_at <= clock.now - %(witness)s) AS to_ask,
               sum(size) AS size, sum(just_sent) AS just_sent
        FROM book, clock GROUP BY is_connected
    ), feeds AS (
        SELECT c.id, c.active_at, coalesce(c.sent_at, c.first_seen_at) AS began_at, {_feed(SUMMARIES)},
               {_feed(ACTIVITIES)}, {_feed(OPENS)}, {_feed(CLICKS)},
               coalesce(s.num_total_sent, (SELECT max(b.contact_count) FROM dotbridge_mirror_campaignbook cb
                   JOIN dotbridge_mirror_addressbook b ON b.id = cb.address_book_id
                   WHERE cb.campaign_id = c.id), 0) AS sent,
               coalesce(s.num_total_opens, 0) AS opens, coalesce(s.num_total_clicks, 0) AS clicks, s.id AS summary_id
        FROM dotbridge_mirror_campaign c
        LEFT JOIN dotbridge_mirror_campaignsummary s ON s.campaign_id = c.id
        LEFT JOIN dotbridge_sync_cursor cursor ON cursor.integration_id = c.integration_id AND cursor.object_id = c.id
        WHERE c.integration_id = %(integration)s AND c.gone_at IS NULL AND c.status <> %(unsent)s AND EXISTS (
            SELECT FROM dotbridge_mirror_campaignbook cb
            JOIN dotbridge_mirror_addressbook b ON b.id = cb.address_book_id AND b.gone_at IS NULL
            JOIN dotbridge_connections_listconnection l ON l.address_book_id = b.id WHERE cb.campaign_id = c.id)
        GROUP BY c.id, s.id
    ), campaigns AS (
        SELECT count(*) AS number,
               count(*) FILTER (WHERE {_due(SUMMARIES)} OR (f.began_at > clock.now - %(young)s
                   AND f.{SUMMARIES} <= clock.now - %(young_every)s)) AS summaries,
               sum(CASE WHEN f.{ACTIVITIES} IS NULL THEN {pages_sql("f.sent")}
                        WHEN {_due(ACTIVITIES)} THEN 1 ELSE 0 END) AS activities,
               sum(CASE WHEN f.{OPENS} IS NULL THEN {pages_sql("f.opens")}
                        WHEN {_due(OPENS)} THEN 1 ELSE 0 END) AS opens,
               sum(CASE WHEN f.{CLICKS} IS NULL THEN {pages_sql("f.clicks")} WHEN {_due(CLICKS)} THEN 1 ELSE 0 END)
                   AS clicks,
               sum({pages_sql("f.sent")} + {pages_sql("f.opens")} + {pages_sql("f.clicks")}) AS pages_of_all,
               count(*) FILTER (WHERE f.summary_id IS NULL) AS without_figures
        FROM feeds f, clock
    )
    SELECT coalesce(mine.number, 0), coalesce(others.number, 0), coalesce(mine.pages, 0), coalesce(others.pages, 0),
           coalesce(mine.pages_of_all, 0), coalesce(others.pages_of_all, 0),
           coalesce(mine.never_asked, 0), coalesce(mine.to_ask, 0), coalesce(mine.just_sent, 0),
           CASE WHEN account.position IS NULL OR %(reads_everything)s THEN greatest(
                (SELECT count(*) FROM dotbridge_mirror_contact WHERE integration_id = %(integration)s),
                coalesce(mine.size, 0)) END,
           EXISTS (SELECT FROM dotbridge_mirror_contact
                   WHERE integration_id = %(integration)s AND status NOT IN ({_LIVE})),
           suppressed.position IS NOT NULL, suppressed.position > clock.now - %(witness)s,
           fields.position IS NOT NULL AND clock.now - fields.position < make_interval(hours => %(hours)s),
           active.position IS NOT NULL, listing.listed_at > clock.now - interval '1 day',
           (SELECT count(*) FROM dotbridge_mirror_campaign WHERE integration_id = %(integration)s AND gone_at IS NULL)
             + (SELECT count(*) FROM dotbridge_mirror_draft WHERE integration_id = %(integration)s),
           campaigns.summaries, coalesce(campaigns.activities, 0), coalesce(campaigns.opens, 0),
           coalesce(campaigns.clicks, 0), campaigns.number, coalesce(campaigns.pages_of_all, 0),
           campaigns.without_figures,
           events.remote_id IS NOT NULL, events.unusable_until > now(),
           (SELECT count(*) FROM dotbridge_sync_eventhint WHERE integration_id = %(integration)s)
    FROM clock CROSS JOIN campaigns
    LEFT JOIN books mine ON mine.is_connected LEFT JOIN books others ON NOT others.is_connected
    LEFT JOIN dotbridge_sync_cursor account ON (account.integration_id, account.feed) = (%(integration)s, 'account')
    LEFT JOIN dotbridge_sync_cursor suppressed
        ON (suppressed.integration_id, suppressed.feed) = (%(integration)s, 'suppressions')
    LEFT JOIN dotbridge_sync_cursor fields ON (fields.integration_id, fields.feed) = (%(integration)s, 'data_fields')
    LEFT JOIN dotbridge_sync_cursor active
        ON (active.integration_id, active.feed) = (%(integration)s, 'campaigns_active')
    LEFT JOIN dotbridge_sync_campaignlisting listing ON listing.integration_id = %(integration)s
    LEFT JOIN dotbridge_sync_eventsubscription events ON events.integration_id = %(integration)s
"""
# What is noted as changed may turn out to be as it was sent: then it needs no call, and was counted.
_SENDING = """
    SELECT l.id, p.prepared, i.waiting, changed.number, p.in_flight, p.in_flight_files, coalesce(size.bytes, %(bytes)s),
           r.number, i.any_item
    FROM dotbridge_connections_listconnection l
    JOIN dotbridge_mirror_addressbook b ON b.id = l.address_book_id AND b.gone_at IS NULL
    JOIN dotbridge_lists_marketinglist m ON m.id = l.marketing_list_id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(row_count) FILTER (WHERE state = 'prepared'), 0) AS prepared,
               coalesce(sum(row_count) FILTER (WHERE state = 'sent'), 0) AS in_flight,
               count(*) FILTER (WHERE state = 'sent') AS in_flight_files
        FROM dotbridge_sync_upload u WHERE u.connection_id = l.id AND u.state IN ('prepared', 'sent')
    ) p
    CROSS JOIN LATERAL (
        SELECT EXISTS (SELECT FROM dotbridge_sync_exportitem i WHERE i.connection_id = l.id) AS any_item,
               (SELECT count(*) FROM dotbridge_sync_exportitem i WHERE i.connection_id = l.id AND i.upload_id IS NULL
                  AND i.reason = '' AND i.removal_id IS NULL AND i.taken_out_at IS NULL) AS waiting
    ) i
    CROSS JOIN LATERAL (
        SELECT count(*) AS number FROM (
            SELECT record_id FROM dotbridge_sync_recheck WHERE connection_id = l.id
            UNION
            SELECT d.record_id FROM dotbridge_mapping_dirtyrecord d
            JOIN dotbridge_mapping_mapping g ON g.id = d.mapping_id
            WHERE g.integration_id = %(integration)s AND g.entity = m.entity
        ) records
    ) changed
    CROSS JOIN LATERAL (
        SELECT ceil(avg(octet_length(values::text) + octet_length(email))) AS bytes FROM (
            SELECT values, email FROM dotbridge_sync_exportitem WHERE connection_id = l.id LIMIT 200) sample
    ) size
    CROSS JOIN LATERAL (
        SELECT count(*) AS number FROM dotbridge_sync_removal WHERE connection_id = l.id AND state = 'prepared'
    ) r
    WHERE b.integration_id = %(integration)s AND l.stopped_at IS NULL
    ORDER BY l.id
"""


class ReadingNeeds(NamedTuple):
    """What is known of what a reading has to read. Pages are of version 2; `contacts` is None after a first reading by
    version 3, as nobody has to be read then."""

    connected_books: int
    other_books: int
    connected_pages: int
    other_pages: int
    connected_pages_of_all: int
    other_pages_of_all: int
    books_never_asked: int
    books_to_ask: int
    just_sent: int
    contacts: int | None
    has_suppressed: bool
    suppressions_were_read: bool
    suppressions_are_fresh: bool | None
    data_fields_are_fresh: bool
    activity_was_asked: bool
    listing_is_fresh: bool | None
    campaigns_listed: int
    summaries: int
    activities: int
    opens: int
    clicks: int
    campaigns: int
    result_pages_of_all: int
    without_figures: int
    events_are_followed: bool
    events_are_unusable: bool | None
    hints: int


class SendingNeeds(NamedTuple):
    """What is known of what one connected list has to send: rows by how they came to wait, and bytes a row."""

    connection_id: int
    prepared: int
    waiting: int
    changed: int
    in_flight: int
    in_flight_files: int
    row_bytes: int
    removals: int
    was_sent: bool


def reading_needs(integration: Integration, *, reads_everything: bool) -> ReadingNeeds:
    """What a reading of the account has to read, by what is known here."""
    parameters: dict[str, Any] = {
        "integration": integration.pk,
        "reads_everything": reads_everything,
        "overlap": OVERLAP,
        "witness": WITNESS_EVERY,
        "young": YOUNG,
        "young_every": YOUNG_ARE_READ_EVERY,
        "unsent": UNSENT,
        "hours": integration.data_fields_hours,
    }
    with connection.cursor() as cursor:
        cursor.execute(_READING, parameters)
        found: list[Any] = [int(each) if isinstance(each, Decimal) else each for each in cursor.fetchone()]
        return ReadingNeeds(*found)


def sending_needs(integration: Integration) -> list[SendingNeeds]:
    """What each connected list of the account has to send, by what is known here."""
    with connection.cursor() as cursor:
        cursor.execute(_SENDING, {"integration": integration.pk, "bytes": USUAL_ROW_BYTES})
        rows: list[list[Any]] = [
            [int(each) if isinstance(each, Decimal) else each for each in row] for row in cursor.fetchall()
        ]
        return [SendingNeeds(*row) for row in rows]


def members_of_unsent(connection_ids: Iterable[int]) -> dict[int, int] | None:
    """How many records with an address lists have that were never sent, in one statement; None where that cannot be
    said in time. Those who were removed or opted out are few, and are counted too."""
    counts: list[str] = []
    parameters: list[Any] = []
    links = ListConnection.objects.filter(pk__in=connection_ids).select_related("marketing_list")
    try:
        for link in links:
            try:
                found = compiled(matching_records(link.marketing_list).filter(plausible_q("email")))
            except EmptyResultSet:
                continue
            counts.append(f"SELECT {link.pk}::bigint, count(*) FROM ({found.sql}) found")
            parameters += found.parameters
        if not counts:
            return {}
        with statement_time_limit(MEMBERS_MILLISECONDS), connection.cursor() as cursor:
            cursor.execute(" UNION ALL ".join(counts), parameters)
            return dict(cursor.fetchall())
    except (RuleError, UnknownEntity, TookTooLong, StatementRefused):
        return None


def pages_of_version_3(rows: int) -> int:
    """How many pages of version 3 hold so many contacts."""
    return max(1, -(-rows // MAX_PAGE_V3))


def pages_of_version_2(rows: int) -> int:
    """The same of version 2, see `pages_sql`."""
    return 1 if rows < MAX_PAGE else (rows - MAX_PAGE) // (MAX_PAGE - DEFAULT_OVERLAP) + 2

"""Statistics and marketing activities by a query of another app: one statement, however many rows it selects.

Like `services`, this is a writer of campaigns; it exists for those who know the events only as SQL. Both functions run
inside the caller's transaction, which holds the e-mail campaign from `hold_email_campaign` on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection

from dotbridge.campaigns.models import EmailCampaign


class Written(NamedTuple):
    """How many rows a statement added, and how many it changed."""

    new: int
    changed: int


_ACTIVITIES = """
    WITH selected AS ({selection}), written AS (
        INSERT INTO dotbridge_campaigns_marketingactivity AS a
            (type, email_campaign_id, entity, record_id, action_date, details, natural_key)
        SELECT DISTINCT ON (natural_key)
            type, %s::bigint, %s, record_id, action_date, details, natural_key
        FROM (
            SELECT s.*, md5(s.type || '|' || s.event || '|' || %s || '|' || s.record_id)::uuid AS natural_key
            FROM selected s
        ) keyed
        ORDER BY natural_key, action_date DESC
        ON CONFLICT (email_campaign_id, natural_key) DO UPDATE SET action_date = excluded.action_date
        WHERE a.action_date < excluded.action_date
        RETURNING (xmax = 0) AS is_new
    )
    SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written
"""
_STATISTICS = """
    WITH selected AS ({selection}), written AS (
        INSERT INTO dotbridge_campaigns_emailcampaignstatistics AS s
            (email_campaign_id, entity, record_id, opens, clicks, bounces, unsubscribes, last_contacted_at, contact_id)
        SELECT DISTINCT ON (record_id)
            %s::bigint, %s, record_id, opens, clicks, bounces, unsubscribes, last_contacted_at, contact_id
        FROM selected ORDER BY record_id, last_contacted_at DESC NULLS LAST
        ON CONFLICT (email_campaign_id, entity, record_id) DO UPDATE SET
            opens = excluded.opens, clicks = excluded.clicks, bounces = excluded.bounces,
            unsubscribes = excluded.unsubscribes, last_contacted_at = excluded.last_contacted_at,
            contact_id = excluded.contact_id
        WHERE (s.contact_id = excluded.contact_id OR s.last_contacted_at IS NULL
               OR s.last_contacted_at <= excluded.last_contacted_at)
          AND (s.opens, s.clicks, s.bounces, s.unsubscribes, s.last_contacted_at) IS DISTINCT FROM
            (excluded.opens, excluded.clicks, excluded.bounces, excluded.unsubscribes, excluded.last_contacted_at)
        RETURNING (xmax = 0) AS is_new
    )
    SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM written
"""


def hold_email_campaign(email_campaign_id: int) -> EmailCampaign | None:
    """The e-mail campaign, held until the transaction ends: its deletion waits for that. None when it is gone."""
    return EmailCampaign.objects.select_for_update().filter(pk=email_campaign_id).first()


def record_activities(
    *, email_campaign: EmailCampaign, entity: str, selection: str, parameters: Sequence[Any] = ()
) -> Written:
    """Keep the events of a query: columns type, record_id, action_date, details and event.

    `event` is the text that tells two events of one type and record apart; an event read again changes nothing but its
    date, if that is a later one now. An address can have received a campaign twice, under two contacts one after the
    other: whichever is read first, the later date stays.
    """
    return _written(
        _ACTIVITIES.format(selection=selection),
        [*parameters, email_campaign.pk, entity, entity],
    )


def set_statistics(
    *, email_campaign: EmailCampaign, entity: str, selection: str, parameters: Sequence[Any] = ()
) -> Written:
    """Set the statistics of the records of a query: columns record_id, opens, clicks, bounces, unsubscribes,
    last_contacted_at and contact_id. Of two contacts of one record the one contacted last counts, whichever of them
    comes first; what is said of the same one later counts in any case."""
    return _written(_STATISTICS.format(selection=selection), [*parameters, email_campaign.pk, entity])


def _written(statement: str, parameters: list[Any]) -> Written:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return Written(*cursor.fetchone())

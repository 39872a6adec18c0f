"""Contact activity: what each recipient of a campaign did, everybody at first, then whoever did something.

Pages are copied into a temporary table and merged by one statement, which also notes what has changed as waiting to
become marketing activities. A row read again, as often as may be, changes nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Q

from dotbridge.mirror.campaign_models import SENT
from dotbridge.mirror.models import Campaign, CampaignSummary
from dotbridge.sync.context import Refusal, StepContext
from dotbridge.sync.cursors import is_over
from dotbridge.sync.inbound.ahead import read_ahead
from dotbridge.sync.inbound.campaign_feeds import active_campaigns, forget_erased, joined, read_each, with_contact
from dotbridge.sync.inbound.large_readings import ACTIVITIES_FEED
from dotbridge.sync.inbound.storable import counted
from dotbridge.sync.texts import UNDATED_RECIPIENTS
from dotdigital import CampaignActivity, Page

FEED = ACTIVITIES_FEED
ALL_ARE_READ_EVERY = timedelta(hours=1)

_STAGE = """
    CREATE TEMP TABLE IF NOT EXISTS stage_activity (
        position bigint GENERATED ALWAYS AS IDENTITY, remote_contact_id bigint, email text, opens int, clicks int,
        page_views int, forwards int, estimated_forwards int, replies int, sent_at timestamptz,
        first_opened_at timestamptz, last_opened_at timestamptz, is_unsubscribed boolean, is_soft_bounced boolean,
        is_hard_bounced boolean
    ) ON COMMIT DELETE ROWS
"""
_VALUES = """opens, clicks, page_views, forwards, estimated_forwards, replies, sent_at, first_opened_at, last_opened_at,
    is_unsubscribed, is_soft_bounced, is_hard_bounced"""
_COPY = f"COPY stage_activity (remote_contact_id, email, {_VALUES}) FROM STDIN"
# Of one contact the row read last counts. An address or a date of sending once known is kept where a later row comes
# without. Who waits to be found is looked for again: it may be another address now.
_MERGE = f"""
    WITH merged AS (
        INSERT INTO dotbridge_mirror_activity AS a (campaign_id, remote_contact_id, email, email_key, {_VALUES})
        SELECT DISTINCT ON (remote_contact_id) %(campaign)s::bigint, remote_contact_id, email, lower(email), {_VALUES}
        FROM stage_activity ORDER BY remote_contact_id, position DESC
        ON CONFLICT (campaign_id, remote_contact_id) DO UPDATE SET
            email = coalesce(nullif(excluded.email, ''), a.email),
            email_key = coalesce(nullif(excluded.email_key, ''), a.email_key),
            ({_VALUES}) = ROW ({{excluded}})
        WHERE (a.email, {{held}}) IS DISTINCT FROM (coalesce(nullif(excluded.email, ''), a.email), {{excluded}})
        RETURNING id, remote_contact_id, email_key, (xmax = 0) AS is_new
    ), queued AS (
        INSERT INTO dotbridge_mirror_waitingresult (campaign_id, kind, row_id, remote_contact_id, email_key)
        SELECT %(campaign)s, 'activity', id, remote_contact_id, email_key FROM merged
        ON CONFLICT (campaign_id, kind, row_id) DO UPDATE SET email_key = excluded.email_key, is_tried = false
    )
    SELECT count(*) FILTER (WHERE is_new), count(*) FILTER (WHERE NOT is_new) FROM merged
""".format(
    excluded=", ".join(f"excluded.{name.strip()}" for name in _VALUES.split(",")).replace(
        "excluded.sent_at", "coalesce(excluded.sent_at, a.sent_at)"
    ),
    held=", ".join(f"a.{name.strip()}" for name in _VALUES.split(",")),
)


def import_activities(step: StepContext) -> None:
    """Read the recipients of every campaign with news, and of those that have sent more since all of them were read."""
    has_another_number = ~Q(sent_when_read=F("summary__num_total_sent")) & Q(summary__num_total_sent__isnull=False)
    was_read = Q(recipients_read_at__lte=step.run.server_now - ALL_ARE_READ_EVERY)
    # A moment to come is that of a clock that was wrong.
    has_sent_more = has_another_number & (was_read | Q(recipients_read_at__gt=step.run.server_now))
    read_each(step, FEED, _read_activities, active_campaigns(step, FEED, or_else=has_sent_more))


def _read_activities(step: StepContext, campaign: Campaign) -> None:
    sent_now = CampaignSummary.objects.filter(campaign=campaign).values_list("num_total_sent", flat=True).first()
    since = step.since(FEED, campaign.pk)
    if since is not None and _has_to_read_all(campaign, sent_now, step.run.server_now):
        since = None
    undated = 0
    with read_ahead(joined(step.account.campaign(campaign.remote_id).activities(since=since))) as pages:
        for page in pages:
            with transaction.atomic():
                undated += _store_page(step, campaign, page)
    if since is None:
        Campaign.objects.filter(pk=campaign.pk).update(sent_when_read=sent_now, recipients_read_at=step.run.server_now)
    if undated and campaign.sent_at is None:
        detail = UNDATED_RECIPIENTS % {"number": undated}
        step.reject([Refusal(f"campaign {campaign.remote_id}", "undated", detail)])


def _has_to_read_all(campaign: Campaign, sent_now: int | None, now: datetime) -> bool:
    """Whoever was only sent the mail is not in the list of changes, so another number of sent ones means: read all.

    A campaign that sends all day would be read again for each further mail: only once an hour, then, or when a
    hundredth has come, and at its end.
    """
    before = campaign.sent_when_read
    if sent_now is None or sent_now == before:
        return False
    if before is None or campaign.recipients_read_at is None or campaign.status == SENT:
        return True
    has_grown = abs(sent_now - before) * 100 >= max(before, 1)
    return has_grown or is_over(campaign.recipients_read_at, ALL_ARE_READ_EVERY, now)


def _store_page(step: StepContext, campaign: Campaign, page: Page[CampaignActivity]) -> int:
    """One page into the mirror; how many of its rows have no date of sending."""
    rows = with_contact(step, "activity", page)
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
        with cursor.copy(_COPY) as copy:
            for row in rows:
                copy.write_row(_staged(row))
        forget_erased("stage_activity")
        cursor.execute(_MERGE, {"campaign": campaign.pk})
        new, changed = cursor.fetchone()
    step.count(read=len(rows), new=new, changed=changed)
    step.advance(len(rows))
    return sum(row.date_sent is None for row in rows)


def _staged(row: CampaignActivity) -> tuple[int | str | bool | datetime | None, ...]:
    return (
        row.contact_id,
        (row.email or "").replace("\x00", "").strip(),
        counted(row.num_opens),
        counted(row.num_clicks),
        counted(row.num_page_views),
        counted(row.num_forwards),
        counted(row.num_estimated_forwards),
        counted(row.num_replies),
        row.date_sent,
        row.date_first_opened,
        row.date_last_opened,
        row.unsubscribed,
        row.soft_bounced,
        row.hard_bounced,
    )

"""How fast does what recipients did arrive, from the sandbox's answers to marketing activities and statistics?

rows_per_s      activities a second, end to end: HTTP, mirror, statistics and marketing activities of the records
row_at_a_time   that, divided by the rate of a loop in the ORM that looks things up and saves a row at a time and
                commits each thousand (wanted: >= 40); it reads the same pages of the same campaign in the same run,
                and is scaled from a sample of its rows, because all of them would take hours
calls           calls to the account for all activities
peak_rss_mb     largest resident size of the importing process (wanted: <= 150)
"""

# ruff: noqa: PLC0415 - Django is set up before its models are imported

from __future__ import annotations

import argparse
import sqlite3
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _common import (
    PASSWORD,
    USER,
    SandboxProcess,
    answer_as_worker,
    at_work,
    in_worker,
    set_up,
    settle,
    show,
    surroundings,
)

SENT, OPENED = "2026-01-01T09:00:00.000Z", "2026-01-01T10:30:00.000Z"
# Every fourth recipient opened, every twentieth bounced.
OPEN_EVERY, BOUNCE_EVERY = 4, 20
COMMIT_EVERY = 1_000
BATCH = 50_000


def address(number: int) -> str:
    """The address of an invented recipient."""
    return f"p{number}.{number * 7919 % 10_007}@example.com"


def main() -> None:
    """Measure and print."""
    if answer_as_worker({"import": ours, "row_at_a_time": row_at_a_time}):
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sample", type=int, default=5_000, help="rows of the row-at-a-time loop")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    wanted = parser.parse_args()
    with surroundings() as (_folder, sandbox):
        fill_sandbox(sandbox.state, wanted.rows)
        prepare(sandbox.url, wanted.rows)
        result = measure(sandbox, wanted.rows, min(wanted.sample, wanted.rows))
    show(result, as_json=wanted.json, table=table)


def fill_sandbox(path: Path, rows: int) -> None:
    """One campaign that was sent to so many people of one book."""
    db = sqlite3.connect(path, timeout=60)
    with db:
        book = db.execute(
            "INSERT INTO address_book (name, name_key) VALUES ('Readers', 'readers') RETURNING id"
        ).fetchone()[0]
        db.execute(
            "INSERT INTO campaign (id, name, subject, from_name, from_address_id, html_content, plain_text_content, "
            "status, sent_date) VALUES (1, 'Spring', 'Hello', 'Acme', 1, '', '', 'Sent', ?)",
            (SENT,),
        )
        db.execute("INSERT INTO campaign_target VALUES (1, ?)", (book,))
    for first in range(1, rows + 1, BATCH):
        numbers = range(first, min(first + BATCH, rows + 1))
        with db:
            db.executemany(
                "INSERT INTO activity VALUES (1, ?, ?, ?, 0)", [(each, address(each), SENT) for each in numbers]
            )
            db.executemany(
                "INSERT INTO event (campaign_id, contact_id, email, kind, at) VALUES (1, ?, ?, ?, ?)", events(numbers)
            )
    db.close()


def events(numbers: range) -> Iterator[tuple[int, str, str, str]]:
    """What the recipients did."""
    for number in numbers:
        if number % BOUNCE_EVERY == 0:
            yield number, address(number), "soft_bounce", SENT
        elif number % OPEN_EVERY == 0:
            yield number, address(number), "open", OPENED


def measure(sandbox: SandboxProcess, rows: int, sample: int) -> dict[str, Any]:
    """Both ways, each in a worker of its own; the slow one first, while its tables are still small."""
    settle()
    slow = in_worker(__file__, sandbox, name="row_at_a_time", sample=sample)
    settle()
    found = in_worker(__file__, sandbox, name="import")
    there = {name: found[name] for name in ("activities", "statistics", "events")}
    if there != {"activities": rows, "statistics": rows, "events": rows + rows // BOUNCE_EVERY}:
        raise RuntimeError(f"{rows} activities went in, {there} came out")
    rate, slow_rate = rows / found["seconds"], slow["rows"] / slow["seconds"]
    return {
        "rows": rows,
        "rows_per_s": round(rate),
        "row_at_a_time": round(rate / slow_rate, 1),
        "calls": found["calls"],
        "peak_rss_mb": found["peak_rss_mb"],
        "processor_seconds_100k": round(found["processor_seconds"] / rows * 1e5, 1),
        "row_at_a_time_processor_seconds_100k": round(slow["processor_seconds"] / slow["rows"] * 1e5, 1),
        "samples": {"row_at_a_time": sample},
        "peers_rows_per_s": {"row_at_a_time": round(slow_rate)},
    }


def prepare(url: str, rows: int) -> None:
    """A connected list with a record and a mirrored contact for each recipient, and the campaign found and linked."""
    set_up()
    from django.core.management import call_command
    from django.db import connection

    from dotbridge.connections.models import RunKind
    from dotbridge.connections.services import connect_list
    from dotbridge.integrations.services import create_integration
    from dotbridge.lists.services import create_list
    from dotbridge.mirror.models import AddressBook
    from dotbridge.sync.engine import run_sync

    call_command("migrate", verbosity=0)
    integration = create_integration(name="Bench", username=USER, password=PASSWORD, base_url=url)
    run_sync(integration=integration, kind=RunKind.DATA_FIELDS, trigger="bench")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO crm_contact (id, first_name, last_name, job_title, phone, is_vip, language, notes, updated_at)"
            "SELECT n, 'A', 'B', '', '', false, '', '', now() FROM generate_series(1, %s) n",
            [rows],
        )
        email = "'p' || n || '.' || (n::bigint * 7919 %% 10007) || '@example.com'"
        cursor.execute(
            "INSERT INTO crm_contactemail (contact_id, email, is_primary) "
            f"SELECT n, {email}, true FROM generate_series(1, %s) n",
            [rows],
        )
        cursor.execute(
            "INSERT INTO dotbridge_mirror_contact (integration_id, remote_id, email, email_key, status, opt_in_type, "
            "email_type, data_fields, updated_at) "
            f"SELECT %s, n, {email}, {email}, 'Subscribed', '', '', '{{}}', now() FROM generate_series(1, %s) n",
            [integration.pk, rows],
        )
        cursor.execute("ANALYZE")
    book = AddressBook.objects.create(integration=integration, remote_id=3, name="Readers")
    connect_list(marketing_list=create_list(name="Everybody", entity="crm.contact"), address_book=book)
    at_work(integration, find_campaigns)


def campaign_link() -> Any:
    """The only campaign, and the e-mail campaign made of it."""
    from dotbridge.sync.models import CampaignPair

    return CampaignPair.objects.select_related("campaign__integration", "email_campaign").get()


def find_campaigns(step: Any) -> None:
    """The campaign and its figures."""
    from dotbridge.sync.inbound.campaign_summaries import import_summaries
    from dotbridge.sync.inbound.campaigns import import_campaigns

    import_campaigns(step)
    import_summaries(step)


def ours() -> dict[str, Any]:
    """In a worker: the import, and what is there afterwards."""
    from dotbridge.campaigns.models import EmailCampaignStatistics, MarketingActivity
    from dotbridge.mirror.models import Activity
    from dotbridge.sync.inbound.campaign_activities import import_activities
    from dotbridge.sync.inbound.marketing_activities import apply_results

    def both(step: Any) -> None:
        import_activities(step)
        apply_results(step)

    return {
        **at_work(campaign_link().campaign.integration, both),
        "activities": Activity.objects.count(),
        "statistics": EmailCampaignStatistics.objects.count(),
        "events": MarketingActivity.objects.count(),
    }


def row_at_a_time(*, sample: int) -> dict[str, Any]:
    """In a worker: the loop. What it wrote is undone, so that the import meets the same rows for the first time."""
    from django.db import transaction

    from dotbridge.campaigns.models import EmailCampaignStatistics, MarketingActivity
    from dotbridge.integrations.services import open_account
    from dotbridge.mirror.models import Activity

    link, done = campaign_link(), 0
    started = time.perf_counter()
    with open_account(link.campaign.integration) as account:
        account.connect()
        for page in account.campaign(link.campaign.remote_id, overlap=0).activities(page_size=COMMIT_EVERY):
            with transaction.atomic():
                for row in page.items[: sample - done]:
                    save_row(link, row)
                    done += 1
            if done >= sample:
                break
    taken = time.perf_counter() - started
    for table_of in (MarketingActivity, EmailCampaignStatistics, Activity):
        table_of.objects.all().delete()
    return {"rows": done, "seconds": taken}


def save_row(link: Any, row: Any) -> None:
    """One activity, as connectors write it that go row by row: look up, then save, five tables in all."""
    from dotbridge.campaigns.models import EmailCampaignStatistics
    from dotbridge.crm.models import ContactEmail
    from dotbridge.entities.email import normalised
    from dotbridge.mirror.models import Activity, Contact

    if not Contact.objects.filter(integration=link.campaign.integration, remote_id=row.contact_id).first():
        return
    activity = Activity.objects.filter(campaign=link.campaign, remote_contact_id=row.contact_id).first()
    activity = activity or Activity(campaign=link.campaign, remote_contact_id=row.contact_id)
    activity.email, activity.email_key = row.email, row.email.lower()
    activity.opens, activity.clicks, activity.sent_at = row.num_opens, row.num_clicks, row.date_sent
    activity.first_opened_at, activity.last_opened_at = row.date_first_opened, row.date_last_opened
    activity.is_soft_bounced, activity.is_hard_bounced = row.soft_bounced, row.hard_bounced
    activity.save()
    # With the help of an index, which such connectors do not have.
    matches = ContactEmail.objects.annotate(key=normalised("email")).filter(key=row.email.lower(), is_primary=True)
    for found in matches:
        record = {"entity": "crm.contact", "record_id": str(found.contact_id)}
        of_record = EmailCampaignStatistics.objects.filter(email_campaign=link.email_campaign, **record).first()
        of_record = of_record or EmailCampaignStatistics(email_campaign=link.email_campaign, **record)
        of_record.opens, of_record.clicks = row.num_opens, row.num_clicks
        of_record.bounces, of_record.last_contacted_at = int(row.soft_bounced), row.date_sent
        of_record.save()
        save_events(link, row, record)


def save_events(link: Any, row: Any, record: dict[str, str]) -> None:
    """The marketing activities of one row."""
    from dotbridge.campaigns.models import MarketingActivity

    for kind in ("send", "soft_bounce") if row.soft_bounced else ("send",):
        MarketingActivity.objects.create(
            type=kind,
            email_campaign=link.email_campaign,
            action_date=row.date_sent,
            natural_key=uuid.uuid4(),
            **record,
        )


def table(result: dict[str, Any]) -> None:
    """The result for people."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=f"What {result['rows']:,} recipients of one campaign did", box=SIMPLE)
    shown.add_column("way")
    for name in ("rows", "rows a second", "ours is", "calls", "peak MB"):
        shown.add_column(name, justify="right", no_wrap=True)
    theirs = result["peers_rows_per_s"]["row_at_a_time"]
    sample = result["samples"]["row_at_a_time"]
    shown.add_row("a row at a time, ORM", f"{sample:,}", f"{theirs:,}", f"{result['row_at_a_time']} x", "", "")
    figures = (f"{result['rows']:,}", f"{result['rows_per_s']:,}", "", str(result["calls"]))
    shown.add_row("Dotbridge", *figures, str(result["peak_rss_mb"]))
    console = Console()
    console.print(shown)
    console.print("The loop was measured on a sample; its rate is taken for all rows.")


if __name__ == "__main__":
    main()

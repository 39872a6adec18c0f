"""How fast does the change log become records to be compared, and what does noting changes cost whoever makes them?

The log is at its worst: each row has one key, as when records are saved one by one. Every hundredth is an account that
was renamed and has ten contacts. A bulk update writes a thousand keys a row instead.

rows_per_s    rows of the log a second, until nothing of it is left and every record waits to be compared
row_by_row    that, over a loop in the ORM that finds a row's records, flags each and deletes the row, and commits each
              thousand (wanted: >= 40); measured on a sample, because all rows would take an hour
update_cost   time of a bulk update of 200,000 tracked rows, over that of the same update without the trigger; the
              median of five of each, taking turns (<= 1.8)
peak_rss_mb   largest resident size of the process (<= 150)
"""

# ruff: noqa: PLC0415 - Django is set up before its models are imported

from __future__ import annotations

import argparse
import os
import statistics
import time
from typing import Any

from _common import peak_rss_mb, set_up, settle, show, work_folder

CONTACTS_AN_ACCOUNT = 10
RENAMED_EVERY = 100
COMMIT_EVERY = 1_000
UPDATED_ROWS, ROUNDS = 200_000, 5

PEOPLE = """
    INSERT INTO crm_contact (id, account_id, first_name, last_name, job_title, phone, is_vip, language, notes,
        updated_at)
    SELECT n, 1 + n / %(share)s, 'First ' || n, 'Last ' || n, 'Engineer', '', false, 'en', 'Met at the fair.', now()
    FROM generate_series(1, %(rows)s) n
"""
# In an order of its own, as people work.
LOG = """
    INSERT INTO dotbridge_mapping_change (source, keys)
    SELECT CASE WHEN n %% %(every)s = 0 THEN 'crm_account.id' ELSE 'crm_contact.id' END,
           ARRAY[CASE WHEN n %% %(every)s = 0 THEN 1 + n / %(share)s ELSE n END::text]
    FROM generate_series(1, %(rows)s) n ORDER BY hashint4(n)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the log, and records")
    parser.add_argument("--sample", type=int, default=5_000, help="rows of the row-by-row loop")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    wanted = parser.parse_args()
    with work_folder() as folder:
        os.environ |= {"DOTBRIDGE_DATA_DIR": str(folder / "data"), "DJANGO_SETTINGS_MODULE": "dotbridge.settings"}
        os.environ.pop("DATABASE_URL", None)
        set_up()
        result = measure(wanted.rows, min(wanted.sample, wanted.rows))
    show(result, as_json=wanted.json, table=table)


def measure(rows: int, sample: int) -> dict[str, Any]:
    """First what an update costs, then the loop, then ours, on the same log."""
    mapping = prepare(rows)
    costs = update_costs(min(rows, UPDATED_ROWS))
    fill_log(rows)
    slow_rate = row_by_row(mapping, sample)
    rate = ours(mapping, rows)
    return {
        "rows": rows,
        "rows_per_s": round(rate),
        "row_by_row_rows_per_s": round(slow_rate),
        "row_by_row": round(rate / slow_rate, 1),
        "row_by_row_sample": sample,
        **costs,
        "peak_rss_mb": peak_rss_mb(),
    }


def prepare(rows: int) -> Any:
    """Records, and a mapping of two of their fields and of their account's name."""
    from django.core.management import call_command
    from django.db import connection

    from dotbridge.integrations.services import create_integration
    from dotbridge.mapping.models import Mapping, MappingRow
    from dotbridge.mirror.models import DataField

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO crm_account (id, name, industry, city, country) "
            "SELECT n, 'Company ' || n, '', '', '' FROM generate_series(1, %s) n",
            [1 + rows // CONTACTS_AN_ACCOUNT],
        )
        cursor.execute(PEOPLE, {"rows": rows, "share": CONTACTS_AN_ACCOUNT})
    integration = create_integration(name="Bench", username="u", password="p")
    mapping = Mapping.objects.create(integration=integration, entity="crm.contact")
    for name in ("last_name", "lead_score", "account__name"):
        data_field = DataField.objects.create(integration=integration, name=name[:20], type="String")
        MappingRow.objects.create(mapping=mapping, data_field=data_field, entity_fields=[name])
    return mapping


def update_costs(rows: int) -> dict[str, Any]:
    """The same update of other values, with the trigger and without it, in turns."""
    from django.db import connection

    seconds: dict[str, list[float]] = {"DISABLE": [], "ENABLE": []}
    for _round in range(ROUNDS):
        for state, taken in seconds.items():
            with connection.cursor() as cursor:
                cursor.execute(f"ALTER TABLE crm_contact {state} TRIGGER dotbridge_track_update")
                settle()
                started = time.perf_counter()
                cursor.execute("UPDATE crm_contact SET lead_score = coalesce(lead_score, 0) + 1 WHERE id <= %s", [rows])
                taken.append(time.perf_counter() - started)
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(cardinality(keys)) FROM dotbridge_mapping_change")
        (noted,) = cursor.fetchone()
    if noted != rows * ROUNDS:
        raise RuntimeError(f"{rows * ROUNDS} changes were made with the trigger, {noted} were noted")
    without, tracked = (statistics.median(taken) for taken in seconds.values())
    return {
        "update_cost": round(tracked / without, 2),
        "update_rows": rows,
        "update_seconds": round(tracked, 2),
        "update_seconds_untracked": round(without, 2),
    }


def fill_log(rows: int) -> None:
    """Nothing but the log that is measured."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE dotbridge_mapping_change")
        cursor.execute(LOG, {"rows": rows, "every": RENAMED_EVERY, "share": CONTACTS_AN_ACCOUNT})
    settle()


def row_by_row(mapping: Any, sample: int) -> float:
    """Rows a second of the loop. What it did is undone, so that ours meets the same log."""
    from django.db import transaction

    from dotbridge.mapping.tracking.models import Change

    changes = list(Change.objects.order_by("pk")[:sample])
    started = time.perf_counter()
    for first in range(0, sample, COMMIT_EVERY):
        with transaction.atomic():
            for change in changes[first : first + COMMIT_EVERY]:
                take_row(mapping, change)
    taken = time.perf_counter() - started
    mapping.dirty_records.all().delete()
    Change.objects.bulk_create(Change(source=change.source, keys=change.keys) for change in changes)
    return sample / taken


def take_row(mapping: Any, change: Any) -> None:
    """One row of the log, as consumers do it that go row by row: find whom it concerns, flag each, delete the row."""
    from dotbridge.crm.models import Contact
    from dotbridge.mapping.tracking.models import DirtyRecord

    path = "account_id" if change.source == "crm_account.id" else "pk"
    for contact in Contact.objects.filter(**{path: change.keys[0]}):
        flag = DirtyRecord.objects.filter(mapping=mapping, record_id=str(contact.pk)).first()
        if flag is None:
            DirtyRecord.objects.create(mapping=mapping, record_id=str(contact.pk))
    change.delete()


def ours(mapping: Any, rows: int) -> float:
    """Rows a second of the job's own work, which is checked to have found every record."""
    from dotbridge.mapping.tracking.changes import collect_changes

    started = time.perf_counter()
    taken = collect_changes()
    seconds = time.perf_counter() - started
    # A renamed account brings the contact in whose place it stands in the log, and nine that are there anyway.
    found = mapping.dirty_records.count()
    if (taken.changes, found) != (rows, rows):
        raise RuntimeError(f"{rows} rows of the log went in and {taken.changes} were taken; {found} records came out")
    return rows / seconds


def table(result: dict[str, Any]) -> None:
    """The result for people."""
    lines = [
        ("", "rows a second", "rows"),
        ("Dotbridge", f"{result['rows_per_s']:,}", f"{result['rows']:,}"),
        ("row by row, in the ORM", f"{result['row_by_row_rows_per_s']:,}", f"{result['row_by_row_sample']:,}"),
    ]
    for name, rate, rows in lines:
        print(f"{name:30}{rate:>15}{rows:>12}")
    print(
        f"\n{result['row_by_row']} times as fast (the loop is scaled from its sample); "
        f"an update of {result['update_rows']:,} rows takes {result['update_seconds']} s, and without the trigger "
        f"{result['update_seconds_untracked']} s: {result['update_cost']} times; "
        f"at most {result['peak_rss_mb']} MB resident"
    )


if __name__ == "__main__":
    main()

"""How fast is a contact file loaded, beside a loop over the ORM, and in how much memory?

rows_per_s       rows of a CSV file with names, companies, phones, birthdays and a consent column, into an empty CRM
again_rows_per_s the same file once more, when nothing in it is new
orm_rows_per_s   the same rows by `update_or_create`, one after the other, in the same run: their first thousands
times_orm        rows_per_s over orm_rows_per_s (wanted: >= 10)
processor_s_100k processor time that both programs and their databases took, for 100,000 rows: what is left of a
                 comparison where a machine is busy; times_orm_processor is the one over the other
peak_rss_mb      the largest resident size of the process that loads (wanted: <= 200)
"""

# ruff: noqa: PLC0415 - Django is set up before its models are imported

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from _common import work_folder

FIRST = ("Ada", "Bruno", "Chloë", "Dilip", "Elif", "Fiona", "Goran", "Hana")
LAST = ("Andersen", "Brown", "Castillo", "Dvořák", "Evans", "Fischer", "García")
HEADERS = ("E-mail", "First name", "Last name", "Company", "Phone", "Birthday", "Lead score", "Email Opt Out")


def write_file(path: Path, rows: int) -> None:
    """A file of invented people, in no order of their addresses."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADERS)
        for number in range(rows):
            mixed = number * 2_654_435_761 % 2**32
            writer.writerow(
                (
                    f"p{mixed:x}.{number}@example.com",
                    FIRST[number % 8],
                    f"{LAST[number % 7]}-{number % 1000}",
                    f"Company {number % 5000}",
                    f"+44 20 7946 {number % 10_000:04d}",
                    f"{1 + number % 28:02d}/{1 + number % 12:02d}/{1950 + number % 50}",
                    str(number % 100),
                    "yes" if number % 50 == 0 else "",
                )
            )


def processor_seconds() -> float:
    """Processor time so far of this process, and of the one that serves it in the database."""
    import psutil
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        there = psutil.Process(cursor.fetchone()[0]).cpu_times()
    return float(time.process_time() + there.user + there.system)


def load(path: Path) -> dict[str, float]:
    """In a process of its own: seconds of the first and the second load, and the largest size."""
    import django

    django.setup()
    from dotbridge.files.opt_outs import receive_opt_outs
    from dotbridge.files.services import load_file

    receive_opt_outs(lambda _cursor, _opt_outs: None)
    seconds, processor = [], []
    for _again in range(2):
        began, spent = time.perf_counter(), processor_seconds()
        with path.open("rb") as file:
            report = load_file(file=file, name=path.name, entity="crm.contact")
        seconds.append(time.perf_counter() - began)
        processor.append(processor_seconds() - spent)
    assert report.unchanged == report.rows, report.as_dict()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"first": seconds[0], "again": seconds[1], "processor": processor[0], "peak_rss_mb": peak}


def orm_rate(path: Path, rows: int) -> tuple[float, float]:
    """Rows a second of the loop that a developer would write first, and its processor seconds."""
    from datetime import datetime

    from django.db import transaction

    from dotbridge.crm.models import Account, Contact, ContactEmail

    began, spent = time.perf_counter(), processor_seconds()
    with path.open(encoding="utf-8", newline="") as file, transaction.atomic():
        for number, row in enumerate(csv.DictReader(file)):
            if number >= rows:
                break
            account, _made = Account.objects.get_or_create(name=row["Company"])
            known = ContactEmail.objects.filter(email__iexact=row["E-mail"], is_primary=True).first()
            values = {
                "first_name": row["First name"],
                "last_name": row["Last name"],
                "account": account,
                "phone": row["Phone"],
                "birthday": datetime.strptime(row["Birthday"], "%d/%m/%Y").date(),  # noqa: DTZ007
                "lead_score": int(row["Lead score"]),
            }
            contact, created = Contact.objects.update_or_create(pk=known.contact_id if known else None, defaults=values)
            if created:
                ContactEmail.objects.create(contact=contact, email=row["E-mail"], is_primary=True)
    return rows / (time.perf_counter() - began), processor_seconds() - spent


def measure(folder: Path, rows: int, orm_rows: int) -> dict[str, Any]:
    """All figures, on a database of this run's own."""
    os.environ["DOTBRIDGE_DATA_DIR"] = str(folder / "data")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dotbridge.settings")
    from dotbridge import postgres

    postgres.ensure_running(folder / "data")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
    path = folder / "people.csv"
    write_file(path, rows)
    orm, orm_processor = orm_rate(path, orm_rows)
    call_command("flush", verbosity=0, interactive=False)
    loaded = subprocess.run(
        [sys.executable, __file__, "--load", str(path)], check=True, stdout=subprocess.PIPE, text=True
    )
    took = json.loads(loaded.stdout)
    ours, theirs = took["processor"] / rows, orm_processor / orm_rows
    return {
        "rows": rows,
        "rows_per_s": round(rows / took["first"]),
        "again_rows_per_s": round(rows / took["again"]),
        "orm_rows": orm_rows,
        "orm_rows_per_s": round(orm),
        "times_orm": round(rows / took["first"] / orm, 1),
        "processor_s_100k": {"load": round(ours * 100_000, 1), "orm": round(theirs * 100_000, 1)},
        "times_orm_processor": round(theirs / ours, 1),
        "peak_rss_mb": round(took["peak_rss_mb"]),
        "file_mb": round(path.stat().st_size / 1024**2, 1),
    }


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=20_000, help="rows of the file (default 20000)")
    asked.add_argument("--orm-rows", type=int, default=2_000, help="rows of the loop beside it (default 2000)")
    asked.add_argument("--json", action="store_true", help="print one JSON object")
    asked.add_argument("--load", type=Path, help=argparse.SUPPRESS)
    options = asked.parse_args()
    if options.load:
        print(json.dumps(load(options.load)))
        return
    with work_folder() as folder:
        figures = measure(folder, options.rows, min(options.orm_rows, options.rows))
    if options.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:20}{value:>12,}" if isinstance(value, int | float) else f"{name:20}{value}")


if __name__ == "__main__":
    main()

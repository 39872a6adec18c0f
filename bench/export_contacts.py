"""How fast does a list get into its address book, and what does a run cost in which little or nothing changed?

rows_per_s             members a second of a first export as a whole: prepare, upload, results applied. Not in it: the
                       time Dotdigital (here the sandbox) works on the files, and the reading of the new ids after
row_at_a_time          that, divided by the rate of the algorithm that goes row by row in the ORM (wanted: >= 40); it is
                       scaled from a sample of the same members, because all of them would take hours
of_ceiling             that, divided by the rate at which PostgreSQL puts the same rows into the same table and indexes
                       by a bare INSERT .. SELECT and then writes them as COPY (query) TO STDOUT (wanted: >= 0.5)
drt_1000, drt_5000     the upload alone, from the prepared rows to a sink's answer, over the rate at which drt-core
                       posts rows that are in its memory already to the same sink, 1,000 and 5,000 a request (wanted:
                       >= 3); null where drt-core cannot be installed
unchanged_over_full    time of a run in which nothing changed, over the first run's; here both are whole runs, with the
                       sandbox at work and the new ids read (wanted: <= 0.15)
one_percent_over_full  the same where one record in a hundred changed (wanted: <= 0.2)
peak_rss_mb            largest resident size of the exporting process (wanted: <= 150)
"""

# ruff: noqa: PLC0415 - Django is set up before its models are imported

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from _common import peak_rss_mb, set_up, surroundings, use_version_2
from _export_peers import drt_rates, row_at_a_time, sink

ROWS_OF_DRT = 100_000
WAIT_SECONDS = 1800.0
FIELDS = {"COMPANY": ["account__name"], "JOB": ["job_title"], "SCORE": ["lead_score"], "VIP": ["is_vip"]}
TYPES = {"COMPANY": "String", "JOB": "String", "SCORE": "Numeric", "VIP": "Boolean"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--sample", type=int, default=3_000, help="rows of the row-at-a-time loop")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    wanted = parser.parse_args()
    with surroundings("--import-seconds", "0") as (folder, sandbox), sink() as sink_url:
        os.environ["DOTBRIDGE_API_ORIGINS"] += f",{sink_url}"
        set_up()
        result = measure(folder, sandbox.url, sink_url, wanted.rows, min(wanted.sample, wanted.rows))
    print(json.dumps(result) if wanted.json else "\n".join(f"{key:24} {value}" for key, value in result.items()))


def measure(folder: Path, url: str, sink_url: str, rows: int, sample: int) -> dict[str, Any]:
    """All of it, in a database of its own."""
    link = prepare(url, rows)
    slow = row_at_a_time(link, sample, sink_url)
    first = first_export(link, sink_url)
    drt = drt_of(folder, link, sink_url)
    peak = peak_rss_mb()
    full = first["prepare"] + first["upload"] + first["results"]
    whole_run = full + first["vendor"] + first["ids"]
    one_percent = run_seconds(link, change_one_percent)
    unchanged = run_seconds(link, lambda: None)
    ceiling = ceiling_seconds(link)
    rate = rows / full
    return {
        "rows": rows,
        "rows_per_s": round(rate),
        "prepare_s": round(first["prepare"], 2),
        "upload_s": round(first["upload"], 2),
        "results_s": round(first["results"], 2),
        "sandbox_s": round(first["vendor"], 2),
        "ids_read_s": round(first["ids"], 2),
        "row_at_a_time_rows_per_s": round(slow),
        "row_at_a_time_sample": sample,
        "row_at_a_time": round(rate / slow, 1),
        "ceiling_s": round(ceiling, 2),
        "of_ceiling": round(ceiling / full, 3),
        "drt_1000": drt and round(first["sink_rate"] / drt[1000], 2),
        "drt_5000": drt and round(first["sink_rate"] / drt[5000], 2),
        "first_run_s": round(whole_run, 2),
        "unchanged_s": round(unchanged, 2),
        "unchanged_over_full": round(unchanged / whole_run, 3),
        "one_percent_s": round(one_percent, 2),
        "one_percent_over_full": round(one_percent / whole_run, 3),
        "peak_rss_mb": max(peak, peak_rss_mb()),
    }


def prepare(url: str, rows: int) -> Any:
    """Tables, people, an account, and a list of all of them connected to an empty book."""
    import httpx2
    from django.core.management import call_command
    from django.db import connection

    from dotbridge.connections.models import RunKind
    from dotbridge.connections.services import connect_list
    from dotbridge.integrations.services import create_integration
    from dotbridge.lists.services import create_list
    from dotbridge.mapping.models import Mapping
    from dotbridge.mapping.services import set_mapping_row
    from dotbridge.mirror.models import AddressBook
    from dotbridge.sync.engine import run_sync

    call_command("migrate", verbosity=0, interactive=False)
    user = "apiuser-000000000000@apiconnector.com"
    with httpx2.Client(base_url=url, auth=(user, "sandbox")) as http:
        http.post("/v2/address-books", json={"name": "Readers"}).raise_for_status()
        for name, kind in TYPES.items():
            http.post("/v2/data-fields", json={"name": name, "type": kind}).raise_for_status()
    with connection.cursor() as cursor:
        for statement in (COMPANIES, CONTACTS, ADDRESSES):
            cursor.execute(statement, {"rows": rows})
        cursor.execute("VACUUM ANALYZE crm_account, crm_contact, crm_contactemail")
    integration = create_integration(name="Bench", username=user, password="sandbox", base_url=url)
    use_version_2(integration)
    run_sync(integration=integration, kind=RunKind.IMPORT, trigger="bench")
    mapping = Mapping.objects.get(integration=integration, entity="crm.contact")
    for name, paths in FIELDS.items():
        set_mapping_row(mapping=mapping, data_field=integration.data_fields.get(name=name), entity_fields=paths)
    link = connect_list(
        marketing_list=create_list(name="Everybody", entity="crm.contact"),
        address_book=AddressBook.objects.get(integration=integration, name="Readers"),
    )
    link.mapping_rows = list(mapping.rows.select_related("data_field"))  # type: ignore[attr-defined]
    # What the connection brings for the first time is read before the clock starts.
    run_sync(integration=integration, kind=RunKind.IMPORT, trigger="bench")
    return link


COMPANIES = """
    INSERT INTO crm_account (name, industry, city, country)
    SELECT 'Company ' || n, '', '', '' FROM generate_series(1, greatest(1, %(rows)s / 50)) n
"""
CONTACTS = """
    INSERT INTO crm_contact (first_name, last_name, account_id, job_title, phone, birthday, lead_score, is_vip,
                             language, notes, updated_at)
    SELECT (ARRAY['Ada','Bruno','Chloë','Dilip','Elif'])[1 + n %% 5],
           (ARRAY['Andersen','Brown','Castillo','Dvořák'])[1 + n %% 4],
           (SELECT min(id) FROM crm_account) + n %% greatest(1, %(rows)s / 50),
           'Engineer', '', NULL, n %% 100, n %% 7 = 0, 'en', '', now()
    FROM generate_series(1, %(rows)s) n
"""
ADDRESSES = """
    INSERT INTO crm_contactemail (contact_id, email, is_primary)
    SELECT id, 'p' || to_hex((id * 2654435761) %% 4294967296) || '.' || id || '@example.com', true FROM crm_contact
"""


class Bench:
    """A run of its own, whose steps are called one by one."""

    def __init__(self, link: Any, account: Any) -> None:
        from django.utils import timezone

        from dotbridge.connections.models import RunKind
        from dotbridge.sync.context import NobodyWatches, RunContext
        from dotbridge.sync.models import SyncRun

        integration = link.address_book.integration
        self.run = RunContext(
            integration=integration,
            account=account,
            run=SyncRun.objects.create(
                integration=integration, kind=RunKind.EXPORT, trigger="bench", started_at=timezone.now()
            ),
            observer=NobodyWatches(),
            server_now=account.server_time(),
            wait_seconds=WAIT_SECONDS,
        )

    def seconds(self, *works: Callable[[Any], Any]) -> float:
        """Do the work of some steps; how long they took."""
        from django.utils import timezone

        from dotbridge.sync.context import StepContext
        from dotbridge.sync.engine import EXPORT
        from dotbridge.sync.models import Step

        # By its name a step knows which others went well before it.
        names = {part.work: part.name for part in EXPORT}
        started = time.perf_counter()
        for work in works:
            step = Step.objects.create(run=self.run.run, name=names.get(work, "bench"), started_at=timezone.now())
            work(StepContext(run=self.run, step=step))
        return time.perf_counter() - started


def first_export(link: Any, sink_url: str) -> dict[str, float]:
    """Seconds of each part of a first export, and the rate of the upload alone to the sink."""
    from dotbridge.integrations.services import open_account
    from dotbridge.sync.engine import EXPORT
    from dotbridge.sync.models import Upload, UploadState
    from dotbridge.sync.outbound import results
    from dotbridge.sync.outbound.members import empty_tables
    from dotbridge.sync.outbound.upload import send_uploads

    works = [part.work for part in EXPORT]
    with open_account(link.address_book.integration) as account:
        account.connect()
        bench = Bench(link, account)
        taken = {"prepare": bench.seconds(*works[: works.index(send_uploads)])}
        taken["sink_rate"] = sink_rate(link, sink_url)
        taken["upload"] = bench.seconds(send_uploads)
        sent = list(Upload.objects.filter(connection=link, state=UploadState.SENT).select_related("connection"))
        started = time.perf_counter()
        while any(account.import_status(upload.remote_id).unfinished for upload in sent):
            time.sleep(0.2)
        taken["vendor"] = time.perf_counter() - started
        taken["results"] = bench.seconds(lambda step: list(results._poll_until_done(step, sent)))  # noqa: SLF001
        taken["ids"] = bench.seconds(lambda step: results._read_back(step, sent))  # noqa: SLF001
        empty_tables()
    if link.items.filter(upload__state=UploadState.FINISHED, reason="").count() != link.items.count():
        raise RuntimeError("not every member was confirmed")
    return taken


def sink_rate(link: Any, sink_url: str) -> float:
    """Rows a second of the upload alone: out of the database, into files, through HTTP, to the sink's answer."""
    from dotbridge.sync.outbound.upload import write_csv
    from dotdigital import Account

    rows = 0
    with Account("apiuser-000000000000@apiconnector.com", "x", sink_url, allowed_origins=(sink_url,)) as account:
        started = time.perf_counter()
        for upload in link.uploads.filter(state="prepared"):
            with tempfile.NamedTemporaryFile(suffix=".csv") as file:
                rows += write_csv(upload, file)
                account.address_book(link.address_book.remote_id).import_contacts(Path(file.name))
        return rows / (time.perf_counter() - started)


def drt_of(folder: Path, link: Any, sink_url: str) -> dict[int, float] | None:
    """drt-core's rates, with rows selected beforehand."""
    path = folder / "rows.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for email, values in link.items.values_list("email", "values")[:ROWS_OF_DRT].iterator():
            file.write(json.dumps({"email": email, **values}) + "\n")
    names = [row.data_field.name for row in link.mapping_rows]
    return drt_rates(sink_url, path, names, (1000, 5000))


def run_seconds(link: Any, change: Callable[[], None]) -> float:
    """How long a whole export takes after a change, until Dotdigital's results are applied and ids are read."""
    from dotbridge.connections.models import RunKind
    from dotbridge.sync import cursors
    from dotbridge.sync.engine import run_sync
    from dotbridge.sync.models import State

    change()
    # In life the runs are further apart than the five minutes which a reading overlaps the one before.
    cursors.OVERLAP = timedelta(0)
    started = time.perf_counter()
    run = run_sync(
        integration=link.address_book.integration, kind=RunKind.EXPORT, trigger="bench", wait_seconds=WAIT_SECONDS
    )
    taken = time.perf_counter() - started
    if run.state != State.SUCCEEDED:
        raise RuntimeError(f"the run ended as {run.state}: {run.message}")
    return taken


def change_one_percent() -> None:
    """Rename one record in a hundred."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("UPDATE crm_contact SET first_name = 'Changed' WHERE id % 100 = 0")


def ceiling_seconds(link: Any) -> float:
    """The same rows into the same table with the same indexes and constraints, and out again as CSV."""
    from django.db import connection, transaction

    from dotbridge.sync.models import ExportItem

    columns = ", ".join(f'"{field.column}"' for field in ExportItem._meta.concrete_fields)  # noqa: SLF001
    cells = ", ".join(f"values ->> '{row.data_field.name}'" for row in link.mapping_rows)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLE bench_rows AS SELECT {columns} FROM dotbridge_sync_exportitem")
        cursor.execute("TRUNCATE dotbridge_sync_exportitem")
        started = time.perf_counter()
        with transaction.atomic():
            cursor.execute(f"INSERT INTO dotbridge_sync_exportitem ({columns}) SELECT {columns} FROM bench_rows")
        with cursor.copy(f"COPY (SELECT email, {cells} FROM dotbridge_sync_exportitem) TO STDOUT (FORMAT csv)") as copy:
            for _chunk in copy:
                pass
        return time.perf_counter() - started


if __name__ == "__main__":
    main()

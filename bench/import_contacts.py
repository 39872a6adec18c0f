"""How fast do an address book's contacts arrive, from Dotdigital's pages to the mirror's contacts and memberships?

All ways read the same rows of the same sandbox in one run; ours from the first request to the moved cursor.

rows_per_s          contacts a second when all of them are new
row_at_a_time       that, over a loop in the ORM: two look-ups and a save for contact and membership, a commit each
                    thousand (wanted: >= 60); measured on a sample, because all rows would take an hour
bulk_create         over bulk_create(update_conflicts=True) of contacts and memberships, a page at a time (>= 4)
dlt                 over dlt's rest_api source merging contacts and memberships into PostgreSQL (>= 5)
of_ceiling          over COPY and the import's own statements with ready-made bytes: no HTTP, no decoding, no
                    bookkeeping (>= 0.55)
of_bare_copy        over bare COPY of the same rows into the same tables and indexes (>= 0.45)
unchanged_over_new  contacts a second when everything is read again and nothing differs, over all new (>= 1.3)
calls               calls to the account while all are new
peak_rss_mb         largest resident size of a worker in any round (<= 150)
"""

# ruff: noqa: PLC0415 - Django is set up before its models are imported

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import _import_peers as peers
from _common import SandboxProcess, answer_as_worker, at_work, in_worker, set_up, settle, show, surroundings

FIELDS = {"COMPANY": "String", "LEADSCORE": "Numeric", "BIRTHDAY": "Date", "VIP": "Boolean"}
COLUMNS = ("Email", "FIRSTNAME", "LASTNAME", "FULLNAME", "GENDER", "POSTCODE", *FIELDS)
FIRST = ("Ada", "Bruno", "Chloë", "Dilip", "Elif", "Fiona", "Goran", "Hana")
LAST = ("Andersen", "Brown", "Castillo", "Dvořák", "Evans", "Fischer", "García")
HOUR = 3600


def person(number: int, score: int) -> tuple[str | int, ...]:
    """The row of an invented person, in the order of COLUMNS. Addresses come in no order of their own."""
    first, last = FIRST[number % 8], LAST[number % 7]
    born = f"19{50 + number % 50}-0{1 + number % 9}-1{number % 10}"
    mixed = number * 2_654_435_761 % 2**32
    return (
        f"{mixed:x}.{number}@example.com", first, last, f"{first} {last}", "FM"[number % 2], f"AB{number % 99} 3CD",
        f"Company {number % 5000}", score, born, "true" if number % 3 else "false",
    )  # fmt: skip


def main() -> None:
    """Measure and print."""
    if answer_as_worker({"import": import_all, "ceiling": peers.ceiling, "bare_copy": peers.bare_copy, **peers.PEERS}):
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--sample", type=int, default=5_000, help="rows of the row-at-a-time loop")
    parser.add_argument("--bulk-sample", type=int, help="rows of bulk_create; all by default")
    parser.add_argument("--dlt-sample", type=int, help="rows that dlt reads; all by default")
    parser.add_argument("--repeat", type=int, default=1, help="so often is each way measured; its best time counts")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    wanted = parser.parse_args()
    with surroundings("--import-seconds", "0", "--import-megabytes", "2000") as (folder, sandbox):
        book = fill(folder, sandbox, wanted.rows)
        connect(sandbox, book)
        result = measure(folder, sandbox, wanted)
    show(result, as_json=wanted.json, table=table)


def fill(folder: Path, sandbox: SandboxProcess, rows: int) -> int:
    """An account with one book of so many contacts; the book's id."""
    for name, kind in FIELDS.items():
        sandbox.ask("POST", "/v2/data-fields", {"name": name, "type": kind, "visibility": "Public"})
    book = int(sandbox.ask("POST", "/v2/address-books", {"name": "Readers", "visibility": "Private"})["id"])
    upload(folder, sandbox, book, (person(number, 1) for number in range(rows)))
    return book


def upload(folder: Path, sandbox: SandboxProcess, book: int, people: Iterator[tuple[str | int, ...]]) -> None:
    """Have the account import these people into the book, an hour after whatever it did before."""
    sandbox.ask("POST", "/_sandbox/clock/advance", {"seconds": HOUR})
    path = folder / "people.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write('--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n')
        csv.writer(file).writerows([COLUMNS])
        csv.writer(file).writerows(people)
        file.write("\r\n--x--\r\n")
    with path.open("rb") as body:
        target = f"/v2/address-books/{book}/contacts/import"
        guid = sandbox.ask("POST", target, body, "multipart/form-data; boundary=x")["id"]
    while (status := sandbox.ask("GET", f"/v2/contacts/import/{guid}")["status"]) == "NotFinished":
        time.sleep(0.05)
    if status != "Finished":
        raise RuntimeError(f"the sandbox could not be filled: {status}")
    sandbox.ask("POST", "/_sandbox/clock/advance", {"seconds": HOUR})


def connect(sandbox: SandboxProcess, book: int) -> None:
    """A database with an integration, its data fields, and a list connected to the book."""
    set_up()
    from django.core.management import call_command

    from dotbridge.connections.services import connect_list
    from dotbridge.integrations.services import create_integration
    from dotbridge.lists.services import create_list
    from dotbridge.mirror.models import AddressBook

    call_command("migrate", verbosity=0)
    integration = create_integration(name="Bench", username=peers.USER, password=peers.PASSWORD, base_url=sandbox.url)
    mirrored = AddressBook.objects.create(integration=integration, remote_id=book, name="Readers")
    connect_list(marketing_list=create_list(name="Everybody", entity="crm.contact"), address_book=mirrored)


def measure(folder: Path, sandbox: SandboxProcess, wanted: argparse.Namespace) -> dict[str, Any]:
    """Every way by turns, each in a worker of its own and into empty tables; then what only ours can do."""
    rows = wanted.rows
    asked = {"row_at_a_time": wanted.sample, "bulk_create": wanted.bulk_sample, "dlt": wanted.dlt_sample}
    samples = {name: min(sample or rows, rows) for name, sample in asked.items()}
    peers.prepare_ceiling(folder, rows)
    peers.installed(folder / "dlt")
    rates: dict[str, list[float]] = {name: [] for name in (*samples, "ceiling", "bare_copy")}
    processor: dict[str, float] = {}
    rounds: dict[str, list[dict[str, Any]]] = {"new": [], "unchanged": []}
    for _ in range(wanted.repeat):
        for name, sample in samples.items():
            empty()
            found = in_worker(__file__, sandbox, name=name, rows=sample, folder=str(folder), url=sandbox.url)
            if found["rows"]:
                rates[name].append(found["rows"] / found["seconds"])
                processor[name] = per_100k(found, found["rows"])
        empty()
        found = in_worker(__file__, sandbox, name="ceiling", folder=str(folder))
        expect(rows, found["new"], "the ceiling")
        rates["ceiling"].append(rows / found["seconds"])
        processor["ceiling"] = per_100k(found, rows)
        peers.prepare_bare_copy(folder)
        empty()
        found = in_worker(__file__, sandbox, name="bare_copy", folder=str(folder))
        expect(rows, found["new"], "bare COPY")
        expect(rows, found["memberships"], "memberships of bare COPY")
        rates["bare_copy"].append(rows / found["seconds"])
        processor["bare_copy"] = per_100k(found, rows)
        empty()
        rounds["new"].append(one_round(sandbox, rows, "new"))
        rounds["unchanged"].append(one_round(sandbox, rows, "", reads_everything=True))
    processor |= {name: each[-1]["processor_seconds_100k"] for name, each in rounds.items()}
    rounds |= after_changes(folder, sandbox, rows)
    result = summary(rows, samples, {name: max(each, default=None) for name, each in rates.items()}, rounds)
    return {**result, "processor_seconds_100k": processor}


def per_100k(found: dict[str, Any], rows: int) -> float:
    """Processor time of all processes for so many rows: what is left of a comparison where a machine is busy."""
    return round(found["processor_seconds"] / max(rows, 1) * 100_000, 1)


def after_changes(folder: Path, sandbox: SandboxProcess, rows: int) -> dict[str, list[dict[str, Any]]]:
    """The import of changes: of everybody, of every hundredth, and of nobody."""
    book, few = connected_book(), rows // 100
    upload(folder, sandbox, book, (person(number, 2) for number in range(rows)))
    changed = one_round(sandbox, rows, "changed")
    upload(folder, sandbox, book, (person(number * 100, 3) for number in range(few)))
    hundredth = one_round(sandbox, few, "changed")
    return {"changed": [changed], "hundredth": [hundredth], "quiet": [one_round(sandbox, 0, "")]}


def summary(
    rows: int, samples: dict[str, int], rates: dict[str, float | None], rounds: dict[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    """What is printed: the best of each, and how ours compares."""
    best = {name: min(found, key=lambda each: float(each["seconds"])) for name, found in rounds.items()}
    rate = best["new"]["rows_per_s"]
    limits = {f"of_{name}": round(rate / found, 3) for name in ("ceiling", "bare_copy") if (found := rates[name])}
    ratios = {name: None if theirs is None else round(rate / theirs, 1) for name, theirs in rates.items()}
    return {
        "rows": rows,
        "rows_per_s": rate,
        **{name: ratios[name] for name in samples},
        **limits,
        "unchanged_over_new": round(best["unchanged"]["rows_per_s"] / rate, 2),
        "calls": best["new"]["calls"],
        "peak_rss_mb": max(each["peak_rss_mb"] for found in rounds.values() for each in found),
        "samples": samples,
        "peers_rows_per_s": {name: theirs and round(theirs) for name, theirs in rates.items()},
        "rounds": best,
    }


def one_round(sandbox: SandboxProcess, rows: int, expected: str, *, reads_everything: bool = False) -> dict[str, Any]:
    """One import of so many rows, all of them as expected."""
    settle()
    found = in_worker(__file__, sandbox, name="import", reads_everything=reads_everything)
    for kind in ("new", "changed"):
        expect(rows if kind == expected else 0, found[kind], kind)
    return {
        "rows": rows,
        "seconds": round(found["seconds"], 3),
        "rows_per_s": round(rows / found["seconds"]),
        "calls": found["calls"],
        "peak_rss_mb": found["peak_rss_mb"],
        "processor_seconds_100k": per_100k(found, rows),
    }


def expect(rows: int, found: int, what: str) -> None:
    """A figure is worth nothing when the rows are not there."""
    if rows != found:
        raise RuntimeError(f"{what}: {found} rows where {rows} were expected")


def connected_book() -> int:
    """The id of the only book in Dotdigital."""
    from dotbridge.mirror.models import AddressBook

    return int(AddressBook.objects.get().remote_id)


def empty() -> None:
    """Tables as before the first import."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE dotbridge_mirror_contact, dotbridge_mirror_membership, dotbridge_sync_cursor CASCADE")
    settle()


def import_all(*, reads_everything: bool) -> dict[str, Any]:
    """In a worker: the contacts step of a run."""
    from dotbridge.integrations.models import Integration
    from dotbridge.sync.inbound.contacts import import_contacts

    found = at_work(Integration.objects.get(), import_contacts, reads_everything=reads_everything)
    return {"new": 0, "changed": 0, **found}


NAMES = {
    "row_at_a_time": "a row at a time, ORM",
    "bulk_create": "bulk_create, ORM",
    "dlt": "dlt",
    "ceiling": "ceiling: bytes and SQL",
    "bare_copy": "bare COPY",
    "new": "Dotbridge, all new",
    "unchanged": "all read again",
    "changed": "all changed",
    "hundredth": "every hundredth changed",
    "quiet": "nobody changed",
}


def table(result: dict[str, Any]) -> None:
    """The result for people."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    shown = Table(title=f"{result['rows']:,} contacts of one address book", box=SIMPLE)
    shown.add_column("way", no_wrap=True)
    for name in ("rows", "s", "rows/s", "ours", "CPU s", "calls", "MB"):
        shown.add_column(name, justify="right", no_wrap=True)
    for name, rate in result["peers_rows_per_s"].items():
        measured = result["samples"].get(name, result["rows"])
        times = "" if rate is None else f"{result['rows_per_s'] / rate:.2f} x"
        processor = str(result["processor_seconds_100k"].get(name, ""))
        shown.add_row(NAMES[name], f"{measured:,}", "", "left out" if rate is None else f"{rate:,}", times, processor)
    for name, found in result["rounds"].items():
        rate = f"{found['rows_per_s']:,}" if found["rows"] else ""
        figures = (
            f"{found['rows']:,}",
            f"{found['seconds']:.2f}",
            rate,
            "",
            str(found["processor_seconds_100k"]) if rate else "",
        )
        shown.add_row(NAMES[name], *figures, str(found["calls"]), str(found["peak_rss_mb"]))
    console = Console()
    console.print(shown)
    console.print("A way with fewer rows was measured on a sample: its rate is taken for all of them.")
    console.print("CPU: processor time of worker, sandbox and database together, for 100,000 rows.")


if __name__ == "__main__":
    main()

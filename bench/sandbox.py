"""Is the sandbox fast enough never to be the bottleneck?

import_of_ceiling        rate of a CSV import, from the first byte sent to ``Finished``, over the rate of a bare SQLite
                         ``executemany`` of the same rows into the same tables with the same indexes (wanted: >= 0.5)
pages_cpu_over_importer  processor time the server spends on pages of 1,000 contacts with full data, over what a client
                         spends on fetching, decoding and storing them in SQLite (wanted: <= 1)
peak_rss_mb              largest resident size of the server's process
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import httpx2
import msgspec

BOOK = 3
FIRST = ("Ada", "Bruno", "Chloë", "Dilip", "Elif", "Fiona", "Goran", "Hana")
LAST = ("Andersen", "Brown", "Castillo", "Dvořák", "Evans", "Fischer", "García")
AUTH = ("apiuser-000000000000@apiconnector.com", "sandbox")
CHUNK = 10_000
NOW = "2026-01-01T00:00:00.000Z"


def people(rows: int) -> Iterator[tuple[str, str, str, str]]:
    """Address, first name, last name and postcode of invented people, in no order of their addresses."""
    for number in range(rows):
        mixed = number * 2_654_435_761 % 2**32
        yield f"p{mixed:x}.{number}@example.com", FIRST[number % 8], LAST[number % 7], f"AB{number % 99} {number % 9}CD"


def bare_rate(folder: Path, rows: int) -> float:
    """Rows a second of the bare executemany."""
    db = sqlite3.connect(folder / "bare.sqlite3", isolation_level=None)
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "cache_size = -32000"):
        db.execute(f"PRAGMA {pragma}")
    db.executescript(resources.files("dotdigital_sandbox").joinpath("schema.sql").read_text(encoding="utf-8"))
    ready = [
        (
            (
                number,
                email,
                email,
                NOW,
                NOW,
                NOW,
                1,
                json.dumps({"FIRSTNAME": first, "LASTNAME": last, "POSTCODE": code}),
            ),
            (BOOK, number, NOW),
        )
        for number, (email, first, last, code) in enumerate(people(rows), start=1)
    ]
    started = time.perf_counter()
    for at in range(0, rows, CHUNK):
        db.execute("BEGIN")
        db.executemany(
            "INSERT INTO contact (id, email, email_key, created, modified, last_subscribed, import_id, data) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [each[0] for each in ready[at : at + CHUNK]],
        )
        db.executemany(
            "INSERT INTO membership (book_id, contact_id, added) VALUES (?, ?, ?)",
            [each[1] for each in ready[at : at + CHUNK]],
        )
        db.execute("COMMIT")
    rate = rows / (time.perf_counter() - started)
    db.close()
    return rate


class Server:
    """The sandbox in a process of its own."""

    def __init__(self, folder: Path) -> None:
        options = ["--port", "0", "--data", str(folder / "account"), "--scheme", "none", "--import-seconds", "0"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dotdigital_sandbox", "serve", *options, "--import-megabytes", "2000"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[-1]

    def cpu(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_rss_mb(self) -> float:
        """Largest resident size so far."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
        raise RuntimeError("this system does not tell the largest resident size")

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait(timeout=30)


def import_rate(http: httpx2.Client, folder: Path, rows: int) -> float:
    """Rows a second of the import."""
    path = folder / "people.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write("Email,FIRSTNAME,LASTNAME,POSTCODE\n")
        file.writelines(f"{','.join(person)}\n" for person in people(rows))
    started = time.perf_counter()
    with path.open("rb") as upload:
        answer = http.post(
            f"/v2/address-books/{BOOK}/contacts/import", files={"file": ("people.csv", upload, "text/csv")}
        )
    guid = answer.raise_for_status().json()["id"]
    while (status := http.get(f"/v2/contacts/import/{guid}").json()["status"]) == "NotFinished":
        time.sleep(0.05)
    taken = time.perf_counter() - started
    report = http.get(f"/v2/contacts/import/{guid}/report").json()
    if status != "Finished" or report["newContacts"] != rows:
        raise RuntimeError(f"the import ended as {status}: {report}")
    return rows / taken


class Contact(msgspec.Struct, rename="camel"):
    """A contact as an importer decodes it."""

    id: int
    email: str
    opt_in_type: str
    email_type: str
    data_fields: list[dict[str, msgspec.Raw]]
    status: str


def read_pages(http: httpx2.Client, server: Server, folder: Path, rows: int) -> tuple[float, float]:
    """Processor time of the server and of an importer for all pages."""
    db = sqlite3.connect(folder / "importer.sqlite3")
    db.execute("PRAGMA journal_mode = WAL")
    db.execute(
        "CREATE TABLE contact (id INTEGER PRIMARY KEY, email TEXT, status TEXT, opt_in TEXT, type TEXT, data TEXT)"
    )
    decoder = msgspec.json.Decoder(list[Contact])
    server_before, own_before = server.cpu(), time.process_time()
    seen = 0
    while True:
        query = {"withFullData": "true", "select": "1000", "skip": str(seen)}
        page = decoder.decode(http.get(f"/v2/address-books/{BOOK}/contacts", params=query).content)
        if not page:
            break
        seen += len(page)
        with db:
            db.executemany(
                "INSERT OR REPLACE INTO contact VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (c.id, c.email, c.status, c.opt_in_type, c.email_type, msgspec.json.encode(c.data_fields))
                    for c in page
                ],
            )
    db.close()
    if seen < rows:
        raise RuntimeError(f"{rows} contacts went in, {seen} came out")
    return server.cpu() - server_before, time.process_time() - own_before


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare = bare_rate(folder, wanted.rows)
        server = Server(folder)
        try:
            with httpx2.Client(base_url=server.url, auth=AUTH, timeout=600) as http:
                rate = import_rate(http, folder, wanted.rows)
                server_cpu, importer_cpu = read_pages(http, server, folder, wanted.rows)
            result = {
                "rows": wanted.rows,
                "bare_rows_per_second": round(bare),
                "import_rows_per_second": round(rate),
                "import_of_ceiling": round(rate / bare, 3),
                "pages_server_cpu_seconds": round(server_cpu, 2),
                "pages_importer_cpu_seconds": round(importer_cpu, 2),
                "pages_cpu_over_importer": round(server_cpu / importer_cpu, 3),
                "peak_rss_mb": round(server.peak_rss_mb(), 1),
                "bench_peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            }
        finally:
            server.stop()
    print(json.dumps(result) if wanted.json else "\n".join(f"{key:28} {value}" for key, value in result.items()))


if __name__ == "__main__":
    main()

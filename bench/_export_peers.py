"""What the export is measured beside: a loop in the ORM, drt-core, and the sink that takes what is uploaded."""

# ruff: noqa: PLC0415 - Django is set up before its models are imported

from __future__ import annotations

import base64
import contextlib
import csv
import io
import json
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import venv
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT_EVERY = 1_000
UPLOAD_EVERY = 10_000

# Runs in an environment of its own, where drt-core is. The rows are in memory before the clock starts.
_DRT = """
import json, sys, time
from drt.config.models import RestApiDestinationConfig, SyncOptions, RateLimitConfig
from drt.destinations.rest_api import RestApiDestination

url, path, size, names = sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])
rows = [json.loads(line) for line in open(path, encoding="utf-8")]
fields = ", ".join('{"key": "%s", "value": {{ row.%s | tojson }}}' % (name, name) for name in names)
template = (
    '{"contacts": [{% for row in rows %}{"email": {{ row.email | tojson }}, "dataFields": [' + fields + "]}"
    "{% if not loop.last %}, {% endif %}{% endfor %}]}"
)
config = RestApiDestinationConfig(
    type="rest_api", url=url, body_mode="batch", batch_template=template, max_records_per_request=size,
    headers={"Content-Type": "application/json"}, rate_limit=RateLimitConfig(requests_per_second=1_000_000),
)
options, sent, started = SyncOptions(batch_size=size), 0, time.perf_counter()
for first in range(0, len(rows), size):
    result = RestApiDestination().load(rows[first : first + size], config, options)
    if result.failed:
        sys.exit(f"{result.failed} rows failed")
    sent += result.success
print(sent / (time.perf_counter() - started))
"""


class _Sink(BaseHTTPRequestHandler):
    """Reads what it is given and answers as Dotdigital would; keeps nothing."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(200, {"id": 1, "properties": [{"name": "Name", "type": "String", "value": "Sink"}]})

    def do_POST(self) -> None:
        left = int(self.headers.get("Content-Length") or 0)
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        while left:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        self._answer(202, {"id": str(uuid.uuid4()), "status": "NotFinished"})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the parent's name
        """Say nothing."""


@contextlib.contextmanager
def sink() -> Iterator[str]:
    """The URL of a server in a process of its own that takes any upload."""
    server = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        yield server.stdout.readline().strip()
    finally:
        server.terminate()
        server.wait(timeout=30)


def drt_rates(url: str, rows: Path, names: list[str], sizes: tuple[int, ...]) -> dict[int, float] | None:
    """Rows a second of drt-core's REST destination by rows a request; None when it cannot be installed or refuses."""
    with tempfile.TemporaryDirectory(prefix="drt") as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "drt-core"]
        if subprocess.run(install, check=False, timeout=600).returncode:
            return None
        rates = {}
        for size in sizes:
            command = [python, "-c", _DRT, f"{url}/v2/contacts/import-collection", rows, str(size), json.dumps(names)]
            ran = subprocess.run(command, check=False, capture_output=True, text=True, timeout=3600)
            if ran.returncode:
                print(ran.stderr.strip()[-500:], file=sys.stderr)
                return None
            rates[size] = float(ran.stdout)
        return rates


def row_at_a_time(link: Any, sample: int, sink_url: str) -> float:
    """Rows a second of the loop over the first so many members: prepare, upload, results. What it wrote is undone."""
    from django.db import transaction

    from dotbridge.lists.selectors import mailable_members
    from dotbridge.sync.models import ExportItem, SyncRun, Upload

    ids = list(
        mailable_members(link.marketing_list).order_by("record_pk").values_list("record_pk", "email_key")[:sample]
    )
    run = SyncRun.objects.filter(integration=link.address_book.integration).latest("pk")
    rows = list(link.mapping_rows)
    started = time.perf_counter()
    for first in range(0, len(ids), COMMIT_EVERY):
        with transaction.atomic():
            for record_id, email_key in ids[first : first + COMMIT_EVERY]:
                _prepare_row(link, record_id, email_key, rows)
    _upload_rows(link, run, rows, sink_url)
    for item in ExportItem.objects.filter(connection=link).iterator(chunk_size=COMMIT_EVERY):
        # Each row's result: the batch it was in has ended, and the row is found by it.
        if Upload.objects.filter(pk=item.upload_id).values_list("state", flat=True).first() == "sent":
            item.attempts = 0
            item.save(update_fields=["attempts"])
    taken = time.perf_counter() - started
    _undo(link)
    return len(ids) / taken


def _prepare_row(link: Any, record_id: Any, email_key: str, rows: list[Any]) -> None:
    """Look the contact and the membership up by the address, compare, and save a draft of both and the note."""
    from django.utils import timezone

    from dotbridge.crm.models import Contact as Record
    from dotbridge.mirror.models import Contact, Membership
    from dotbridge.sync.models import ExportItem

    record = Record.objects.select_related("account").get(pk=record_id)
    values = {row.data_field.name: _value(record, row.entity_fields) for row in rows}
    integration = link.address_book.integration
    contact = Contact.objects.filter(integration=integration, email_key=email_key).first()
    if contact is None:
        # A draft, without an id of Dotdigital's.
        contact = Contact(integration=integration, remote_id=-record_id, email=email_key, email_key=email_key)
    if contact.data_fields != values:
        contact.data_fields, contact.updated_at = values, timezone.now()
        contact.save()
    membership = Membership.objects.filter(address_book=link.address_book, contact=contact).first()
    if membership is None:
        Membership.objects.create(address_book=link.address_book, contact=contact, listed_at=timezone.now())
    item = ExportItem.objects.filter(connection=link, email_key=email_key).first()
    if item is None:
        item = ExportItem(connection=link, email_key=email_key, email=email_key)
    if item.values != values:
        item.values, item.record_id, item.operation = values, str(record_id), "new"
        item.save()


def _upload_rows(link: Any, run: Any, rows: list[Any], sink_url: str) -> None:
    """Read pages of a thousand, write a CSV of ten thousand in memory, send it in JSON, mark each page's rows."""
    from urllib.request import Request, urlopen

    from django.utils import timezone

    from dotbridge.sync.models import ExportItem, Upload

    names = [row.data_field.name for row in rows]
    while waiting := list(ExportItem.objects.filter(connection=link, upload=None).order_by("pk")[:UPLOAD_EVERY]):
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["email", *names])
        writer.writerows([item.email, *(item.values.get(name) for name in names)] for item in waiting)
        body = {"fileName": "contacts.csv", "data": base64.b64encode(text.getvalue().encode()).decode()}
        url = f"{sink_url}/v2/address-books/{link.address_book.remote_id}/contacts/import"
        with urlopen(Request(url, json.dumps(body).encode()), timeout=60) as answer:
            upload = Upload.objects.create(
                connection=link, run=run, state="sent", remote_id=json.load(answer)["id"], created_at=timezone.now()
            )
        ExportItem.objects.filter(pk__in=[item.pk for item in waiting]).update(upload=upload)


def _value(record: Any, paths: list[str]) -> str:
    values = []
    for path in paths:
        value = record
        for name in path.split("__"):
            value = getattr(value, name, None)
        values.append(value)
    return " ".join(str(value) for value in values if value not in (None, ""))


def _undo(link: Any) -> None:
    from dotbridge.mirror.models import Contact
    from dotbridge.sync.models import ExportItem, Upload

    ExportItem.objects.filter(connection=link).delete()
    Upload.objects.filter(connection=link).delete()
    Contact.objects.filter(integration=link.address_book.integration).delete()


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), _Sink) as serving:
        print(f"http://127.0.0.1:{serving.server_address[1]}", flush=True)
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()

"""How many calls does it take, and how long on the vendor's lowest package?

Calls are the wall: the lowest package allows 35 heavy calls a minute and 150 lighter ones. The sandbox counts them as
the vendor does, and nobody waits for a window: the minutes are those that the heavy and the lighter calls fill, and our
own work, without the vendor's.

first_export_calls            a first export of so many members, by version 3 of the API (wanted at a million: <= 45)
first_export_minutes          of it (<= 5)
first_export_over_v2          how much faster it is than by version 2, as a whole: our work, and the sandbox's for
                              the vendor's (>= 1.5)
first_export_own_over_v2      the same without the time the sandbox takes for an import, the vendor's own work
first_export_processor_over_v2  the same in processor time of our process and the database, which a clock blurs less
first_export_minutes_v2       of it by version 2, on the same package
first_export_calls_v2         the same by version 2: its results do not tell ids, so the book is read back
first_export_calls_reference  by the plan of the reference's bundle, counted from its description
first_export_calls_magento    by the plan of the Magento connector: 2,000 a post, one page at a time
import_after_export_calls     the import that follows the first export, by version 3: what it has sent is read once
import_after_export_minutes   of it, on the same package
import_after_export_calls_v2  the same by version 2
import_after_export_minutes_v2
quiet_calls                   a synchronisation of 20 books and 50 campaigns in which nothing happened (<= 6)
quiet_calls_v2                the same by version 2
day_calls                     a day: one run in which 1 % of the contacts changed on either side and 10 campaigns have
                              new results, quiet runs in all others of the schedule, and the looks for events (<= a
                              tenth of the reference's)
day_calls_reference           the same by the reference's plan, which runs every five minutes
seen_within_s                 after so long an opt-out, a deletion and a removal made in Dotdigital are here: the
                              longest wait for the next look for events, and the run that it asks for (<= 60)
peak_rss_mb                   largest resident size of this process
"""

# ruff: noqa: PLC0415 - Django is set up before its models are imported

from __future__ import annotations

import argparse
import base64
import json
import math
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from _common import (
    AUTHORIZATION,
    PASSWORD,
    USER,
    answer_as_worker,
    database_processor_seconds,
    show,
    surroundings,
)

LOW_A_MINUTE, OTHERS_A_MINUTE = 35, 150
BOOKS, CAMPAIGNS, BUSY_CAMPAIGNS = 20, 50, 10
# Import and export of the schedule, each every four minutes; the reference does all at once every five.
OUR_MINUTES, REFERENCE_MINUTES, DAY_MINUTES = 4, 5, 24 * 60
SECONDS_BETWEEN_LOOKS = 30
CAMPAIGN = {
    "subject": "News",
    "fromName": "Shop",
    "fromAddress": {"id": 1},
    "htmlContent": "<a href='http://$UNSUB$'>Unsubscribe</a>",
    "plainTextContent": "http://$UNSUB$",
    "replyAction": "Ignore",
    "status": "Unsent",
}
FIELDS = {"FIRST": "first_name", "LAST": "last_name", "TITLE": "job_title"}
PEOPLE = """
    INSERT INTO crm_contact (first_name, last_name, job_title, phone, is_vip, language, notes, updated_at)
    SELECT 'First ' || n, 'Last ' || n, 'Engineer', '', false, 'en', '', now() FROM generate_series(1, %(rows)s) n
"""
ADDRESSES = """
    INSERT INTO crm_contactemail (contact_id, email, is_primary)
    SELECT id, 'person' || id || '@example.com', true FROM crm_contact
"""


def main() -> None:
    """Measure and print."""
    if answer_as_worker({"prepare": prepare, "story": story}):
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000, help="members of the first export")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    wanted = parser.parse_args()
    told = {protocol: told_by_worker(protocol, wanted.rows) for protocol in ("v2", "v3")}
    show(result_of(wanted.rows, told["v2"], told["v3"]), as_json=wanted.json, table=table)


def told_by_worker(protocol: str, rows: int) -> dict[str, Any]:
    """The story by one version, with an account, a database and a process of its own."""
    with surroundings() as (_folder, sandbox):
        answer_of({"name": "prepare", "rows": rows})
        return answer_of({"name": "story", "protocol": protocol, "url": sandbox.url})


def answer_of(task: dict[str, Any]) -> dict[str, Any]:
    """What a process of its own answers to a task."""
    command = [sys.executable, __file__, "--worker", json.dumps(task)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def prepare(rows: int) -> dict[str, Any]:
    """The database with its people. A worker makes no tables, so its size is not to be measured with that."""
    from django.core.management import call_command
    from django.db import connection

    call_command("migrate", verbosity=0)
    with connection.cursor() as cursor:
        for statement in (PEOPLE, ADDRESSES):
            cursor.execute(statement, {"rows": rows})
        cursor.execute("VACUUM ANALYZE")
    return {}


def story(protocol: str, url: str) -> dict[str, Any]:
    """A first export, a quiet synchronisation, and one in which something happened: the calls of each."""
    remote = Remote(url)
    integration = account(remote, protocol)
    remote.forget()
    started, before = time.perf_counter(), own_processor_seconds()
    export(integration)
    seconds = time.perf_counter() - started
    remote.finish()
    resumed = time.perf_counter()
    export(integration)
    ended = time.perf_counter()
    first = {
        **remote.counted(),
        "seconds": seconds + ended - resumed,
        "whole_seconds": ended - started,
        "processor_seconds": own_processor_seconds() - before,
    }
    after = import_after_export(integration, remote)
    quiet = quiet_run(integration, remote)
    seen_seconds = seconds_until_seen(integration, remote)
    change_some(remote)
    remote.forget()
    synchronise(integration)
    remote.finish()
    synchronise(integration)
    return {
        "first": first,
        "after": after,
        "quiet": quiet,
        "seen_seconds": seen_seconds,
        "busy": remote.counted()["total"],
    }


def own_processor_seconds() -> float:
    """Processor time so far of this process and of the database: what the account takes is not ours."""
    return time.process_time() + database_processor_seconds(Path(os.environ["DOTBRIDGE_DATA_DIR"]))


def import_after_export(integration: Any, remote: Remote) -> dict[str, Any]:
    """The calls of the import that follows the first export, and how long it takes: it has to know everybody then."""
    from dotbridge.mirror.models import Membership
    from dotbridge.sync.models import ExportItem

    remote.ask("POST", "/_sandbox/clock/advance", {"seconds": 60 * OUR_MINUTES})
    remote.forget()
    started = time.perf_counter()
    run(integration, "import")
    seconds = time.perf_counter() - started
    if Membership.objects.filter(gone_at=None).count() != ExportItem.objects.count():
        raise RuntimeError("The import does not know whom the export has sent.")
    return {**remote.counted(), "seconds": seconds}


def quiet_run(integration: Any, remote: Remote) -> int:
    """The calls of a synchronisation in which nothing happened, after what was sent has come back."""
    for _run in range(3):
        remote.ask("POST", "/_sandbox/clock/advance", {"seconds": 400})
        synchronise(integration)
    remote.forget()
    synchronise(integration)
    return int(remote.counted()["total"])


def seconds_until_seen(integration: Any, remote: Remote) -> float:
    """How long the import takes that brings an opt-out, a deletion and a removal made there; it has to bring them."""
    from dotbridge.mirror.models import Contact, Membership
    from dotbridge.mirror.status import UNSUBSCRIBED

    known = Contact.objects.filter(integration=integration, email__startswith="person").order_by("pk")
    (opted_out, email), (deleted, _), (removed, _) = known.values_list("remote_id", "email")[:3]
    book = next(each["id"] for each in remote.ask("GET", "/v2/address-books") if each["name"] == "Book 0")
    remote.ask("POST", "/v2/contacts/unsubscribe", {"email": email})
    remote.ask("DELETE", f"/v2/contacts/{deleted}")
    remote.ask("DELETE", f"/v2/address-books/{book}/contacts/{removed}")
    started = time.perf_counter()
    run(integration, "import")
    seconds = time.perf_counter() - started
    gone = set(Membership.objects.exclude(gone_at=None).values_list("contact__remote_id", flat=True))
    status = Contact.objects.get(integration=integration, remote_id=opted_out).status
    if integration.protocol == "v3" and not (status == UNSUBSCRIBED and {deleted, removed} <= gone):
        raise RuntimeError("The import did not bring what happened.")
    return seconds


class Remote:
    """The account, asked as somebody else would."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, path: str, body: Any = None, media_type: str = "application/json") -> Any:
        """One call; the decoded answer."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": AUTHORIZATION, "Content-Type": media_type}
        request = urllib.request.Request(f"{self.url}{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=3600) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def finish(self) -> None:
        """Have the account do its imports, however long they take."""
        while True:
            try:
                self.ask("POST", "/_sandbox/imports/finish")
            except urllib.error.HTTPError:
                continue
            return

    def forget(self) -> None:
        """Count the calls from here on."""
        self.ask("DELETE", "/_sandbox/calls")

    def counted(self) -> dict[str, Any]:
        """The calls so far: `total`, and by `tiers`."""
        counts: dict[str, Any] = self.ask("GET", "/_sandbox/calls")["counts"]
        return counts


def account(remote: Remote, protocol: str) -> Any:
    """An integration with its books connected, to a list of everybody and to empty ones, and nobody sent yet."""
    from dotbridge.connections.services import connect_list
    from dotbridge.integrations.services import create_integration
    from dotbridge.lists.models import ListType
    from dotbridge.lists.services import create_list
    from dotbridge.mapping.models import Mapping
    from dotbridge.mapping.services import set_mapping_row
    from dotbridge.mirror.models import AddressBook

    for name in FIELDS:
        remote.ask("POST", "/v2/data-fields", {"name": name, "type": "String"})
    books = [remote.ask("POST", "/v2/address-books", {"name": f"Book {place}"})["id"] for place in range(BOOKS)]
    for place in range(CAMPAIGNS):
        made = remote.ask("POST", "/v2/campaigns", {**CAMPAIGN, "name": f"Campaign {place}"})
        remote.ask("POST", "/_sandbox/campaigns/send", {"campaignId": made["id"], "addressBookIds": books[-1:]})
    remote.ask("POST", "/_sandbox/clock/advance", {"seconds": 40 * 86_400})
    integration = create_integration(name="Bench", username=USER, password=PASSWORD, base_url=remote.url)
    integration.protocol = protocol
    integration.save()
    synchronise(integration)
    mapping = Mapping.objects.get(integration=integration, entity="crm.contact")
    for name, path in FIELDS.items():
        set_mapping_row(mapping=mapping, data_field=integration.data_fields.get(name=name), entity_fields=[path])
    found = AddressBook.objects.filter(integration=integration, name__startswith="Book").order_by("remote_id")
    for place, book in enumerate(found):
        kind = ListType.MANUAL if place else ListType.DYNAMIC
        connect_list(
            marketing_list=create_list(name=f"List {place}", entity="crm.contact", type=kind), address_book=book
        )
    # What the connections bring for the first time is read before anything is counted.
    for _run in range(2):
        run(integration, "import")
    return integration


def change_some(remote: Remote) -> None:
    """One contact in a hundred changes here, another one in a hundred there, and some campaigns have new results."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("UPDATE crm_contact SET last_name = 'Changed' WHERE id % 100 = 0")
        cursor.execute("SELECT 'person' || id || '@example.com' FROM crm_contact WHERE id % 100 = 1")
        lines = [f"{email},Director" for (email,) in cursor.fetchall()]
    books = {each["name"]: each["id"] for each in remote.ask("GET", "/v2/address-books")}
    content = "\r\n".join(["Email,TITLE", *lines]).encode()
    body = {"fileName": "changes.csv", "data": base64.b64encode(content).decode()}
    remote.ask("POST", f"/v2/address-books/{books['Book 0']}/contacts/import", body)
    remote.finish()
    for campaign in remote.ask("GET", "/v2/campaigns")[:BUSY_CAMPAIGNS]:
        remote.ask(
            "POST", "/_sandbox/campaigns/send", {"campaignId": campaign["id"], "addressBookIds": [books["Book 1"]]}
        )
    remote.ask("POST", "/_sandbox/clock/advance", {"seconds": 400})


def export(integration: Any) -> None:
    """An export that does not wait for the vendor."""
    run(integration, "export")


def synchronise(integration: Any) -> None:
    """All that a run does."""
    run(integration, "sync")


def run(integration: Any, kind: str) -> None:
    """A run, which must not fail."""
    from dotbridge.connections.models import RunKind
    from dotbridge.sync.engine import run_sync
    from dotbridge.sync.models import State

    done = run_sync(integration=integration, kind=RunKind(kind), trigger="bench", wait_seconds=0)
    if done.state not in {State.SUCCEEDED, State.WAITING}:
        steps = [(step.name, step.message) for step in done.steps.exclude(state=State.SUCCEEDED)]
        raise RuntimeError(f"The {kind} ended {done.state}: {done.message} {steps}")


def result_of(rows: int, v2: dict[str, Any], v3: dict[str, Any]) -> dict[str, Any]:
    """What is printed."""
    both = {"v2": v2, "v3": v3}
    runs = DAY_MINUTES // OUR_MINUTES
    return {
        "rows": rows,
        "first_export_calls": v3["first"]["total"],
        "first_export_minutes": round(minutes_of(v3["first"]), 1),
        "first_export_minutes_v2": round(minutes_of(v2["first"]), 1),
        "first_export_over_v2": round(v2["first"]["whole_seconds"] / v3["first"]["whole_seconds"], 2),
        "first_export_own_over_v2": round(v2["first"]["seconds"] / v3["first"]["seconds"], 2),
        "first_export_processor_over_v2": round(v2["first"]["processor_seconds"] / v3["first"]["processor_seconds"], 2),
        "first_export_own_seconds": {name: round(told["first"]["seconds"], 1) for name, told in both.items()},
        "first_export_seconds": {name: round(told["first"]["whole_seconds"], 1) for name, told in both.items()},
        "first_export_calls_v2": v2["first"]["total"],
        "first_export_calls_reference": first_export_of_reference(rows),
        "first_export_calls_magento": 2 * math.ceil(rows / 2_000),
        "import_after_export_calls": v3["after"]["total"],
        "import_after_export_minutes": round(minutes_of(v3["after"]), 1),
        "import_after_export_calls_v2": v2["after"]["total"],
        "import_after_export_minutes_v2": round(minutes_of(v2["after"]), 1),
        "quiet_calls": v3["quiet"],
        "quiet_calls_v2": v2["quiet"],
        "day_calls": v3["busy"] + (runs - 1) * v3["quiet"] + DAY_MINUTES * 60 // SECONDS_BETWEEN_LOOKS,
        "day_calls_reference": day_of_reference(rows),
        "seen_within_s": round(SECONDS_BETWEEN_LOOKS + v3["seen_seconds"], 1),
        "peak_rss_mb": v3["peak_rss_mb"],
    }


def minutes_of(told: dict[str, Any]) -> float:
    """How long the calls take within the limits of a minute, with our own work."""
    tiers = {name.lower(): number for name, number in told["tiers"].items()}
    low, free = tiers.get("low", 0), tiers.get("unlimited", 0)
    others = sum(tiers.values()) - low - free
    windows = max(math.ceil(low / LOW_A_MINUTE), math.ceil(others / OTHERS_A_MINUTE), 1) - 1
    return float(windows + told["seconds"] / 60)


def first_export_of_reference(rows: int) -> int:
    """Files of 10,000, each asked for once and its faults read once; then the ids, by overlapping pages."""
    files = math.ceil(rows / 10_000)
    return 3 * files + pages(rows)


def day_of_reference(rows: int) -> int:
    """Everything every five minutes: books, data fields once; of each connected book its campaigns, contacts and
    unsubscriptions; the suppressions; of each campaign its recipients, opens, clicks and figures. Once in the day the
    changes: files of 10,000, their status and faults, and the pages of who changed on either side."""
    quiet = 2 + 3 * BOOKS + 1 + 4 * CAMPAIGNS
    changed = rows // 100
    busy = 3 * math.ceil(changed / 10_000) + pages(2 * changed)
    return DAY_MINUTES // REFERENCE_MINUTES * quiet + busy


def pages(rows: int) -> int:
    """Of a list that is read by 1,000 with an overlap of 100, to its end."""
    return 1 + math.ceil(max(0, rows - 1_000) / 900) if rows else 1


def table(result: dict[str, Any]) -> None:
    """The result for people."""
    for name, value in result.items():
        print(f"{name:30} {value:>12,}" if isinstance(value, (int, float)) else f"{name:30} {value}")


if __name__ == "__main__":
    main()

"""Does it hold with very many lists in one account, and with very many accounts?

One account with so many contacts, all of them records here, and so many manual lists, each connected to a book of its
own and with so many members, whom we have sent and who are in the book. Nothing changes; then one record does.

plan_one_changed_ms   to find whom of its list to send, and to work out and compare their values, when one record of all
                      has changed (wanted: <= 50); the median of five
unchanged_run_s       a whole export of all the lists in which nothing changes, at an empty sandbox (<= 10)
temp_tables_left      temporary tables that are there when the session has ended (0)

Many accounts: an hour of the schedule on two workers, by a simulated clock. How long a run takes is measured: of an
account with ten lists and a thousand contacts, in which nothing changed, and so much more for each call as a vendor far
away takes (``--call-ms``). Who starts when is decided by the program's own schedule, spread, lanes and priorities.

oldest_feed_min       the greatest age, in minutes, of what an account was read last, over the hour (<= 12)
"""

# ruff: noqa: PLC0415 - Django is set up before its models are imported

from __future__ import annotations

import argparse
import heapq
import statistics
import time
from typing import Any, NamedTuple

from _common import PASSWORD, USER, SandboxProcess, set_up, settle, show, surroundings, use_version_2

WORKERS, CONCURRENCY = 2, 4
ROUNDS = 5
MINUTE, HOUR = 60.0, 3600.0
# Of the account that is measured for the hour of many accounts.
LISTS_OF_ONE, CONTACTS_OF_ONE, FIRST_OF_ONE = 10, 1_000, 100_000_001
DATA_FIELDS = ("FIRST", "LAST", "TITLE")

PEOPLE = """
    INSERT INTO crm_contact (id, first_name, last_name, job_title, phone, is_vip, language, notes, updated_at)
    SELECT n, 'First ' || n, 'Last ' || n, 'Engineer', '', false, 'en', '', now()
    FROM generate_series(%(first)s, %(last)s) n
"""
ADDRESSES = """
    INSERT INTO crm_contactemail (contact_id, email, is_primary)
    SELECT n, 'person' || n || '@example.com', true
    FROM generate_series(%(first)s, %(last)s) n
"""
CONTACTS = """
    INSERT INTO dotbridge_mirror_contact (integration_id, remote_id, email, email_key, status, opt_in_type, email_type,
                                          data_fields, updated_at)
    SELECT %(integration)s, n, e, e, 'Subscribed', 'Single', 'Html',
           jsonb_build_object('FIRST', 'First ' || n, 'LAST', 'Last ' || n, 'TITLE', 'Engineer'), now()
    FROM generate_series(%(first)s, %(last)s) n, LATERAL (SELECT 'person' || n || '@example.com' AS e) e
"""
# A person is on the list that is theirs by number, as long as it has room.
LISTED = """
    INSERT INTO dotbridge_lists_listedrecord (marketing_list_id, record_id)
    SELECT (%(lists)s::bigint[])[1 + n %% %(number)s], n::text
    FROM generate_series(%(first)s, %(first)s + %(listed)s - 1) n
"""
MEMBERSHIPS = """
    INSERT INTO dotbridge_mirror_membership (contact_id, address_book_id, status, listed_at)
    SELECT c.id, (%(books)s::bigint[])[1 + c.remote_id %% %(number)s], 'Subscribed', now()
    FROM dotbridge_mirror_contact c WHERE c.integration_id = %(integration)s AND c.remote_id <= %(listed)s
"""
ITEMS = """
    INSERT INTO dotbridge_sync_exportitem
        (connection_id, email_key, email, record_id, values, operation, upload_id, reason, attempts)
    SELECT (%(links)s::bigint[])[1 + c.remote_id %% %(number)s], c.email_key, c.email, c.remote_id::text, c.data_fields,
           'new', (%(uploads)s::bigint[])[1 + c.remote_id %% %(number)s], '', 0
    FROM dotbridge_mirror_contact c WHERE c.integration_id = %(integration)s AND c.remote_id <= %(listed)s
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lists", type=int, default=1_000, help="connected lists of the one account")
    parser.add_argument("--contacts", type=int, default=1_000_000, help="contacts of it")
    parser.add_argument("--members", type=int, default=100, help="contacts on each list")
    parser.add_argument("--accounts", type=int, default=100, help="accounts of the hour")
    parser.add_argument("--call-ms", type=float, default=100.0, help="what a call takes longer than to the sandbox")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    wanted = parser.parse_args()
    with surroundings() as (_folder, sandbox):
        set_up()
        oldest = many_accounts(sandbox, accounts=wanted.accounts, call_seconds=wanted.call_ms / 1000)
        result = {
            **one_account(sandbox, lists=wanted.lists, contacts=wanted.contacts, members=wanted.members),
            "oldest_feed_min": oldest,
            "lists": wanted.lists,
            "contacts": wanted.contacts,
            "accounts": wanted.accounts,
        }
    show(result, as_json=wanted.json, table=table)


def one_account(sandbox: SandboxProcess, *, lists: int, contacts: int, members: int) -> dict[str, Any]:
    """An unchanged run, the planning of one changed record, and what the session leaves behind."""
    from django.db import connection

    from dotbridge.crm.models import Contact

    integration = account_with_lists(sandbox, lists=lists, contacts=contacts, members=members)
    # The first one compares everybody, and learns that nobody differs.
    export(integration)
    settle()
    unchanged = export(integration)
    planned = []
    for number in range(ROUNDS):
        Contact.objects.filter(pk=1).update(last_name=f"Changed {number}")
        planned.append(plan_changed(integration))
    connection.close()
    return {
        "plan_one_changed_ms": round(1000 * statistics.median(planned), 1),
        "unchanged_run_s": round(unchanged, 2),
        "temp_tables_left": temporary_tables(),
    }


def account_with_lists(sandbox: SandboxProcess, *, lists: int, contacts: int, members: int) -> Any:
    """An integration whose lists are in step with their books."""
    from django.db import connection
    from django.utils import timezone

    from dotbridge.connections.models import ListConnection
    from dotbridge.integrations.services import create_integration
    from dotbridge.lists.models import ListType, MarketingList
    from dotbridge.mapping.models import Mapping, MappingRow
    from dotbridge.mirror.models import AddressBook, DataField
    from dotbridge.sync.models import Upload, UploadState

    integration = create_integration(name="Bench", username=USER, password=PASSWORD, base_url=sandbox.url)
    use_version_2(integration)
    books = AddressBook.objects.bulk_create(
        AddressBook(integration=integration, remote_id=1 + place, name=f"Book {place}") for place in range(lists)
    )
    made = MarketingList.objects.bulk_create(
        MarketingList(name=f"List {place}", entity="crm.contact", type=ListType.MANUAL, rule={})
        for place in range(lists)
    )
    links = ListConnection.objects.bulk_create(
        ListConnection(marketing_list=each, address_book=book) for each, book in zip(made, books, strict=True)
    )
    mapping = Mapping.objects.create(integration=integration, entity="crm.contact")
    for name, field in zip(DATA_FIELDS, ("first_name", "last_name", "job_title"), strict=True):
        data_field = DataField.objects.create(integration=integration, name=name, type="String")
        MappingRow.objects.create(mapping=mapping, data_field=data_field, entity_fields=[field])
    now = timezone.now()
    uploads = Upload.objects.bulk_create(
        Upload(connection=link, state=UploadState.FINISHED, created_at=now, finished_at=now) for link in links
    )
    with connection.cursor() as cursor:
        for statement in (PEOPLE, ADDRESSES, CONTACTS, LISTED, MEMBERSHIPS, ITEMS):
            cursor.execute(
                statement,
                {
                    "integration": integration.pk,
                    "first": 1,
                    "last": contacts,
                    "listed": min(contacts, lists * members),
                    "number": lists,
                    "lists": [each.pk for each in made],
                    "books": [book.pk for book in books],
                    "links": [link.pk for link in links],
                    "uploads": [upload.pk for upload in uploads],
                },
            )
        # Making them is no change that anybody would have to look at.
        cursor.execute("TRUNCATE dotbridge_mapping_change")
    settle()
    return integration


def export(integration: Any) -> float:
    """The seconds of a whole export, which must go well."""
    from dotbridge.connections.models import RunKind
    from dotbridge.sync.engine import run_sync
    from dotbridge.sync.models import State

    started = time.perf_counter()
    run = run_sync(integration=integration, kind=RunKind.EXPORT, trigger="bench", wait_seconds=0)
    seconds = time.perf_counter() - started
    if run.state not in {State.SUCCEEDED, State.WAITING}:
        raise RuntimeError(f"The export ended {run.state}: {run.message}")
    return seconds


def plan_changed(integration: Any) -> float:
    """The seconds from the noted change of one record to its outgoing row, once its list's members are known."""
    from django.db import connection

    from dotbridge.mapping.tracking.changes import collect_changes
    from dotbridge.mapping.tracking.services import claim_dirty_records
    from dotbridge.sync.outbound.members import empty_tables, evaluate_members, roomy_transaction
    from dotbridge.sync.outbound.outgoing import find_candidates, outgoing_rows
    from dotbridge.sync.outbound.ranks import rank_mappings, ranked_connections

    collect_changes()
    ranks = rank_mappings(integration)
    for rank in ranks.values():
        claim_dirty_records(mapping=rank.mapping)
    # The list that ranks lowest has to ask what all the others say of the address.
    ranked = next(
        each
        for each in ranked_connections(integration, ranks)
        if each.link.marketing_list.listed_records.filter(record_id="1").exists()
    )
    empty_tables()
    evaluated = evaluate_members(ranked.link)
    started = time.perf_counter()
    with roomy_transaction(), connection.cursor() as cursor:
        candidates = find_candidates(evaluated, ranked, compares_all=False)
        outgoing = outgoing_rows(candidates)
        cursor.execute(outgoing.sql, outgoing.parameters)
        rows = cursor.fetchall()
    seconds = time.perf_counter() - started
    if len(rows) != 1:
        raise RuntimeError(f"One record was changed, {len(rows)} would be sent")
    empty_tables()
    return seconds


def temporary_tables() -> int:
    """How many are left by sessions that have ended; a session is given five seconds to end."""
    from django.db import connection

    left = 0
    for _try in range(50):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relkind = 'r'")
            (left,) = cursor.fetchone()
        if not left:
            break
        time.sleep(0.1)
    return int(left)


def many_accounts(sandbox: SandboxProcess, *, accounts: int, call_seconds: float) -> float:
    """The greatest age of a feed in an hour of the schedule, in minutes."""
    from dotbridge.backoffice.integration_removal import delete_integration
    from dotbridge.connections.models import ListConnection, RunKind

    integration = read_account(sandbox)
    kinds = (RunKind.IMPORT, RunKind.EXPORT, RunKind.CHANGES)
    taken = {kind.value: seconds_of(integration, kind, call_seconds) for kind in kinds}
    # An account belongs to one integration, and the next one is of the same account.
    ListConnection.objects.all().delete()
    delete_integration(integration=integration)
    return round(Hour(accounts, taken).oldest() / MINUTE, 1)


def read_account(sandbox: SandboxProcess) -> Any:
    """An integration with some lists that were sent and have nothing new."""
    from django.core.management import call_command
    from django.db import connection

    from dotbridge.connections.models import RunKind
    from dotbridge.connections.services import connect_list
    from dotbridge.integrations.services import create_integration
    from dotbridge.lists.models import ListType
    from dotbridge.lists.services import create_list
    from dotbridge.mirror.models import AddressBook
    from dotbridge.sync.engine import run_sync

    call_command("migrate", verbosity=0)
    for place in range(LISTS_OF_ONE):
        sandbox.ask("POST", "/v2/address-books", {"name": f"Book {place}"})
    integration = create_integration(name="One of many", username=USER, password=PASSWORD, base_url=sandbox.url)
    use_version_2(integration)
    run_sync(integration=integration, kind=RunKind.IMPORT, trigger="bench")
    books = AddressBook.objects.filter(integration=integration, name__startswith="Book").order_by("pk")
    made = [
        create_list(name=f"Of one {place}", entity="crm.contact", type=ListType.MANUAL) for place in range(len(books))
    ]
    for marketing_list, book in zip(made, books, strict=True):
        connect_list(marketing_list=marketing_list, address_book=book)
    given = {
        "first": FIRST_OF_ONE,
        "last": FIRST_OF_ONE + CONTACTS_OF_ONE - 1,
        "number": len(made),
        "listed": CONTACTS_OF_ONE,
    }
    with connection.cursor() as cursor:
        for statement in (PEOPLE, ADDRESSES, LISTED):
            cursor.execute(statement, {**given, "lists": [each.pk for each in made]})
    for _round in range(2):
        run_sync(integration=integration, kind=RunKind.SYNC, trigger="bench", wait_seconds=60)
    return integration


def seconds_of(integration: Any, kind: Any, call_seconds: float) -> float:
    """What a run takes in which nothing changed, with calls that take so much longer; the median of some."""
    from dotbridge.sync.engine import run_sync

    taken = []
    for _round in range(ROUNDS):
        started = time.perf_counter()
        run = run_sync(integration=integration, kind=kind, trigger="bench", wait_seconds=0)
        taken.append(time.perf_counter() - started + run.requests * call_seconds)
        if run.state != "succeeded":
            raise RuntimeError(f"The {kind} ended {run.state}: {run.message}")
    return statistics.median(taken)


class Job(NamedTuple):
    """A run that waits, in the order in which the queue gives jobs out."""

    order: int
    number: int
    account: int
    kind: str


class Hour:
    """An hour of the schedule after one to get going, by a clock of its own: who starts when, in which slot, and how
    old what was read and sent gets meanwhile."""

    def __init__(self, accounts: int, taken: dict[str, float]) -> None:
        self._accounts = range(1, accounts + 1)
        self._taken = taken
        self._free = WORKERS * CONCURRENCY
        self._waiting: dict[tuple[int, str], Job] = {}
        self._at_work: set[int] = set()
        self._events: list[tuple[float, int, str, int, str]] = []
        self._number = 0
        self._began: dict[tuple[int, str], float] = {}
        self._last: dict[tuple[int, str], float] = {}
        self._oldest = 0.0

    def oldest(self) -> float:
        """The greatest age, in seconds, of what was read or sent of an account last, as it was when that began."""
        for kind, every, first in (("import", 4, 0), ("export", 4, 2), ("changes", 5, 0)):
            for minute in range(first, 120, every):
                for account in self._accounts:
                    self._at(minute * MINUTE + self._delay(account), "ask", account, kind)
        while self._events:
            now, _number, what, account, kind = heapq.heappop(self._events)
            if what == "ask":
                self._ask(account, kind)
            else:
                self._end(now, account, kind)
            self._start(now)
        return self._oldest

    def _delay(self, account: int) -> float:
        from dotbridge.jobs import SPREAD_SECONDS
        from dotbridge.queues import start_delay

        return start_delay(account, seconds=SPREAD_SECONDS)

    def _at(self, moment: float, what: str, account: int, kind: str) -> None:
        self._number += 1
        heapq.heappush(self._events, (moment, self._number, what, account, kind))

    def _ask(self, account: int, kind: str) -> None:
        """One of a kind waits; an export that is asked for while it waits goes next."""
        from dotbridge.queues import EXPORT_RANK, IMPORT_RANK, WAITED_RANK, Queue

        waits = self._waiting.get((account, kind))
        rank = EXPORT_RANK if kind == "export" else IMPORT_RANK
        if waits is None:
            self._number += 1
            self._waiting[account, kind] = Job(-Queue.SYNC.priority(rank), self._number, account, kind)
        elif kind == "export":
            self._waiting[account, kind] = waits._replace(order=-Queue.SYNC.priority(WAITED_RANK))

    def _start(self, now: float) -> None:
        """Give the free slots to whoever is next and whose account is not at work."""
        for job in sorted(self._waiting.values()):
            if not self._free:
                return
            if job.account not in self._at_work:
                del self._waiting[job.account, job.kind]
                self._free -= 1
                self._at_work.add(job.account)
                self._began[job.account, job.kind] = now
                self._at(now + self._taken[job.kind], "end", job.account, job.kind)

    def _end(self, now: float, account: int, kind: str) -> None:
        self._free += 1
        self._at_work.discard(account)
        former = self._last.get((account, kind))
        if former is not None and now >= HOUR and kind != "changes":
            self._oldest = max(self._oldest, now - former)
        self._last[account, kind] = self._began[account, kind]


def table(result: dict[str, Any]) -> None:
    """The result for people."""
    print(f"{result['lists']:,} lists of one account, {result['contacts']:,} contacts")
    print(f"one changed record is planned in     {result['plan_one_changed_ms']} ms (wanted: at most 50)")
    print(f"a run in which nothing changes takes {result['unchanged_run_s']} s (at most 10)")
    print(f"temporary tables left behind         {result['temp_tables_left']} (none)")
    print(f"\n{result['accounts']:,} accounts on {WORKERS} workers")
    print(f"the oldest feed within an hour is    {result['oldest_feed_min']} min old (at most 12)")


if __name__ == "__main__":
    main()

"""What an import does to the account: the rows are staged apart, then merged in chunks by set-based SQL (contract §5).

The stage is a temporary table of the importer's own connection, so that filling it disturbs nobody; each chunk takes
the turn to write for a moment only.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from sqlite3 import Connection
from typing import TYPE_CHECKING

from dotdigital_sandbox.consents import keep_extras
from dotdigital_sandbox.contact_statuses import PENDING, REPORT_COUNTERS, SUPPRESSED, VERDICTS
from dotdigital_sandbox.import_rows import Merge, StagedRow
from dotdigital_sandbox.remembered import WHOLE_ACCOUNT, recall

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account

# A commit writes each touched page of the addresses' index, which holds them in no order: a large chunk touches each
# page once for many rows. It is still merged in well under a second, so that other writers wait no longer.
CHUNK = 40_000
BATCH = 2_000
# A waiting writer gets its turn in this pause; a lock alone is not fair.
PAUSE = 0.0005
ROLES = frozenset(
    [
        "abuse",
        "accounts",
        "admin",
        "billing",
        "contact",
        "enquiries",
        "help",
        "hello",
        "info",
        "jobs",
        "mail",
        "marketing",
        "noreply",
        "no-reply",
        "office",
        "postmaster",
        "press",
        "sales",
        "service",
        "support",
        "team",
        "webmaster",
    ]
)
WATCHDOG = "watchdog"
WATCHDOG_LEAST_ROWS = 10

_STAGE = """
CREATE TEMP TABLE IF NOT EXISTS stage (
    row INTEGER PRIMARY KEY, email TEXT, email_key TEXT, opt_in TEXT, email_type TEXT, patch TEXT, clears INTEGER,
    wanted_id INTEGER, fault TEXT, extras TEXT
);
CREATE TEMP TABLE IF NOT EXISTS known (row INTEGER PRIMARY KEY, contact_id INTEGER);
CREATE TEMP TABLE IF NOT EXISTS fault (row INTEGER PRIMARY KEY, verdict TEXT);
DROP INDEX IF EXISTS temp.stage_email;
DELETE FROM stage;
DELETE FROM fault;
"""


class Stage:
    """The rows of one import, apart from the account until they are merged."""

    def __init__(self, db: Connection) -> None:
        self.db = db
        self.rows = 0
        self.roles = 0
        self.watchdog = False
        db.executescript(_STAGE)

    def fill(self, rows: Iterable[StagedRow]) -> None:
        """Take in all rows, then find the invalid and the repeated ones; rows that name only an id get its address."""
        rows = iter(rows)
        while batch := list(islice(rows, BATCH)):
            self.rows = batch[-1].row
            self._note_roles(batch)
            self.db.execute("BEGIN")
            # Plain tuples are bound a quarter faster than named ones.
            self.db.executemany("INSERT INTO stage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", map(tuple, batch))
            self.db.execute("COMMIT")
        self._find_faults()

    def _find_faults(self) -> None:
        self.db.execute(
            "UPDATE stage SET (email, email_key) = (SELECT email, email_key FROM contact WHERE id = wanted_id), "
            "fault = NULL WHERE wanted_id IN (SELECT id FROM contact)"
        )
        self.db.execute("INSERT INTO fault SELECT row, fault FROM stage WHERE fault IS NOT NULL")
        self.db.execute("CREATE INDEX temp.stage_email ON stage (email_key)")
        self.db.execute(
            "INSERT OR IGNORE INTO fault SELECT s.row, 'Duplicate' FROM (SELECT email_key, min(row) AS first FROM "
            "stage WHERE email_key IS NOT NULL GROUP BY email_key HAVING count(*) > 1) d "
            "CROSS JOIN stage s ON s.email_key = d.email_key AND s.row > d.first"
        )

    def _note_roles(self, batch: list[StagedRow]) -> None:
        for row in batch:
            local = row.email_key.partition("@")[0] if row.email_key else ""
            if local in ROLES:
                self.roles += 1
            elif local == WATCHDOG:
                self.watchdog = True

    def is_suspicious(self, share: float) -> bool:
        """Whether the watchdog refuses the whole file (contract §5.2)."""
        return self.watchdog or (self.rows >= WATCHDOG_LEAST_ROWS and self.roles > share * self.rows)

    def new_contacts(self) -> int:
        """How many contacts the account would gain."""
        count: int = self.db.execute(
            "SELECT count(*) FROM stage s WHERE NOT EXISTS (SELECT 1 FROM fault f WHERE f.row = s.row) "
            "AND NOT EXISTS (SELECT 1 FROM contact c WHERE c.email_key = s.email_key)"
        ).fetchone()[0]
        return count

    def faults(self) -> Iterator[tuple[int, str]]:
        """The refused rows in their order, each with its verdict's key."""
        for row in self.db.execute("SELECT row, verdict FROM fault ORDER BY row"):
            yield row["row"], row["verdict"]

    def clear(self) -> None:
        """Give the room back."""
        self.db.executescript(_STAGE)


def merge_stage(
    account: Account,
    stage: Stage,
    *,
    import_id: int,
    merge: Merge,
    book_ids: list[int],
    before_each: Callable[[], None],
) -> int:
    """Merge all staged rows into the account and its books, a chunk at a time; refused rows are noted in the stage.

    Answers how many contacts are new, those included that an interrupted run of this very import had made.
    ``before_each`` is called before each chunk and may raise to end the work there.
    """
    new = 0
    for first in range(1, stage.rows + 1, CHUNK):
        before_each()
        with account.store.writing(stage.db) as db:
            # A book deleted meanwhile must not get members.
            alive = [
                each for each in book_ids if db.execute("SELECT 1 FROM address_book WHERE id = ?", (each,)).fetchone()
            ]
            scope = {"first": first, "last": first + CHUNK - 1, "now": account.clock.text(), "import": import_id}
            _judge(db, scope, alive)
            new += db.execute(_MADE_BEFORE, scope).fetchone()[0]
            _update(db, scope, merge)
            new += _insert(db, scope, alive)
            for book_id in alive:
                db.execute(_JOIN_KNOWN, {**scope, "book": book_id})
            _keep_extras(db, account, scope)
        time.sleep(PAUSE)
    return new


_MADE_BEFORE = "SELECT count(*) FROM known k CROSS JOIN contact c ON c.id = k.contact_id WHERE c.import_id = :import"
_IN_SCOPE = "s.row BETWEEN :first AND :last AND NOT EXISTS (SELECT 1 FROM fault f WHERE f.row = s.row)"
_UNWANTED = ", ".join(f"'{status}'" for status in (*SUPPRESSED, PENDING))


def _judge(db: Connection, scope: dict[str, object], book_ids: list[int]) -> None:
    """Find the contacts that exist already, and refuse the rows of those who must not be touched."""
    db.execute("DELETE FROM known")
    db.execute(
        "INSERT INTO known SELECT s.row, c.id FROM stage s CROSS JOIN contact c ON c.email_key = s.email_key WHERE "
        f"{_IN_SCOPE}",
        scope,
    )
    db.execute(
        "INSERT INTO fault SELECT k.row, c.status FROM known k CROSS JOIN contact c ON c.id = k.contact_id "
        f"WHERE c.status IN ({_UNWANTED})"
    )
    for book_id in book_ids:
        db.execute(
            "INSERT OR IGNORE INTO fault SELECT k.row, 'Unsubscribed' FROM known k CROSS JOIN membership m "
            "ON m.book_id = ? AND m.contact_id = k.contact_id WHERE m.unsubscribed_at IS NOT NULL",
            (book_id,),
        )
    db.execute("DELETE FROM known WHERE row IN (SELECT row FROM fault WHERE row BETWEEN :first AND :last)", scope)
    _judge_remembered(db, scope, book_ids)
    for table, column, key, verdict in (
        ("suppressed_address", "email_key", "s.email_key", "GloballySuppressed"),
        ("suppressed_domain", "domain", "substr(s.email_key, instr(s.email_key, '@') + 1)", "DomainSuppression"),
    ):
        if db.execute(f"SELECT 1 FROM {table}").fetchone():
            db.execute(
                f"INSERT INTO fault SELECT s.row, '{verdict}' FROM stage s WHERE {_IN_SCOPE} "
                f"AND s.row NOT IN (SELECT row FROM known) AND {key} IN (SELECT {column} FROM {table})",
                scope,
            )


def _judge_remembered(db: Connection, scope: dict[str, object], book_ids: list[int]) -> None:
    """Refuse the rows of addresses that had opted out when they were deleted."""
    if db.execute("SELECT 1 FROM remembered_suppression LIMIT 1").fetchone():
        db.execute(
            "INSERT OR IGNORE INTO fault SELECT s.row, r.status FROM stage s CROSS JOIN remembered_suppression r "
            f"ON r.email_key = s.email_key WHERE {_IN_SCOPE} AND r.book_id IN (SELECT value FROM json_each(:scopes)) "
            "AND s.row NOT IN (SELECT row FROM known) ORDER BY s.row, r.book_id",
            {**scope, "scopes": json.dumps([WHOLE_ACCOUNT, *book_ids])},
        )


_MERGED_DATA = {
    0: "json_patch(contact.data, s.patch)",
    1: "json_patch(contact.data, s.patch)",
    2: "json_patch(s.patch, contact.data)",
}
_MERGED_ENUMS = {0: "TRUE", 1: "TRUE", 2: "contact.opt_in = 'Unknown'"}


def _update(db: Connection, scope: dict[str, object], merge: Merge) -> None:
    opt_in = (
        f"CASE WHEN s.opt_in IS NOT NULL AND s.opt_in <> 'VerifiedDouble' AND {_MERGED_ENUMS[merge]} "
        "THEN s.opt_in ELSE contact.opt_in END"
    )
    email_type = "coalesce(s.email_type, contact.email_type)" if merge != 2 else "contact.email_type"
    # Values set as they were do not count as a change; merging in SQL keeps the order of the keys.
    db.execute(
        f"UPDATE contact SET data = {_MERGED_DATA[merge]}, opt_in = {opt_in}, email_type = {email_type}, "
        "modified = :now FROM known k CROSS JOIN stage s ON s.row = k.row WHERE contact.id = k.contact_id "
        f"AND (contact.data <> {_MERGED_DATA[merge]} OR contact.opt_in <> {opt_in} "
        f"OR contact.email_type <> {email_type})",
        scope,
    )


def _fresh_rows(db: Connection, scope: dict[str, object]) -> str:
    """The condition for rows of the chunk that make new contacts; most chunks have no others and need no look-ups."""
    rows = "s.row BETWEEN :first AND :last"
    if db.execute("SELECT 1 FROM fault WHERE row BETWEEN :first AND :last LIMIT 1", scope).fetchone():
        rows = _IN_SCOPE
    if db.execute("SELECT 1 FROM known LIMIT 1").fetchone():
        rows += " AND NOT EXISTS (SELECT 1 FROM known k WHERE k.row = s.row)"
    return rows


def _insert(db: Connection, scope: dict[str, object], book_ids: list[int]) -> int:
    last = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'contact'").fetchone()
    numbered = {**scope, "base": (last["seq"] if last else 0) - int(str(scope["first"])) + 1}
    fresh = f"FROM stage s WHERE {_fresh_rows(db, scope)}"
    made = db.execute(
        "INSERT INTO contact (id, email, email_key, opt_in, email_type, status, created, modified, last_subscribed, "
        "import_id, data) SELECT :base + s.row, s.email, s.email_key, "
        "CASE s.opt_in WHEN 'VerifiedDouble' THEN 'Double' ELSE coalesce(s.opt_in, 'Unknown') END, "
        "coalesce(s.email_type, 'Html'), "
        "CASE s.opt_in WHEN 'VerifiedDouble' THEN 'PendingOptIn' ELSE 'Subscribed' END, "
        ":now, :now, CASE s.opt_in WHEN 'VerifiedDouble' THEN NULL ELSE :now END, :import, "
        f"CASE WHEN s.clears THEN json_patch('{{}}', s.patch) ELSE s.patch END {fresh} ORDER BY s.row",
        numbered,
    )
    db.execute(
        "INSERT INTO challenge (token, contact_id, purpose, created) "
        "SELECT lower(hex(randomblob(16))), :base + s.row, 'optin', "
        f":now {fresh} AND s.opt_in = 'VerifiedDouble'",
        numbered,
    )
    for book_id in book_ids:
        db.execute(
            "INSERT INTO membership (book_id, contact_id, added) "
            f"SELECT :book, :base + s.row, :now {fresh} ORDER BY s.row",
            {**numbered, "book": book_id},
        )
    recall(db, int(str(numbered["base"])) + int(str(scope["first"])))
    return made.rowcount


_JOIN_KNOWN = (
    "INSERT INTO membership (book_id, contact_id, added) SELECT :book, k.contact_id, :now FROM known k WHERE TRUE "
    "ON CONFLICT DO NOTHING"
)


def _keep_extras(db: Connection, account: Account, scope: dict[str, object]) -> None:
    """Consent and preference columns; few files have them, so these go row by row."""
    rows = db.execute(
        "SELECT s.extras, c.id FROM stage s CROSS JOIN contact c ON c.email_key = s.email_key "
        f"WHERE s.extras IS NOT NULL AND {_IN_SCOPE}",
        scope,
    ).fetchall()
    for row in rows:
        keep_extras(db, account, row["id"], json.loads(row["extras"]))


def report_of(stage: Stage, new: int) -> dict[str, int]:
    """The 15 counters of the report."""
    counters = dict.fromkeys(REPORT_COUNTERS, 0)
    refused = 0
    for verdict, count in stage.db.execute("SELECT verdict, count(*) FROM fault GROUP BY verdict"):
        counters[VERDICTS[verdict].counter] += count
        refused += count
    counters["newContacts"] = new
    counters["updatedContacts"] = max(0, stage.rows - refused - new)
    return counters


def keep_faults(
    account: Account, stage: Stage, import_id: int, rows: Iterator[tuple[int, list[str]]], *, magento: bool
) -> None:
    """Write down the refused rows with their reasons and their cells as uploaded; ``rows`` is the file once more."""
    pending = _fault_rows(stage, import_id, rows, magento=magento)
    while batch := list(islice(pending, BATCH)):
        with account.store.writing() as db:
            db.executemany(
                "INSERT OR REPLACE INTO import_fault (import_id, row, reason, cells) VALUES (?, ?, ?, ?)", batch
            )


def _fault_rows(
    stage: Stage, import_id: int, rows: Iterator[tuple[int, list[str]]], *, magento: bool
) -> Iterator[tuple[int, int, str, str]]:
    faults = stage.faults()
    wanted = next(faults, None)
    for number, cells in rows:
        if wanted is None:
            break
        if number == wanted[0]:
            verdict = VERDICTS[wanted[1]]
            yield import_id, number, verdict.magento_reason if magento else verdict.reason, json.dumps(cells)
            wanted = next(faults, None)

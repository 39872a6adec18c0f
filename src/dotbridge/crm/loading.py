"""Taking anybody's contact file into the CRM, and saying of every line that was not taken why, and how to mend it.

Lines are worked through in chunks: the number of statements a chunk does not depend on its size. Each chunk is
committed by itself, so an interrupted load is finished by loading the file again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from itertools import chain, islice
from typing import Any, BinaryIO

from django.db import connection, transaction

from dotbridge.crm.columns import Columns, email_column, match_columns
from dotbridge.crm.contact_file import BrokenLine, ContactFile, ContactFileError, Record
from dotbridge.crm.models import Account, Contact, ContactEmail
from dotbridge.crm.rows import Problem, ReadRow, read_row, shortened
from dotbridge.entities.email import is_plausible

CHUNK = 1_000
# Problems told one by one; of a file that is nothing but problems the rest is counted.
MOST_PROBLEMS = 1_000
_LOOKED_AT_FOR_ADDRESSES = 200
_UPDATED = ["first_name", "last_name", "account", "job_title", "phone", "birthday", "lead_score", "is_vip"]
_UPDATED += ["language", "notes", "updated_at"]


@dataclass(kw_only=True)
class LoadReport:
    """What became of a file. `rows` is the sum of created, updated, unchanged and refused.

    `columns` maps a column's name to the contact's field, `unused_columns` names the others. `problems` are the first
    thousand: refused rows, and rows taken without one of their values (`taken` is true); `problems_left_off` more.
    """

    encoding: str
    delimiter: str
    columns: dict[str, str]
    unused_columns: list[str]
    rows: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0
    problems: list[Problem] = field(default_factory=list)
    problems_left_off: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return asdict(self)

    def add(self, problem: Problem) -> None:
        """Note a problem, and the row as refused unless it was taken all the same."""
        self.refused += not problem.taken
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)
        else:
            self.problems_left_off += 1


def load_contacts(
    file: BinaryIO, *, encoding: str | None = None, delimiter: str | None = None, dry_run: bool = False
) -> LoadReport:
    """Create and update contacts from a CSV file opened as bytes; `dry_run` reports the same and keeps nothing.

    A contact is found by its primary address, whatever its letter case; an empty cell leaves what it has. Companies are
    found by name, else created. Raises ContactFileError for a file that is no CSV, empty or without an e-mail column.
    """
    source = ContactFile(file, encoding=encoding, delimiter=delimiter)
    try:
        with transaction.atomic() if dry_run else nullcontext():
            report = _load(source)
            if dry_run:
                transaction.set_rollback(True)
    finally:
        source.close()
    return report


def check_contact_file(file: BinaryIO) -> None:
    """Raise ContactFileError if load_contacts would: looks at the beginning of the file and writes nothing."""
    source = ContactFile(file)
    try:
        _begin(source)
    finally:
        source.close()


def _load(source: ContactFile) -> LoadReport:
    report, columns, records = _begin(source)
    while chunk := list(islice(records, CHUNK)):
        _load_chunk(list(_readable(chunk, columns, report)), report)
    return report


def _begin(source: ContactFile) -> tuple[LoadReport, Columns, Iterator[Record | BrokenLine]]:
    """An empty report, the columns, and the records still to be read."""
    headers, records = _headers_and_records(source)
    matched = match_columns(headers)
    first = list(islice(records, _LOOKED_AT_FOR_ADDRESSES))
    if "email" not in matched:
        found = email_column(record.cells for record in first if isinstance(record, Record))
        if found is None:
            raise ContactFileError(
                f"No column holds e-mail addresses. The columns are: {', '.join(map(shortened, headers))}. "
                "Name one of them E-mail."
            )
        matched = {name: position for name, position in matched.items() if position != found} | {"email": found}
    report = LoadReport(
        encoding=source.encoding,
        delimiter=source.delimiter,
        columns={headers[position]: name for name, position in matched.items()},
        unused_columns=[header for position, header in enumerate(headers) if position not in matched.values()],
    )
    return report, Columns(headers, matched), chain(first, records)


def _headers_and_records(source: ContactFile) -> tuple[list[str], Iterator[Record | BrokenLine]]:
    """The names of the columns and the records below; a file that begins with an address at once has no names."""
    top = source.first_record()
    records = source.records(len(top.cells))
    if any(is_plausible(cell.strip()) for cell in top.cells):
        return [f"Column {position}" for position, _ in enumerate(top.cells, 1)], chain([top], records)
    return [cell.strip() or f"Column {position}" for position, cell in enumerate(top.cells, 1)], records


def _readable(chunk: Iterable[Record | BrokenLine], columns: Columns, report: LoadReport) -> Iterator[ReadRow]:
    for found in chunk:
        report.rows += 1
        if isinstance(found, BrokenLine):
            report.add(Problem(found.line, "", shortened(found.text), found.why, found.mend))
            continue
        row, problems = read_row(found, columns)
        for problem in problems:
            report.add(problem)
        if row is not None:
            yield row


def _load_chunk(rows: list[ReadRow], report: LoadReport) -> None:
    if not rows:
        return
    with transaction.atomic():
        accounts = _accounts(rows)
        matches = _match([row.email for row in rows])
        contacts = Contact.objects.in_bulk([pk for _, pk in matches if pk is not None])
        by_key = {key: contacts[pk] for key, pk in matches if pk in contacts}
        created: dict[str, tuple[Contact, str]] = {}
        updated: dict[int, Contact] = {}
        for row, (key, _) in zip(rows, matches, strict=True):
            contact = by_key.get(key)
            if contact is None:
                contact = by_key[key] = Contact()
                _apply(row, contact, accounts)
                created[key] = (contact, row.email)
                report.created += 1
            elif not _apply(row, contact, accounts):
                report.unchanged += 1
            else:
                report.updated += 1
                if contact.pk is not None:
                    updated[contact.pk] = contact
        _create(created.values())
        _update(list(updated.values()))


def _apply(row: ReadRow, contact: Contact, accounts: dict[str, Account]) -> bool:
    """Put the row's values on the contact. Answers whether that changed it."""
    changed = False
    for name, value in row.values.items():
        given = accounts[value] if name == "account" else value
        if getattr(contact, f"{name}_id" if name == "account" else name) != (given.pk if name == "account" else given):
            setattr(contact, name, given)
            changed = True
    return changed


def _match(addresses: list[str]) -> list[tuple[str, int | None]]:
    """For each address its key and the contact whose primary address it is, the oldest of several.

    PostgreSQL alone decides which spellings are the same. Relies on the index crm_contactemail_by_key.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT lower(btrim(asked.address)), min(known.contact_id)
            FROM unnest(%s::text[]) WITH ORDINALITY AS asked (address, place)
            LEFT JOIN crm_contactemail known
                ON lower(btrim(known.email)) = lower(btrim(asked.address)) AND known.is_primary
            GROUP BY asked.place, asked.address
            ORDER BY asked.place
            """,
            [addresses],
        )
        matches: list[tuple[str, int | None]] = cursor.fetchall()
    return matches


def _accounts(rows: list[ReadRow]) -> dict[str, Account]:
    """The accounts that the rows name, by name, the oldest of several; the missing ones created."""
    names = {row.values["account"] for row in rows if "account" in row.values}
    if not names:
        return {}
    accounts = {account.name: account for account in Account.objects.filter(name__in=names).order_by("-pk")}
    missing = [Account(name=name) for name in sorted(names - accounts.keys())]
    return accounts | {account.name: account for account in Account.objects.bulk_create(missing)}


def _create(contacts: Iterable[tuple[Contact, str]]) -> None:
    pairs = list(contacts)
    Contact.objects.bulk_create([contact for contact, _ in pairs])
    ContactEmail.objects.bulk_create(
        [ContactEmail(contact=contact, email=email, is_primary=True) for contact, email in pairs]
    )


def _update(contacts: list[Contact]) -> None:
    # One statement however many columns change, where bulk_update writes a CASE for each value.
    if contacts:
        Contact.objects.bulk_create(contacts, update_conflicts=True, unique_fields=["id"], update_fields=_UPDATED)

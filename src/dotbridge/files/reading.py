"""A file's records one by one, as the rows of people that a load takes; what is nobody and what is wrong is noted."""

from __future__ import annotations

from collections.abc import Iterator

from dotbridge.files.no_contacts import NoContacts
from dotbridge.files.records import BrokenLine, Record, Skipped
from dotbridge.files.report import LoadReport, Problem, shortened
from dotbridge.files.rows import OptOut, ReadRow, read_row
from dotbridge.files.sections import Sections
from dotbridge.files.understanding import ROWS_BETWEEN_PROGRESS, Progress, Understanding


def readable_rows(understood: Understanding, progress: Progress) -> Iterator[ReadRow]:
    """Every row with an address, and what the file says against writing to its person. The others, and what is wrong,
    are noted in the report.
    """
    report = understood.report
    no_contacts, sections = NoContacts(understood), Sections(understood, report.file)
    for record in understood.source.records():
        if isinstance(record, Skipped):
            report.skip(sections.told_from(record) or record)
            continue
        row, problems = _read(record, understood)
        contact = record if isinstance(record, Record) else None
        if row is None and contact and _is_passed_over(contact, sections, no_contacts, report):
            continue
        _refuse(no_contacts.let_go(contact), understood)
        report.rows += 1
        if report.rows % ROWS_BETWEEN_PROGRESS == 0:
            progress("loading", report.rows)
        for problem in problems:
            report.add(problem)
        if row is not None:
            if said := sections.opt_out():
                row.opt_outs.append(said)
            row.opt_outs += _said_elsewhere(row, understood)
            yield row
    _end_of(no_contacts, understood)


def _is_passed_over(record: Record, sections: Sections, no_contacts: NoContacts, report: LoadReport) -> bool:
    """Whether a record without an address is nobody, or may turn out to be."""
    if skipped := sections.told_from(record) or no_contacts.told_from(record):
        report.skip(skipped)
        return True
    return no_contacts.holds_back(record)


def _end_of(no_contacts: NoContacts, understood: Understanding) -> None:
    if understood.report.has_more:
        # Somebody may come behind what was looked at.
        _refuse(no_contacts.let_go(None), understood)
    for skipped in no_contacts.remarks():
        understood.report.skip(skipped)


def _read(record: Record | BrokenLine, understood: Understanding) -> tuple[ReadRow | None, list[Problem]]:
    if isinstance(record, Record):
        return read_row(record, understood)
    value = shortened(record.text)
    return None, [Problem(line=record.line, column="", value=value, why=record.why, mend=record.mend)]


def _refuse(records: list[Record], understood: Understanding) -> None:
    """Tell of records that they hold no address."""
    for record in records:
        understood.report.rows += 1
        for problem in read_row(record, understood)[1]:
            understood.report.add(problem)


def _said_elsewhere(row: ReadRow, understood: Understanding) -> list[OptOut]:
    """What another part of the file says against writing to the person, once."""
    said = [understood.elsewhere[key] for key in row.address_keys() if key in understood.elsewhere]
    for each in said:
        if each.column not in understood.report.sections:
            understood.report.sections.append(each.column)
    return said[:1]

"""Who has opted out by what is not read: sheets and lists whose names say it of everybody in them, and the other tables
of the sheet that is read.

Nobody is loaded from them; whoever stands there so, and in what is read, counts as opted out.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO

from dotbridge.files.consent_cells import Says
from dotbridge.files.errors import FileRefused
from dotbridge.files.opening import open_source
from dotbridge.files.reading import readable_rows
from dotbridge.files.records import FirstRows, Source
from dotbridge.files.said_of_all import said_of_all
from dotbridge.files.tables import FirstTable
from dotbridge.files.targets import ADDRESS
from dotbridge.files.understanding import Choices, Understanding, understand


def note_opted_out_elsewhere(
    understood: Understanding, *, file: BinaryIO, encoding: str | None, most_rows: int | None = None
) -> None:
    """Note in what is understood of a file who has opted out by its other parts, and in the report which those are.

    With `most_rows` no more are looked at, of each part; whether there are more is noted as well.
    """
    report = understood.report
    source = understood.source
    for table in source.others if isinstance(source, (FirstTable, FirstRows)) else ():
        with suppress(FileRefused):
            _note(understood, FirstRows(table, most_rows) if most_rows is not None else table)
    for part in understood.source.other_parts:
        # Where the name does not say it, a column may.
        is_said_of_all = said_of_all(part) is Says.OPTED_OUT
        try:
            with open_source(file, encoding=encoding, sheet=part, names_of_first=most_rows) as source:
                first = FirstRows(source, most_rows) if most_rows is not None else None
                _note(understood, first or source, is_said_of_all=is_said_of_all)
                report.has_more |= first is not None and first.has_more
        except FileRefused:
            # Nobody's address stands there.
            continue
        if is_said_of_all:
            report.heeded_parts.append(part)


def _note(understood: Understanding, source: Source, *, is_said_of_all: bool = True) -> None:
    other = understand(source, understood.target, Choices(), name="", progress=_no_progress)
    # Nothing else is wanted of anybody.
    other = replace(other, fields={ADDRESS: other.fields[ADDRESS]}, people=[])
    # Nobody can be asked about a column of what is not read.
    asked = {question.column for question in other.report.questions}
    for row in readable_rows(other, _no_progress):
        for said in row.opt_outs:
            if is_said_of_all or not (said.doubtful or said.column in asked):
                opt_out = replace(
                    said, column=_where(source.part, "" if is_said_of_all else said.column) or said.column
                )
                understood.elsewhere.update(dict.fromkeys(row.address_keys(), opt_out))
                break


def _where(part: str, column: str) -> str:
    """Where somebody has opted out, as a person would look for it."""
    return f"{part}: {column}" if part and column and part != column else part or column


def _no_progress(step: str, rows: int) -> None:
    """Tell nobody."""

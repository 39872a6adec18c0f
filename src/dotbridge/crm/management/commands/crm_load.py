"""Take a contact file into the CRM."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from dotbridge.crm.contact_file import ContactFileError
from dotbridge.crm.loading import LoadReport, load_contacts

MOST_PROBLEMS_SHOWN = 20


class Command(BaseCommand):
    """`crm_load FILE.csv`: what was taken, and what was not and why. Loading a file again changes nothing."""

    help = "Creates and updates contacts from a CSV file; its encoding, delimiter and columns are found."

    def add_arguments(self, parser: CommandParser) -> None:
        """The file, what is known of it already, and how to say what became of it."""
        parser.add_argument("file", type=Path, help="the CSV file")
        parser.add_argument("--encoding", help="the file's encoding, if the one found is wrong")
        parser.add_argument("--delimiter", help="the character between cells, if the one found is wrong")
        parser.add_argument("--json", action="store_true", help="print the whole report as one JSON object")

    def handle(self, *_args: Any, file: Path, encoding: str | None, delimiter: str | None, **options: Any) -> None:
        """Print the report. Fails with one sentence if the file cannot be read as contacts at all."""
        try:
            with file.open("rb") as source:
                report = load_contacts(source, encoding=encoding, delimiter=delimiter)
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        except ContactFileError as error:
            raise CommandError(f"{file} was not loaded. {error}") from error
        self.stdout.write(json.dumps(report.as_dict()) if options["json"] else "\n".join(_told(report)))


def _told(report: LoadReport) -> list[str]:
    """The report in sentences."""
    delimiter = {"\t": "tab"}.get(report.delimiter, report.delimiter)
    counts = f"{report.created} created, {report.updated} updated, {report.unchanged} unchanged"
    told = [
        f"{report.rows} rows: {counts}, {report.refused} not taken.",
        f"Read as {report.encoding}, with the delimiter {delimiter}",
        "Columns taken: " + ", ".join(f"{column} ({name})" for column, name in report.columns.items()),
    ]
    if report.unused_columns:
        told.append("Columns without use: " + ", ".join(report.unused_columns))
    for problem in report.problems[:MOST_PROBLEMS_SHOWN]:
        where = f"line {problem.row}" + (f", {problem.field}" if problem.field else "")
        what = " Taken without it." if problem.taken else ""
        told.append(f"{where}: {problem.value!r}: {problem.why} {problem.mend}{what}")
    more = len(report.problems) - MOST_PROBLEMS_SHOWN + report.problems_left_off
    if more > 0:
        told.append(f"... and {more} more; --json names them.")
    return told

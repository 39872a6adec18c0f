"""Take a file of people into the records of a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from dotbridge.files.errors import EncodingNotSure, FileRefused
from dotbridge.files.report import LoadReport
from dotbridge.files.report_lines import candidate_lines, report_lines
from dotbridge.files.services import load_file
from dotbridge.files.targets import file_targets
from dotbridge.files.understanding import SAME_ADDRESS, Choices

# What a person has to mend or decide, as everywhere in this command line.
DECIDE = 2


class Command(BaseCommand):
    """`load_file ENTITY FILE`: what was taken, and what was not and why. Loading a file again changes nothing."""

    help = "Makes and updates records of a file: CSV, XLSX, XLSB, ODS, XLS, vCard or JSON, also packed by gzip or zip."

    def add_arguments(self, parser: CommandParser) -> None:
        """The file, what is known of it already, and how to say what became of it."""
        known = ", ".join(target.key for target in file_targets())
        parser.add_argument("entity", help=f"what the people become: {known}")
        parser.add_argument("file", type=Path, help="the file")
        parser.add_argument("--encoding", help="the file's encoding, such as cp1250")
        parser.add_argument("--delimiter", help="the character between cells, if the one found is wrong")
        parser.add_argument("--sheet", help="the sheet of a workbook, if not the first one")
        parser.add_argument(
            "--columns",
            action="append",
            default=[],
            metavar="COLUMN=FIELD",
            help="where a column goes, or unused; with :dmy, :mdy, :excel1900, :comma or :point how it is written. "
            "Can be repeated",
        )
        parser.add_argument(
            "--same-address", choices=SAME_ADDRESS, help="which of several rows with one address counts"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what a load would do")
        parser.add_argument("--json", action="store_true", help="print the whole report as one JSON object")

    def handle(self, *_args: Any, entity: str, file: Path, **options: Any) -> None:
        """Print the report. Fails with one sentence, and exit code 2, if the file cannot be loaded as it is."""
        try:
            choices = Choices(
                encoding=options["encoding"],
                delimiter=options["delimiter"],
                sheet=options["sheet"],
                columns=dict(_column_choice(each) for each in options["columns"]),
                same_address=options["same_address"],
            )
            with file.open("rb") as opened:
                report = load_file(
                    file=opened, name=file.name, entity=entity, choices=choices, dry_run=options["dry_run"]
                )
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.", returncode=DECIDE) from error
        except EncodingNotSure as error:
            raise self._not_sure(file, error, as_json=options["json"]) from error
        except (FileRefused, LookupError) as error:
            raise CommandError(f"{file} was not loaded. {error}", returncode=DECIDE) from error
        self._tell(report, as_json=options["json"])

    def _tell(self, report: LoadReport, *, as_json: bool) -> None:
        self.stdout.write(json.dumps(report.as_dict()) if as_json else "\n".join(report_lines(report)))

    def _not_sure(self, file: Path, error: EncodingNotSure, *, as_json: bool) -> CommandError:
        """The candidates: in JSON on the standard output, else as lines of the error."""
        if as_json:
            candidates = [{"encoding": each.encoding, "sample": each.sample} for each in error.candidates]
            self.stdout.write(json.dumps({"loaded": False, "why": str(error), "encoding_candidates": candidates}))
        lines = [] if as_json else ["", *candidate_lines(error.candidates), _("Name it with --encoding.")]
        return CommandError("\n".join([f"{file} was not loaded. {error}", *lines]), returncode=DECIDE)


def _column_choice(text: str) -> tuple[str, str]:
    column, equals, field = text.rpartition("=")
    if not equals or not column or not field:
        raise FileRefused(_("%(text)r must be COLUMN=FIELD, such as 'Geburtstag=birthday'.") % {"text": text})
    return column, field

"""The loader inside django-import-export: its upload, preview and confirmation, our reading and writing.

The library's own importing asks the database for every row, and lets one bad row stop a file. So the file goes to
`load_file` as it is, and what that reports is shown in the library's preview.
"""

from __future__ import annotations

import io
import os
import re
import secrets
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from import_export.fields import Field
from import_export.formats.base_formats import Format
from import_export.resources import ModelResource
from import_export.results import Result, RowResult
from import_export.tmp_storages import TempFolderStorage
from unfold.contrib.import_export.forms import ImportForm

from dotbridge.crm.models import Contact
from dotbridge.files.encodings import ENCODINGS
from dotbridge.files.report import LoadReport
from dotbridge.files.services import check_file, load_file
from dotbridge.files.understanding import Choices

ENTITY = "crm.contact"
MOST_PROBLEMS_SHOWN = 200
LARGEST_UPLOAD = 20 * 1024**2
# An upload that nobody confirmed holds people's data, so it does not stay.
LONGEST_WAIT_FOR_CONFIRMATION = 3_600
_UPLOAD = re.compile(r"dotbridge-upload-[0-9a-f]{32}")


class ContactFileFormat(Format):  # type: ignore[misc]
    """Any file of people, as the bytes it was uploaded as. Its encoding is found, or asked for."""

    named_encoding: str | None = None

    # The library passes an encoding to every format; ours is found in the file, or named by the format itself.
    def __init__(self, encoding: str | None = None) -> None:
        self.encoding = encoding

    def get_title(self) -> Any:
        """How the form calls it."""
        if self.named_encoding is not None:
            return _("Text in the encoding %(encoding)s") % {"encoding": self.named_encoding}
        return _("CSV, XLSX, ODS, vCard or JSON Lines")

    def create_dataset(self, in_stream: bytes) -> UploadedContacts:
        """The file itself. Raises FileRefused if it cannot be read as contacts at all."""
        uploaded = UploadedContacts(in_stream, Choices(encoding=self.named_encoding))
        uploaded.check()
        return uploaded


# One for the encoding that is found, and one for each that a person can name where it is not sure.
FORMATS = [
    ContactFileFormat,
    *(type("NamedEncodingFormat", (ContactFileFormat,), {"named_encoding": name}) for name in ENCODINGS),
]


class ContactImportForm(ImportForm):  # type: ignore[misc]
    """The upload, of a size that a web request can bear."""

    def clean_import_file(self) -> UploadedFile[Any]:
        """Refuse what takes longer than anybody waits for a page."""
        uploaded: UploadedFile[Any] = self.cleaned_data["import_file"]
        if (uploaded.size or 0) > LARGEST_UPLOAD:
            raise ValidationError(
                _("The file has more than %(most)d MB. Load it with `dotbridge crm load`."),
                params={"most": LARGEST_UPLOAD // 1024**2},
            )
        return uploaded


class UploadedContacts:
    """An uploaded contact file on its way from the format to the resource."""

    def __init__(self, content: bytes, choices: Choices) -> None:
        self._content = content
        self._choices = choices

    def check(self) -> None:
        """Raise FileRefused if the file cannot be read as contacts at all."""
        check_file(file=io.BytesIO(self._content), entity=ENTITY, choices=self._choices)

    def load(self, *, dry_run: bool) -> LoadReport:
        """What becomes of it."""
        return load_file(
            file=io.BytesIO(self._content),
            name=_("uploaded file"),
            entity=ENTITY,
            choices=self._choices,
            dry_run=dry_run,
        )


class UploadFolder(TempFolderStorage):  # type: ignore[misc]
    """Where an upload waits for its confirmation: under a name that cannot be guessed, and for an hour at most."""

    def save(self, data: bytes) -> None:
        """Keep the upload, readable by this system user alone, and clear away those that nobody confirmed."""
        folder = Path(tempfile.gettempdir())
        for waiting in folder.glob("dotbridge-upload-*"):
            with suppress(OSError):
                if waiting.stat().st_mtime < time.time() - LONGEST_WAIT_FOR_CONFIRMATION:
                    waiting.unlink()
        self.name = f"dotbridge-upload-{secrets.token_hex(16)}"
        with os.fdopen(os.open(folder / self.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)

    def get_full_path(self) -> str:
        """The upload's path. The name comes back from the browser, so it must be one that we gave."""
        if not _UPLOAD.fullmatch(str(self.name)):
            raise FileNotFoundError("No upload has this name.")
        return str(Path(tempfile.gettempdir()) / self.name)


class LoadResult(Result):  # type: ignore[misc]
    """The loader's report in the shape that the library's pages show: one row a problem, and the totals."""

    def __init__(self, report: LoadReport) -> None:
        super().__init__()
        self.report = report
        self.total_rows = report.rows
        self.diff_headers = [_("Line"), _("Column"), _("Value"), _("Why"), _("What to do")]
        self.totals[RowResult.IMPORT_TYPE_NEW] = report.created
        self.totals[RowResult.IMPORT_TYPE_UPDATE] = report.updated
        self.totals[RowResult.IMPORT_TYPE_SKIP] = report.unchanged + report.same_address + report.refused
        for problem in report.problems[:MOST_PROBLEMS_SHOWN]:
            row = RowResult()
            row.import_type = RowResult.IMPORT_TYPE_UPDATE if problem.taken else RowResult.IMPORT_TYPE_SKIP
            rest = _("The row is taken without it.") if problem.taken else _("The row is not taken.")
            row.diff = [problem.line, problem.column, problem.value, f"{problem.why} {rest}", problem.mend]
            self.append_row_result(row)


class ContactResource(ModelResource):  # type: ignore[misc]
    """Takes an uploaded contact file to the loader. Its fields are those that the upload page names."""

    email = Field(column_name="email")
    company = Field(column_name="company")

    class Meta:
        model = Contact
        fields = (
            *("email", "first_name", "last_name", "company", "job_title", "phone", "birthday", "language"),
            *("lead_score", "is_vip", "notes"),
        )

    def import_data(self, dataset: UploadedContacts, dry_run: bool = False, **_options: Any) -> LoadResult:  # noqa: FBT001, FBT002 - the library's signature
        """Load the file, or with `dry_run` find out what loading it would do. Raises FileRefused."""
        return LoadResult(dataset.load(dry_run=dry_run))

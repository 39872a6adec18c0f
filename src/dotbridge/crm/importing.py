"""The loader inside django-import-export: its upload, preview and confirmation, our reading and writing.

The library's own importing asks the database for every row, and lets one bad row stop a file. So the file goes to
`load_contacts` as it is, and what that reports is shown in the library's preview.
"""

from __future__ import annotations

import io
from typing import Any

from django.utils.translation import gettext_lazy as _
from import_export.formats.base_formats import Format
from import_export.resources import ModelResource
from import_export.results import Result, RowResult

from dotbridge.crm.loading import LoadReport, check_contact_file, load_contacts
from dotbridge.crm.models import Contact

MOST_PROBLEMS_SHOWN = 200


class ContactFileFormat(Format):  # type: ignore[misc]
    """Any CSV file, as the bytes it was uploaded as."""

    # The library passes an encoding to every format; ours is found in the file.
    def __init__(self, encoding: str | None = None) -> None:
        self.encoding = encoding

    def get_title(self) -> Any:
        """How the form calls it."""
        return _("CSV, any encoding and delimiter")

    def create_dataset(self, in_stream: bytes) -> UploadedContacts:
        """The file itself. Raises ContactFileError if it cannot be read as contacts at all."""
        check_contact_file(io.BytesIO(in_stream))
        return UploadedContacts(in_stream)


class UploadedContacts:
    """An uploaded contact file on its way from the format to the resource."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def load(self, *, dry_run: bool) -> LoadReport:
        """What becomes of it."""
        return load_contacts(io.BytesIO(self._content), dry_run=dry_run)


class LoadResult(Result):  # type: ignore[misc]
    """The loader's report in the shape that the library's pages show: one row a problem, and the totals."""

    def __init__(self, report: LoadReport) -> None:
        super().__init__()
        self.report = report
        self.total_rows = report.rows
        self.diff_headers = [_("Line"), _("Column"), _("Value"), _("Why"), _("What to do")]
        self.totals[RowResult.IMPORT_TYPE_NEW] = report.created
        self.totals[RowResult.IMPORT_TYPE_UPDATE] = report.updated
        self.totals[RowResult.IMPORT_TYPE_SKIP] = report.unchanged + report.refused
        for problem in report.problems[:MOST_PROBLEMS_SHOWN]:
            row = RowResult()
            row.import_type = RowResult.IMPORT_TYPE_UPDATE if problem.taken else RowResult.IMPORT_TYPE_SKIP
            row.diff = [problem.row, problem.field, problem.value, problem.why, problem.mend]
            self.append_row_result(row)


class ContactResource(ModelResource):  # type: ignore[misc]
    """Takes an uploaded contact file to the loader."""

    class Meta:
        model = Contact
        fields = ("first_name", "last_name", "account", "job_title", "phone", "birthday", "lead_score", "is_vip")

    def import_data(self, dataset: UploadedContacts, dry_run: bool = False, **_options: Any) -> LoadResult:  # noqa: FBT001, FBT002 - the library's signature
        """Load the file, or with `dry_run` find out what loading it would do."""
        return LoadResult(dataset.load(dry_run=dry_run))

"""The people of a list carried away: all that its page shows, in its columns, as a CSV or a workbook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _

from dotbridge.backoffice.entity_labels import label_records
from dotbridge.backoffice.pages.frame import page
from dotbridge.backoffice.pages.list_frame import list_or_404, list_url, may_see_people
from dotbridge.backoffice.queries import search_of
from dotbridge.backoffice.reads.list_columns import columns_for, file_value
from dotbridge.backoffice.reads.list_people import ListPerson, all_people
from dotbridge.backoffice.reads.standing import WORDS, Standing
from dotbridge.backoffice.rights import MAY_EXPORT_PEOPLE, MAY_SEE_LISTS
from dotbridge.entities.registry import UnknownEntity
from dotbridge.lists.columns import ListColumn
from dotbridge.lists.rules import RuleError
from dotbridge.spreadsheets import Row, csv_lines, guarded
from dotbridge.workbooks import workbook_pieces

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@page(MAY_SEE_LISTS, MAY_EXPORT_PEOPLE)
def people_file(request: HttpRequest, pk: int, form: str) -> HttpResponseBase:
    """The people that the page shows, all of them, as a CSV or a workbook."""
    marketing_list = list_or_404(pk)
    if not may_see_people(request, marketing_list.entity):
        raise PermissionDenied
    shown = request.GET.get("show", "")
    if shown and shown not in set(Standing):
        raise Http404
    rows = _rows(request, marketing_list, Standing(shown) if shown else None, search_of(request))
    try:
        first = next(rows)
    except (RuleError, UnknownEntity) as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(list_url(marketing_list))
    pieces, kind = (csv_lines, CSV) if form == "csv" else (workbook_pieces, XLSX)
    response = StreamingHttpResponse(pieces(first, rows), content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="list-{marketing_list.pk}.{form}"'
    return response


def _rows(request: HttpRequest, marketing_list: Any, show: Standing | None, search: str) -> Iterator[Row]:
    """The headings once the first people are known, then everybody."""
    columns = columns_for(marketing_list, request.user)
    some = all_people(marketing_list, show=show, search=search, columns=columns)
    people = next(some, [])
    yield guarded([_("Record"), _("Who"), *(column.label for column in columns), _("State"), _("Why")])
    while people:
        known = label_records(request, marketing_list.entity, [person.record_id for person in people])
        for person in people:
            yield _row(person, known[person.record_id].text if person.record_id in known else "", columns)
        people = next(some, [])


def _row(person: ListPerson, name: str, columns: Sequence[ListColumn]) -> Row:
    values = [file_value(column, value) for column, value in zip(columns, person.cells, strict=True)]
    return guarded([person.record_id, name, *values, str(WORDS[person.standing]), str(person.why)])

"""Lists whose rows are about records of the host: each record by its own name, in one query an entity and page."""
# ruff: noqa: ARG002 - Django's hooks give more than every screen needs

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.views import ChangeList

from dotbridge.backoffice.entity_labels import label_records
from dotbridge.backoffice.screens.base import InfinitePaginator, ReadOnlyScreen


class LabelledPage(ChangeList):  # type: ignore[misc]
    """A page of rows that its screen completes once they are read."""

    result_list: list[Any]

    def get_results(self, request: HttpRequest) -> None:
        """The page's rows, each with its record's label."""
        super().get_results(request)
        self.result_list = list(self.result_list)
        self.model_admin.complete_rows(request, self.result_list)


class LabelledScreen(ReadOnlyScreen):
    """Rows with a `record_id`, of an entity that `entity_of` names. They may be many, so they are never counted."""

    paginator = InfinitePaginator
    show_full_result_count = False
    sortable_by = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        """The list page that names records."""
        return LabelledPage

    def entity_of(self, row: Any) -> str:
        """The key of the row's entity."""
        return str(row.entity)

    def complete_rows(self, request: HttpRequest, rows: Sequence[Any]) -> None:
        """Give each row its record's label."""
        by_entity: dict[str, list[Any]] = defaultdict(list)
        for row in rows:
            by_entity[self.entity_of(row)].append(row)
        for key, found in by_entity.items():
            known = label_records(request, key, {row.record_id for row in found if row.record_id})
            for row in found:
                row.record_label = known.get(row.record_id)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """A single row, with its record's label as well."""
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            self.complete_rows(request, [found])
        return found

    @admin.display(description=gettext_lazy("Record"))
    def record(self, row: Any) -> SafeString | str:
        """The record by its own name, as a link where the person may see it."""
        label = row.record_label
        if label is None:
            return _("record %(key)s, which does not exist any more") % {"key": row.record_id}
        if label.url:
            return format_html('<a class="db-link" href="{}">{}</a>', label.url, label.text)
        return str(label.text)

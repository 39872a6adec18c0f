"""Uploads: each file given to Dotdigital, what became of it, and sending a refused one again."""
# ruff: noqa: ARG002 - Django's hooks give more than every screen needs

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dotbridge.backoffice.labels import grouped, report_rows, upload_badge
from dotbridge.backoffice.pages.frame import show_refusal
from dotbridge.backoffice.rights import MAY_RETRY_UPLOAD, MAY_SEE_LISTS
from dotbridge.backoffice.screens.base import Button, EmptyList, ReadOnlyScreen, View, require, url_of
from dotbridge.backoffice.screens.sync_filters import RunFilter
from dotbridge.backoffice.site import table_site
from dotbridge.sync.models import UNFINISHED_UPLOADS, Upload, UploadState
from dotbridge.sync.services import retry_upload
from dotbridge.sync.texts import stored_text


@admin.register(Upload, site=table_site)
class UploadScreen(ReadOnlyScreen):
    """The uploads, newest first."""

    list_display = ("number", "list_name", "book", "state_label", "rows", "rejected", "created_at", "text")
    list_filter = ("state", "connection__address_book__integration", RunFilter)
    list_select_related = ("connection__marketing_list", "connection__address_book__integration")
    ordering = ("-id",)
    sortable_by = ()
    fields = (
        ("list_name", "book"),
        ("state_label", "remote_status"),
        "text",
        ("rows", "rejected"),
        ("created_at", "sent_at"),
        ("finished_at", "retry_at"),
        ("run_link", "polls"),
        "remote_id",
    )
    readonly_fields = (
        "list_name",
        "book",
        "state_label",
        "remote_status",
        "remote_id",
        "rows",
        "rejected",
        "polls",
        "created_at",
        "sent_at",
        "finished_at",
        "retry_at",
        "run_link",
        "text",
    )
    panel_after = "backoffice/upload_panel.html"
    empty_list = EmptyList(
        title=gettext_lazy("No uploads yet"),
        text=gettext_lazy("The members of a connected list are sent to Dotdigital in files; each stands here."),
        link="dotbridge_tables:dotbridge_lists_marketinglist_changelist",
        link_text=gettext_lazy("Go to the marketing lists"),
        permission=MAY_SEE_LISTS,
    )

    @admin.display(description=gettext_lazy("Upload"))
    def number(self, upload: Upload) -> str:
        """Its number."""
        return f"#{upload.pk}"

    @admin.display(description=gettext_lazy("Marketing list"))
    def list_name(self, upload: Upload) -> str:
        """Whose members it carries."""
        return str(upload.connection.marketing_list)

    @admin.display(description=gettext_lazy("Address book"))
    def book(self, upload: Upload) -> str:
        """Where it carries them."""
        return f"{upload.connection.address_book} ({upload.connection.address_book.integration})"

    @admin.display(description=gettext_lazy("State"))
    def state_label(self, upload: Upload) -> SafeString:
        """The state as a label."""
        return upload_badge(upload.state)

    @admin.display(description=gettext_lazy("Rows"))
    def rows(self, upload: Upload) -> str:
        """How many rows it has."""
        return grouped(upload.row_count)

    @admin.display(description=gettext_lazy("Rejected"))
    def rejected(self, upload: Upload) -> str:
        """How many of its rows Dotdigital refused."""
        return grouped(upload.rejected_count)

    @admin.display(description=gettext_lazy("What happened"))
    def text(self, upload: Upload) -> str | None:
        """The upload's own words."""
        return stored_text(upload.message) or None

    @admin.display(description=gettext_lazy("Prepared by run"))
    def run_link(self, upload: Upload) -> SafeString | None:
        """The run that prepared it."""
        if upload.run is None:
            return None
        return format_html('<a class="db-link" href="{}">#{}</a>', url_of(upload.run), upload.run.pk)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, which asks again by itself while an upload is on its way."""
        on_its_way = Upload.objects.filter(state__in=set(UNFINISHED_UPLOADS) - {UploadState.PREPARED}).exists()
        context = {"refresh_seconds": 10 if on_its_way else 0}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def buttons(self, request: HttpRequest, record: Upload) -> Sequence[Button]:
        """Sending again, where a person may and the upload was refused."""
        if record.state != UploadState.REFUSED or not request.user.has_perm(MAY_RETRY_UPLOAD):
            return ()
        url = self.page_url(record, "retry")
        return (Button(title=_("Send the rows again"), url=url, icon="replay", is_primary=True),)

    def panel_context(self, request: HttpRequest, record: Upload) -> Mapping[str, Any]:
        """Dotdigital's report."""
        return {"upload": record, "report_rows": report_rows(record.report)}

    def pages(self) -> Mapping[str, View]:
        """Sending again."""
        return {"retry": self.retry}

    def retry(self, request: HttpRequest, upload: Upload) -> HttpResponse:
        """Ask, and let the rows go with the next export."""
        require(request, MAY_RETRY_UPLOAD)
        if upload.state != UploadState.REFUSED:
            messages.error(request, _("Only the rows of a refused upload can be sent again."))
            return HttpResponseRedirect(url_of(upload))
        if request.method == "POST" and request.POST.get("confirmed"):
            try:
                retry_upload(upload=upload)
            except ValidationError as error:
                show_refusal(request, error)
            else:
                self.log_change(request, upload, _("Rows to be sent again."))
                messages.success(request, _("The rows are sent again with the next export."))
            return HttpResponseRedirect(url_of(upload))
        question = ngettext("Send %(rows)s row again?", "Send %(rows)s rows again?", upload.row_count)
        return self.render_page(
            request,
            "backoffice/confirm.html",
            title=_("Send the rows again"),
            record=upload,
            question=question % {"rows": grouped(upload.row_count)},
            consequences=[
                stored_text(upload.message),
                _("The rows of members who are still on the list go to Dotdigital with the next export."),
            ],
            answer=_("Yes, send again"),
            action_url=url_of(upload, "retry"),
            back_url=url_of(upload),
        )

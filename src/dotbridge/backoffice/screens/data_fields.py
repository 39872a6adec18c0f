"""Data fields of the accounts: made and deleted by the worker on request; only the notes are ours to change."""
# ruff: noqa: ARG002 - Django's hooks give more than every screen needs

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from dotbridge.backoffice.labels import badge, grouped
from dotbridge.backoffice.pages.frame import person_of
from dotbridge.backoffice.reads.changes import changes_to_show
from dotbridge.backoffice.rights import MAY_ADD_DATA_FIELD, MAY_REQUEST, MAY_SEE_ACCOUNTS
from dotbridge.backoffice.screens.base import Button, EmptyList, require, url_of
from dotbridge.backoffice.screens.data_field_forms import NewDataFieldForm, add_refusal
from dotbridge.backoffice.screens.deletion import DeletingScreen
from dotbridge.backoffice.screens.run_requests import ask_for_run, warn_without_worker
from dotbridge.backoffice.site import table_site
from dotbridge.connections.models import AccountChange, ChangeKind, RunKind
from dotbridge.connections.services import problem_of_deletion, request_data_field, request_data_field_deletion
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import Contact, DataField

LIST = "dotbridge_tables:dotbridge_mirror_datafield_changelist"
KINDS = (ChangeKind.CREATE_DATA_FIELD, ChangeKind.DELETE_DATA_FIELD)


@admin.register(DataField, site=table_site)
class DataFieldScreen(DeletingScreen):
    """The fields that every contact of an account has."""

    deletion_title = gettext_lazy("Delete data field")
    list_display = ("name", "integration", "type", "visibility", "shown_default", "notes", "standing")
    list_filter = ("integration", "type", "visibility", ("gone_at", admin.EmptyFieldListFilter))
    list_select_related = ("integration",)
    search_fields = ("name", "notes")
    fields = ("name", "integration", "type", "visibility", "shown_default", "standing", "notes")
    readonly_fields = ("name", "integration", "type", "visibility", "shown_default", "standing")
    list_before_template = "backoffice/account_changes.html"
    panel_after = "backoffice/data_field_panel.html"
    empty_list = EmptyList(
        title=gettext_lazy("No data fields yet"),
        text=gettext_lazy(
            "They are read from Dotdigital with the first run of an integration, and daily from then on."
        ),
        link="dotbridge_tables:dotbridge_integrations_integration_changelist",
        link_text=gettext_lazy("Go to the integrations"),
        permission=MAY_SEE_ACCOUNTS,
    )

    @admin.display(description=gettext_lazy("Default value"))
    def shown_default(self, field: DataField) -> str | None:
        """The value a contact has without one of its own."""
        return None if field.default_value in (None, "") else str(field.default_value)

    @admin.display(description=gettext_lazy("In Dotdigital"), ordering="gone_at")
    def standing(self, field: DataField) -> SafeString:
        """Whether it is there."""
        if field.gone_at:
            return badge(_("Gone"), "wait")
        return badge(_("Being deleted"), "info") if field.leaving_since else badge(_("There"), "good")

    def list_buttons(self, request: HttpRequest) -> Sequence[Button]:
        """Read them again, for those who may ask for runs. Django's own button adds one."""
        if not request.user.has_perm(MAY_REQUEST):
            return ()
        url = reverse("dotbridge_tables:dotbridge_mirror_datafield_read_again")
        return (Button(title=_("Synchronise data fields now"), url=url, icon="refresh", posts=True),)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, below what was asked for and is not done."""
        context = {"changes": changes_to_show(AccountChange.objects.filter(kind__in=KINDS))}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    def panel_context(self, request: HttpRequest, record: DataField) -> Mapping[str, Any]:
        """Where it is used."""
        rows = record.mapping_rows.select_related("mapping__integration")
        return {
            "places": [
                {"mapping": row.mapping, "url": url_of(row.mapping), "fields": " + ".join(row.entity_fields)}
                for row in rows
            ]
        }

    def get_urls(self) -> list[URLPattern]:
        """Also reading again."""
        view = self.admin_site.admin_view(require_POST(self.read_again))
        return [path("read-again/", view, name="dotbridge_mirror_datafield_read_again"), *super().get_urls()]

    def read_again(self, request: HttpRequest) -> HttpResponse:
        """Ask for a reading of the data fields of every active integration, whenever they were read last."""
        require(request, MAY_REQUEST)
        for integration in Integration.objects.filter(is_active=True):
            ask_for_run(request, integration=integration, kind=RunKind.DATA_FIELDS)
        return HttpResponseRedirect(reverse(LIST))

    def save_model(self, request: HttpRequest, obj: DataField, form: Any, change: bool) -> None:  # noqa: FBT001
        """Store the notes alone; an import may be writing the rest."""
        obj.save(update_fields=["notes"])

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for a new one: the worker makes it in Dotdigital, and here."""
        require(request, MAY_ADD_DATA_FIELD)
        form = NewDataFieldForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                change = request_data_field(**form.cleaned_data, by=person_of(request))
            except ValidationError as error:
                add_refusal(form, error)
            else:
                messages.success(request, _("%(name)s is made in a moment.") % {"name": change.name})
                warn_without_worker(request)
                return HttpResponseRedirect(reverse(LIST))
        return self.render_page(
            request,
            "backoffice/request_form.html",
            title=_("Create a data field"),
            question=_("What is the new data field like?"),
            lines=[_("Dotdigital never changes a data field afterwards: choose its name and type with care.")],
            form=form,
            answer=_("Create in Dotdigital"),
            back_url=reverse(LIST),
        )

    def delete_record(self, request: HttpRequest, record: DataField) -> str:
        """The worker has it deleted in the account; refused with the places where it is in use."""
        request_data_field_deletion(data_field=record, by=person_of(request))
        warn_without_worker(request)
        return _("%(name)s is deleted in a moment.") % {"name": record.name}

    def deletion(self, request: HttpRequest, record: DataField) -> Mapping[str, Any]:
        """What goes with it, or why it cannot be deleted."""
        if problem := problem_of_deletion(record):
            return {"question": _("%(name)s cannot be deleted") % {"name": record.name}, "consequences": [problem]}
        number = Contact.objects.filter(integration=record.integration, data_fields__has_key=record.name).count()
        return {
            "question": _("Delete %(name)s from %(integration)s?")
            % {"name": record.name, "integration": record.integration},
            "consequences": [
                _("Dotdigital deletes it with the values of all contacts. This cannot be taken back."),
                ngettext(
                    "%(n)s contact that we know of has a value in it.",
                    "%(n)s contacts that we know of have a value in it.",
                    number,
                )
                % {"n": grouped(number)},
                _("Dotdigital refuses while one of its campaigns, surveys or segments uses the field."),
            ],
            "answer": _("Yes, delete it"),
        }

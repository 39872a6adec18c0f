"""The CRM's screens in the back office."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from import_export.admin import ImportMixin
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import RangeDateFilter, RangeNumericFilter

from dotbridge.crm.importing import (
    FORMATS,
    ContactFileFormat,
    ContactImportForm,
    ContactResource,
    LoadResult,
    UploadFolder,
)
from dotbridge.crm.models import Account, Contact, ContactEmail, Customer, Lead
from dotbridge.files.errors import EncodingNotSure, FileRefused
from dotbridge.files.telling import opted_out, understood

# What the back office shows of campaigns on a record's own page.
RESULTS = "backoffice/record_activities.html"


@admin.register(Account)
class AccountAdmin(ModelAdmin):  # type: ignore[misc]
    """Companies."""

    list_display = ("name", "industry", "city", "country", "created_at")
    list_filter = ("industry", "country")
    search_fields = ("name", "city")


class ContactEmailInline(TabularInline):  # type: ignore[misc]
    """A contact's addresses, on its page."""

    model = ContactEmail
    extra = 0


@admin.register(Contact)
class ContactAdmin(ImportMixin, ModelAdmin):  # type: ignore[misc]
    """People, with their addresses, and the way in for a contact file."""

    list_display = ("__str__", "primary_email", "account", "lead_score", "is_vip", "language", "created_at")
    list_filter = (
        "is_vip",
        "language",
        ("lead_score", RangeNumericFilter),
        ("created_at", RangeDateFilter),
    )
    list_filter_submit = True
    list_select_related = ("account",)
    search_fields = ("first_name", "last_name", "emails__email")
    autocomplete_fields = ("account",)
    inlines = (ContactEmailInline,)
    change_form_outer_after_template = RESULTS
    readonly_fields = ("created_at", "updated_at")

    resource_classes = (ContactResource,)
    import_form_class = ContactImportForm
    tmp_storage_class = UploadFolder
    # A file can hold thousands of people: the preview says what became of them, not one log entry each.
    skip_admin_log = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contact]:
        """With the primary address beside each contact, fetched for the page and not for each row."""
        contacts: QuerySet[Contact] = super().get_queryset(request)
        return contacts.prefetch_related("emails")

    @admin.display(description=gettext_lazy("e-mail"))
    def primary_email(self, contact: Contact) -> str:
        """The address that a list would write to."""
        return next((each.email for each in contact.emails.all() if each.is_primary), "")

    def get_import_formats(self) -> list[type[ContactFileFormat]]:
        """One that finds out the rest, and one for each encoding that a person can name."""
        return FORMATS

    def get_import_form_initial(self, request: HttpRequest) -> dict[str, Any]:
        """The one that finds out the rest, at first."""
        return {**super().get_import_form_initial(request), "format": "0"}

    def has_import_permission(self, request: HttpRequest) -> bool:
        """A file adds contacts and changes them, so it takes the right to both."""
        return bool(self.has_add_permission(request) and self.has_change_permission(request))

    def add_data_read_fail_error_to_form(self, form: Form, e: Exception) -> None:
        """Say what is wrong with the file in the loader's own words."""
        if not isinstance(e, FileRefused):
            raise e
        form.add_error("import_file", str(e))
        if isinstance(e, EncodingNotSure):
            for candidate in e.candidates:
                form.add_error("format", f"{candidate.encoding}: {candidate.sample}")

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The upload page; after an upload it shows the problems, and above them the counts."""
        response: TemplateResponse = super().import_action(request, **kwargs)
        result = (response.context_data or {}).get("result")
        if result is not None:
            text = _(
                "Of %(rows)d rows %(created)d would be created, %(updated)d updated, %(unchanged)d left unchanged."
            )
            messages.info(request, text % result.report.as_dict())
            if result.report.refused:
                messages.warning(request, _("Rows that would not be taken: %(refused)d.") % result.report.as_dict())
            for line in understood(result.report):
                messages.info(request, line)
            for line in opted_out(result.report):
                messages.warning(request, line)
        return response

    def process_import(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Load the confirmed file. It is kept on this machine between upload and confirmation, and may be gone."""
        try:
            response: HttpResponse = super().process_import(request, **kwargs)
        except FileNotFoundError:
            messages.error(request, _("The uploaded file is no longer here. Choose it once more."))
        except FileRefused as error:
            messages.error(request, str(error))
        else:
            return response
        return HttpResponseRedirect(reverse("admin:crm_contact_import"))

    def add_success_message(self, result: LoadResult, request: HttpRequest) -> None:
        """Say what became of the file."""
        report = result.report
        text = _("%(created)d contacts created, %(updated)d updated, %(unchanged)d unchanged, %(refused)d not taken.")
        level = messages.WARNING if report.refused else messages.SUCCESS
        messages.add_message(request, level, text % report.as_dict())


@admin.register(Lead)
class LeadAdmin(ModelAdmin):  # type: ignore[misc]
    """People who may become customers."""

    list_display = ("__str__", "company", "email", "status", "source", "estimated_value", "created_at")
    change_form_outer_after_template = RESULTS
    list_filter = ("status", "source", ("estimated_value", RangeNumericFilter), ("created_at", RangeDateFilter))
    list_filter_submit = True
    search_fields = ("first_name", "last_name", "company", "email")


@admin.register(Customer)
class CustomerAdmin(ModelAdmin):  # type: ignore[misc]
    """Those who have bought something."""

    list_display = ("name", "email", "account", "customer_since", "lifetime_value", "is_active")
    change_form_outer_after_template = RESULTS
    list_filter = ("is_active", ("customer_since", RangeDateFilter), ("lifetime_value", RangeNumericFilter))
    list_filter_submit = True
    list_select_related = ("account",)
    search_fields = ("name", "contact_first_name", "contact_last_name", "email")
    autocomplete_fields = ("account",)

"""The CRM's screens in the back office."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin, TabularInline
from unfold.contrib.filters.admin import RangeDateFilter, RangeNumericFilter
from unfold.decorators import action

from dotbridge.crm.models import Account, Contact, ContactEmail, Customer, Lead

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
class ContactAdmin(ModelAdmin):  # type: ignore[misc]
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
    actions_list = ("load_file",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Contact]:
        """With the primary address beside each contact, fetched for the page and not for each row."""
        contacts: QuerySet[Contact] = super().get_queryset(request)
        return contacts.prefetch_related("emails")

    @admin.display(description=gettext_lazy("e-mail"))
    def primary_email(self, contact: Contact) -> str:
        """The address that a list would write to."""
        return next((each.email for each in contact.emails.all() if each.is_primary), "")

    @action(description=gettext_lazy("Load a file"), url_path="load-file", permissions=["load_file"])  # type: ignore[untyped-decorator]
    def load_file(self, _request: HttpRequest) -> HttpResponseRedirect:
        """On to the page that takes any file of people."""
        return HttpResponseRedirect(reverse("dotbridge:file-add") + "?entity=crm.contact")

    def has_load_file_permission(self, request: HttpRequest) -> bool:
        """A file adds contacts and changes them, so it takes the right to both; and the back office must be there."""
        try:
            reverse("dotbridge:file-add")
        except NoReverseMatch:
            return False
        return bool(self.has_add_permission(request) and self.has_change_permission(request))


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

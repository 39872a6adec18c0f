"""The back office: importing its screens registers them on the admin site."""

from __future__ import annotations

from django.contrib import admin

from dotbridge.backoffice.screens import (  # noqa: F401 - each registers itself
    account_changes,
    address_books,
    contacts,
    data_fields,
    email_campaigns,
    integrations,
    list_items,
    mappings,
    marketing_activities,
    marketing_campaigns,
    marketing_lists,
    people,
    rejections,
    removals,
    runs,
    two_way,
    uploads,
)

admin.site.index_template = "backoffice/dashboard.html"

"""The table pages: importing them registers them on our own site, beside the host's admin."""

from __future__ import annotations

from django.apps import apps

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

if apps.is_installed("axes"):
    from dotbridge.backoffice.screens import log_ins  # noqa: F401 - it registers itself

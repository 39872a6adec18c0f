"""The back office's addresses, for one `include()` under any prefix."""

from __future__ import annotations

from django.urls import include, path

from dotbridge.backoffice.page_urls import pages
from dotbridge.backoffice.site import table_site

urlpatterns = [
    path("settings/tables/", table_site.urls),
    path("rules/", include("dotbridge.backoffice.screens.rule_builder")),
    path("", include((pages, "dotbridge"))),
]

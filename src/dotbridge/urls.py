"""The site's addresses: the back office, and nothing else yet."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("rules/", include("dotbridge.backoffice.screens.rule_builder")),
    path("admin/", admin.site.urls),
]

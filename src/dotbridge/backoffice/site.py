"""The back office's own table pages: an admin site beside the host's, which it neither registers on nor changes."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import REDIRECT_FIELD_NAME, get_user_model
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.sites import UnfoldAdminSite

NAME = "dotbridge_tables"


class TableSite(UnfoldAdminSite):  # type: ignore[misc]
    """The tables behind the pages, for what is rare. Its look comes from `appearance`, whatever the host's has."""

    settings_name = "DOTBRIDGE_UNFOLD"
    enable_nav_sidebar = True

    @property
    def has_users(self) -> bool:
        """Whether the host keeps Django's own users; a custom user model is managed where the host manages it."""
        return self.is_registered(User) if get_user_model() is User else False

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """One way in for all pages."""
        onward = request.GET.get(REDIRECT_FIELD_NAME) or reverse("dotbridge:home")
        return redirect_to_login(onward, reverse("dotbridge:login"))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """The tables are listed among the settings."""
        return HttpResponseRedirect(reverse("dotbridge:settings"))


table_site = TableSite(NAME)

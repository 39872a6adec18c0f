"""Logging in and out."""

from __future__ import annotations

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import logout
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from dotbridge.backoffice.pages.security import secured

log_in = secured(
    LoginView.as_view(
        template_name="backoffice/house/login.html",
        authentication_form=AdminAuthenticationForm,
        next_page="dotbridge:home",
        extra_context={"title": _("Log in")},
    )
)


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return HttpResponseRedirect(reverse("dotbridge:login"))

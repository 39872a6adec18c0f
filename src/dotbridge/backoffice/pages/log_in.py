"""Logging in and out."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import get_user_model, logout
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from dotbridge.backoffice.pages.security import secured
from dotbridge.backoffice.pages.typed import read_typed, show_typed

LONGEST = 254


class LogInForm(AdminAuthenticationForm):
    """Name and password. A longer name than any account can have is refused before anybody looks for it or keeps it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        users = get_user_model()
        name: Any = users._meta.get_field(users.USERNAME_FIELD)  # noqa: SLF001 - documented
        self.fields["username"].validators.append(MaxLengthValidator(min(name.max_length or LONGEST, LONGEST)))


class LogIn(LoginView):
    """Lets people in, to where they wanted to go, or to the form that they had sent when their session had ended."""

    template_name = "backoffice/house/login.html"
    authentication_form = LogInForm
    next_page = "dotbridge:home"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What was typed stays while the password is wrong."""
        typed = self.request.POST.get("typed", "")
        return super().get_context_data(title=_("Log in"), typed=typed if read_typed(typed) else "", **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """In, and on."""
        onward = super().form_valid(form)
        typed = read_typed(self.request.POST.get("typed", ""))
        return show_typed(self.request, typed) if typed else onward


log_in = secured(LogIn.as_view())


@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return HttpResponseRedirect(reverse("dotbridge:login"))

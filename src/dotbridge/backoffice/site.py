"""The back office's own table pages: an admin site beside the host's, which it neither registers on nor changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, wraps
from pathlib import Path
from typing import Any

import unfold
from django.contrib.auth import REDIRECT_FIELD_NAME, get_user_model
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template import TemplateDoesNotExist
from django.template.backends.django import DjangoTemplates
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import get_language
from django.views.i18n import JavaScriptCatalog
from unfold.sites import UnfoldAdminSite

from dotbridge.backoffice.pages.frame import acting_in, read_in
from dotbridge.backoffice.pages.security import THEME_POLICY, secured
from dotbridge.backoffice.pages.typed import ask_to_log_in
from dotbridge.backoffice.personal import as_the_person_likes

NAME = "dotbridge_tables"
View = Callable[..., HttpResponseBase]


@cache
def _engine() -> DjangoTemplates:
    """The theme's templates come first here: in the host's own engine Django's may, and its admin stays as it is."""
    themes = Path(unfold.__file__).parent / "templates"
    processors = (
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    )
    return DjangoTemplates(
        {"NAME": NAME, "DIRS": [themes], "APP_DIRS": True, "OPTIONS": {"context_processors": [*processors]}}
    )


def _first(names: Sequence[Any]) -> Any:
    """The first of these templates that there is. One that was loaded already is taken as it is."""
    for name in names:
        if not isinstance(name, str):
            return name
        try:
            return _engine().get_template(name)
        except TemplateDoesNotExist:
            continue
    raise TemplateDoesNotExist(", ".join(map(str, names)))


class TableSite(UnfoldAdminSite):  # type: ignore[misc]
    """The tables behind the pages, for what is rare. Its look comes from `appearance`, whatever the host's has."""

    settings_name = "DOTBRIDGE_UNFOLD"
    enable_nav_sidebar = True

    def get_urls(self) -> list[Any]:
        """Without the address that leads from any kind of record to its page on a host's site: we show none of those,
        and it fails for kinds whose keys are no numbers."""
        return [each for each in super().get_urls() if getattr(each, "name", None) != "view_on_site"]

    def i18n_javascript(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:  # noqa: ARG002
        """The words of Django's scripts, and ours for those that Django does not have in every language."""
        return JavaScriptCatalog.as_view(packages=["django.contrib.admin", "dotbridge.backoffice"])(request)

    @property
    def has_users(self) -> bool:
        """Whether the host keeps Django's own users; a custom user model is managed where the host manages it."""
        return get_user_model() is User

    def admin_view(self, view: View, cacheable: bool = False) -> View:  # noqa: FBT001, FBT002 - as Django calls it
        """As Django's, but drawn with the theme's templates, whichever templates the host's own admin is drawn with."""
        inner = super().admin_view(view, cacheable)

        @wraps(inner)
        def drawn(*args: Any, **kwargs: Any) -> HttpResponseBase:
            if args[0].method == "POST" and not args[0].user.is_authenticated:
                return secured(ask_to_log_in)(args[0])
            if any("\0" in value for _name, values in args[0].GET.lists() for value in values):
                # No value of the database holds it, so there is nothing that a filter could be set to.
                raise Http404
            with acting_in(args[0]), as_the_person_likes(args[0]), read_in(args[0]):
                return self._drawn(inner(*args, **kwargs))

        return drawn

    def _drawn(self, response: HttpResponseBase) -> HttpResponseBase:
        """The answer with the theme's templates, in the language of the person who asks."""
        response.headers.setdefault("Content-Security-Policy", THEME_POLICY)
        response.headers.setdefault("Content-Language", get_language() or "")
        if isinstance(response, TemplateResponse) and not response.is_rendered:
            names = response.template_name
            response.template_name = _first(names if isinstance(names, list | tuple) else [names])
            response.render()
        return response

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """One way in for all pages."""
        onward = request.GET.get(REDIRECT_FIELD_NAME) or reverse("dotbridge:home")
        return redirect_to_login(onward, reverse("dotbridge:login"))

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """The tables are listed among the settings."""
        return HttpResponseRedirect(reverse("dotbridge:settings"))


table_site = TableSite(NAME)

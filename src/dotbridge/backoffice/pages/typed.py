"""What was typed outlives the session: a form that is sent too late is carried through the log-in, and sent then."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlsplit

from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from dotbridge.backoffice.pages.security import secured

SALT = "dotbridge.typed"
KEPT_FOR_SECONDS = 24 * 3600
# Whoever types a password or a secret types it again: it is on no page of ours.
NEVER_KEPT = ("password", "secret", "csrfmiddlewaretoken")


@dataclass(frozen=True, kw_only=True)
class Typed:
    """A form as it was sent: where to, from which page, with which values. Files are not among them."""

    url: str
    page: str
    values: list[list[str]]
    had_files: bool = False


def typed_of(request: HttpRequest) -> str:
    """The form that was sent, signed: nobody makes somebody else send what they did not type."""
    came_from = urlsplit(request.headers.get("Referer", ""))
    is_ours = url_has_allowed_host_and_scheme(came_from.geturl(), {request.get_host()})
    typed = Typed(
        url=request.get_full_path(),
        page=came_from._replace(scheme="", netloc="").geturl() if is_ours else "",
        values=[
            [name, value]
            for name, values in request.POST.lists()
            if not any(word in name for word in NEVER_KEPT)
            for value in values
        ],
        had_files=bool(request.FILES),
    )
    return signing.dumps(asdict(typed), salt=SALT, compress=True)


def read_typed(text: str) -> Typed | None:
    """What `typed_of` signed; None where there is nothing, or it is too old."""
    try:
        return Typed(**signing.loads(text, salt=SALT, max_age=KEPT_FOR_SECONDS))
    except signing.BadSignature:
        return None


@never_cache
def ask_to_log_in(request: HttpRequest) -> HttpResponse:
    """The log-in for somebody whose form came when their session had ended: what they typed goes along."""
    from dotbridge.backoffice.pages.log_in import LogInForm  # noqa: PLC0415 - logging in asks for what was typed

    context = {"title": _("Log in"), "form": LogInForm(request), "next": "", "typed": typed_of(request)}
    return render(request, "backoffice/house/login.html", context, status=401)


@never_cache
def show_typed(request: HttpRequest, typed: Typed) -> HttpResponse:
    """The form once more, to be sent by whoever is logged in now."""
    context: dict[str, Any] = {
        "title": _("You are logged in again"),
        "typed": typed,
        "back_url": typed.page or reverse("dotbridge:home"),
    }
    return render(request, "backoffice/house/typed.html", context)


def say_session_ended() -> HttpResponse:
    """For a piece of a page, which can hold neither the log-in nor what was typed: the whole page comes anew, unless
    something was typed into it, which `house.js` knows."""
    response = HttpResponse(status=204)
    response["HX-Trigger"] = "dotbridge-session-ended"
    return response


@secured
def refused_token(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """For `CSRF_FAILURE_VIEW`: a form of ours that was opened before somebody logged in anew can be sent once more.

    A form of another site is refused, as ever: then the origin, which browsers tell, is not ours.
    """
    from dotbridge.backoffice.pages.refusals import foreign_form  # noqa: PLC0415 - a refusal is drawn like these pages

    if "Origin" not in request.headers or reason.startswith(("Origin checking", "Referer checking")):
        return foreign_form(request)
    if request.headers.get("HX-Request"):
        return say_session_ended()
    if not request.user.is_authenticated:
        return ask_to_log_in(request)
    typed = read_typed(typed_of(request))
    return show_typed(request, typed) if typed else foreign_form(request)

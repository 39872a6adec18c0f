"""The pages that say no: not allowed, not here, broken. For a host's `handler403`, `handler404` and `handler500`."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from dotbridge.backoffice.pages.security import secured


def _refuse(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    context = {"title": title, "text": text, "code": status}
    return render(request, "backoffice/house/refusal.html", context, status=status)


@secured
def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """403: the person may not see this."""
    text = _("Your account does not have the right to see this page. An administrator can give it to you.")
    return _refuse(request, 403, _("You may not see this"), text)


@secured
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:  # noqa: ARG001
    """404: there is nothing at this address."""
    return _refuse(request, 404, _("There is nothing here"), _("It was deleted, or the address is mistyped."))


@secured
def foreign_form(request: HttpRequest) -> HttpResponse:
    """403: a form that no page of ours has sent, or a browser that keeps no cookies."""
    text = _(
        "It was sent by a page of another site, or your browser keeps no cookies. Open the page here and try again."
    )
    return _refuse(request, 403, _("This form was not accepted"), text)


@secured
def broken(request: HttpRequest) -> HttpResponse:
    """500: something of ours went wrong."""
    text = _("Something went wrong on our side. It was noted in the log. Try again in a moment.")
    return _refuse(request, 500, _("This page is broken"), text)

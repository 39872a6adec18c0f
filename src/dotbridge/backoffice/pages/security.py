"""What a browser may do with a page: no script or style but our own files, no frame but our own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

_SHARED = ("object-src 'none'", "base-uri 'self'", "form-action 'self'", "frame-ancestors 'self'")
POLICY = "; ".join(("default-src 'self'", "img-src 'self' data:", *_SHARED))
# The theme of the table pages works with Alpine, which evaluates the expressions in its attributes, and with a few
# scripts and styles within its templates. Nothing from elsewhere is let in there either.
THEME_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        *_SHARED,
    )
)


def secured(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The view with the strict policy on its answer, unless it sets one of its own."""

    @wraps(view)
    def with_policy(*args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(*args, **kwargs)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return with_policy


def theme_policy(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A middleware: whatever has no policy of its own, such as the example CRM's pages, gets the theme's."""

    def with_policy(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", THEME_POLICY)
        return response

    return with_policy

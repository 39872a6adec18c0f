"""What a browser may do with a page of ours: no script or style but our own files, no frame but our own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http.response import HttpResponseBase

POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)


def secured(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The view with the policy on its answer, unless it sets one of its own."""

    @wraps(view)
    def with_policy(*args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(*args, **kwargs)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response

    return with_policy

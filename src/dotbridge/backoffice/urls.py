"""The back office's addresses, for one `include()` under any prefix."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.db.transaction import non_atomic_requests
from django.urls import URLPattern, URLResolver, include, path

from dotbridge.backoffice.page_urls import pages
from dotbridge.backoffice.site import table_site


def _take_out_of_transactions(patterns: Iterable[URLPattern | URLResolver]) -> None:
    """A host may have a transaction around each request (ATOMIC_REQUESTS). Our pages begin their own: some ask
    Dotdigital, which no transaction may wait for, and what the database refused is told on a page that needs it."""
    for each in patterns:
        if isinstance(each, URLResolver):
            _take_out_of_transactions(each.url_patterns)
        else:
            each.callback = _without_transaction(each.callback)


def _without_transaction(view: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(view)
    def called(*args: Any, **kwargs: Any) -> Any:
        return view(*args, **kwargs)

    return non_atomic_requests(called)


urlpatterns: list[URLPattern | URLResolver] = [
    path("settings/tables/", table_site.urls),
    path("rules/", include("dotbridge.backoffice.screens.rule_builder")),
    path("", include((pages, "dotbridge"))),
]
_take_out_of_transactions(urlpatterns)

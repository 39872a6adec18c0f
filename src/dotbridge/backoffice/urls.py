"""The back office's addresses, for one `include()` under any prefix."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from django.db import IntegrityError
from django.db.transaction import non_atomic_requests
from django.urls import URLPattern, URLResolver, include, path
from psycopg.errors import UniqueViolation

from dotbridge.backoffice.page_urls import pages
from dotbridge.backoffice.site import table_site


def _prepare(patterns: Iterable[URLPattern | URLResolver]) -> None:
    for each in patterns:
        if isinstance(each, URLResolver):
            _prepare(each.url_patterns)
        else:
            each.callback = _prepared(each.callback)


def _prepared(view: Callable[..., Any]) -> Callable[..., Any]:
    """A host may have a transaction around each request (ATOMIC_REQUESTS). Our pages begin their own: some ask
    Dotdigital, which no transaction may wait for, and what the database refused is told on a page that needs it.

    Two people may give the same name at the same moment, and so may a double click. The database takes one of them; the
    other form is looked at again, and says that the name is taken.
    """

    @wraps(view)
    def called(*args: Any, **kwargs: Any) -> Any:
        try:
            return view(*args, **kwargs)
        except IntegrityError as error:
            if not isinstance(error.__cause__, UniqueViolation):
                raise
        return view(*args, **kwargs)

    return non_atomic_requests(called)


urlpatterns: list[URLPattern | URLResolver] = [
    path("settings/tables/", table_site.urls),
    path("rules/", include("dotbridge.backoffice.screens.rule_builder")),
    path("", include((pages, "dotbridge"))),
]
_prepare(urlpatterns)

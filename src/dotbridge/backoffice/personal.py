"""How the person who asks wants to see the pages: their language, their time zone, light or dark."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from dotbridge.preferences.models import Preferences


def preferences_of(request: HttpRequest) -> Preferences:
    """What the person chose; what they did not choose is as the site has it. One query a request."""
    known: Preferences | None = getattr(request, "_dotbridge_preferences", None)
    if known is None:
        user: Any = request.user
        known = Preferences.objects.filter(user=user.pk).first() or Preferences(user_id=user.pk)
        request._dotbridge_preferences = known  # type: ignore[attr-defined]  # noqa: SLF001 - our own note on it
    return known


@contextmanager
def as_the_person_likes(request: HttpRequest) -> Iterator[None]:
    """Texts and times inside are the person's; what they did not choose stays as the browser or the host has it."""
    chosen = preferences_of(request)
    with ExitStack() as stack:
        if chosen.language in dict(settings.LANGUAGES):
            stack.enter_context(translation.override(chosen.language))
        # A zone that this machine does not know any more is left out.
        with suppress(zoneinfo.ZoneInfoNotFoundError, ValueError):
            if chosen.time_zone:
                stack.enter_context(timezone.override(zoneinfo.ZoneInfo(chosen.time_zone)))
        yield


def personal_pages(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A middleware: pages that are not the back office's own, such as the example CRM's, are the person's as well."""

    def personal(request: HttpRequest) -> HttpResponse:
        if not request.user.is_authenticated:
            return get_response(request)
        with as_the_person_likes(request):
            response = get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or "")
        return response

    return personal

"""What every page of the back office stands in: who may see it, the menu around it, and how it is answered."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from asgiref.sync import sync_to_async
from django.contrib import messages
from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.handlers.asgi import ASGIRequest
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from dotbridge.audit.acting import READING, acting_for
from dotbridge.backoffice.pages.security import secured
from dotbridge.backoffice.pages.typed import ask_to_log_in, say_session_ended
from dotbridge.backoffice.personal import as_the_person_likes, preferences_of
from dotbridge.backoffice.rights import (
    MAY_SEE_CAMPAIGNS,
    MAY_SEE_DATA_FIELDS,
    MAY_SEE_LISTS,
    MAY_SEE_MAPPINGS,
    MAY_SEE_PROBLEMS,
    MAY_SEE_RUNS,
)
from dotbridge.notifications.selectors import unseen_of
from dotbridge.one_reading import one_reading
from dotbridge.preferences.models import Theme
from dotbridge.preferences.selectors import setting

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

THEME_COOKIE = "dotbridge_theme"
# Nobody between us and the person keeps a page, and a browser asks again. It may keep one to go back to: with what was
# typed into it.
NOT_SHARED = "private, no-cache"
# So much of a file is made before it is handed to a server that awaits it: each time costs a change of threads.
AT_ONCE = 64 * 1024
# The characters of Unicode that turn the direction of all that follows: in a name, they would turn our own words too.
# Letters of languages that are written from the right need none of them. A mail is shown as it is.
_TURNS = re.compile(rb"\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]")


@dataclass(frozen=True, kw_only=True)
class Crumb:
    """A page above this one."""

    title: StrOrPromise
    url: str


@dataclass(frozen=True, kw_only=True)
class Tab:
    """One of the views that a page has of one thing."""

    title: StrOrPromise
    url: str
    is_current: bool = False


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One of the seven entries of the menu: for those who have one of the permissions, or for all without any."""

    name: str
    title: StrOrPromise
    permissions: tuple[str, ...] = ()


ENTRIES = (
    Entry(name="home", title=_("Home")),
    Entry(name="lists", title=_("Lists"), permissions=(MAY_SEE_LISTS,)),
    Entry(name="campaigns", title=_("Campaigns"), permissions=(MAY_SEE_CAMPAIGNS,)),
    Entry(name="people", title=_("People")),
    Entry(
        name="fields",
        title=_("Fields"),
        permissions=(MAY_SEE_MAPPINGS, MAY_SEE_DATA_FIELDS),
    ),
    Entry(
        name="activity",
        title=_("Activity"),
        permissions=(MAY_SEE_RUNS, MAY_SEE_PROBLEMS),
    ),
    Entry(name="settings", title=_("Settings")),
)


def may_enter(request: HttpRequest) -> bool:
    """Whether the person belongs in the back office at all."""
    return bool(request.user.is_active and getattr(request.user, "is_staff", False))


def page(*permissions: str) -> Callable[[View[P]], View[P]]:
    """A view for those who are logged in and have all of these permissions; others are sent to log in, or refused."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not may_enter(request):
                if request.user.is_authenticated:
                    raise PermissionDenied
                return _to_login(request)
            if not request.user.has_perms(permissions):
                raise PermissionDenied
            with acting_in(request), as_the_person_likes(request), read_in(request):
                response = view(request, *args, **kwargs)
                response.headers.setdefault("Content-Language", get_language() or "")
            response.headers.setdefault("Cache-Control", NOT_SHARED)
            if isinstance(response, HttpResponse) and "sandbox" not in response.get("Content-Security-Policy", ""):
                response.content = _TURNS.sub(b"", response.content)
            if isinstance(response, StreamingHttpResponse):
                written: Any = response.streaming_content
                read = as_it_is_read(request, written)
                response.streaming_content = _awaited(read) if isinstance(request, ASGIRequest) else read
            return response

        return secured(guarded)

    return decorate


def acting_in(request: HttpRequest) -> AbstractContextManager[None]:
    """What is changed for this request is written down as this person's doing. Reading alone costs nothing."""
    if request.method in READING:
        return nullcontext()
    return acting_for(request.user)


def as_it_is_read(request: HttpRequest, lines: Iterable[Any]) -> Iterator[Any]:
    """A file that is written while it is downloaded, each line of it as the person likes, as the page would be."""
    rest = iter(lines)
    while True:
        with as_the_person_likes(request):
            line = next(rest, None)
        if line is None:
            return
        yield line


async def _awaited(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The same for a server that would else wait for the last piece before it sends the first."""
    while some := await sync_to_async(_some)(pieces):
        yield some


def _some(pieces: Iterator[bytes]) -> bytes:
    some = bytearray()
    for piece in pieces:
        some += piece
        if len(some) >= AT_ONCE:
            break
    return bytes(some)


def read_in(request: HttpRequest) -> AbstractContextManager[None]:
    """What only shows asks for what stays the same once; what may change something asks each time."""
    return one_reading() if request.method in READING else nullcontext()


def _to_login(request: HttpRequest) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return say_session_ended()
    if request.method not in READING:
        return ask_to_log_in(request)
    return redirect_to_login(request.get_full_path(), reverse("dotbridge:login"))


def frame_context(request: HttpRequest, current: str) -> dict[str, Any]:
    """What the base template needs on every page."""
    from dotbridge.backoffice.reads.needs import needs_of  # noqa: PLC0415 - it asks the frame for permissions

    theme = request.COOKIES.get(THEME_COOKIE) or preferences_of(request).theme
    switched_off = set() if setting("reads_campaigns") else {"campaigns"}
    entries = [
        {"name": entry.name, "title": entry.title, "url": reverse(f"dotbridge:{entry.name}")}
        for entry in ENTRIES
        if entry.name not in switched_off
        and (not entry.permissions or any(request.user.has_perm(permission) for permission in entry.permissions))
    ]
    return {
        "entries": entries,
        "current": current,
        "theme": theme if theme in set(Theme) else Theme.AUTO,
        "themes": Theme.choices,
        "needs_count": len(needs_of(request)),
        "unseen_count": unseen_of(request.user),
    }


def show(
    request: HttpRequest,
    template: str,
    *,
    title: StrOrPromise,
    current: str,
    crumbs: Sequence[Crumb] = (),
    tabs: Sequence[Tab] = (),
    status: int = 200,
    context: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """Answer a whole page inside the frame."""
    return render(
        request,
        template,
        {
            **frame_context(request, current),
            "title": title,
            "crumbs": crumbs,
            "tabs": tabs,
            **(context or {}),
        },
        status=status,
    )


def is_piece(request: HttpRequest, target: str) -> bool:
    """Whether htmx asks for one piece of the page alone, by the id of its element."""
    return request.headers.get("HX-Target") == target


def person_of(request: HttpRequest) -> Any:
    """Who asks. Nobody comes here without having logged in, so this cannot be an anonymous user."""
    if isinstance(request.user, AnonymousUser):
        raise PermissionDenied
    return request.user


def show_refusal(request: HttpRequest, error: ValidationError) -> None:
    """Say what a service refused, on the page that comes next."""
    messages.error(request, " ".join(error.messages))


def log_change(request: HttpRequest, record: Model, text: str) -> None:
    """Keep in the record's history what a person did to it."""
    LogEntry.objects.log_actions(
        user_id=person_of(request).pk,
        queryset=[record],
        action_flag=CHANGE,
        change_message=text,
        single_object=True,
    )


def report_change(request: HttpRequest, record: Model, text: str) -> None:
    """Tell the person that what they asked for was done, and keep it in the record's history."""
    log_change(request, record, text)
    messages.success(request, text)


def log_deletion(request: HttpRequest, record: Model) -> None:
    """Keep that a person deleted the record. To be called before it is gone."""
    LogEntry.objects.log_actions(
        user_id=person_of(request).pk,
        queryset=[record],
        action_flag=DELETION,
        change_message="",
        single_object=True,
    )

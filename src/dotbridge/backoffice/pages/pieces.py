"""The pieces of a page that come once it stands, put into it at once: for who has no JavaScript."""

from __future__ import annotations

from copy import copy

from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import get_script_prefix, resolve

# In an address: the page has its pieces in it.
WHOLE = ("now", "yes")


def wants_whole(request: HttpRequest) -> bool:
    """Whether the page was asked for with its pieces in it, which a page that scripts ask a part of is not."""
    name, value = WHOLE
    return request.GET.get(name) == value and "HX-Request" not in request.headers


def piece_of(request: HttpRequest, url: str) -> str:
    """What stands at one of our own addresses, as this person may see it. Raises what the view there raises."""
    path, _mark, query = url.partition("?")
    found = resolve(f"/{path.removeprefix(get_script_prefix())}")
    asked = copy(request)
    asked.method, asked.GET = "GET", QueryDict(query)
    response: HttpResponse = found.func(asked, *found.args, **found.kwargs)
    return response.content.decode()


def url_of_whole(request: HttpRequest) -> str:
    """The way to the same page with its pieces in it."""
    asked = request.GET.copy()
    asked[WHOLE[0]] = WHOLE[1]
    return f"?{asked.urlencode()}"

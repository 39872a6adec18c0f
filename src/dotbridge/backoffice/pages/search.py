"""The search over everything, as a page and as what the search field shows while somebody types."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from dotbridge.backoffice.pages.frame import is_piece, page, show
from dotbridge.backoffice.queries import search_of
from dotbridge.backoffice.reads.search import search_everything


@page()
def search(request: HttpRequest) -> HttpResponse:
    """What is called so, as far as the person may see it."""
    text = search_of(request)
    context = {"kinds": search_everything(request, text), "text": text}
    if is_piece(request, "search-found"):
        return render(request, "backoffice/components/search_found.html", context)
    title = _("Found for “%(text)s”") % {"text": text} if text else _("Search")
    return show(request, "backoffice/house/search.html", title=title, current="", context=context)

"""People: one search over records and Dotdigital's contacts."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from dotbridge.backoffice.entity_labels import entity_admin_urls
from dotbridge.backoffice.pages.frame import Tab, page, show
from dotbridge.backoffice.queries import search_of
from dotbridge.backoffice.reads.files import targets_of
from dotbridge.backoffice.reads.people import entities_of, find_people
from dotbridge.backoffice.rights import MAY_SEE_CONTACTS

MOST = 50


@page()
def people(request: HttpRequest) -> HttpResponse:
    """By a part of a name or an address."""
    text = search_of(request)
    chosen = request.GET.get("of", "")
    known = entities_of(request)
    kinds = [("", _("Everybody")), *((each.key, str(each.label)) for each in known)]
    if request.user.has_perm(MAY_SEE_CONTACTS):
        kinds.append(("dotdigital", _("In Dotdigital")))
    chosen = chosen if chosen in dict(kinds) else ""
    found = find_people(request, text, most=MOST + 1, only=chosen)
    return show(
        request,
        "backoffice/house/people.html",
        title=_("People"),
        current="people",
        context={
            "search": text,
            "chosen": chosen,
            "chips": [
                Tab(
                    title=title,
                    url=reverse("dotbridge:people") + "?" + urlencode({"of": key, "q": text}),
                    is_current=key == chosen,
                )
                for key, title in kinds
            ],
            "found": found.people[:MOST],
            "has_more": len(found.people) > MOST,
            "left_out": ", ".join(found.left_out),
            "may_load": bool(targets_of(request)),
            "tables": entity_admin_urls(request, known),
        },
    )

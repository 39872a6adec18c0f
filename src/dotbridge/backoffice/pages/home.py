"""Home: is all well, and what needs me?"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dotbridge.backoffice.counting import Renew
from dotbridge.backoffice.pages.frame import page, show
from dotbridge.backoffice.reads.campaign_tables import newest_campaigns
from dotbridge.backoffice.reads.home import calls_of_accounts, connected_being_counted, health_of, home_lists, walk
from dotbridge.backoffice.reads.needs import needs_of
from dotbridge.backoffice.reads.worker import worker_is_alive
from dotbridge.backoffice.rights import MAY_SEE_ACCOUNTS, MAY_SEE_CAMPAIGNS, MAY_SEE_LISTS
from dotbridge.preferences.selectors import setting

# Home asks so often whether the newer numbers are there that the worker counts.
COUNT_SECONDS = 4


@page()
def home(request: HttpRequest) -> HttpResponse:
    """The page; the lists are counted once it stands."""
    may = request.user.has_perm
    needs = needs_of(request)
    steps = walk(may)
    may_see_lists = may(MAY_SEE_LISTS)
    health = health_of(needs)
    return show(
        request,
        "backoffice/house/home.html",
        title=health.text,
        current="home",
        context={
            "health": health,
            "needs": needs,
            "walk": steps,
            "may_see_lists": may_see_lists and not steps,
            "campaigns": newest_campaigns() if may(MAY_SEE_CAMPAIGNS) and setting("reads_campaigns") else [],
            "calls": calls_of_accounts() if may(MAY_SEE_ACCOUNTS) else [],
        },
    )


@page(MAY_SEE_LISTS)
def home_counts(request: HttpRequest) -> HttpResponse:
    """A piece of Home: the figures and the lists. Nothing, and so no change, while newer numbers are awaited by a piece
    that stands already."""
    has_waited = request.GET.get("waits") == "yes"
    if has_waited and connected_being_counted() and worker_is_alive():
        return HttpResponse(status=204)
    found = home_lists(renew=Renew.NEVER if has_waited else Renew.OLD)
    return render(request, "backoffice/house/home_lists.html", {"found": found, "seconds": COUNT_SECONDS})

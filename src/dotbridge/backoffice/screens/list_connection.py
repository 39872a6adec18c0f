"""Connecting a marketing list to an address book, and ending that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from dotbridge.backoffice.list_reads import free_books
from dotbridge.backoffice.screens.base import require, url_of
from dotbridge.backoffice.screens.list_forms import ConnectForm
from dotbridge.backoffice.screens.list_tabs import link_of
from dotbridge.backoffice.screens.run_requests import MAY_REQUEST, ask_for_run
from dotbridge.lists.models import MarketingList
from dotbridge.sync.services import connect_list, disconnect_list

if TYPE_CHECKING:
    from dotbridge.backoffice.screens.base import Screen

# More are found by typing a part of the name.
MOST_SHOWN = 20


def connect(screen: Screen, request: HttpRequest, marketing_list: MarketingList) -> HttpResponse:
    """Choose a free book; connecting asks for the first run."""
    require(request, "sync.add_connection")
    if link := link_of(marketing_list):
        messages.info(request, _("The list is connected already: %(link)s.") % {"link": link})
        return HttpResponseRedirect(url_of(marketing_list))
    form = ConnectForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            connect_list(marketing_list=marketing_list, address_book=form.cleaned_data["address_book"])
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            return _connected(screen, request, marketing_list, form.cleaned_data["address_book"])
    search = request.GET.get("q", "").strip()[:255]
    books = list(free_books(search)[: MOST_SHOWN + 1])
    return screen.render_page(
        request,
        "backoffice/connect.html",
        title=_("Connect to an address book"),
        record=marketing_list,
        form=form,
        search=search,
        books=books[:MOST_SHOWN],
        has_more=len(books) > MOST_SHOWN,
        back_url=url_of(marketing_list),
    )


def _connected(
    screen: Screen, request: HttpRequest, marketing_list: MarketingList, address_book: object
) -> HttpResponse:
    text = _("Connected to %(book)s.") % {"book": address_book}
    screen.log_change(request, marketing_list, text)
    messages.success(request, text)
    if request.user.has_perm(MAY_REQUEST):
        integration = getattr(address_book, "integration")  # noqa: B009
        ask_for_run(request, integration=integration)
    return HttpResponseRedirect(url_of(marketing_list))


def disconnect(screen: Screen, request: HttpRequest, marketing_list: MarketingList) -> HttpResponse:
    """Say what happens, ask, and end the connection."""
    require(request, "sync.delete_connection")
    link = link_of(marketing_list)
    if link is None:
        messages.info(request, _("The list is not connected."))
        return HttpResponseRedirect(url_of(marketing_list))
    if request.method == "POST" and request.POST.get("confirmed"):
        text = _("Disconnected from %(book)s.") % {"book": link.address_book}
        try:
            disconnect_list(link=link)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            screen.log_change(request, marketing_list, text)
            messages.success(request, text)
        return HttpResponseRedirect(url_of(marketing_list))
    return screen.render_page(
        request,
        "backoffice/confirm.html",
        title=_("Disconnect"),
        record=marketing_list,
        question=_("Disconnect %(list)s from %(book)s?") % {"list": marketing_list, "book": link.address_book},
        consequences=[
            _("Nothing changes in Dotdigital: the contacts stay in the address book, subscribed as they are."),
            _("Changes are not sent or read for this list any more."),
            _("The history of its uploads and removals is deleted here; the runs and rejections stay."),
            _("When the list is connected again, all of its members are sent again."),
        ],
        answer=_("Yes, disconnect"),
        is_danger=True,
        action_url=url_of(marketing_list, "disconnect"),
        back_url=url_of(marketing_list),
    )

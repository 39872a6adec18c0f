"""Connecting a marketing list to an address book, an existing one or one that is made for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dotbridge.backoffice.list_reads import free_books
from dotbridge.backoffice.screens.base import person_of, require, show_problem, url_of
from dotbridge.backoffice.screens.data_field_forms import add_refusal
from dotbridge.backoffice.screens.list_forms import ConnectForm, NewBookForm
from dotbridge.backoffice.screens.list_tabs import link_of
from dotbridge.backoffice.screens.run_requests import MAY_REQUEST, ask_for_run, warn_without_worker
from dotbridge.connections.services import connect_list, refresh_data_fields, request_address_book
from dotbridge.lists.models import MarketingList

if TYPE_CHECKING:
    from dotbridge.backoffice.screens.base import Screen

MAY_CONNECT = "dotbridge_connections.add_listconnection"
MAY_MAKE = "dotbridge_mirror.add_addressbook"
MAY_CHANGE = "dotbridge_connections.change_listconnection"
# More are found by typing a part of the name.
MOST_SHOWN = 20


def connect(screen: Screen, request: HttpRequest, marketing_list: MarketingList) -> HttpResponse:
    """Choose a free book; connecting asks for the first run."""
    require(request, MAY_CONNECT)
    if link := link_of(marketing_list):
        messages.info(request, _("The list is connected already: %(link)s.") % {"link": link})
        return HttpResponseRedirect(url_of(marketing_list))
    form = ConnectForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            connect_list(marketing_list=marketing_list, address_book=form.cleaned_data["address_book"])
        except ValidationError as error:
            show_problem(request, error)
        else:
            return _connected(screen, request, marketing_list, form.cleaned_data["address_book"])
    return choose_book(
        screen,
        request,
        marketing_list,
        form,
        title=_("Connect to an address book"),
        question=_("Which address book is %(list)s kept in step with?") % {"list": marketing_list},
        answer=_("Connect"),
        new_book_url=url_of(marketing_list, "new-book") if request.user.has_perm(MAY_MAKE) else "",
    )


def choose_book(
    screen: Screen, request: HttpRequest, marketing_list: MarketingList, form: ConnectForm, **texts: str
) -> HttpResponse:
    """The page with the free books, a search, and a form that gives the chosen one."""
    search = request.GET.get("q", "").strip()[:255]
    books = list(free_books(search)[: MOST_SHOWN + 1])
    return screen.render_page(
        request,
        "backoffice/connect.html",
        record=marketing_list,
        form=form,
        search=search,
        books=books[:MOST_SHOWN],
        has_more=len(books) > MOST_SHOWN,
        back_url=url_of(marketing_list),
        **texts,
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


def make_book(screen: Screen, request: HttpRequest, marketing_list: MarketingList) -> HttpResponse:
    """Have a book made for the list: the worker makes it and connects the two."""
    require(request, MAY_CONNECT)
    require(request, MAY_MAKE)
    if link := link_of(marketing_list):
        messages.info(request, _("The list is connected already: %(link)s.") % {"link": link})
        return HttpResponseRedirect(url_of(marketing_list))
    form = NewBookForm(
        request.POST if request.method == "POST" else None, initial={"name": marketing_list.name[: NewBookForm.LONGEST]}
    )
    if request.method == "POST" and form.is_valid():
        try:
            change = request_address_book(**form.cleaned_data, marketing_list=marketing_list, by=person_of(request))
        except ValidationError as error:
            add_refusal(form, error)
        else:
            text = _("%(name)s is made in Dotdigital as soon as the worker is free, then the list is connected to it.")
            screen.log_change(request, marketing_list, text % {"name": change.name})
            messages.success(request, text % {"name": change.name})
            warn_without_worker(request)
            return HttpResponseRedirect(url_of(marketing_list))
    return screen.render_page(
        request,
        "backoffice/request_form.html",
        title=_("New address book"),
        record=marketing_list,
        question=_("Make an address book for %(list)s") % {"list": marketing_list},
        lines=[_("The members of the list are sent to it with the first run.")],
        form=form,
        answer=_("Make and connect"),
        back_url=url_of(marketing_list, "connect"),
    )


@require_POST
def refresh(request: HttpRequest, screen: Screen, marketing_list: MarketingList) -> HttpResponse:
    """Have the values of all members compared with the next export."""
    require(request, MAY_CHANGE)
    link = link_of(marketing_list)
    if link is None:
        messages.error(request, _("Connect the list to an address book first."))
    else:
        refresh_data_fields(link=link)
        text = _("The next export compares the values of all members, and sends those that differ.")
        screen.log_change(request, marketing_list, text)
        messages.success(request, text)
    return HttpResponseRedirect(url_of(marketing_list))

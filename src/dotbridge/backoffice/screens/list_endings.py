"""Ending a list's connection, or taking it to another address book: what that means in numbers, and the choice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dotbridge.backoffice.list_reads import free_books
from dotbridge.backoffice.screens.base import person_of, require, show_problem, url_of
from dotbridge.backoffice.screens.list_connection import choose_book
from dotbridge.backoffice.screens.list_forms import ConnectForm
from dotbridge.backoffice.screens.list_tabs import link_of
from dotbridge.backoffice.screens.run_requests import warn_without_worker
from dotbridge.connections.models import ListConnection
from dotbridge.connections.selectors import move_numbers
from dotbridge.connections.services import cancel_ending, request_ending, retry_ending
from dotbridge.entities.registry import UnknownEntity
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules import RuleError
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.selectors import ending_numbers

if TYPE_CHECKING:
    from dotbridge.backoffice.screens.base import Screen

MAY_END = "dotbridge_connections.delete_listconnection"
MAY_MOVE = "dotbridge_connections.change_listconnection"


def disconnect(screen: Screen, request: HttpRequest, marketing_list: MarketingList) -> HttpResponse:
    """Say what happens, ask what becomes of the contacts, and end the connection."""
    require(request, MAY_END)
    link = link_of(marketing_list)
    if link is None:
        return _not_connected(request, marketing_list)
    if request.method == "POST" and request.POST.get("confirmed"):
        _done(request, screen, marketing_list, lambda: _disconnected(request, link))
        return HttpResponseRedirect(url_of(marketing_list))
    return _ask(
        screen,
        request,
        link,
        last=_("When the list is connected again, all of its members are sent again."),
        title=_("Disconnect"),
        question=_("Disconnect %(list)s from %(book)s?") % {"list": marketing_list, "book": link.address_book},
        answer=_("Yes, disconnect"),
        action_url=url_of(marketing_list, "disconnect"),
    )


def move(screen: Screen, request: HttpRequest, marketing_list: MarketingList) -> HttpResponse:
    """Choose another book, see what that means, and go over to it."""
    require(request, MAY_MOVE)
    link = link_of(marketing_list)
    if link is None:
        return _not_connected(request, marketing_list)
    if request.method == "POST":
        form = ConnectForm(request.POST)
        if not form.is_valid():
            return _choose(screen, request, marketing_list, form)
        book = form.cleaned_data["address_book"]
        if request.POST.get("confirmed"):
            return _moved(screen, request, link, book)
        return HttpResponseRedirect(f"{url_of(marketing_list, 'move')}?book={book.pk}")
    chosen = request.GET.get("book", "")
    book = free_books().filter(pk=int(chosen)).first() if chosen.isdecimal() and len(chosen) < 19 else None
    if book is None:
        return _choose(screen, request, marketing_list, ConnectForm())
    return _ask_to_move(screen, request, link, book)


def _ask_to_move(screen: Screen, request: HttpRequest, link: ListConnection, book: AddressBook) -> HttpResponse:
    marketing_list = link.marketing_list
    try:
        numbers = move_numbers(link, book)
    except (RuleError, UnknownEntity) as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(url_of(marketing_list))
    return _ask(
        screen,
        request,
        link,
        last=_("All members of the list are sent to the other address book."),
        title=_("Another address book"),
        question=_("Keep %(list)s in step with %(next)s (%(integration)s) instead of %(book)s?")
        % {"list": marketing_list, "next": book, "integration": book.integration, "book": link.address_book},
        answer=_("Yes, change the address book"),
        action_url=url_of(marketing_list, "move"),
        hidden=[("address_book", book.pk)],
        next_book=book,
        move=numbers,
    )


def _choose(screen: Screen, request: HttpRequest, marketing_list: MarketingList, form: ConnectForm) -> HttpResponse:
    return choose_book(
        screen,
        request,
        marketing_list,
        form,
        title=_("Another address book"),
        question=_("Which address book is %(list)s to be kept in step with?") % {"list": marketing_list},
        answer=_("Go on"),
    )


def _ask(screen: Screen, request: HttpRequest, link: ListConnection, *, last: str, **texts: Any) -> HttpResponse:
    return screen.render_page(
        request,
        "backoffice/ending.html",
        record=link.marketing_list,
        link=link,
        numbers=ending_numbers(link),
        consequences=[
            _("Changes are not sent to this address book or read from it for this list any more."),
            _("The history of its uploads and removals is deleted here; the runs and rejections stay."),
            last,
        ],
        back_url=url_of(link.marketing_list),
        **texts,
    )


def _done(request: HttpRequest, screen: Screen, marketing_list: MarketingList, change: Callable[[], str]) -> bool:
    """Make a change that answers what it did; tell that, or why it was refused. Whether it was made."""
    try:
        text = change()
    except ValidationError as error:
        show_problem(request, error)
        return False
    screen.log_change(request, marketing_list, text)
    messages.success(request, text)
    return True


def _disconnected(request: HttpRequest, link: ListConnection) -> str:
    return _request(request, link, None)


def _moved(screen: Screen, request: HttpRequest, link: ListConnection, book: AddressBook) -> HttpResponse:
    marketing_list = link.marketing_list

    _done(request, screen, marketing_list, lambda: _request(request, link, book))
    return HttpResponseRedirect(url_of(marketing_list))


def _removes(request: HttpRequest) -> bool:
    """Whether the contacts are to leave the book."""
    return request.POST.get("contacts") == "remove"


def _request(request: HttpRequest, link: ListConnection, next_book: AddressBook | None) -> str:
    takes_out = _removes(request)
    request_ending(link=link, takes_out=takes_out, next_book=next_book, by=person_of(request))
    warn_without_worker(request)
    if not takes_out:
        return _("The connection to %(book)s ends as soon as the worker is free. Its contacts stay there.") % {
            "book": link.address_book
        }
    return _("The contacts are taken out of %(book)s as soon as the worker is free; then the connection ends.") % {
        "book": link.address_book
    }


@require_POST
def keep(request: HttpRequest, screen: Screen, marketing_list: MarketingList) -> HttpResponse:
    """Keep a connection that is ending."""
    text = _("The connection stays. Whoever was removed already is sent again with the next export.")
    return _change(request, screen, marketing_list, cancel_ending, text)


@require_POST
def try_again(request: HttpRequest, screen: Screen, marketing_list: MarketingList) -> HttpResponse:
    """Try again to end a connection."""
    return _change(request, screen, marketing_list, retry_ending, _("It is tried again as soon as the worker is free."))


def _change(
    request: HttpRequest, screen: Screen, marketing_list: MarketingList, change: Callable[..., object], text: str
) -> HttpResponse:
    require(request, MAY_END)
    link = link_of(marketing_list)
    if link is None:
        return _not_connected(request, marketing_list)

    def changed() -> str:
        change(link=link)
        return text

    _done(request, screen, marketing_list, changed)
    return HttpResponseRedirect(url_of(marketing_list))


def _not_connected(request: HttpRequest, marketing_list: MarketingList) -> HttpResponse:
    messages.info(request, _("The list is not connected."))
    return HttpResponseRedirect(url_of(marketing_list))

"""A list's connection: what it does, and ending it or taking it to another book, with what follows in numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dotbridge.backoffice.counting import standing_of
from dotbridge.backoffice.entity_labels import entity_label
from dotbridge.backoffice.pages.editing import clash_of_form, seen_of
from dotbridge.backoffice.pages.forms import BookForm, ConnectionForm
from dotbridge.backoffice.pages.frame import page, person_of, report_change, show_refusal
from dotbridge.backoffice.pages.list_actions import followed
from dotbridge.backoffice.pages.list_connect import MOST_SHOWN, books_to_show, chosen_book, show_sheet
from dotbridge.backoffice.pages.list_frame import (
    COUNT_SECONDS,
    NOT_CONNECTED,
    link_of,
    list_or_404,
    list_url,
    renewal_of,
    show_list_page,
    waits_for_count,
)
from dotbridge.backoffice.queries import search_of
from dotbridge.backoffice.reads.changes import changes_to_show
from dotbridge.backoffice.reads.live import last_run
from dotbridge.backoffice.rights import MAY_CHANGE_CONNECTION, MAY_END, MAY_SEE_LISTS, MAY_SEE_MAPPINGS
from dotbridge.connections.models import AccountChange, ListConnection, SendState
from dotbridge.connections.selectors import obstacle_to_newcomers, sends_to_come
from dotbridge.connections.services import (
    cancel_ending,
    refresh_data_fields,
    request_ending,
    retry_ending,
    set_create_entities,
    set_settings,
)
from dotbridge.editing import ChangedMeanwhile, held_as_seen
from dotbridge.entities.registry import UnknownEntity
from dotbridge.entities.time_limits import TookTooLong, statement_time_limit
from dotbridge.lists.rules import RuleError
from dotbridge.lists.selectors import list_condition
from dotbridge.mapping.models import Mapping
from dotbridge.mirror.models import AddressBook
from dotbridge.sync.selectors import book_numbers, ending_numbers

TAB = "list-connection"
# A book of a million contacts takes half a second.
MOST_MILLISECONDS = 8_000


@page(MAY_SEE_LISTS)
def connection(request: HttpRequest, pk: int) -> HttpResponse:
    """The book, what the connection does, and what is asked for."""
    marketing_list = list_or_404(pk)
    link = link_of(marketing_list)
    if request.method == "POST" and not request.user.has_perm(MAY_CHANGE_CONNECTION):
        raise PermissionDenied
    context: dict[str, Any] = {"changes": changes_to_show(AccountChange.objects.filter(marketing_list=marketing_list))}
    if request.method == "POST" and link is None:
        return _not_connected(request, marketing_list)
    if link is not None:
        form = ConnectionForm(request.POST if request.method == "POST" else None, instance=link)
        if not request.user.has_perm(MAY_CHANGE_CONNECTION):
            for field in form.fields.values():
                field.disabled = True
        seen = seen_of(request, link, form.fields)
        if request.method == "POST" and form.is_valid():
            problem = _store(form, link, seen)
            if problem is None:
                _report_settings(request, marketing_list, link, form.changed_data)
                return HttpResponseRedirect(list_url(marketing_list, TAB))
            context |= problem
        context = {
            "seen": seen,
            "form": form,
            "ending": getattr(link, "ending", None),
            "entity": entity_label(marketing_list.entity),
            "obstacle": obstacle_to_newcomers(link),
            "mapping_url": _mapping_url(request, link),
            **context,
        }
    status = 409 if "clash" in context else 200
    return show_list_page(
        request, "backoffice/house/list_connection.html", marketing_list, tab=TAB, status=status, context=context
    )


@page(MAY_SEE_LISTS)
def book_figures(request: HttpRequest, pk: int) -> HttpResponse:
    """A piece of the page: how many contacts the book has, and how many of them are mailed."""
    link = link_of(list_or_404(pk))
    if link is None:
        raise Http404
    try:
        with statement_time_limit(MOST_MILLISECONDS):
            in_book = book_numbers(link.address_book)
    except TookTooLong:
        in_book = None
    return render(request, "backoffice/components/book_figures.html", {"in_book": in_book})


def _store(form: ConnectionForm, link: ListConnection, seen: str) -> dict[str, Any] | None:
    """None once the settings are kept; else what the page says besides what stands at the fields."""
    given = form.cleaned_data
    try:
        with transaction.atomic():
            held_as_seen(link, form.fields, seen)
            set_create_entities(link=link, create_entities=given["create_entities"])
            set_settings(
                link=link,
                unsubscribes_book=given["unsubscribes_book"],
                always_put_back=given["always_put_back"],
            )
    except ValidationError as error:
        form.add_error("create_entities", ValidationError(error.messages))
        return {}
    except ChangedMeanwhile as error:
        found = clash_of_form(form, error.records, form.fields)
        return found if found["clash"] else None
    return None


def _report_settings(request: HttpRequest, marketing_list: Any, link: ListConnection, changed: list[str]) -> None:
    words = {
        "create_entities": (
            _("From the next run on, contacts without a record become records."),
            _("No records are made of contacts any more."),
        ),
        "unsubscribes_book": (
            _("Who opts out of the list is unsubscribed from the address book."),
            _("Who opts out of the list is only taken out of the address book."),
        ),
        "always_put_back": (
            _("Who is taken out in Dotdigital is put back by itself."),
            _("Who is taken out in Dotdigital stays out until somebody puts them back."),
        ),
    }
    for name in changed:
        text = words[name][0 if getattr(link, name) else 1]
        report_change(request, marketing_list, text)


def _mapping_url(request: HttpRequest, link: ListConnection) -> str:
    if not request.user.has_perm(MAY_SEE_MAPPINGS):
        return ""
    integration, key = link.address_book.integration_id, link.marketing_list.entity
    mapping = Mapping.objects.filter(integration=integration, entity=key).first()
    return reverse("dotbridge:mapping", args=[mapping.pk]) if mapping else ""


@require_POST
@page(MAY_SEE_LISTS, MAY_CHANGE_CONNECTION)
def refresh(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the values of all members compared with the next export."""
    marketing_list = list_or_404(pk)
    link = link_of(marketing_list)
    if link is None:
        return _not_connected(request, marketing_list)
    refresh_data_fields(link=link)
    text = _("The next export compares the values of everybody on the list, and sends those that differ.")
    report_change(request, marketing_list, text)
    return HttpResponseRedirect(list_url(marketing_list, TAB))


@page(MAY_SEE_LISTS, MAY_END)
def disconnect(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what happens, ask what becomes of the contacts, and end the connection."""
    marketing_list = list_or_404(pk)
    link = link_of(marketing_list)
    if link is None:
        return _not_connected(request, marketing_list)
    if request.method == "POST" and request.POST.get("confirmed"):
        return _asked_for(request, marketing_list, link, None)
    return _ask(
        request,
        link,
        last=_("When the list is connected again, all of its people are sent again."),
        question=_("Disconnect %(list)s from %(book)s?") % {"list": marketing_list, "book": link.address_book},
        answer=_("Yes, disconnect"),
        action_url=request.path,
    )


@page(MAY_SEE_LISTS, MAY_CHANGE_CONNECTION)
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose another book, see what that means, and go over to it."""
    marketing_list = list_or_404(pk)
    link = link_of(marketing_list)
    if link is None:
        return _not_connected(request, marketing_list)
    if request.method == "POST":
        form = BookForm(request.POST)
        if form.is_valid() and request.POST.get("confirmed"):
            return _asked_for(request, marketing_list, link, form.cleaned_data["address_book"])
        return _choose(request, marketing_list, form)
    chosen = request.GET.get("address_book", "")
    book = chosen_book(request, "address_book")
    if book is None:
        return _choose(request, marketing_list, BookForm(request.GET) if chosen else BookForm())
    return _ask_to_move(request, link, book)


def _choose(request: HttpRequest, marketing_list: Any, form: BookForm) -> HttpResponse:
    search = search_of(request)
    books = books_to_show(search)
    return show_sheet(
        request,
        marketing_list,
        "backoffice/components/connect_choose.html",
        step=0,
        form=form,
        search=search,
        books=books[:MOST_SHOWN],
        has_more=len(books) > MOST_SHOWN,
        action_url=request.path,
        sheet_title=_("Another address book for %(list)s") % {"list": marketing_list},
    )


def _ask_to_move(request: HttpRequest, link: ListConnection, book: AddressBook) -> HttpResponse:
    marketing_list = link.marketing_list
    try:
        list_condition(marketing_list)
    except (RuleError, UnknownEntity) as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(list_url(marketing_list))
    return _ask(
        request,
        link,
        last=_("All people of the list are sent to the other address book."),
        question=_("Keep %(list)s in step with %(next)s (%(account)s) instead of %(book)s?")
        % {"list": marketing_list, "next": book, "account": book.integration, "book": link.address_book},
        answer=_("Yes, change the address book"),
        action_url=list_url(marketing_list, "list-move"),
        hidden=[("address_book", book.pk)],
        next_book=book,
    )


def _ask(request: HttpRequest, link: ListConnection, *, last: str, **context: Any) -> HttpResponse:
    return show_list_page(
        request,
        "backoffice/house/list_ending.html",
        list_or_404(link.marketing_list_id),
        tab=TAB,
        context={
            "consequences": [
                _("Changes are not sent to this address book or read from it for this list any more."),
                _("The history of its uploads and removals is deleted here; the runs and what was refused stay."),
                *_sends_to_come(link),
                last,
            ],
            "back_url": list_url(link.marketing_list, TAB),
            **context,
        },
    )


def _sends_to_come(link: ListConnection) -> list[str]:
    """What becomes of campaigns that are on their way to the book: Dotdigital has no call that stops one."""
    taken = _(
        "“%(name)s” is on its way: Dotdigital sends it to this address book all the same. Who opts out here until then "
        "is not taken out of the book any more. Stop it in Dotdigital if you do not want that."
    )
    waiting = _("“%(name)s” waits to be sent to this address book. It is not sent.")
    return [
        (waiting if send.state == SendState.WAITING else taken) % {"name": send.name} for send in sends_to_come(link)
    ]


@page(MAY_SEE_LISTS)
def ending_figures(request: HttpRequest, pk: int) -> HttpResponse:
    """A piece of both pages: what the end of the connection means in numbers, and for the next book if there is one.
    Nothing, and so no change, while newer numbers are awaited by a piece that stands already."""
    if waits_for_count(request, pk):
        return HttpResponse(status=204)
    marketing_list = list_or_404(pk)
    link, next_book = link_of(marketing_list), chosen_book(request, "address_book")
    if link is None:
        raise Http404
    try:
        with statement_time_limit(MOST_MILLISECONDS):
            numbers = ending_numbers(link)
    except TookTooLong:
        numbers = None
    return render(
        request,
        "backoffice/components/ending_figures.html",
        {
            "link": link,
            "numbers": numbers,
            "next_book": next_book,
            "standing": standing_of(marketing_list, renew=renewal_of(request)) if next_book else None,
            "seconds": COUNT_SECONDS,
        },
    )


def _done(request: HttpRequest, marketing_list: Any, change: Callable[[], str]) -> bool:
    """Make a change that answers what it did; tell that, or why it was refused. Whether it was made."""
    try:
        text = change()
    except ValidationError as error:
        show_refusal(request, error)
        return False
    report_change(request, marketing_list, text)
    return True


def _asked_for(
    request: HttpRequest, marketing_list: Any, link: ListConnection, next_book: AddressBook | None
) -> HttpResponse:
    """Have the connection end, and the list go over to the next book if there is one; the strip follows it."""
    after, takes_out = last_run(link.address_book.integration_id), request.POST.get("contacts") == "remove"

    def change() -> str:
        request_ending(link=link, takes_out=takes_out, next_book=next_book, by=person_of(request))
        text = (
            _("The contacts are being taken out of %(book)s; then the connection ends.")
            if takes_out
            else _("The connection to %(book)s ends in a moment. Its contacts stay there.")
        )
        return text % {"book": link.address_book}

    if _done(request, marketing_list, change):
        return followed(list_url(marketing_list), after)
    return HttpResponseRedirect(list_url(marketing_list))


@require_POST
@page(MAY_SEE_LISTS, MAY_END)
def keep(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep a connection that is ending."""
    text = _("The connection stays. Whoever was taken out already is sent again with the next export.")
    return _change_ending(request, pk, cancel_ending, text)


@require_POST
@page(MAY_SEE_LISTS, MAY_END)
def try_again(request: HttpRequest, pk: int) -> HttpResponse:
    """Try again to end a connection."""
    return _change_ending(request, pk, retry_ending, _("It is tried again in a moment."))


def _change_ending(request: HttpRequest, pk: int, change: Callable[..., object], text: str) -> HttpResponse:
    marketing_list = list_or_404(pk)
    link = link_of(marketing_list)
    if link is None:
        return _not_connected(request, marketing_list)

    def changed() -> str:
        change(link=link)
        return text

    _done(request, marketing_list, changed)
    return HttpResponseRedirect(list_url(marketing_list, TAB))


def _not_connected(request: HttpRequest, marketing_list: Any) -> HttpResponse:
    messages.info(request, NOT_CONNECTED)
    return HttpResponseRedirect(list_url(marketing_list))

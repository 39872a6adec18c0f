"""Connecting a list in three steps: which address book, what will happen then, and doing it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _

from dotbridge.backoffice.pages.forms import BookForm, NewBookForm, add_refusal
from dotbridge.backoffice.pages.frame import page, person_of, report_change, show_refusal
from dotbridge.backoffice.pages.list_actions import followed, start_run
from dotbridge.backoffice.pages.list_frame import link_of, list_or_404, list_url, show_list_page
from dotbridge.backoffice.pages.list_plan import plan_context
from dotbridge.backoffice.parts import Part
from dotbridge.backoffice.queries import key_of, search_of
from dotbridge.backoffice.reads.list_actions import free_books
from dotbridge.backoffice.reads.live import last_run
from dotbridge.backoffice.reads.standing import EXPORTED, Standing, count_standing
from dotbridge.backoffice.rights import MAY_CHANGE_LIST, MAY_CONNECT, MAY_MAKE_BOOK, MAY_REQUEST, MAY_SEE_LISTS
from dotbridge.connections.services import check_columns, connect_list, request_address_book
from dotbridge.entities.faults import asking
from dotbridge.entities.registry import UnknownEntity
from dotbridge.entities.time_limits import TookTooLong
from dotbridge.lists.rules import RuleError
from dotbridge.mirror.models import AddressBook
from dotbridge.one_reading import read_anew

# More are found by typing a part of the name.
MOST_SHOWN = 20
# So long those are counted who are left out.
MOST_MILLISECONDS = 8_000


def books_to_show(search: str) -> list[Any]:
    """Books of active accounts, free ones first; of one that is taken, the list that has it is known."""
    books = AddressBook.objects.filter(integration__is_active=True, gone_at=None)
    if search:
        books = books.filter(name__icontains=search)
    return list(
        books.select_related("integration", "connection__marketing_list")
        .annotate(taken=Count("connection", filter=Q(connection__isnull=False)))
        .order_by("taken", "name", "integration__name")[: MOST_SHOWN + 1]
    )


def show_sheet(request: HttpRequest, marketing_list: Any, template: str, **context: Any) -> HttpResponse:
    """A step of the way, in a sheet beside the list."""
    return show_list_page(
        request,
        "backoffice/house/list_sheet.html",
        marketing_list,
        tab="list",
        context={
            "sheet_template": template,
            "sheet_title": _("Connect %(list)s") % {"list": marketing_list},
            **context,
        },
    )


@page(MAY_SEE_LISTS, MAY_CONNECT)
def choose(request: HttpRequest, pk: int) -> HttpResponse:
    """First step: the address book."""
    marketing_list = list_or_404(pk)
    if link_of(marketing_list) is not None:
        return HttpResponseRedirect(list_url(marketing_list))
    try:
        check_columns(marketing_list)
    except ValidationError as error:
        show_refusal(request, error)
        may_mend = request.user.has_perm(MAY_CHANGE_LIST)
        return HttpResponseRedirect(list_url(marketing_list, "list-settings" if may_mend else "list"))
    search = search_of(request)
    form = BookForm(request.GET if "address_book" in request.GET else None)
    if form.is_bound and form.is_valid():
        book = form.cleaned_data["address_book"]
        return HttpResponseRedirect(f"{list_url(marketing_list, 'list-connect-look')}?book={book.pk}")
    books = books_to_show(search)
    return show_sheet(
        request,
        marketing_list,
        "backoffice/components/connect_choose.html",
        step=1,
        form=form,
        search=search,
        books=books[:MOST_SHOWN],
        has_more=len(books) > MOST_SHOWN,
        may_make=request.user.has_perm(MAY_MAKE_BOOK),
        action_url=request.path,
    )


def chosen_book(request: HttpRequest, name: str = "book") -> AddressBook | None:
    """The free address book whose key a parameter of the address carries."""
    key = key_of(request, name)
    return None if key is None else free_books().filter(pk=key).first()


@page(MAY_SEE_LISTS, MAY_CONNECT)
def look(request: HttpRequest, pk: int) -> HttpResponse:
    """Second step: what will happen; the numbers come once the sheet stands. The third is the button."""
    marketing_list = list_or_404(pk)
    if request.method == "POST":
        return _connected(request, marketing_list)
    book = chosen_book(request)
    if book is None or link_of(marketing_list) is not None:
        return HttpResponseRedirect(list_url(marketing_list, "list-connect"))
    return show_sheet(request, marketing_list, "backoffice/components/connect_look.html", step=2, book=book)


@page(MAY_SEE_LISTS, MAY_CONNECT)
def numbers(request: HttpRequest, pk: int) -> HttpResponse:
    """A piece of the sheet: the dry run of a connection that is made for it and taken back at once."""
    marketing_list, book = list_or_404(pk), chosen_book(request)
    if book is None or link_of(marketing_list) is not None:
        return render(
            request,
            "backoffice/components/plan.html",
            {"problem": _("This address book cannot be chosen any more. Choose another one.")},
        )
    try:
        with read_anew(), transaction.atomic():
            link = connect_list(marketing_list=marketing_list, address_book=book)
            context = plan_context(request, link)
            context["left_out"] = _left_out(marketing_list)
            transaction.set_rollback(True)
    except ValidationError as error:
        return render(request, "backoffice/components/plan.html", {"problem": " ".join(error.messages)})
    return render(request, "backoffice/components/plan.html", {**context, "is_first": True})


def _left_out(marketing_list: Any) -> list[Part]:
    """Who of the list would not be sent to the account it is connected to for this moment, by why; nobody where that
    takes too long to be told."""
    try:
        with asking(marketing_list.entity, milliseconds=MOST_MILLISECONDS):
            parts = count_standing(marketing_list).parts()
    except (RuleError, UnknownEntity, TookTooLong):
        return []
    # The dry run itself names those whose address is not valid.
    return [part for part in parts if part.number and part.name not in EXPORTED | {Standing.BAD_ADDRESS}]


def _connected(request: HttpRequest, marketing_list: Any) -> HttpResponse:
    form = BookForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(map(str, form.errors.get("address_book", []))))
        return HttpResponseRedirect(list_url(marketing_list, "list-connect"))
    book = form.cleaned_data["address_book"]
    try:
        connect_list(marketing_list=marketing_list, address_book=book)
    except ValidationError as error:
        show_refusal(request, error)
        return HttpResponseRedirect(list_url(marketing_list))
    text = _("Connected to %(book)s.") % {"book": book}
    report_change(request, marketing_list, text)
    if not request.user.has_perm(MAY_REQUEST):
        return HttpResponseRedirect(list_url(marketing_list))
    return start_run(request, integration=book.integration, back_url=list_url(marketing_list))


@page(MAY_SEE_LISTS, MAY_CONNECT, MAY_MAKE_BOOK)
def new_book(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a book made for the list: the worker makes it and connects the two."""
    marketing_list = list_or_404(pk)
    if link_of(marketing_list) is not None:
        return HttpResponseRedirect(list_url(marketing_list))
    form = NewBookForm(request.POST if request.method == "POST" else None, initial={"name": marketing_list.name[:128]})
    if request.method == "POST" and form.is_valid():
        integration = form.cleaned_data["integration"]
        after = last_run(integration.pk)
        try:
            change = request_address_book(**form.cleaned_data, marketing_list=marketing_list, by=person_of(request))
        except ValidationError as error:
            add_refusal(form, error)
        else:
            text = _("%(name)s is made in Dotdigital, then the list is connected to it.") % {"name": change.name}
            report_change(request, marketing_list, text)
            return followed(list_url(marketing_list), after)
    return show_sheet(request, marketing_list, "backoffice/components/connect_new_book.html", step=1, form=form)

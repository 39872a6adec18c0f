"""What a person does to a list from its page: have it synchronised, put back who was taken out, delete it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import ProtectedError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from dotbridge.backoffice.labels import grouped
from dotbridge.backoffice.pages.frame import log_deletion, page, report_change, show_refusal
from dotbridge.backoffice.pages.list_frame import link_of, list_or_404, list_url, show_list_page
from dotbridge.backoffice.reads.live import last_run
from dotbridge.backoffice.reads.standing import MEANINGS, Standing
from dotbridge.backoffice.rights import MAY_CHANGE_CONNECTION, MAY_DELETE_LIST, MAY_REQUEST, MAY_SEE_LISTS
from dotbridge.campaigns.models import EmailCampaign
from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import request_run
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import switched_off_text
from dotbridge.lists import services as list_services
from dotbridge.lists.models import ListedRecord, RemovedItem
from dotbridge.lists.selectors import lists_that_name
from dotbridge.sync.selectors import taken_out_of
from dotbridge.sync.services import put_back


def ask_first(
    request: HttpRequest,
    marketing_list: Any,
    *,
    tab: str,
    question: str,
    consequences: Iterable[str],
    answer: str,
    action_url: str,
    back_url: str,
    items: Iterable[str] = (),
    hidden: Iterable[tuple[str, object]] = (),
    is_danger: bool = False,
) -> HttpResponse:
    """The page that says what follows before it is done."""
    return show_list_page(
        request,
        "backoffice/house/list_confirm.html",
        marketing_list,
        tab=tab,
        context={
            "question": question,
            "consequences": [line for line in consequences if line],
            "answer": answer,
            "action_url": action_url,
            "back_url": back_url,
            "items": list(items),
            "hidden": list(hidden),
            "is_danger": is_danger,
        },
    )


def followed(url: str, after: int) -> HttpResponseRedirect:
    """To a page whose strip follows what was just asked for."""
    return HttpResponseRedirect(f"{url}?after_run={after}")


def start_run(
    request: HttpRequest,
    *,
    integration: Integration,
    back_url: str,
    kind: RunKind = RunKind.SYNC,
    link: ListConnection | None = None,
) -> HttpResponse:
    """Have the worker run it soon, and follow it on the page at `back_url`."""
    if not request.user.has_perm(MAY_REQUEST):
        raise PermissionDenied
    if not integration.is_active:
        messages.error(request, switched_off_text(integration))
        return HttpResponseRedirect(back_url)
    after = last_run(integration.pk)
    request_run(integration=integration, kind=kind, trigger="person", link=link)
    return followed(back_url, after)


@require_POST
@page(MAY_SEE_LISTS, MAY_REQUEST)
def sync_list(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the worker import and export this list alone."""
    marketing_list = list_or_404(pk)
    link = link_of(marketing_list)
    if link is None:
        messages.error(request, _("Connect the list to an address book first."))
        return HttpResponseRedirect(list_url(marketing_list))
    return start_run(request, integration=link.address_book.integration, link=link, back_url=list_url(marketing_list))


@page(MAY_SEE_LISTS, MAY_CHANGE_CONNECTION)
def put_all_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, and have the next export send everybody again who was taken out of the book in Dotdigital."""
    marketing_list = list_or_404(pk)
    link = link_of(marketing_list)
    number = taken_out_of(link).count() if link else 0
    if link is None or not number:
        messages.info(request, _("Nobody is taken out in Dotdigital."))
        return HttpResponseRedirect(list_url(marketing_list))
    if request.method == "POST" and request.POST.get("confirmed"):
        number = put_back(link=link)
        text = ngettext(
            "%(n)s person is sent again with the next export.",
            "%(n)s people are sent again with the next export.",
            number,
        )
        report_change(request, marketing_list, text % {"n": grouped(number)})
        return HttpResponseRedirect(list_url(marketing_list))
    question = ngettext("Put %(n)s person back into %(book)s?", "Put %(n)s people back into %(book)s?", number)
    return ask_first(
        request,
        marketing_list,
        tab="list",
        question=question % {"n": grouped(number), "book": link.address_book},
        consequences=[
            str(MEANINGS[Standing.TAKEN_OUT]),
            _("They are sent again with the next export. Who opted out stays out."),
        ],
        answer=_("Yes, put back"),
        action_url=request.path,
        back_url=f"{list_url(marketing_list)}?show={Standing.TAKEN_OUT}",
    )


@page(MAY_SEE_LISTS, MAY_DELETE_LIST)
def delete_list(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what goes with a list, and delete it; a connected one is disconnected first."""
    marketing_list = list_or_404(pk)
    if link_of(marketing_list) is not None:
        messages.error(request, _("Disconnect the list before you delete it."))
        return HttpResponseRedirect(list_url(marketing_list))
    if request.method == "POST" and request.POST.get("confirmed"):
        return _deleted(request, marketing_list)
    naming = lists_that_name(marketing_list)
    if naming:
        names = ", ".join(each.name for each in naming)
        messages.error(
            request, _("Other lists ask about this one. Change their rules first: %(names)s.") % {"names": names}
        )
        return HttpResponseRedirect(list_url(marketing_list))
    removed = RemovedItem.objects.filter(marketing_list=marketing_list).count()
    listed = ListedRecord.objects.filter(marketing_list=marketing_list).count()
    mails = EmailCampaign.objects.filter(marketing_list=marketing_list).count()
    return ask_first(
        request,
        marketing_list,
        tab="list",
        question=_("Delete %(name)s?") % {"name": marketing_list},
        consequences=[
            _("The records themselves stay."),
            _("Mails that went to the list, which stay: %(n)s.") % {"n": grouped(mails)} if mails else "",
            _("The list forgets who is on it: %(n)s.") % {"n": grouped(listed)} if listed else "",
            _("The list forgets who was taken off it by hand: %(n)s.") % {"n": grouped(removed)} if removed else "",
            _("Who opted out stays opted out; that is kept for good."),
        ],
        answer=_("Yes, delete it"),
        action_url=list_url(marketing_list, "list-delete"),
        back_url=list_url(marketing_list),
        is_danger=True,
    )


def _deleted(request: HttpRequest, marketing_list: Any) -> HttpResponse:
    try:
        with transaction.atomic():
            log_deletion(request, marketing_list)
            list_services.delete_list(marketing_list=marketing_list)
    except ValidationError as error:
        show_refusal(request, error)
        return HttpResponseRedirect(list_url(marketing_list))
    except ProtectedError:
        messages.error(request, _("Disconnect the list before you delete it."))
        return HttpResponseRedirect(list_url(marketing_list))
    messages.success(request, _("%(name)s was deleted.") % {"name": marketing_list})
    return HttpResponseRedirect(reverse("dotbridge:lists"))

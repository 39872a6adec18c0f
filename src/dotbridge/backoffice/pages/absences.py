"""What Dotdigital does not list any more: a person says whether it is gone."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dotbridge.backoffice.labels import grouped
from dotbridge.backoffice.pages.frame import Crumb, page, report_change, show
from dotbridge.backoffice.pages.list_actions import followed
from dotbridge.backoffice.queries import number_told
from dotbridge.backoffice.reads.absences import missing_names, missing_words
from dotbridge.backoffice.reads.live import last_run
from dotbridge.backoffice.rights import MAY_CHANGE_ACCOUNT, MAY_SEE_ACCOUNTS
from dotbridge.connections.models import ListConnection
from dotbridge.entities.names import uncapitalised
from dotbridge.integrations.models import Integration
from dotbridge.mapping.models import MappingRow
from dotbridge.sync.models import Listing
from dotbridge.sync.selectors import Missing, absent, missing_of_listings
from dotbridge.sync.services import confirm_absences

MOST_NAMES = 30


@page(MAY_SEE_ACCOUNTS, MAY_CHANGE_ACCOUNT)
def missing(request: HttpRequest, pk: int, listing: str) -> HttpResponse:
    """Say what is missing and what follows, and have the next reading believe it."""
    integration = get_object_or_404(Integration, pk=pk)
    if listing not in Listing.values:
        raise Http404
    chosen = Listing(listing)
    found = (each for each in missing_of_listings(most_names=MOST_NAMES) if each.listing is chosen)
    waiting = next((each for each in found if each.integration == integration), None)
    if waiting is None:
        return _nothing(request)
    if request.method == "POST" and request.POST.get("confirmed"):
        if waiting.number <= (number_told(request, "number") or waiting.number):
            return _confirmed(request, integration, chosen)
        messages.warning(request, _("There are more of them by now than when you were asked. Look again."))
    words = missing_words(waiting)
    return show(
        request,
        "backoffice/house/confirm.html",
        title=_("Not listed any more"),
        current="home",
        crumbs=[Crumb(title=_("Home"), url=reverse("dotbridge:home"))],
        context={
            "question": _("%(account)s: %(numbers)s were not listed any more. Is that right?")
            % {"account": integration, "numbers": words},
            "consequences": [
                _("Look in Dotdigital before you answer: so many seldom vanish at once."),
                _("If they are gone, the account is read again at once, and they are marked as gone here."),
                *_what_follows(waiting),
                _("If you go back, nothing changes: the next readings decide."),
            ],
            "items": [missing_names(waiting)],
            "hidden": [("number", waiting.number)],
            "answer": _("Yes, they are gone"),
            "is_danger": True,
            "action_url": request.path,
            "back_url": reverse("dotbridge:home"),
        },
    )


def _what_follows(waiting: Missing) -> list[str]:
    """What depends on what is missing, by name."""
    keys = absent().filter(listing=waiting.listing, integration=waiting.integration).values("object_id")
    if waiting.listing == Listing.ADDRESS_BOOKS:
        links = ListConnection.objects.filter(address_book__in=keys).select_related("marketing_list")
        names = ", ".join(str(each.marketing_list) for each in links.order_by("marketing_list__name"))
        if not names:
            return [_("No list is connected to them.")]
        return [_("Nothing is sent any more through the lists connected to them: %(names)s.") % {"names": names}]
    if waiting.listing == Listing.DATA_FIELDS:
        names = ", ".join(
            MappingRow.objects.filter(data_field__in=keys)
            .order_by("data_field__name")
            .values_list("data_field__name", flat=True)
            .distinct()
        )
        if not names:
            return [_("Nothing is mapped to them.")]
        return [_("The values mapped to them are not sent any more: %(names)s.") % {"names": names}]
    return [_("Their results here stay, and are not read any more.")]


def _confirmed(request: HttpRequest, integration: Integration, listing: Listing) -> HttpResponse:
    after = last_run(integration.pk)
    number = confirm_absences(integration=integration, listing=listing)
    if not number:
        return _nothing(request)
    text = ngettext(
        "%(n)s of the %(what)s is believed gone; the account is read again in a moment.",
        "%(n)s of the %(what)s are believed gone; the account is read again in a moment.",
        number,
    ) % {"n": grouped(number), "what": uncapitalised(str(listing.label))}
    report_change(request, integration, text)
    return followed(reverse("dotbridge:account", args=[integration.pk]), after)


def _nothing(request: HttpRequest) -> HttpResponse:
    messages.info(request, _("Nothing waits for your answer: the newest reading named them, or they are gone."))
    return HttpResponseRedirect(reverse("dotbridge:home"))

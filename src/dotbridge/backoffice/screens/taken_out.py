"""Sending members again who were taken out of the address book in Dotdigital."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dotbridge.backoffice.screens.base import require, url_of
from dotbridge.backoffice.screens.list_tabs import link_of
from dotbridge.lists.models import MarketingList
from dotbridge.sync.services import put_back

if TYPE_CHECKING:
    from dotbridge.backoffice.screens.base import Screen

MAY_PUT_BACK = "dotbridge_connections.change_listconnection"
PAGE = "put-back"


def put_all_back(screen: Screen, request: HttpRequest, marketing_list: MarketingList) -> HttpResponse:
    """Have the next export send all of them again."""
    require(request, MAY_PUT_BACK)
    link = link_of(marketing_list)
    number = put_back(link=link) if link else 0
    if number:
        text = ngettext(
            "%(number)s contact is sent again with the next export.",
            "%(number)s contacts are sent again with the next export.",
            number,
        ) % {"number": number}
        screen.log_change(request, marketing_list, text)
        messages.success(request, text)
    else:
        messages.info(request, _("Nobody is taken out in Dotdigital."))
    return HttpResponseRedirect(url_of(marketing_list))

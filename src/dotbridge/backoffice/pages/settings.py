"""Settings: accounts, and the tables behind the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from dotbridge.backoffice.pages.frame import Crumb, page, show
from dotbridge.backoffice.reads.accounts import feeds_of
from dotbridge.backoffice.site import table_site
from dotbridge.integrations.models import Integration

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@page()
def settings_index(request: HttpRequest) -> HttpResponse:
    """What can be set, and the tables, as far as the person may see them."""
    cards: list[dict[str, StrOrPromise]] = [
        {
            "title": _("My settings"),
            "text": _("Language, time zone, light or dark, and what you are told of."),
            "url": reverse("dotbridge:my-settings"),
        }
    ]
    if request.user.has_perm("dotbridge_integrations.view_integration"):
        cards.append(
            {
                "title": _("Accounts"),
                "text": _("The connected Dotdigital accounts: health, schedule, limits and credentials."),
                "url": reverse("dotbridge:accounts"),
            }
        )
    if request.user.has_perm("dotbridge_preferences.view_sitesetting"):
        cards.append(
            {
                "title": _("Schedule and limits"),
                "text": _("How often and how long, what is kept, what is used, and the default sender."),
                "url": reverse("dotbridge:site-settings"),
            }
        )
    if request.user.has_perm("auth.view_user") and table_site.has_users:
        cards.append(
            {
                "title": _("Users"),
                "text": _("Who may log in, and what they may do."),
                "url": reverse("dotbridge_tables:auth_user_changelist"),
            }
        )
    if request.user.has_perm("auth.view_group"):
        cards.append(
            {
                "title": _("Groups"),
                "text": _("Rights that several people share."),
                "url": reverse("dotbridge_tables:auth_group_changelist"),
            }
        )
    if apps.is_installed("axes") and request.user.has_perm("axes.view_accessfailurelog"):
        cards.append(
            {
                "title": _("Refused log-ins"),
                "text": _("Wrong passwords: which name was tried, when, and from where."),
                "url": reverse("dotbridge_tables:axes_accessfailurelog_changelist"),
            }
        )
    return show(
        request,
        "backoffice/house/settings.html",
        title=_("Settings"),
        current="settings",
        context={"cards": cards, "tables": table_site.get_app_list(request)},
    )


@page("dotbridge_integrations.view_integration")
def accounts(request: HttpRequest) -> HttpResponse:
    """The connected accounts, each with its feeds."""
    found: list[dict[str, Any]] = [
        {"account": each, "feeds": feeds_of(each)} for each in Integration.objects.order_by("-is_active", "name")
    ]
    return show(
        request,
        "backoffice/house/accounts.html",
        title=_("Accounts"),
        current="settings",
        crumbs=[Crumb(title=_("Settings"), url=reverse("dotbridge:settings"))],
        context={
            "accounts": found,
            "may_add": request.user.has_perm("dotbridge_integrations.add_integration"),
        },
    )

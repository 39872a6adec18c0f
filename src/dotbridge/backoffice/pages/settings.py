"""Settings: accounts, and the tables behind the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    cards: list[dict[str, StrOrPromise]] = []
    if request.user.has_perm("dotbridge_integrations.view_integration"):
        cards.append(
            {
                "title": _("Accounts"),
                "text": _("The connected Dotdigital accounts: health, schedule, limits and credentials."),
                "url": reverse("dotbridge:accounts"),
            }
        )
    if request.user.has_perm("dotbridge_studio.use_studio"):
        cards.append(
            {
                "title": _("Email Studio"),
                "text": _("Dotdigital itself, where mails are designed, opened from here."),
                "url": reverse("dotbridge:studio"),
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

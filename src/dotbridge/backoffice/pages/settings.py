"""Settings: accounts, and the tables behind the pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from dotbridge.backoffice.pages.frame import Crumb, page, show
from dotbridge.backoffice.reads.accounts import feeds_of
from dotbridge.backoffice.rights import MAY_ADD_ACCOUNT, MAY_SEE_ACCOUNTS, MAY_SEE_SETTINGS, MAY_USE_STUDIO
from dotbridge.backoffice.site import table_site
from dotbridge.integrations.models import Integration

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


def _cards() -> list[tuple[str, StrOrPromise, StrOrPromise, str]]:
    """What can be set: the right that it takes, its name, what it is for, and the name of its page."""
    cards: list[tuple[str, StrOrPromise, StrOrPromise, str]] = [
        (
            "",
            _("My settings"),
            _("Language, time zone, light or dark, and what you are told of."),
            "dotbridge:my-settings",
        ),
        (
            MAY_SEE_ACCOUNTS,
            _("Accounts"),
            _("The connected Dotdigital accounts: health, schedule, limits and credentials."),
            "dotbridge:accounts",
        ),
        (
            MAY_SEE_SETTINGS,
            _("Schedule and limits"),
            _("How often and how long, what is kept, what is used, and the default sender."),
            "dotbridge:site-settings",
        ),
        (
            MAY_USE_STUDIO,
            _("Email Studio"),
            _("Dotdigital itself, where mails are designed, opened from here."),
            "dotbridge:studio",
        ),
    ]
    users = ("auth.view_user", _("Users"), _("Who may log in, and what they may do."), "auth_user")
    tries = _("Wrong passwords: which name was tried, when, and from where.")
    tables = [
        users if table_site.has_users else None,
        ("auth.view_group", _("Groups"), _("Rights that several people share."), "auth_group"),
        ("axes.view_accessfailurelog", _("Refused log-ins"), tries, "axes_accessfailurelog")
        if apps.is_installed("axes")
        else None,
    ]
    return [*cards, *((*each[:3], f"dotbridge_tables:{each[3]}_changelist") for each in tables if each)]


@page()
def settings_index(request: HttpRequest) -> HttpResponse:
    """What can be set, and the tables, as far as the person may see them."""
    cards = [
        {"title": title, "text": text, "url": reverse(name)}
        for permission, title, text, name in _cards()
        if not permission or request.user.has_perm(permission)
    ]
    return show(
        request,
        "backoffice/house/settings.html",
        title=_("Settings"),
        current="settings",
        context={"cards": cards, "tables": _tables(request)},
    )


def _tables(request: HttpRequest) -> list[dict[str, Any]]:
    """The tables that the person may see, by what they are about."""
    ours = {"auth": _("Users and groups"), "axes": _("Log-ins")}
    return [{**app, "name": ours.get(app["app_label"], app["name"])} for app in table_site.get_app_list(request)]


@page(MAY_SEE_ACCOUNTS)
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
            "may_add": request.user.has_perm(MAY_ADD_ACCOUNT),
        },
    )

"""How the back office looks and what its menu holds: the settings of django-unfold.

Imported by the settings, so nothing in here may need loaded apps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


def _may(permission: str) -> Callable[[HttpRequest], bool]:
    def may(request: HttpRequest) -> bool:
        return request.user.has_perm(permission)

    return may


def _entry(title: StrOrPromise, icon: str, app: str, model: str, *, site: str = "dotbridge_tables") -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"{site}:{app}_{model}_changelist"),
        "permission": _may(f"{app}.view_{model}"),
    }


def _may_see_people_in(permission: str) -> Callable[[HttpRequest], bool]:
    """For tables that hold everybody's addresses and values."""

    def may(request: HttpRequest) -> bool:
        from dotbridge.backoffice.reads.shown import may_see_every_person  # noqa: PLC0415 - it needs loaded apps

        return request.user.has_perm(permission) and may_see_every_person(request.user)

    return may


def _entry_of_people(title: StrOrPromise, icon: str, app: str, model: str) -> dict[str, Any]:
    return _entry(title, icon, app, model) | {"permission": _may_see_people_in(f"{app}.view_{model}")}


def _asset(path: str) -> Callable[[HttpRequest], str]:
    return lambda _request: static(path)


def _script(_request: HttpRequest) -> str:
    """Our script, with the names that it gives to what the theme leaves without any."""
    names = {"menu": gettext("Show or hide the menu"), "close": gettext("Close")}
    return f"{static('backoffice/backoffice.js')}?{urlencode(names)}"


_BACK: dict[str, Any] = {
    "items": [
        {"title": _("Home"), "icon": "arrow_back", "link": reverse_lazy("dotbridge:home")},
        {"title": _("Settings"), "icon": "settings", "link": reverse_lazy("dotbridge:settings")},
    ]
}
_TABLES: list[dict[str, Any]] = [
    _BACK,
    {
        "title": _("Lists and campaigns"),
        "items": [
            _entry(_("Marketing lists"), "format_list_bulleted", "dotbridge_lists", "marketinglist"),
            _entry(_("Taken off by hand"), "person_remove", "dotbridge_lists", "removeditem"),
            _entry(_("Marketing campaigns"), "campaign", "dotbridge_campaigns", "marketingcampaign"),
            _entry(_("E-mail campaigns"), "mail", "dotbridge_campaigns", "emailcampaign"),
            _entry(_("Recipients"), "groups", "dotbridge_campaigns", "emailcampaignstatistics"),
            _entry(_("Marketing activities"), "ads_click", "dotbridge_campaigns", "marketingactivity"),
        ],
    },
    {
        "title": _("Dotdigital"),
        "items": [
            _entry(_("Accounts"), "cable", "dotbridge_integrations", "integration"),
            _entry(_("Address books"), "menu_book", "dotbridge_mirror", "addressbook"),
            _entry(_("Contacts"), "alternate_email", "dotbridge_mirror", "contact"),
            _entry(_("Data fields"), "data_object", "dotbridge_mirror", "datafield"),
            _entry(_("Mappings"), "conversion_path", "dotbridge_mapping", "mapping"),
        ],
    },
    {
        "title": _("What happened"),
        "items": [
            _entry(_("Runs"), "sync", "dotbridge_sync", "syncrun"),
            _entry_of_people(_("Refused"), "report", "dotbridge_sync", "rejection"),
            _entry(_("Uploads"), "upload", "dotbridge_sync", "upload"),
            _entry(_("Removals"), "playlist_remove", "dotbridge_sync", "removal"),
            _entry_of_people(_("Changed on both sides"), "compare_arrows", "dotbridge_sync", "valueconflict"),
            _entry_of_people(_("Newcomers"), "person_add", "dotbridge_sync", "newcomer"),
            _entry(_("Changes of the account"), "edit_square", "dotbridge_connections", "accountchange"),
        ],
    },
]
_CRM: list[dict[str, Any]] = [
    _BACK,
    {
        "title": _("CRM"),
        "items": [
            _entry(_("Accounts"), "apartment", "crm", "account", site="admin"),
            _entry(_("Contacts"), "contacts", "crm", "contact", site="admin"),
            _entry(_("Leads"), "person_search", "crm", "lead", site="admin"),
            _entry(_("Customers"), "handshake", "crm", "customer", site="admin"),
        ],
    },
]

# Every weight that carries text keeps a contrast of 4.5 : 1 or more on the grounds it is used on.
_PRIMARY = {
    "50": "#eef6ff",
    "100": "#d9eaff",
    "200": "#bcdbff",
    "300": "#8ec5ff",
    "400": "#59a4ff",
    "500": "#5c9dfb",
    "600": "#1d5fd6",
    "700": "#164bb0",
    "800": "#173f8a",
    "900": "#18376f",
    "950": "#132345",
}
_FONT = {
    "subtle-light": "var(--color-base-600)",
    "subtle-dark": "var(--color-base-300)",
    "default-light": "var(--color-base-700)",
    "default-dark": "var(--color-base-200)",
    "important-light": "var(--color-base-900)",
    "important-dark": "var(--color-base-100)",
}

_LOOK: dict[str, Any] = {
    "SITE_TITLE": _("Dotbridge"),
    "SITE_HEADER": _("Dotbridge"),
    "SITE_SUBHEADER": _("Marketing lists in step with Dotdigital"),
    "SITE_SYMBOL": "sync_alt",
    "SITE_URL": None,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _asset("backoffice/mark.svg")}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "COLORS": {"primary": _PRIMARY, "font": _FONT},
    "STYLES": [_asset("backoffice/backoffice.css")],
    "SCRIPTS": [_script],
}
_SIDEBAR: dict[str, Any] = {"show_search": False, "show_all_applications": False}


def table_look(*, has_users: bool) -> dict[str, Any]:
    """The look of our table pages. Users stand in their menu where they are Django's own."""
    people = [_entry(_("Users"), "person", "auth", "user")] if has_users else []
    people.append(_entry(_("Groups"), "group", "auth", "group"))
    navigation = [*_TABLES, {"title": _("Who may log in"), "items": people}]
    return {**_LOOK, "SIDEBAR": {**_SIDEBAR, "navigation": navigation}}


# What the standalone product gives the example CRM's own admin.
HOST_ADMIN: dict[str, Any] = {**_LOOK, "SIDEBAR": {**_SIDEBAR, "navigation": _CRM}}

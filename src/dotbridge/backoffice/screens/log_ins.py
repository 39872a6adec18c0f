"""Log-ins, and those that were refused, as they are kept: for whoever looks after the accounts."""

from __future__ import annotations

from typing import Any

from axes.models import AccessFailureLog, AccessLog
from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from dotbridge.backoffice.screens.base import EmptyList, InfinitePaginator, ReadOnlyScreen
from dotbridge.backoffice.site import table_site


class LogInScreen(ReadOnlyScreen):
    """What the two have in common: newest first, never counted, found by name or address."""

    ordering = ("-attempt_time", "-pk")
    search_fields = ("username", "ip_address")
    search_help_text = _("A part of the name or of the address")
    sortable_by = ()
    paginator = InfinitePaginator
    show_full_result_count = False

    @admin.display(description=_("When"))
    def at(self, row: Any) -> Any:
        """When it was."""
        return row.attempt_time

    @admin.display(description=_("Name"))
    def name(self, row: Any) -> str:
        """The name that was typed."""
        return row.username or "-"

    @admin.display(description=_("From"))
    def address(self, row: Any) -> str:
        """The address that it came from."""
        return row.ip_address or "-"


@admin.register(AccessFailureLog, site=table_site)
class RefusedLogInScreen(LogInScreen):
    """Wrong passwords and unknown names."""

    list_display = ("name", "address", "locked_out", "at")
    list_filter = ("locked_out",)
    fields = ("name", "address", "user_agent", "locked_out", "at")
    readonly_fields = fields
    empty_list = EmptyList(
        title=_("Nobody was refused"),
        text=_(
            "Wrong passwords and unknown names stand here. After ten for one name nobody can log in with it for a "
            "while."
        ),
    )


@admin.register(AccessLog, site=table_site)
class LogInsScreen(LogInScreen):
    """Who logged in."""

    list_display = ("name", "address", "at", "logout_time")
    fields = ("name", "address", "user_agent", "at", "logout_time")
    readonly_fields = fields
    empty_list = EmptyList(title=_("Nobody has logged in yet"), text=_("Each log-in stands here."))

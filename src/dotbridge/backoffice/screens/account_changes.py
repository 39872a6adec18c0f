"""Changes of the account that people asked for: how each stands, and trying again or forgetting one that failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from dotbridge.backoffice.labels import ago, change_badge
from dotbridge.backoffice.pages.activity import MAY_DECIDE
from dotbridge.backoffice.pages.frame import show_refusal
from dotbridge.backoffice.reads.worker import seconds_to_ask
from dotbridge.backoffice.rights import MAY_SEE_DATA_FIELDS
from dotbridge.backoffice.screens.base import Button, EmptyList, ReadOnlyScreen, View, require, url_of
from dotbridge.backoffice.site import table_site
from dotbridge.connections.models import OPEN_CHANGES, AccountChange, ChangeKind, ChangeState
from dotbridge.connections.services import discard_change, retry_change
from dotbridge.sync.texts import stored_text

REFRESH_SECONDS = 3


@admin.register(AccountChange, site=table_site)
class AccountChangeScreen(ReadOnlyScreen):
    """The changes, newest first."""

    list_display = ("what", "name", "integration", "state_label", "text", "requested_by", "asked")
    list_filter = ("state", "kind", "integration")
    list_select_related = ("integration", "requested_by")
    ordering = ("-id",)
    sortable_by = ()
    search_fields = ("name",)
    fields = (
        ("what", "name"),
        ("integration", "marketing_list"),
        ("state_label", "text"),
        "asked_values",
        ("requested_by", "created_at", "finished_at"),
    )
    readonly_fields = (
        "what",
        "name",
        "integration",
        "marketing_list",
        "state_label",
        "text",
        "asked_values",
        "requested_by",
        "created_at",
        "finished_at",
    )
    empty_list = EmptyList(
        title=gettext_lazy("Nothing was asked for yet"),
        text=gettext_lazy(
            "Data fields that are made or deleted from here, and new address books, stand here until the worker has "
            "made them in Dotdigital."
        ),
        link="dotbridge_tables:dotbridge_mirror_datafield_changelist",
        link_text=gettext_lazy("Go to the data fields"),
        permission=MAY_SEE_DATA_FIELDS,
    )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, which asks for itself again while something is open."""
        is_open = AccountChange.objects.filter(state__in=OPEN_CHANGES).exists()
        context = {"refresh_seconds": seconds_to_ask(REFRESH_SECONDS)} if is_open else {}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    @admin.display(description=gettext_lazy("What"))
    def what(self, change: AccountChange) -> str:
        """What is to be made or deleted."""
        return str(ChangeKind(change.kind).label)

    @admin.display(description=gettext_lazy("State"))
    def state_label(self, change: AccountChange) -> SafeString:
        """The state as a label."""
        return change_badge(change.state)

    @admin.display(description=gettext_lazy("What happened"))
    def text(self, change: AccountChange) -> str | None:
        """What Dotdigital said, or what went wrong."""
        return stored_text(change.message) or None

    @admin.display(description=gettext_lazy("Asked for"))
    def asked(self, change: AccountChange) -> str:
        """How long ago."""
        return ago(change.created_at)

    @admin.display(description=gettext_lazy("With"))
    def asked_values(self, change: AccountChange) -> str | None:
        """Type, visibility and default, as far as they were given."""
        given = (change.details.get(name) for name in ("type", "visibility", "default"))
        return ", ".join(str(value) for value in given if value) or None

    def buttons(self, request: HttpRequest, record: AccountChange) -> Sequence[Button]:
        """Try again, or forget it."""
        if not request.user.has_perm(MAY_DECIDE[ChangeKind(record.kind)]):
            return ()
        buttons = []
        if record.state in (ChangeState.FAILED, ChangeState.WAITING):
            url = self.page_url(record, "discard")
            buttons.append(Button(title=_("Discard"), url=url, icon="delete", posts=True))
        if record.state == ChangeState.FAILED:
            url = self.page_url(record, "retry")
            buttons.append(Button(title=_("Try again"), url=url, icon="replay", posts=True, is_primary=True))
        return buttons

    def pages(self) -> Mapping[str, View]:
        """What the buttons post to."""
        return {"retry": require_POST(self.retry), "discard": require_POST(self.discard)}

    def retry(self, request: HttpRequest, change: AccountChange) -> HttpResponse:
        """Have it tried again."""
        require(request, MAY_DECIDE[ChangeKind(change.kind)])
        try:
            retry_change(change=change)
        except ValidationError as error:
            show_refusal(request, error)
        else:
            messages.success(request, _("It is tried again in a moment."))
        return HttpResponseRedirect(url_of(change))

    def discard(self, request: HttpRequest, change: AccountChange) -> HttpResponse:
        """Forget it."""
        require(request, MAY_DECIDE[ChangeKind(change.kind)])
        try:
            discard_change(change=change)
        except ValidationError as error:
            show_refusal(request, error)
            return HttpResponseRedirect(url_of(change))
        messages.success(request, _("Discarded: %(change)s.") % {"change": change})
        return HttpResponseRedirect(reverse("dotbridge_tables:dotbridge_connections_accountchange_changelist"))

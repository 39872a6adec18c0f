"""Data fields of the accounts. Only the notes are ours to change."""
# ruff: noqa: ARG002 - Django's hooks give more than every screen needs

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from dotbridge.backoffice.screens.base import Button, EmptyList, Screen, require
from dotbridge.backoffice.screens.run_requests import MAY_REQUEST, ask_for_run
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import DataField
from dotbridge.sync.models import RunKind


@admin.register(DataField)
class DataFieldScreen(Screen):
    """The fields that every contact of an account has."""

    list_display = ("name", "integration", "type", "visibility", "shown_default", "notes", "gone_at")
    list_filter = ("integration", "type", "visibility", ("gone_at", admin.EmptyFieldListFilter))
    list_select_related = ("integration",)
    search_fields = ("name", "notes")
    fields = ("name", "integration", "type", "visibility", "shown_default", "gone_at", "notes")
    readonly_fields = ("name", "integration", "type", "visibility", "shown_default", "gone_at")
    empty_list = EmptyList(
        title=_("No data fields yet"),
        text=_("They are read from Dotdigital with the first run of an integration, and daily from then on."),
        link="admin:integrations_integration_changelist",
        link_text=_("Go to the integrations"),
        permission="integrations.view_integration",
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """They are made in Dotdigital."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """They are deleted in Dotdigital."""
        return False

    @admin.display(description=_("Default value"))
    def shown_default(self, field: DataField) -> str | None:
        """The value a contact has without one of its own."""
        return None if field.default_value in (None, "") else str(field.default_value)

    def save_model(self, request: HttpRequest, obj: DataField, form: Any, change: bool) -> None:  # noqa: FBT001
        """Store the notes alone; an import may be writing the rest."""
        obj.save(update_fields=["notes"])

    def list_buttons(self, request: HttpRequest) -> Sequence[Button]:
        """Read them again, for those who may ask for runs."""
        if not request.user.has_perm(MAY_REQUEST):
            return ()
        url = reverse("admin:mirror_datafield_read_again")
        return (Button(title=_("Read again now"), url=url, icon="refresh", posts=True),)

    def get_urls(self) -> list[URLPattern]:
        """Also reading again."""
        view = self.admin_site.admin_view(require_POST(self.read_again))
        return [path("read-again/", view, name="mirror_datafield_read_again"), *super().get_urls()]

    def read_again(self, request: HttpRequest) -> HttpResponse:
        """Ask for a reading of the data fields of every active integration."""
        require(request, MAY_REQUEST)
        for integration in Integration.objects.filter(is_active=True):
            ask_for_run(request, integration=integration, kind=RunKind.DATA_FIELDS)
        return HttpResponseRedirect(reverse("admin:mirror_datafield_changelist"))

"""Integrations: the connected accounts, their check, their runs, and how to be rid of one."""
# ruff: noqa: ARG002 - Django's hooks give more than every screen needs

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from dotbridge.backoffice.integration_removal import connected_lists, delete_integration, what_goes
from dotbridge.backoffice.labels import ago, already_switched, badge, grouped
from dotbridge.backoffice.reads.accounts import what_goes_on
from dotbridge.backoffice.rights import MAY_ADD_ACCOUNT, MAY_REQUEST
from dotbridge.backoffice.screens.base import Button, EmptyList, View, link_to, url_of
from dotbridge.backoffice.screens.deletion import DeletingScreen
from dotbridge.backoffice.screens.integration_forms import SETTINGS, IntegrationForm
from dotbridge.backoffice.screens.run_requests import ask_for_run
from dotbridge.backoffice.site import table_site
from dotbridge.backoffice.tones import RUN_TONES
from dotbridge.connections.services import request_import, switch_account
from dotbridge.encryption import SecretUnreadable, unseal
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import Check, check_connection, check_integration, create_integration, set_password
from dotbridge.sync.models import State, SyncRun

# When one of these is changed, the account is read at once.
OF_THE_WAY = {"username", "password", "base_url", "is_active"}


@admin.register(Integration, site=table_site)
class IntegrationScreen(DeletingScreen):
    """The connected Dotdigital accounts."""

    form = IntegrationForm
    deletion_title = gettext_lazy("Delete integration")
    list_display = ("name", "account", "region", "active", "last_connected", "last_run")
    list_filter = ("is_active",)
    search_fields = ("name", "account_name")
    fieldsets = (
        (None, {"fields": ("name", "username", "password", "base_url", "is_active")}),
        (gettext_lazy("Synchronisation"), {"fields": SETTINGS}),
        (
            gettext_lazy("What the account told about itself"),
            {"fields": ("account", "account_id", "region", "checked_at")},
        ),
    )
    add_fieldsets = ((None, {"fields": ("name", "username", "password", "base_url", "is_active")}),)
    readonly_fields = ("account", "account_id", "region", "checked_at")
    change_form_template = "backoffice/integration_form.html"
    empty_list = EmptyList(
        title=gettext_lazy("No account is connected yet"),
        text=gettext_lazy(
            "Make an API user in Dotdigital (Settings, Access, API users) and enter its e-mail and password here. "
            "The address books and contacts of the account are read with the first run."
        ),
        link="dotbridge_tables:dotbridge_integrations_integration_add",
        link_text=gettext_lazy("Add an integration"),
        permission=MAY_ADD_ACCOUNT,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Integration]:
        """Each integration with its newest run's state and time."""
        newest = SyncRun.objects.filter(integration=OuterRef("pk")).order_by("-id")
        integrations: QuerySet[Integration] = super().get_queryset(request)
        return integrations.annotate(
            last_state=Subquery(newest.values("state")[:1]), last_started=Subquery(newest.values("started_at")[:1])
        )

    @method_decorator(sensitive_post_parameters("password"))
    def changeform_view(self, *arguments: Any, **options: Any) -> Any:
        """The form; what is typed as password stays out of error reports."""
        return super().changeform_view(*arguments, **options)

    @admin.display(description=gettext_lazy("Account"))
    def account(self, integration: Integration) -> str:
        """The account's own name."""
        return integration.account_name or _("not known yet")

    @admin.display(description=gettext_lazy("Region found"))
    def region(self, integration: Integration) -> str:
        """Where the account lives."""
        return integration.endpoint or _("not known yet")

    @admin.display(description=gettext_lazy("Active"), ordering="is_active")
    def active(self, integration: Integration) -> SafeString:
        """On or off, in words."""
        return badge(_("Switched on"), "good") if integration.is_active else badge(_("Switched off"))

    @admin.display(description=gettext_lazy("Last connected"), ordering="checked_at")
    def last_connected(self, integration: Integration) -> str:
        """How long ago Dotdigital last answered."""
        return ago(integration.checked_at)

    @admin.display(description=gettext_lazy("Last run"))
    def last_run(self, integration: Any) -> SafeString | str:
        """How the newest run ended."""
        if integration.last_state is None:
            return _("none yet")
        state = State(integration.last_state)
        return badge(f"{state.label}, {ago(integration.last_started)}", RUN_TONES[state])

    def buttons(self, request: HttpRequest, record: Integration) -> Sequence[Button]:
        """Check, synchronise, switch on and off."""
        may_change = self.has_change_permission(request, record)
        buttons = []
        if may_change:
            title, page, icon = (
                (_("Switch off"), "deactivate", "pause_circle")
                if record.is_active
                else (_("Switch on"), "activate", "play_circle")
            )
            buttons += [
                Button(title=title, url=self.page_url(record, page), icon=icon, posts=True),
                Button(
                    title=_("Check connection"), url=self.page_url(record, "check"), icon="network_check", posts=True
                ),
            ]
        if request.user.has_perm(MAY_REQUEST):
            sync = self.page_url(record, "sync")
            buttons.append(Button(title=_("Sync now"), url=sync, icon="sync", posts=True, is_primary=True))
        return buttons

    def pages(self) -> Mapping[str, View]:
        """What the buttons post to."""
        return {
            "check": require_POST(self.check_stored),
            "sync": require_POST(self.sync),
            "activate": require_POST(partial(self.switch, to=True)),
            "deactivate": require_POST(partial(self.switch, to=False)),
        }

    def get_urls(self) -> list[URLPattern]:
        """Also the check of what is typed into the form, saved or not."""
        view = self.admin_site.admin_view(sensitive_post_parameters("password")(require_POST(self.check_typed)))
        return [path("check-typed/", view, name="dotbridge_integrations_integration_check_typed"), *super().get_urls()]

    def check_stored(self, request: HttpRequest, integration: Integration) -> HttpResponse:
        """Check the stored credentials."""
        self._require_change(request, integration)
        outcome = check_integration(integration=integration)
        (messages.success if outcome.succeeded else messages.error)(request, outcome.message)
        return HttpResponseRedirect(url_of(integration))

    def check_typed(self, request: HttpRequest) -> HttpResponse:
        """Check what the form holds now; an empty password means the stored one. Answers a piece of a page."""
        integration = self._integration_of_form(request)
        password = request.POST.get("password", "")
        username, base_url = request.POST.get("username", "").strip(), request.POST.get("base_url", "").strip()
        outcome = None
        if not password and integration:
            try:
                password = unseal(integration.password_sealed)
            except SecretUnreadable as error:
                outcome = Check(succeeded=False, message=str(error))
        if outcome is None and not (username and password and base_url):
            outcome = Check(succeeded=False, message=_("Fill in the API user, the password and the base URL first."))
        if outcome is None:
            outcome = check_connection(username=username, password=password, base_url=base_url, integration=integration)
        return render(request, "backoffice/check_result.html", {"check": outcome})

    def _integration_of_form(self, request: HttpRequest) -> Integration | None:
        """The integration whose form is open, None for a new one. Raises PermissionDenied and Http404."""
        given = request.POST.get("integration", "")
        if not given:
            if not self.has_add_permission(request):
                raise PermissionDenied
            return None
        integration: Integration | None = self.get_object(request, given)
        if integration is None:
            raise Http404
        self._require_change(request, integration)
        return integration

    def sync(self, request: HttpRequest, integration: Integration) -> HttpResponse:
        """Have the worker import and export now."""
        ask_for_run(request, integration=integration)
        return HttpResponseRedirect(url_of(integration))

    def switch(self, request: HttpRequest, integration: Integration, *, to: bool) -> HttpResponse:
        """On or off, as the button says: pressed by two people it stays so."""
        self._require_change(request, integration)
        if not switch_account(integration=integration, to=to):
            messages.info(request, already_switched(to))
            return HttpResponseRedirect(url_of(integration))
        text = _("Switched on.") if to else what_goes_on(integration)
        self.log_change(request, integration, text)
        messages.success(request, text)
        return HttpResponseRedirect(url_of(integration))

    def _require_change(self, request: HttpRequest, integration: Integration) -> None:
        if not self.has_change_permission(request, integration):
            raise PermissionDenied

    def save_model(self, request: HttpRequest, obj: Integration, form: Any, change: bool) -> None:  # noqa: FBT001
        """Store what was typed; the password is sealed on its way."""
        password = form.cleaned_data["password"]
        if change:
            obj.save(update_fields=["name", "username", "base_url", "is_active", *SETTINGS, "updated_at"])
            if password:
                set_password(integration=obj, password=password)
            if OF_THE_WAY & set(form.changed_data):
                request_import(integration=obj)
            return
        created = create_integration(
            name=obj.name,
            username=obj.username,
            password=password,
            base_url=obj.base_url,
            is_active=obj.is_active,
        )
        obj.__dict__.update(created.__dict__)
        request_import(integration=obj)

    def delete_record(self, request: HttpRequest, record: Integration) -> str:
        """It goes with everything that was read for it."""
        delete_integration(integration=record)
        return _("%(name)s was deleted.") % {"name": record.name}

    def deletion(self, request: HttpRequest, record: Integration) -> Mapping[str, Any]:
        """What goes with it, or the lists that have to be disconnected first."""
        if connected := connected_lists(record):
            return {
                "question": _("%(name)s cannot be deleted yet") % {"name": record.name},
                "consequences": [_("These marketing lists are connected to it. Disconnect them first:")],
                "items": [link_to(each) for each in connected],
            }
        return {
            "question": _("Delete %(name)s?") % {"name": record.name},
            "consequences": [_("This goes with it and cannot be brought back:")],
            "items": [f"{grouped(number)} {name}" for name, number in what_goes(record)],
            "answer": _("Yes, delete it"),
        }

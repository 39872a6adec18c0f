"""An account: how it is doing, what is done with it, and the way into it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from dotbridge.backoffice.integration_removal import connected_lists, delete_integration, what_goes
from dotbridge.backoffice.labels import already_switched, grouped
from dotbridge.backoffice.pages.account_forms import AccountSettingsForm, CredentialsForm, NewAccountForm
from dotbridge.backoffice.pages.editing import clash_of_form, line_of_secret, seen_of
from dotbridge.backoffice.pages.frame import Crumb, log_change, page, report_change, show, show_refusal
from dotbridge.backoffice.pages.list_actions import followed, start_run
from dotbridge.backoffice.queries import after_run_of
from dotbridge.backoffice.reads.accounts import facts_of, feeds_of, what_goes_on
from dotbridge.backoffice.reads.calls import planned_runs
from dotbridge.backoffice.reads.history import history_of
from dotbridge.backoffice.reads.home import calls_of_accounts
from dotbridge.backoffice.reads.live import last_run
from dotbridge.backoffice.rights import (
    MAY_ADD_ACCOUNT,
    MAY_CHANGE_ACCOUNT,
    MAY_DELETE_ACCOUNT,
    MAY_REQUEST,
    MAY_SEE_ACCOUNTS,
)
from dotbridge.connections.services import request_import, switch_account
from dotbridge.editing import ChangedMeanwhile, fingerprint, held_as_seen
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import check_integration, create_integration, set_password
from dotbridge.sync.inbound.large_readings import waiting_readings

CREDENTIALS = ("username", "base_url", "password_sealed")


def _url(integration: Integration) -> str:
    return reverse("dotbridge:account", args=[integration.pk])


def _crumbs() -> list[Crumb]:
    return [
        Crumb(title=_("Settings"), url=reverse("dotbridge:settings")),
        Crumb(title=_("Accounts"), url=reverse("dotbridge:accounts")),
    ]


@page(MAY_SEE_ACCOUNTS)
@sensitive_post_parameters("password")
def account(request: HttpRequest, pk: int) -> HttpResponse:
    """The page of one account, with two forms: what is done with it, and the credentials."""
    integration = get_object_or_404(Integration, pk=pk)
    may_change = request.user.has_perm(MAY_CHANGE_ACCOUNT)
    if request.method == "POST" and not may_change:
        raise PermissionDenied
    posted = request.POST.get("form") if request.method == "POST" else ""
    settings_form = AccountSettingsForm(request.POST if posted == "settings" else None, instance=integration)
    credentials = CredentialsForm(
        request.POST if posted == "credentials" else None,
        integration=integration,
        initial={"username": integration.username, "base_url": integration.base_url},
    )
    stored = Integration.objects.get(pk=pk)
    context: dict[str, Any] = {
        "settings_seen": fingerprint(stored, settings_form.fields),
        "credentials_seen": fingerprint(stored, CREDENTIALS),
    }
    try:
        if posted == "settings":
            context["settings_seen"] = seen_of(request, stored, settings_form.fields)
            if settings_form.is_valid():
                _store_settings(stored, settings_form, context["settings_seen"])
                return _saved(request, integration, _("Settings changed."))
        if posted == "credentials":
            context["credentials_seen"] = seen_of(request, stored, CREDENTIALS)
            if credentials.is_valid():
                before, text = last_run(pk), _store(stored, credentials, context["credentials_seen"])
                return _saved(request, integration, text, after=before if integration.is_active else None)
    except ChangedMeanwhile as error:
        found = clash_of_form(settings_form, error.records, settings_form.fields) if posted == "settings" else None
        found = found or _clash_of_credentials(credentials, error)
        if not found["clash"]:
            return HttpResponseRedirect(_url(integration))
        context |= {f"{posted}_clash": found["clash"], f"{posted}_seen": found["seen"], "clash_by": found["clash_by"]}
    context |= {"settings_form": settings_form, "credentials": credentials, "may_change": may_change}
    return _show_account(request, stored, context)


def _show_account(request: HttpRequest, integration: Integration, context: dict[str, Any]) -> HttpResponse:
    """The page, with what is typed into its two forms; a clash of two people is told with 409."""
    return show(
        request,
        "backoffice/house/account.html",
        status=409 if "clash_by" in context else 200,
        title=integration.name,
        current="settings",
        crumbs=_crumbs(),
        context={
            "account": integration,
            "feeds": feeds_of(integration),
            "facts": facts_of(integration),
            "calls": [each for each in calls_of_accounts() if each.integration.pk == integration.pk],
            "planned": planned_runs(integration),
            "waiting": waiting_readings(integration) if integration.is_active else None,
            "may_sync": request.user.has_perm(MAY_REQUEST) and integration.is_active,
            "may_delete": request.user.has_perm(MAY_DELETE_ACCOUNT),
            "strip_after": after_run_of(request),
            "history": history_of(integration, viewer=request.user),
            **context,
        },
    )


def _store_settings(integration: Integration, form: AccountSettingsForm, seen: str) -> None:
    with transaction.atomic():
        held_as_seen(integration, form.fields, seen)
        form.instance.save(update_fields=[*form.fields, "updated_at"])


def _clash_of_credentials(form: CredentialsForm, error: ChangedMeanwhile) -> dict[str, Any]:
    """What the later one of two people is told; of a password, that there is another one."""
    return clash_of_form(
        form,
        error.records,
        ["username", "base_url"],
        further=lambda theirs: [line_of_secret(form, "password", theirs.password_sealed)],
        held=CREDENTIALS,
    )


def _store(integration: Integration, form: CredentialsForm, seen: str) -> str:
    with transaction.atomic():
        stored = held_as_seen(integration, CREDENTIALS, seen)
        stored.username, stored.base_url = form.cleaned_data["username"], form.cleaned_data["base_url"]
        stored.save(update_fields=["username", "base_url", "updated_at"])
        if form.cleaned_data["password"]:
            set_password(integration=stored, password=form.cleaned_data["password"])
        request_import(integration=stored)
    return _("Credentials changed. %(outcome)s") % {"outcome": form.outcome}


def _saved(request: HttpRequest, integration: Integration, text: str, *, after: int | None = None) -> HttpResponse:
    """Tell what was saved; the page follows the run that was asked for after the run `after`."""
    report_change(request, integration, text)
    return HttpResponseRedirect(_url(integration)) if after is None else followed(_url(integration), after)


@page(MAY_SEE_ACCOUNTS, MAY_ADD_ACCOUNT)
@sensitive_post_parameters("password")
def add_account(request: HttpRequest) -> HttpResponse:
    """Connect an account; it is tried first, and read at once."""
    form = NewAccountForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        given = {name: form.cleaned_data[name] for name in ("name", "username", "password", "base_url")}
        with transaction.atomic():
            made = create_integration(**given)
            log_change(request, made, _("Connected."))
            request_import(integration=made)
        messages.success(request, form.outcome)
        return followed(_url(made), 0)
    return show(
        request,
        "backoffice/house/form_page.html",
        title=_("Connect an account"),
        current="settings",
        crumbs=_crumbs(),
        context={"form": form, "answer": _("Check and connect"), "back_url": reverse("dotbridge:accounts")},
    )


@require_POST
@page(MAY_SEE_ACCOUNTS)
def sync_account(request: HttpRequest, pk: int) -> HttpResponse:
    """Have the worker import and export now."""
    integration = get_object_or_404(Integration, pk=pk)
    return start_run(request, integration=integration, back_url=_url(integration))


@require_POST
@page(MAY_SEE_ACCOUNTS, MAY_CHANGE_ACCOUNT)
def check_account(request: HttpRequest, pk: int) -> HttpResponse:
    """Try the stored credentials."""
    integration = get_object_or_404(Integration, pk=pk)
    outcome = check_integration(integration=integration)
    (messages.success if outcome.succeeded else messages.error)(request, outcome.message)
    return HttpResponseRedirect(_url(integration))


@require_POST
@page(MAY_SEE_ACCOUNTS, MAY_CHANGE_ACCOUNT)
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch it on or off, as the button says: pressed twice, or by two people, it stays so."""
    integration = get_object_or_404(Integration, pk=pk)
    wanted, after = request.POST.get("to") == "on", last_run(integration.pk)
    if not switch_account(integration=integration, to=wanted):
        messages.info(request, already_switched(wanted))
        return HttpResponseRedirect(_url(integration))
    if not wanted:
        return _saved(request, integration, what_goes_on(integration))
    return _saved(request, integration, _("Switched on."), after=after)


@page(MAY_SEE_ACCOUNTS, MAY_DELETE_ACCOUNT)
def delete_account(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what goes with it, or which lists have to be disconnected first, and delete it."""
    integration = get_object_or_404(Integration, pk=pk)
    if request.method == "POST" and request.POST.get("confirmed"):
        name = integration.name
        try:
            delete_integration(integration=integration)
        except ValidationError as error:
            show_refusal(request, error)
            return HttpResponseRedirect(_url(integration))
        messages.success(request, _("%(name)s was deleted.") % {"name": name})
        return HttpResponseRedirect(reverse("dotbridge:accounts"))
    connected = connected_lists(integration)
    if connected:
        names = ", ".join(str(each) for each in connected)
        messages.error(request, _("Disconnect these lists first: %(names)s.") % {"names": names})
        return HttpResponseRedirect(_url(integration))
    context: dict[str, Any] = {
        "question": _("Delete %(name)s?") % {"name": integration.name},
        "consequences": [_("In Dotdigital nothing changes."), _("This goes with it and cannot be brought back:")],
        "items": [f"{grouped(number)} {name}" for name, number in what_goes(integration)],
        "answer": _("Yes, delete it"),
        "is_danger": True,
        "action_url": request.path,
        "back_url": _url(integration),
    }
    return show(
        request,
        "backoffice/house/confirm.html",
        title=_("Delete the account"),
        current="settings",
        crumbs=_crumbs(),
        context=context,
    )

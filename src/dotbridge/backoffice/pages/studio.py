"""Email Studio: a person opens the web application of an account from here, without a log-in of its own."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from dotbridge.backoffice.pages.campaigns import campaign_kinds
from dotbridge.backoffice.pages.editing import clash, last_change, line_of_secret, posted_seen, value_in_words
from dotbridge.backoffice.pages.forms import add_refusal
from dotbridge.backoffice.pages.frame import Crumb, Tab, page, person_of, report_change, show, show_refusal
from dotbridge.backoffice.pages.security import POLICY
from dotbridge.backoffice.rights import MAY_CHANGE_ACCOUNT, MAY_USE_STUDIO
from dotbridge.editing import ChangedMeanwhile, fingerprint_of_all
from dotbridge.integrations.models import Integration
from dotbridge.studio.hosts import application_of, application_of_region
from dotbridge.studio.models import SignOn
from dotbridge.studio.oauth import SignOnFailed, words_of
from dotbridge.studio.selectors import accounts_to_open, standing_of
from dotbridge.studio.services import (
    SIGN_ON_FIELDS,
    begin_sign_on,
    disconnect,
    finish_sign_on,
    open_application,
    remove_sign_on,
    set_up_sign_on,
    take_back,
)

# What ties a way back to the session, and the account that was opened last.
_SECRET, _LAST = "dotbridge_studio_secret", "dotbridge_studio_account"
LONGEST_CODE = 2048


def _url(integration: Integration) -> str:
    return reverse("dotbridge:studio-account", args=[integration.pk])


def callback_url(request: HttpRequest) -> str:
    """Where the vendor sends people back to: it has to be registered there exactly so."""
    return request.build_absolute_uri(reverse("dotbridge:studio-callback"))


def _account(pk: int) -> Integration:
    return get_object_or_404(Integration.objects.select_related("sign_on"), pk=pk, is_active=True)


@page(MAY_USE_STUDIO)
def studio(request: HttpRequest) -> HttpResponse:
    """The account that was opened last, or the first that can be opened."""
    accounts = accounts_to_open()
    last = request.session.get(_LAST)
    ready = [account for account in accounts if hasattr(account, "sign_on")]
    chosen = next((account for account in accounts if account.pk == last), None)
    chosen = chosen or next(iter([*ready, *accounts]), None)
    if chosen is not None:
        return HttpResponseRedirect(_url(chosen))
    return show(
        request,
        "backoffice/house/studio_empty.html",
        title=_("Email Studio"),
        current="campaigns",
        tabs=campaign_kinds(request, "studio"),
    )


@page(MAY_USE_STUDIO)
def studio_account(request: HttpRequest, pk: int) -> HttpResponse:
    """The page of one account: connect, or the account itself in a frame that is filled once the page stands."""
    integration = _account(pk)
    standing = standing_of(integration, person_of(request))
    response = show(
        request,
        "backoffice/house/studio.html",
        title=_("Email Studio"),
        current="campaigns",
        tabs=campaign_kinds(request, "studio"),
        context={
            "account": integration,
            "standing": standing,
            "chips": [Tab(title=each.name, url=_url(each), is_current=each.pk == pk) for each in accounts_to_open()],
            "may_set_up": request.user.has_perm(MAY_CHANGE_ACCOUNT),
        },
    )
    response["Content-Security-Policy"] = _policy_with(application_of(integration))
    response["Cache-Control"] = "no-store"
    return response


def _policy_with(origin: str) -> str:
    """The pages' own policy, and the application's origin as one that may be framed and gone to."""
    return f"{POLICY.replace('form-action ', f'form-action {origin} ')}; frame-src 'self' {origin}"


@require_POST
@page(MAY_USE_STUDIO)
def connect(request: HttpRequest, pk: int) -> HttpResponse:
    """Send the person to the vendor's page."""
    integration = _account(pk)
    if _SECRET not in request.session:
        request.session[_SECRET] = secrets.token_urlsafe(32)
    try:
        url = begin_sign_on(
            integration=integration,
            user=person_of(request),
            session=request.session[_SECRET],
            redirect_uri=callback_url(request),
        )
    except SignOnFailed as error:
        messages.error(request, error.text)
        return HttpResponseRedirect(_url(integration))
    return _without_traces(HttpResponseRedirect(url))


def callback(request: HttpRequest) -> HttpResponseBase:
    """The way back. Who is not logged in any more comes without the code, which would be worth nothing to them."""
    if not request.user.is_authenticated:
        return redirect_to_login(reverse("dotbridge:studio"), reverse("dotbridge:login"))
    return _callback(request)


@page(MAY_USE_STUDIO)
def _callback(request: HttpRequest) -> HttpResponse:
    try:
        pending = take_back(
            state=request.GET.get("state", ""), user=person_of(request), session=request.session.get(_SECRET, "")
        )
    except SignOnFailed as error:
        messages.error(request, error.text)
        return _without_traces(HttpResponseRedirect(reverse("dotbridge:studio")))
    integration, code = pending.integration, request.GET.get("code", "")
    if "error" in request.GET or not 0 < len(code) <= LONGEST_CODE:
        messages.error(request, words_of(request.GET.get("error", "")))
        return _without_traces(HttpResponseRedirect(_url(integration)))
    try:
        finish_sign_on(pending=pending, code=code)
    except SignOnFailed as error:
        messages.error(request, error.text)
    else:
        request.session[_LAST] = integration.pk
        messages.success(request, _("Connected. %(account)s opens here from now on.") % {"account": integration})
    return _without_traces(HttpResponseRedirect(_url(integration)))


@require_POST
@page(MAY_USE_STUDIO)
def frame(request: HttpRequest, pk: int) -> HttpResponse:
    """A piece: the account in a frame, with a token for this one visit, or why it cannot be opened."""
    integration = _account(pk)
    context: dict[str, Any] = {"account": integration}
    try:
        context["url"] = open_application(integration=integration, user=person_of(request))
        request.session[_LAST] = integration.pk
    except SignOnFailed as error:
        context |= {"problem": error.text, "is_refused": error.is_refused}
    return _without_traces(render(request, "backoffice/components/studio_frame.html", context))


@page(MAY_USE_STUDIO)
def open_tab(request: HttpRequest, pk: int) -> HttpResponse:
    """The account in a tab of its own."""
    integration = _account(pk)
    try:
        url = open_application(integration=integration, user=person_of(request))
    except SignOnFailed as error:
        messages.error(request, error.text)
        url = _url(integration)
    return _without_traces(HttpResponseRedirect(url))


@require_POST
@page(MAY_USE_STUDIO)
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget what the person has allowed."""
    integration = _account(pk)
    try:
        disconnect(integration=integration, user=person_of(request))
    except ValidationError as error:
        show_refusal(request, error)
    else:
        messages.success(request, _("Disconnected. Dotdigital itself lists what you have allowed."))
    return HttpResponseRedirect(_url(integration))


def _without_traces(response: HttpResponse) -> HttpResponse:
    """A token or a code is in it, so nobody keeps it and nobody is told of it."""
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    return response


class SignOnForm(forms.Form):
    """The OAuth client that the vendor has registered. Its secret goes in and never comes out again."""

    client_id = forms.CharField(label=gettext_lazy("Client ID"), max_length=255)
    secret = forms.CharField(
        label=gettext_lazy("Client secret"),
        required=False,
        max_length=255,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    domain = forms.CharField(
        label=gettext_lazy("Custom OAuth domain"),
        required=False,
        max_length=255,
        help_text=gettext_lazy("Only if Dotdigital has given the account a domain of its own."),
    )


@page(MAY_CHANGE_ACCOUNT)
@sensitive_post_parameters("secret")
def set_up(request: HttpRequest, pk: int) -> HttpResponse:
    """Enter the client of an account, or remove it."""
    integration = get_object_or_404(Integration, pk=pk)
    known = SignOn.objects.filter(integration=integration).first()
    initial = {"client_id": known.client_id, "domain": known.domain} if known else {}
    seen = posted_seen(request) or fingerprint_of_all([known] if known else [], SIGN_ON_FIELDS)
    context: dict[str, Any] = {"seen": seen}
    form = SignOnForm(request.POST if request.method == "POST" else None, initial=initial)
    form.fields["secret"].help_text = (
        _("Leave it empty to keep the stored secret.") if known else _("It is stored encrypted and never shown.")
    )
    form.fields["domain"].widget.attrs["placeholder"] = application_of_region(integration)
    if request.method == "POST":
        if request.POST.get("remove"):
            return _removed(request, integration)
        if form.is_valid():
            try:
                set_up_sign_on(integration=integration, seen=seen, **form.cleaned_data)
            except ValidationError as error:
                add_refusal(form, error)
            except ChangedMeanwhile as error:
                context = _clash_of_set_up(form, error)
                if not context["clash"]:
                    return HttpResponseRedirect(_account_url(integration))
            else:
                return _noted(request, integration, _("Single sign-on set up."))
    context = {
        "form": form,
        "known": known,
        "callback_url": callback_url(request),
        "back_url": _account_url(integration),
        "reload_url": request.path,
        **context,
    }
    return _show_set_up(request, integration, "backoffice/house/sign_on.html", context)


def _account_url(integration: Integration) -> str:
    return reverse("dotbridge:account", args=[integration.pk])


def _show_set_up(
    request: HttpRequest, integration: Integration, template: str, context: Mapping[str, Any]
) -> HttpResponse:
    return show(
        request,
        template,
        status=409 if "clash" in context else 200,
        title=_("Single sign-on of %(account)s") % {"account": integration},
        current="settings",
        crumbs=[
            Crumb(title=_("Settings"), url=reverse("dotbridge:settings")),
            Crumb(title=_("Accounts"), url=reverse("dotbridge:accounts")),
            Crumb(title=integration.name, url=_account_url(integration)),
        ],
        context=context,
    )


def _removed(request: HttpRequest, integration: Integration) -> HttpResponse:
    """Say what goes with it, and remove it."""
    if request.POST.get("confirmed"):
        remove_sign_on(integration=integration)
        return _noted(request, integration, _("Single sign-on removed."))
    context = {
        "question": _("Remove the single sign-on?"),
        "consequences": [
            _("Nobody can open the account from here then."),
            _("The client id, its secret and what people have allowed are forgotten here, and have to be given anew."),
        ],
        "hidden": [("remove", "yes")],
        "answer": _("Yes, remove it"),
        "is_danger": True,
        "action_url": request.path,
        "back_url": request.path,
    }
    return _show_set_up(request, integration, "backoffice/house/confirm.html", context)


def _clash_of_set_up(form: SignOnForm, error: ChangedMeanwhile) -> dict[str, Any]:
    """What the later one of two people is told; of the secret, that there is another one."""
    theirs: Any = error.records[0] if error.records else None
    lines = [
        (
            form.fields[name].label or name,
            value_in_words(form.fields[name], getattr(theirs, name)) if theirs else _("removed"),
            value_in_words(form.fields[name], form.cleaned_data[name]),
        )
        for name in ("client_id", "domain")
    ]
    if theirs:
        lines.append(line_of_secret(form, "secret", theirs.secret_sealed))
    changed = last_change(theirs) if theirs else None
    return clash(lines, changed=changed, seen=fingerprint_of_all(error.records, SIGN_ON_FIELDS))


def _noted(request: HttpRequest, integration: Integration, text: str) -> HttpResponse:
    report_change(request, integration, text)
    return HttpResponseRedirect(_account_url(integration))

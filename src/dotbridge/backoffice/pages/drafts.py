"""Campaigns that nobody was sent yet: which there are, what they say, and how sending them stands."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from dotbridge.backoffice.pages.activity import search_pager
from dotbridge.backoffice.pages.campaigns import campaign_kinds
from dotbridge.backoffice.pages.draft_frame import draft_crumbs, draft_or_404, draft_url, preview_context
from dotbridge.backoffice.pages.forms import add_refusal
from dotbridge.backoffice.pages.frame import page, person_of, show, show_refusal
from dotbridge.backoffice.queries import key_of, search_of
from dotbridge.backoffice.reads.drafts import (
    DraftPage,
    drafts_with_state,
    open_in_dotdigital,
    send_words,
    sent_campaign,
)
from dotbridge.backoffice.reads.worker import trouble_of_account, worker_is_alive
from dotbridge.backoffice.rights import MAY_ADD_DRAFT, MAY_SEE_CAMPAIGNS, MAY_SEND
from dotbridge.connections.models import CampaignSend, LookKind, LookState, SendState
from dotbridge.connections.services import (
    give_up_send,
    look_again,
    problem_of_sending,
    request_campaign,
    request_look,
    request_test,
    withdraw_send,
)
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import SenderAddress, Template
from dotbridge.user_address import address_of_user

PAGE = 50


@page(MAY_SEE_CAMPAIGNS)
def drafts(request: HttpRequest) -> HttpResponse:
    """The campaigns of the accounts that wait to be sent."""
    search = search_of(request)
    found = drafts_with_state()
    if search:
        found = found.filter(name__icontains=search) | found.filter(subject__icontains=search)
    current = Paginator(found, PAGE).get_page(request.GET.get("page"))
    return show(
        request,
        "backoffice/house/drafts.html",
        title=_("Campaigns"),
        current="campaigns",
        tabs=campaign_kinds(request, "drafts"),
        context={
            "drafts": current,
            "search": search,
            "pager": search_pager(current, search),
            "may_add": request.user.has_perm(MAY_ADD_DRAFT),
        },
    )


def _sends_context(request: HttpRequest, found: DraftPage) -> dict[str, object]:
    return {
        "found": found,
        "lines": [{"send": send, "words": send_words(send)} for send in found.sends],
        "state_url": draft_url(found, "draft-state"),
        "may_send": request.user.has_perm(MAY_SEND),
        "has_worker": worker_is_alive(),
        "trouble": trouble_of_account(found.integration) if found.is_busy else "",
        "campaign": sent_campaign(found.integration, found.remote_id),
    }


@page(MAY_SEE_CAMPAIGNS)
def draft(request: HttpRequest, account: int, remote_id: int) -> HttpResponse:
    """One campaign before it is sent; once its results are there, they are the page."""
    found = draft_or_404(account, remote_id)
    campaign = sent_campaign(found.integration, remote_id)
    if campaign is not None and found.draft is None:
        return HttpResponseRedirect(reverse("dotbridge:campaign", args=[campaign]))
    newest = found.newest
    is_taken = newest is not None and newest.state not in (
        SendState.FAILED,
        SendState.CANCELLED,
        SendState.WITHDRAWN,
    )
    problem = problem_of_sending(found.draft) if found.draft else ""
    return show(
        request,
        "backoffice/house/draft.html",
        title=found.name,
        current="campaigns",
        crumbs=draft_crumbs(),
        context={
            **_sends_context(request, found),
            **preview_context(found.integration, remote_id),
            "problem": "" if is_taken else problem,
            "can_send": found.draft is not None and not problem and not is_taken,
            "open_url": open_in_dotdigital(found.integration),
            "my_address": address_of_user(person_of(request)),
        },
    )


@page(MAY_SEE_CAMPAIGNS)
def draft_state(request: HttpRequest, account: int, remote_id: int) -> HttpResponse:
    """A piece: how its sends stand. When the last one is over the page is drawn anew."""
    found = draft_or_404(account, remote_id)
    response = render(request, "backoffice/components/sends.html", _sends_context(request, found))
    if not found.is_busy:
        response["HX-Refresh"] = "true"
    return response


@require_POST
@page(MAY_SEE_CAMPAIGNS, MAY_SEND)
def send_test(request: HttpRequest, account: int, remote_id: int) -> HttpResponse:
    """Send it to the one who asks."""
    found = draft_or_404(account, remote_id)
    if found.draft is None:
        raise Http404
    try:
        request_test(draft=found.draft, by=person_of(request))
    except ValidationError as error:
        show_refusal(request, error)
        return HttpResponseRedirect(draft_url(found))
    text = _("A test is sent to %(address)s. Nobody else gets it.")
    messages.success(request, text % {"address": address_of_user(person_of(request))})
    return HttpResponseRedirect(draft_url(found))


_VERBS = {
    "take-back": (withdraw_send, gettext_lazy("Taken back. Nobody is sent it.")),
    "look-again": (look_again, gettext_lazy("It is looked up in Dotdigital.")),
    "not-sent": (give_up_send, gettext_lazy("Noted. The campaign can be sent again.")),
}


@require_POST
@page(MAY_SEE_CAMPAIGNS, MAY_SEND)
def decide_send(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Take a send back, have it looked up, or say that nobody was sent it."""
    send = get_object_or_404(CampaignSend, pk=pk)
    if verb not in _VERBS:
        raise Http404
    service, text = _VERBS[verb]
    try:
        service(send=send)
    except ValidationError as error:
        show_refusal(request, error)
    else:
        messages.success(request, str(text))
    return HttpResponseRedirect(reverse("dotbridge:draft", args=[send.integration_id, send.remote_id]))


class NewCampaignForm(forms.Form):
    """A campaign to be made of a template. The service checks it as Dotdigital would."""

    name = forms.CharField(label=gettext_lazy("Name"), help_text=gettext_lazy("Nobody who gets the mail sees it."))
    subject = forms.CharField(label=gettext_lazy("Subject"))
    from_name = forms.CharField(label=gettext_lazy("Sender's name"))
    sender = forms.ModelChoiceField(
        label=gettext_lazy("Sender's address"),
        queryset=SenderAddress.objects.none(),
        required=False,
        empty_label=gettext_lazy("The account's own"),
    )

    def __init__(self, template: Template, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial = {"name": template.name, "subject": template.subject, "from_name": template.from_name}
        senders = SenderAddress.objects.filter(integration=template.integration_id)
        self.fields["sender"].queryset = senders  # type: ignore[attr-defined]


@page(MAY_SEE_CAMPAIGNS, MAY_ADD_DRAFT)
def add_draft(request: HttpRequest) -> HttpResponse:
    """Choose a template, then say what the campaign is called and who sends it."""
    key = key_of(request, "template")
    template = Template.objects.filter(pk=key, integration__is_active=True).first() if key else None
    if template is None:
        templates = Template.objects.filter(integration__is_active=True).select_related("integration")
        return show(
            request,
            "backoffice/house/draft_templates.html",
            title=_("New campaign"),
            current="campaigns",
            crumbs=draft_crumbs(),
            context={"templates": templates.order_by("name", "pk"), **_reading_of_templates()},
        )
    form = NewCampaignForm(template, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            request_campaign(template=template, by=person_of(request), **form.cleaned_data)
        except ValidationError as error:
            add_refusal(form, error)
        else:
            messages.success(request, _("It is made in Dotdigital. Nobody is sent it."))
            return HttpResponseRedirect(reverse("dotbridge:drafts"))
    return show(
        request,
        "backoffice/house/form_page.html",
        title=_("New campaign of %(template)s") % {"template": template},
        current="campaigns",
        crumbs=draft_crumbs(),
        context={"form": form, "answer": _("Make the campaign"), "back_url": request.path},
    )


def _reading_of_templates() -> dict[str, Any]:
    """Whether the page waits for templates, and the accounts from which they do not come, and why."""
    asked = Integration.objects.filter(looks__kind=LookKind.TEMPLATES, looks__state=LookState.WAITING, is_active=True)
    troubles = [(account, trouble_of_account(account)) for account in asked]
    return {
        "is_waiting": bool(troubles),
        "has_worker": worker_is_alive(),
        "troubles": [(account, trouble) for account, trouble in troubles if trouble],
    }


@require_POST
@page(MAY_SEE_CAMPAIGNS, MAY_ADD_DRAFT)
def read_templates(request: HttpRequest) -> HttpResponse:
    """Have the templates and senders of every active account read."""
    for integration in Integration.objects.filter(is_active=True):
        request_look(integration=integration, kind=LookKind.TEMPLATES)
    messages.success(request, _("The templates are read in a moment."))
    return HttpResponseRedirect(reverse("dotbridge:draft-add"))

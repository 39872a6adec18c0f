"""Sending a campaign in three steps: to which lists and when, what that means, and the number typed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dotbridge.backoffice.labels import grouped
from dotbridge.backoffice.pages.draft_frame import draft_crumbs, draft_or_404, draft_url, preview_context
from dotbridge.backoffice.pages.forms import add_refusal
from dotbridge.backoffice.pages.frame import Crumb, page, person_of, show
from dotbridge.backoffice.reads.drafts import DraftPage, moment_words, preview_of, sendable_links
from dotbridge.backoffice.rights import MAY_SEE_CAMPAIGNS, MAY_SEND
from dotbridge.connections.models import CampaignSend, ListConnection
from dotbridge.connections.recipients import Recipients, count_recipients
from dotbridge.connections.services import problem_of_sending, request_send
from dotbridge.entities.registry import UnknownEntity
from dotbridge.entities.time_limits import TookTooLong, statement_time_limit
from dotbridge.integrations.models import Integration

NOW, LATER = "now", "later"
LONGEST_MS = 10_000
# How people write a large number: with commas, points, blanks of any width or an apostrophe.
_BETWEEN_DIGITS = re.compile(r"[\s,.'\u2019]")


class ChooseForm(forms.Form):
    """To whose books, and when."""

    lists = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Lists"),
        queryset=ListConnection.objects.none(),
        error_messages={
            "required": gettext_lazy("Choose at least one list."),
            "invalid_choice": gettext_lazy("One of the lists is not connected to this account any more."),
            "invalid_pk_value": gettext_lazy("One of the lists is not connected to this account any more."),
        },
    )
    when = forms.ChoiceField(
        label=gettext_lazy("When"), choices=[(NOW, gettext_lazy("At once")), (LATER, gettext_lazy("Later"))]
    )
    send_at = forms.DateTimeField(
        label=gettext_lazy("Day and time"),
        required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def __init__(self, integration: Integration, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["lists"].queryset = sendable_links(integration)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """A later moment is one that is named."""
        cleaned = super().clean() or {}
        if cleaned.get("when") == NOW:
            cleaned["send_at"] = None
        elif not self.errors and cleaned.get("send_at") is None:
            self.add_error("send_at", _("Say when it is to be sent."))
        elif not self.errors and cleaned["send_at"] <= timezone.now():
            self.add_error("send_at", _("This moment is over. Choose a later one, or send at once."))
        return cleaned


class ConfirmForm(forms.Form):
    """The number of people, typed, so that nobody sends to a number they have not read."""

    number = forms.CharField(
        label=gettext_lazy("Type the number of people"),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    fingerprint = forms.CharField(widget=forms.HiddenInput, required=False)

    def clean_number(self) -> int:
        """The number without what people write between its digits."""
        digits = _BETWEEN_DIGITS.sub("", self.cleaned_data["number"])
        if not (digits.isascii() and digits.isdecimal() and len(digits) < 12):
            raise ValidationError(_("Type the number in figures."))
        return int(digits)


@dataclass(frozen=True, kw_only=True)
class _Counted:
    """What the numbers of the choice are, or why they could not be told."""

    numbers: Recipients | None
    problem: str = ""


def _count(links: Sequence[ListConnection]) -> _Counted:
    try:
        with statement_time_limit(LONGEST_MS):
            return _Counted(numbers=count_recipients(links))
    except TookTooLong:
        return _Counted(numbers=None, problem=_("Counting took too long. Try again in a moment."))
    except UnknownEntity as error:
        return _Counted(numbers=None, problem=str(error))


@page(MAY_SEE_CAMPAIGNS, MAY_SEND)
def send(request: HttpRequest, account: int, remote_id: int) -> HttpResponse:
    """The steps, each with an address of its own."""
    found = draft_or_404(account, remote_id)
    if found.draft is None or problem_of_sending(found.draft):
        return HttpResponseRedirect(draft_url(found))
    given = request.POST if request.method == "POST" else request.GET
    choice = ChooseForm(found.integration, given if "lists" in given or "when" in given else None)
    if not choice.is_bound or not choice.is_valid():
        return _show_choice(request, found, choice)
    confirm = ConfirmForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and confirm.is_valid() and (answer := _send(request, found, choice, confirm)):
        return answer
    return _show_look(request, found, choice, confirm)


@page(MAY_SEE_CAMPAIGNS, MAY_SEND)
def numbers(request: HttpRequest, account: int, remote_id: int) -> HttpResponse:
    """A piece of the last step: how many people it would go to, and the form that confirms it."""
    found = draft_or_404(account, remote_id)
    choice = ChooseForm(found.integration, request.GET)
    if found.draft is None or not choice.is_valid():
        context: dict[str, Any] = {"problem": _("Something has changed meanwhile. Choose again.")}
    else:
        context = _numbers_context(found, choice, ConfirmForm())
    context |= {"action_url": draft_url(found, "draft-send"), "back_url": draft_url(found)}
    return render(request, "backoffice/components/send_numbers.html", context)


def _show_choice(request: HttpRequest, found: DraftPage, choice: ChooseForm) -> HttpResponse:
    chosen = {str(key) for key in (choice.data.getlist("lists") if choice.is_bound else [])}  # type: ignore[attr-defined]
    links = [{"link": link, "is_chosen": str(link.pk) in chosen} for link in sendable_links(found.integration)]
    return _show(
        request,
        found,
        "backoffice/house/draft_send.html",
        {
            "choice": choice,
            "links": links,
            "is_later": choice.data.get("when") == LATER,
            "zone": timezone.get_current_timezone_name(),
        },
    )


def _numbers_context(found: DraftPage, choice: ChooseForm, confirm: ConfirmForm) -> dict[str, Any]:
    links, send_at = list(choice.cleaned_data["lists"]), choice.cleaned_data["send_at"]
    counted = _count(links)
    content = preview_of(found.integration, found.remote_id).content
    hidden = [("lists", link.pk) for link in links] + [("when", choice.cleaned_data["when"])]
    if send_at is not None:
        hidden.append(("send_at", timezone.localtime(send_at).strftime("%Y-%m-%dT%H:%M")))
    return {
        "numbers": counted.numbers,
        "problem": counted.problem,
        "confirm": confirm,
        "fingerprint": content.fingerprint if content else "",
        "hidden": hidden,
    }


def _show_look(request: HttpRequest, found: DraftPage, choice: ChooseForm, confirm: ConfirmForm) -> HttpResponse:
    """The last step. Its numbers come once the page stands, or at once with what was typed and refused."""
    send_at = choice.cleaned_data["send_at"]
    is_first = not confirm.is_bound
    numbers_url = f"{draft_url(found, 'draft-numbers')}?{request.GET.urlencode()}" if is_first else ""
    return _show(
        request,
        found,
        "backoffice/house/draft_confirm.html",
        {
            **preview_context(found.integration, found.remote_id),
            "draft": found.draft,
            "links": list(choice.cleaned_data["lists"]),
            "when_words": moment_words(send_at) if send_at else _("At once"),
            "numbers_url": numbers_url,
            **({} if is_first else _numbers_context(found, choice, confirm)),
        },
    )


def _show(request: HttpRequest, found: DraftPage, template: str, context: dict[str, Any]) -> HttpResponse:
    crumbs = [*draft_crumbs(), Crumb(title=found.name, url=draft_url(found))]
    return show(
        request,
        template,
        title=_("Send %(name)s") % {"name": found.name},
        current="campaigns",
        crumbs=crumbs,
        context={"found": found, "back_url": draft_url(found), "action_url": request.path, **context},
    )


def _send(request: HttpRequest, found: DraftPage, choice: ChooseForm, confirm: ConfirmForm) -> HttpResponse | None:
    """Ask for it; None, with what is wrong on the form, when it was refused."""
    if found.draft is None:
        return HttpResponseRedirect(draft_url(found))
    try:
        with statement_time_limit(LONGEST_MS):
            made = request_send(
                draft=found.draft,
                links=list(choice.cleaned_data["lists"]),
                number=confirm.cleaned_data["number"],
                fingerprint=confirm.cleaned_data["fingerprint"],
                send_at=choice.cleaned_data["send_at"],
                by=person_of(request),
            )
    except ValidationError as error:
        if _is_theirs(request, found):
            # The second click of two: the first one has been taken.
            return HttpResponseRedirect(draft_url(found))
        add_refusal(confirm, error)
        return None
    except TookTooLong:
        confirm.add_error(None, _("Counting took too long. Try again in a moment."))
        return None
    messages.success(request, _said(made))
    return HttpResponseRedirect(draft_url(found))


def _is_theirs(request: HttpRequest, found: DraftPage) -> bool:
    newest = draft_or_404(found.integration.pk, found.remote_id).newest
    return newest is not None and newest.is_open and newest.requested_by_id == person_of(request).pk


def _said(made: CampaignSend) -> str:
    said = {"name": made.name, "number": grouped(made.recipients)}
    if made.send_at is None:
        text = ngettext(
            "%(name)s is sent to %(number)s person.", "%(name)s is sent to %(number)s people.", made.recipients
        )
        return text % said
    text = ngettext(
        "%(name)s is sent to %(number)s person on %(moment)s.",
        "%(name)s is sent to %(number)s people on %(moment)s.",
        made.recipients,
    )
    return text % {**said, "moment": moment_words(made.send_at)}

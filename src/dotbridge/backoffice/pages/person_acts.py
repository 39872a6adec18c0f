"""What is done with a person: nothing more is written to them, that is taken back, or they are forgotten.

Who did it, and how they knew, stands in the consent ledger. The log of changes gets no copy: it would keep the name and
address of a person who is forgotten later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from dotbridge.backoffice.consent_labels import objection_text
from dotbridge.backoffice.pages.frame import Crumb, page, person_of, show, show_refusal
from dotbridge.backoffice.pages.person_frame import Whom, acts_on, try_request_again, whom_of_contact, whom_of_record
from dotbridge.backoffice.reads.person import person_of_address, requests_of
from dotbridge.backoffice.rights import MAY_CHANGE_CONNECTION, MAY_FORGET, MAY_OPT_IN, MAY_OPT_OUT, MAY_SEE_CONTACTS
from dotbridge.conf import typed_command
from dotbridge.connections.services import tell_of_opt_out
from dotbridge.consent.erasure import erase_address
from dotbridge.consent.models import OF_DOTDIGITAL, Scope, Source
from dotbridge.consent.services import opt_in_addresses, opt_in_records, opt_out_addresses, opt_out_records
from dotbridge.entities.email import address_key
from dotbridge.entities.registry import entities
from dotbridge.entities.time_limits import TookTooLong, statement_time_limit
from dotbridge.mirror.models import Contact
from dotbridge.mirror.status import LIVE

# Results of campaigns are found by going through all of them. No statement of it keeps the page waiting for longer.
FORGET_MILLISECONDS = 20_000
PERMISSIONS = {
    "opt-out": MAY_OPT_OUT,
    "take-back": MAY_OPT_IN,
    "forget": MAY_FORGET,
    "try-again": MAY_CHANGE_CONNECTION,
}


class NoteForm(forms.Form):
    """How somebody knows what the person wants; kept in the ledger as evidence."""

    note = forms.CharField(
        label=gettext_lazy("How do you know?"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy("For example: asked by phone, 3 May. It is kept as evidence."),
    )


class ForgetForm(forms.Form):
    """The address once more, typed by hand, and how far the forgetting goes."""

    address = forms.CharField(
        label=gettext_lazy("Type the address to confirm"),
        max_length=254,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}),
    )
    is_remote = forms.BooleanField(
        label=gettext_lazy("Delete the contact in every connected account as well"),
        required=False,
        help_text=gettext_lazy(
            "Otherwise Dotdigital keeps it, unsubscribed from the address books of your lists, and only here nothing "
            "is known of it any more."
        ),
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean_address(self) -> str:
        """The address, if it is the person's."""
        typed: str = self.cleaned_data["address"].strip()
        if address_key(typed) != address_key(self.email):
            raise ValidationError(_("This is not the address of the person. Nothing was done."))
        return typed


@page()
@sensitive_post_parameters("note", "address")
def act_on_record(request: HttpRequest, entity: str, record_id: str, verb: str) -> HttpResponse:
    """Do something with the person of a record."""
    return _act(request, whom_of_record(request, entity, record_id), verb)


@page(MAY_SEE_CONTACTS)
@sensitive_post_parameters("note", "address")
def act_on_contact(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Do something with the person of a contact."""
    return _act(request, whom_of_contact(pk), verb)


def _act(request: HttpRequest, whom: Whom, verb: str) -> HttpResponse:
    acts: dict[str, Callable[[HttpRequest, Whom], HttpResponse]] = {
        "opt-out": _opt_out,
        "take-back": _take_back,
        "forget": _forget,
    }
    if verb not in PERMISSIONS:
        raise Http404
    if not request.user.has_perm(PERMISSIONS[verb]):
        raise PermissionDenied
    if verb == "try-again":
        return _try_again(request, whom)
    if verb not in {act.verb for act in acts_on(request, whom, whom.objections())}:
        messages.error(request, _("This cannot be done with the person as they stand now."))
        return HttpResponseRedirect(whom.url)
    return acts[verb](request, whom)


def _ask(request: HttpRequest, whom: Whom, form: forms.Form, *, title: str, **context: Any) -> HttpResponse:
    crumbs = [Crumb(title=_("People"), url=reverse("dotbridge:people")), Crumb(title=whom.name, url=whom.url)]
    return show(
        request,
        "backoffice/house/confirm.html",
        title=title,
        current="people",
        crumbs=crumbs,
        context={"asked": form, "action_url": request.path, "back_url": whom.url, "is_danger": True, **context},
    )


def _posted(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" and request.POST.get("confirmed") else None


def _opt_out(request: HttpRequest, whom: Whom) -> HttpResponse:
    form = NoteForm(_posted(request))
    # An opt-out is never held up: not by a missing note either.
    form.fields["note"].required = False
    if not form.is_valid():
        return _ask_to_opt_out(request, whom, form)
    said = {"source": Source.PERSON, "evidence": form.cleaned_data["note"], "by": person_of(request)}
    with transaction.atomic():
        if whom.record_id:
            opt_out_records(entity=whom.entity, record_ids=[whom.record_id], **said)
        else:
            opt_out_addresses(addresses=[whom.email], **said)
        told = tell_of_opt_out(email_key=address_key(whom.email)) if whom.has_address else 0
    text = _("Nothing more is written to this person.")
    if told:
        text = f"{text} {_('Dotdigital is told in a moment.')}"
    messages.success(request, text)
    return HttpResponseRedirect(whom.url)


def _ask_to_opt_out(request: HttpRequest, whom: Whom, form: forms.Form) -> HttpResponse:
    lines = [_("Nothing is sent to them any more, through any list, and nothing holds it up.")]
    if whom.record_id:
        lines.append(_("It applies to this record, whatever address it gets, and to everybody else with this address."))
    else:
        lines.append(_("It applies to everybody with this address."))
    lines += [
        _("They are unsubscribed in every connected account that has them, in a moment."),
        _("When the person asks for it, it can be taken back on this page. Dotdigital then asks them once more."),
    ]
    accounts = []
    if whom.has_address and request.user.has_perm(MAY_SEE_CONTACTS):
        found = Contact.objects.filter(email_key=address_key(whom.email), status__in=LIVE)
        accounts = [
            _("In %(account)s: subscribed now") % {"account": contact.integration}
            for contact in found.select_related("integration").order_by("integration__name")
        ]
    return _ask(
        request,
        whom,
        form,
        title=_("Write nothing more to this person"),
        question=_("Write nothing more to %(name)s?") % {"name": whom.name},
        consequences=lines,
        items=accounts,
        answer=_("Yes, write nothing more"),
    )


def _take_back(request: HttpRequest, whom: Whom) -> HttpResponse:
    form = NoteForm(_posted(request))
    form.fields["note"].label = _("How do you know that they asked for it?")
    if not form.is_valid():
        return _ask_to_take_back(request, whom, form)
    said = {"source": Source.PERSON, "evidence": form.cleaned_data["note"], "by": person_of(request)}
    if whom.record_id:
        opt_in_records(entity=whom.entity, record_ids=[whom.record_id], scope=Scope.EVERYTHING, **said)
    else:
        opt_in_addresses(addresses=[whom.email], **said)
    if any(each.scope is Scope.EVERYTHING for each in whom.objections()):
        messages.error(request, _("The opt-out stays: it was said later, or of another record."))
    else:
        messages.success(request, _("The opt-out was taken back."))
    return HttpResponseRedirect(whom.url)


def _ask_to_take_back(request: HttpRequest, whom: Whom, form: forms.Form) -> HttpResponse:
    others = [each for each in whom.objections() if each.scope is not Scope.EVERYTHING]
    lines = [
        _("Only for the person's own newer wish: they must have asked for it themselves, after they had opted out."),
        _("Another record that opted out by itself stays so, also with the same address."),
    ]
    if others:
        lines.append(_("What else was said stays, and has to be taken back where it was said:"))
    if any(each.source in OF_DOTDIGITAL for each in others):
        lines.insert(
            2, _("Dotdigital mails them only when it is asked to: press “Subscribe again” on a list afterwards.")
        )
    return _ask(
        request,
        whom,
        form,
        title=_("Take the opt-out back"),
        question=_("Write to %(name)s again?") % {"name": whom.name},
        consequences=lines,
        items=[objection_text(each) for each in others],
        answer=_("Yes, the person asked for it"),
        is_danger=False,
    )


def _forget(request: HttpRequest, whom: Whom) -> HttpResponse:
    form = ForgetForm(_posted(request), email=whom.email)
    if not form.is_valid():
        return _ask_to_forget(request, whom, form)
    is_remote = form.cleaned_data["is_remote"]
    try:
        with statement_time_limit(FORGET_MILLISECONDS):
            receipt = erase_address(address=whom.email, is_remote=is_remote, by=person_of(request))
    except ValidationError as error:
        show_refusal(request, error)
        return HttpResponseRedirect(whom.url)
    except TookTooLong:
        form.add_error(None, _too_long(is_remote=is_remote))
        return _ask_to_forget(request, whom, form)
    text = _("The person is forgotten. Entry %(number)s of the consent ledger proves it.")
    if is_remote:
        text = f"{text} {_('Their contacts in Dotdigital are deleted in a moment.')}"
    messages.success(request, text % {"number": receipt.event_id})
    return HttpResponseRedirect(reverse("dotbridge:people"))


def _too_long(*, is_remote: bool) -> str:
    """What to do where the database searches longer than a page can wait."""
    command = typed_command("consent erase" + (" --remotely" if is_remote else ""))
    text = _(
        "Nothing was done: to find all that is known of this address takes longer than a page can wait. Ask whoever "
        "looks after the server to type %(command)s and the address there."
    )
    return text % {"command": command}


def _ask_to_forget(request: HttpRequest, whom: Whom, form: forms.Form) -> HttpResponse:
    going = [str(each.plural or each.label) for each in entities() if each.erase is not None]
    staying = [str(each.plural or each.label) for each in entities() if each.erase is None]
    lines = [
        _("What is known here of the address goes: the contact, its address books, results and exports."),
        _("What was said about consent stays, without the person: when, and by what way."),
        _("An encrypted mark of the address stays, so that whoever has it later is never mailed."),
        _("It cannot be undone."),
    ]
    if staying:
        stay = _("These records stay, and have to be deleted where they are kept: %(names)s.")
        lines.insert(1, stay % {"names": ", ".join(staying)})
    if going:
        go = _("Records with this address are deleted: %(names)s.")
        lines.insert(1, go % {"names": ", ".join(going)})
    return _ask(
        request,
        whom,
        form,
        title=_("Forget this person"),
        question=_("Forget %(name)s?") % {"name": whom.name},
        consequences=lines,
        answer=_("Yes, forget for good"),
    )


def _try_again(request: HttpRequest, whom: Whom) -> HttpResponse:
    """Have a failed request tried again that stands on the page of this person."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    if not request.user.has_perm(MAY_SEE_CONTACTS):
        raise PermissionDenied
    person = person_of_address(whom.email)
    if whom.contact is not None and whom.contact not in person.contacts:
        person.contacts.append(whom.contact)
    asked = next((each for each in requests_of(person) if str(each.pk) == request.POST.get("request")), None)
    if asked is None:
        raise Http404
    try_request_again(request, asked)
    return HttpResponseRedirect(whom.url)

"""What the pages of one person share: who it is about, what was said against mailing them, and what can be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from dotbridge.backoffice.entity_labels import RecordLabel, label_records
from dotbridge.backoffice.pages.frame import log_change, show_refusal
from dotbridge.backoffice.reads.people import may_see_entity
from dotbridge.backoffice.reads.person import Record, record_of
from dotbridge.backoffice.rights import MAY_CHANGE_CONNECTION, MAY_FORGET, MAY_OPT_IN, MAY_OPT_OUT
from dotbridge.connections.models import ContactRequest
from dotbridge.connections.services import retry_contact_request
from dotbridge.consent.models import Scope, What
from dotbridge.consent.selectors import Objection, may_be_mailed
from dotbridge.entities.email import is_plausible
from dotbridge.entities.registry import Entity, UnknownEntity
from dotbridge.entities.registry import entity as entity_of
from dotbridge.mirror.models import Contact

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, kw_only=True)
class Act:
    """One thing that can be done with a person; `verb` is the end of its address."""

    verb: str
    title: StrOrPromise
    url: str
    is_danger: bool = False


@dataclass(frozen=True, kw_only=True)
class Whom:
    """A person as a page knows them: a record of the host with its address, or a contact in Dotdigital alone."""

    name: str
    email: str
    known: Entity | None = None
    record: Record | None = None
    label: RecordLabel | None = None
    contact: Contact | None = None

    @property
    def record_id(self) -> str:
        """The record's key as text, empty for a contact."""
        return self.record.record_id if self.record else ""

    @property
    def entity(self) -> str:
        """The record's entity, empty for a contact."""
        return self.known.key if self.known else ""

    @property
    def has_address(self) -> bool:
        """Whether there is an address that something can be said about."""
        return is_plausible(self.email.strip())

    @property
    def url(self) -> str:
        """The person's page."""
        if self.contact is not None:
            return reverse("dotbridge:person-contact", args=[self.contact.pk])
        return reverse("dotbridge:person-record", args=[self.entity, self.record_id])

    def objections(self) -> tuple[Objection, ...]:
        """What was said against mailing them, the widest first."""
        return may_be_mailed(address=self.email, entity=self.entity, record_id=self.record_id).objections

    def is_bound(self) -> bool:
        """Whether the record and its address are both opted out of everything, and not one of them alone."""
        subjects = []
        if self.record_id:
            subjects.append(may_be_mailed(address="", entity=self.entity, record_id=self.record_id))
        if self.has_address:
            subjects.append(may_be_mailed(address=self.email))
        return all(any(each.scope is Scope.EVERYTHING for each in said.objections) for said in subjects)


def whom_of_record(request: HttpRequest, entity: str, record_id: str) -> Whom:
    """The person of a record of the host. Raises Http404 and PermissionDenied."""
    try:
        known = entity_of(entity)
    except UnknownEntity:
        raise Http404 from None
    if not may_see_entity(request, known):
        raise PermissionDenied
    record = record_of(known, record_id)
    if record is None:
        raise Http404
    label = label_records(request, entity, [record.record_id]).get(record.record_id)
    name = label.text if label else record.record_id
    return Whom(name=name, email=record.email, known=known, record=record, label=label)


def whom_of_contact(pk: int) -> Whom:
    """The person of a contact. Raises Http404."""
    contact = get_object_or_404(Contact, pk=pk)
    return Whom(name=contact.email, email=contact.email, contact=contact)


def act_url(whom: Whom, verb: str) -> str:
    """Where one thing is done with a person."""
    if whom.contact is not None:
        return reverse("dotbridge:person-contact-act", args=[whom.contact.pk, verb])
    return reverse("dotbridge:person-record-act", args=[whom.entity, whom.record_id, verb])


def may_ask_again(request: HttpRequest, asked: ContactRequest) -> bool:
    """Whether this request was given up, and the person who asks may have it tried again."""
    return asked.has_failed and bool(request.user.has_perm(MAY_CHANGE_CONNECTION))


def acts_on(request: HttpRequest, whom: Whom, objections: tuple[Objection, ...]) -> list[Act]:
    """What the person who asks may do with this one now. Nothing is said any more about an erased address."""
    may: Any = request.user.has_perm
    is_erased = any(each.what is What.ERASED for each in objections)
    is_out = any(each.scope is Scope.EVERYTHING for each in objections)
    has_subject = bool(whom.record_id) or whom.has_address
    found = []
    if has_subject and not is_erased and not (is_out and whom.is_bound()) and may(MAY_OPT_OUT):
        found.append(("opt-out", _("Write nothing more to this person"), False))
    if has_subject and is_out and not is_erased and may(MAY_OPT_IN):
        found.append(("take-back", _("Take the opt-out back"), False))
    if whom.has_address and may(MAY_FORGET):
        found.append(("forget", _("Forget this person"), True))
    return [
        Act(verb=verb, title=title, url=act_url(whom, verb), is_danger=is_danger) for verb, title, is_danger in found
    ]


def try_request_again(request: HttpRequest, asked: ContactRequest) -> None:
    """Have Dotdigital asked again about a contact, and say so, or why not, on the page that comes next."""
    try:
        retry_contact_request(request=asked)
    except ValidationError as error:
        show_refusal(request, error)
    else:
        text = _("It is tried again in a moment.")
        log_change(request, asked.integration, f"{text} ({asked})")
        messages.success(request, text)

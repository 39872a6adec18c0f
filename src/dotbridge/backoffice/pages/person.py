"""A person: who is this, and why did they (not) get it?"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _

from dotbridge.backoffice.entity_labels import label_records
from dotbridge.backoffice.pages.frame import Crumb, page, show
from dotbridge.backoffice.reads.people import may_see_entity
from dotbridge.backoffice.reads.person import (
    Person,
    address_of,
    complete_with_record,
    events_of_contact,
    person_of_address,
    verdict_of,
)
from dotbridge.backoffice.reads.values import both_sides
from dotbridge.backoffice.statuses import status_words
from dotbridge.entities.registry import UnknownEntity
from dotbridge.entities.registry import entity as entity_of
from dotbridge.mirror.models import Contact


@page()
def person_of_record(request: HttpRequest, entity: str, record_id: str) -> HttpResponse:
    """The page of a record of the host."""
    try:
        known = entity_of(entity)
    except UnknownEntity:
        raise Http404 from None
    if not may_see_entity(request, known):
        raise PermissionDenied
    found = address_of(known, record_id)
    if found is None:
        raise Http404
    _key, email = found
    label = label_records(request, entity, [record_id]).get(record_id)
    person = person_of_address(email)
    complete_with_record(person, known, record_id)
    context = {"record": label, "entity_label": known.label, "values": both_sides(known, record_id, person.contacts)}
    return _show(
        request, person, label.text if label else record_id, entity=entity, record_id=record_id, context=context
    )


@page("dotbridge_mirror.view_contact")
def person_of_contact(request: HttpRequest, pk: int) -> HttpResponse:
    """The page of a contact that no record may have the address of."""
    contact = get_object_or_404(Contact, pk=pk)
    person = person_of_address(contact.email_key or "")
    if contact not in person.contacts:
        person.contacts.append(contact)
    person.email = contact.email
    person.events = list(events_of_contact(person))
    return _show(request, person, contact.email, context={})


def _show(
    request: HttpRequest, person: Person, name: str, *, context: dict[str, Any], entity: str = "", record_id: str = ""
) -> HttpResponse:
    may_see_contacts = request.user.has_perm("dotbridge_mirror.view_contact")
    return show(
        request,
        "backoffice/house/person.html",
        title=name,
        current="people",
        crumbs=[Crumb(title=_("People"), url=reverse("dotbridge:people"))],
        context={
            "person": person,
            "verdict": verdict_of(person, entity=entity, record_id=record_id),
            "contacts": [(contact, status_words(contact.status)) for contact in person.contacts]
            if may_see_contacts
            else [],
            "memberships": [(each, status_words(each.status)) for each in person.memberships]
            if may_see_contacts
            else [],
            "may_see_lists": request.user.has_perm("dotbridge_lists.view_marketinglist"),
            "may_see_campaigns": request.user.has_perm("dotbridge_campaigns.view_marketingactivity"),
            **context,
        },
    )

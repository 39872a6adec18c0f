"""A person: who is this, and why did they (not) get it?"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from dotbridge.backoffice.pages.frame import Crumb, page, show
from dotbridge.backoffice.pages.person_frame import (
    Whom,
    act_url,
    acts_on,
    may_ask_again,
    whom_of_contact,
    whom_of_record,
)
from dotbridge.backoffice.reads.person import (
    Person,
    complete_with_record,
    events_of_contact,
    person_of_address,
    requests_of,
    verdict_of,
)
from dotbridge.backoffice.rights import MAY_SEE_ACTIVITIES, MAY_SEE_CONTACTS, MAY_SEE_LISTS
from dotbridge.backoffice.statuses import status_words
from dotbridge.consent.selectors import Objection


@page()
def person_of_record(request: HttpRequest, entity: str, record_id: str) -> HttpResponse:
    """The page of a record of the host."""
    whom = whom_of_record(request, entity, record_id)
    person, objections = person_of_address(whom.email), whom.objections()
    context: dict[str, Any] = {"record": whom.label}
    if whom.known is not None and whom.record is not None:
        complete_with_record(
            person,
            whom.known,
            whom.record,
            objections,
            viewer=request.user,
            may_see_contacts=request.user.has_perm(MAY_SEE_CONTACTS),
        )
        context["entity_label"] = whom.known.label
    return _show(request, whom, person, objections, context=context)


@page(MAY_SEE_CONTACTS)
def person_of_contact(request: HttpRequest, pk: int) -> HttpResponse:
    """The page of a contact that no record may have the address of."""
    whom = whom_of_contact(pk)
    contact = whom.contact
    person = person_of_address(contact.email_key or "" if contact else "")
    if contact is not None and contact not in person.contacts:
        person.contacts.append(contact)
    person.email = whom.email
    person.events = list(events_of_contact(person))
    return _show(request, whom, person, whom.objections(), context={})


def _show(
    request: HttpRequest,
    whom: Whom,
    person: Person,
    objections: tuple[Objection, ...],
    *,
    context: dict[str, Any],
) -> HttpResponse:
    if request.user.has_perm(MAY_SEE_CONTACTS):
        context = {
            "contacts": [(contact, status_words(contact.status)) for contact in person.contacts],
            "memberships": [(each, status_words(each.status)) for each in person.memberships],
            "requests": [(each, may_ask_again(request, each)) for each in requests_of(person)],
            **context,
        }
    return show(
        request,
        "backoffice/house/person.html",
        title=whom.name,
        current="people",
        crumbs=[Crumb(title=_("People"), url=reverse("dotbridge:people"))],
        context={
            "person": person,
            "verdict": verdict_of(person, objections, record_id=whom.record_id),
            "acts": acts_on(request, whom, objections),
            "retry_url": act_url(whom, "try-again"),
            "may_see_lists": request.user.has_perm(MAY_SEE_LISTS),
            "may_see_campaigns": request.user.has_perm(MAY_SEE_ACTIVITIES),
            **context,
        },
    )

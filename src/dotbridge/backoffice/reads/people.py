"""One search over the host's records and Dotdigital's contacts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import NullIf, Trim
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from dotbridge.backoffice.entity_labels import label_records
from dotbridge.backoffice.reads.standing import TooSlow, limited
from dotbridge.backoffice.statuses import status_words
from dotbridge.entities.registry import Entity, UnknownField, entities
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import Contact

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

NAME_FIELDS = ("full_name", "first_name", "last_name", "name")
SEARCH_MILLISECONDS = 4_000


@dataclass(frozen=True, kw_only=True)
class FoundPerson:
    """One record, or one contact that no record has the address of."""

    name: str
    email: str
    kind: str
    url: str
    status: StrOrPromise = ""
    tone: str = ""


def entities_of(request: HttpRequest) -> list[Entity]:
    """The entities whose records the person may see."""
    return [known for known in entities() if may_see_entity(request, known)]


def may_see_entity(request: HttpRequest, known: Entity) -> bool:
    """Whether the person may see records of this entity."""
    options = known.model._meta  # noqa: SLF001 - Django's documented way to ask a model about itself
    return bool(request.user.has_perm(f"{options.app_label}.view_{options.model_name}"))


def find_people(request: HttpRequest, text: str, *, most: int = 50, only: str = "") -> list[FoundPerson]:
    """People by a part of their name or address, records first. `only` is an entity's key, or "dotdigital".

    Without a text the first ones. What takes too long is left out, so that the rest can be shown.
    """
    found: list[FoundPerson] = []
    for known in entities_of(request):
        if only in {"", known.key}:
            found += _records(request, known, text, most)
    if only in {"", "dotdigital"} and request.user.has_perm("dotbridge_mirror.view_contact"):
        taken = {person.email.lower() for person in found if person.email}
        found += [person for person in _contacts(text, most) if person.email.lower() not in taken]
    return found[:most]


def _records(request: HttpRequest, known: Entity, text: str, most: int) -> list[FoundPerson]:
    address = NullIf(Trim(known.email_expression()), Value(""))
    rows: QuerySet[Any, dict[str, Any]] = (
        known.queryset().order_by().values(record_pk=F("pk")).annotate(person_email=address)
    )
    if text:
        condition = Q(person_email__icontains=text)
        for name in NAME_FIELDS:
            try:
                field = known.field(name)
            except UnknownField:
                continue
            rows = rows.annotate(**{f"said_{name}": field.expression()})
            condition |= Q(**{f"said_{name}__icontains": text})
        rows = rows.filter(condition)
    try:
        with limited(SEARCH_MILLISECONDS):
            some = list(rows.order_by("record_pk")[:most])
    except TooSlow:
        return []
    labels = label_records(request, known.key, [str(row["record_pk"]) for row in some])
    statuses = _statuses({row["person_email"].lower() for row in some if row["person_email"]})
    return [
        FoundPerson(
            name=labels[str(row["record_pk"])].text if str(row["record_pk"]) in labels else str(row["record_pk"]),
            email=row["person_email"] or "",
            kind=str(known.label),
            url=reverse("dotbridge:person-record", args=[known.key, row["record_pk"]]),
            **statuses.get((row["person_email"] or "").lower(), {}),
        )
        for row in some
    ]


def _statuses(keys: set[str]) -> dict[str, Any]:
    """What Dotdigital says of each of these addresses, in one query."""
    found: dict[str, Any] = {}
    everywhere = list(Integration.objects.values_list("pk", flat=True))
    for contact in Contact.objects.filter(integration_id__in=everywhere, email_key__in=keys):
        words = status_words(contact.status)
        found[str(contact.email_key)] = {"status": words.text, "tone": words.tone}
    return found


def _contacts(text: str, most: int) -> Iterator[FoundPerson]:
    # The index begins with the account, so the accounts are named even where any would do.
    everywhere = list(Integration.objects.values_list("pk", flat=True))
    contacts = Contact.objects.filter(integration_id__in=everywhere, email_key__startswith=text.lower())
    for contact in contacts.order_by("integration_id", "email_key")[:most]:
        words = status_words(contact.status)
        yield FoundPerson(
            name=contact.email,
            email=contact.email,
            kind=_("In Dotdigital alone"),
            url=reverse("dotbridge:person-contact", args=[contact.pk]),
            status=words.text,
            tone=words.tone,
        )

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
from dotbridge.backoffice.rights import MAY_SEE_CONTACTS
from dotbridge.backoffice.statuses import status_words
from dotbridge.entities.email import address_key
from dotbridge.entities.faults import asking
from dotbridge.entities.registry import Entity, FaultyEntity, UnknownField, entities
from dotbridge.entities.rights import may_view
from dotbridge.entities.time_limits import TookTooLong
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
    return may_view(request.user, known.model)


@dataclass(frozen=True, kw_only=True)
class FoundPeople:
    """Some people. `left_out` are the entities that could not be searched, or not in time, in words."""

    people: list[FoundPerson]
    left_out: list[str]


def find_people(request: HttpRequest, text: str, *, most: int, only: str = "") -> FoundPeople:
    """People by a part of their name or address, records first. `only` is an entity's key, or "dotdigital".

    Without a text the first ones. What takes too long is left out, so that the rest can be shown.
    """
    rows: list[tuple[Entity, dict[str, Any]]] = []
    left_out: list[str] = []
    for known in entities_of(request):
        if only in {"", known.key} and len(rows) < most:
            try:
                rows += [(known, row) for row in _rows(known, text, most - len(rows))]
            except (FaultyEntity, TookTooLong):
                left_out.append(str(known.plural or known.label))
    accounts = list(Integration.objects.values_list("pk", flat=True))
    found = _described(request, rows, accounts)
    if only in {"", "dotdigital"} and len(found) < most and request.user.has_perm(MAY_SEE_CONTACTS):
        taken = {address_key(person.email) for person in found if person.email}
        found += [person for person in _contacts(text, most, accounts) if address_key(person.email) not in taken]
    return FoundPeople(people=found[:most], left_out=left_out)


def with_name_or_address(
    rows: QuerySet[Any, dict[str, Any]], known: Entity, text: str, *, address: str
) -> QuerySet[Any, dict[str, Any]]:
    """Those whose name, in whatever fields the entity has it, or address holds the text. `address` is an annotation."""
    condition = Q(**{f"{address}__icontains": text})
    for name in NAME_FIELDS:
        try:
            field = known.field(name)
        except UnknownField:
            continue
        rows = rows.annotate(**{f"said_{name}": field.expression()})
        condition |= Q(**{f"said_{name}__icontains": text})
    return rows.filter(condition)


def _rows(known: Entity, text: str, most: int) -> list[dict[str, Any]]:
    """The records of one entity. Raises FaultyEntity and TookTooLong."""
    address = NullIf(Trim(known.email_expression()), Value(""))
    rows: QuerySet[Any, dict[str, Any]] = (
        known.queryset().order_by().values(record_pk=F("pk")).annotate(person_email=address)
    )
    if text:
        rows = with_name_or_address(rows, known, text, address="person_email")
    # The first ones are read from the key's own index.
    with asking(known.key, milliseconds=SEARCH_MILLISECONDS if text else None):
        return list(rows.order_by("record_pk")[:most])


def _described(
    request: HttpRequest, rows: list[tuple[Entity, dict[str, Any]]], accounts: list[int]
) -> list[FoundPerson]:
    """The records by their names, a query an entity, with what Dotdigital says of each address."""
    ids: dict[str, list[str]] = {}
    for known, row in rows:
        ids.setdefault(known.key, []).append(str(row["record_pk"]))
    labels = {key: label_records(request, key, some) for key, some in ids.items()}
    statuses = _statuses({address_key(row["person_email"]) for _known, row in rows if row["person_email"]}, accounts)
    found = []
    for known, row in rows:
        label = labels[known.key].get(str(row["record_pk"]))
        found.append(
            FoundPerson(
                name=label.text if label else str(row["record_pk"]),
                email=row["person_email"] or "",
                kind=str(known.label),
                url=reverse("dotbridge:person-record", args=[known.key, row["record_pk"]]),
                **statuses.get(address_key(row["person_email"] or ""), {}),
            )
        )
    return found


def _statuses(keys: set[str], accounts: list[int]) -> dict[str, Any]:
    """What Dotdigital says of each of these addresses, in one query."""
    found: dict[str, Any] = {}
    for contact in Contact.objects.filter(integration_id__in=accounts, email_key__in=keys):
        words = status_words(contact.status)
        found[str(contact.email_key)] = {"status": words.text, "tone": words.tone}
    return found


def _contacts(text: str, most: int, accounts: list[int]) -> Iterator[FoundPerson]:
    # The index begins with the account, so the accounts are named even where any would do.
    contacts = Contact.objects.filter(integration_id__in=accounts, email_key__startswith=address_key(text))
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

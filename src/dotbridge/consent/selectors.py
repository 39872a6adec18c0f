"""Reads of consent: may this address be mailed, if not why, and what was said about it over time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from dotbridge.consent.conditions import OF_ADDRESSES, blocking_states, is_anybody_erased, within
from dotbridge.consent.erasure import receipt_of
from dotbridge.consent.models import ConsentEvent, ConsentState, Scope, Source, SubjectKind, What
from dotbridge.consent.scopes import ListScopes
from dotbridge.entities.email import address_key


@dataclass(frozen=True, kw_only=True)
class Objection:
    """One reason why somebody may not be mailed: what was said, how far it reaches, who said it, since when.

    `is_shared` where it was said of another record, which has the same address now.
    """

    scope: Scope
    scope_id: int
    what: What
    source: Source
    status: str
    since: datetime
    is_shared: bool = False


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether an address may be mailed; if not, every reason, the widest first."""

    objections: tuple[Objection, ...]

    @property
    def may_be_mailed(self) -> bool:
        """Whether nothing stands against it."""
        return not self.objections


_WIDEST_FIRST = (Scope.EVERYTHING, Scope.ACCOUNT, Scope.BOOK, Scope.LIST)


def may_be_mailed(
    *, address: str, scopes: ListScopes | None = None, entity: str = "", record_id: object = ""
) -> Verdict:
    """Whether an address may be mailed: within the scopes of a list, or anywhere when none are given.

    With `entity` and `record_id` the record is asked about as well, under whatever address it has.
    """
    email_key = address_key(address)
    states = blocking_states(entity, record=str(record_id), email_key=email_key)
    if scopes is not None:
        states = states.filter(within(scopes))
    objections = [_objection(state) for state in states]
    if is_anybody_erased() and (receipt := receipt_of(email_key)):
        objections.append(
            Objection(
                scope=Scope.EVERYTHING,
                scope_id=0,
                what=What.ERASED,
                source=Source.PERSON,
                status="",
                since=receipt.erased_at,
            )
        )
    return Verdict(objections=_sorted(objections))


def objections_of(
    scopes: ListScopes, entity: str, subjects: Iterable[tuple[str, str | None]]
) -> dict[str, tuple[Objection, ...]]:
    """Why these records may not be mailed within a list's scopes, by record id, in one query; the widest first.

    `subjects` are pairs of a record id and its normalised address, None where it has none. An empty tuple means that
    nothing stands against it, or that its address was erased.
    """
    pairs = list(subjects)
    records = {record_id for record_id, _email_key in pairs}
    addresses = {email_key for _record_id, email_key in pairs if email_key}
    about = Q(kind=SubjectKind.RECORD, entity=entity, subject__in=records)
    about |= Q(kind__in=OF_ADDRESSES, entity="", subject__in=addresses)
    of_records: dict[str, list[Objection]] = {}
    of_addresses: dict[str, list[Objection]] = {}
    for state in ConsentState.objects.filter(about, within(scopes), is_blocked=True):
        found = of_records if state.kind == SubjectKind.RECORD else of_addresses
        found.setdefault(state.subject, []).append(_objection(state))
    return {
        record_id: _sorted(of_records.get(record_id, []) + of_addresses.get(email_key or "", []))
        for record_id, email_key in pairs
    }


def addresses_refused_in(books: QuerySet[Any]) -> QuerySet[ConsentState]:
    """The states of addresses that may not be mailed because Dotdigital refused them in an upload to these books."""
    return ConsentState.objects.filter(
        scope=Scope.BOOK,
        scope_id__in=books.values("pk"),
        kind=SubjectKind.ADDRESS,
        is_blocked=True,
        source=Source.REPORT,
    )


def history_of(*, address: str, entity: str = "", record_id: object = "") -> QuerySet[ConsentEvent]:
    """What was said about an address, and about a record where one is named, the newest first."""
    about = Q(email_key=address_key(address)) if address.strip() else Q(pk=None)
    if record_id:
        about |= Q(entity=entity, record_id=str(record_id))
    return ConsentEvent.objects.filter(about).order_by("-id")


def _sorted(objections: Iterable[Objection]) -> tuple[Objection, ...]:
    """Each word once, the widest first. Of the record's and its address's the newer one, before another record's."""
    newest_last = sorted(objections, key=lambda each: (not each.is_shared, each.since))
    found = {(each.scope, each.scope_id, each.what): each for each in newest_last}
    return tuple(sorted(found.values(), key=lambda each: _WIDEST_FIRST.index(each.scope)))


def _objection(state: ConsentState) -> Objection:
    return Objection(
        scope=Scope(state.scope),
        scope_id=state.scope_id,
        what=What(state.what),
        source=Source(state.source),
        status=state.status,
        since=state.since,
        is_shared=state.kind == SubjectKind.SHARED,
    )

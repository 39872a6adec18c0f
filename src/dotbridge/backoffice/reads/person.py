"""Everything about one address: whether it can be mailed and why not, where it stands, and what happened to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.urls import reverse
from django.utils.text import Truncator
from django.utils.translation import gettext as _

from dotbridge.backoffice.consent_labels import objection_text, status_beside, what_where
from dotbridge.backoffice.labels import refusal_text
from dotbridge.backoffice.queries import which_exist
from dotbridge.backoffice.reads.list_people import ListPerson, one_on_lists
from dotbridge.backoffice.reads.lists_of_record import ListsOfRecord
from dotbridge.backoffice.reads.standing import TONES, WORDS, Standing
from dotbridge.backoffice.reads.values import BothValues, both_sides, mappings_of
from dotbridge.backoffice.statuses import status_words
from dotbridge.backoffice.tones import ACTIVITY_TONES
from dotbridge.campaigns.selectors import activities_of_record
from dotbridge.connections.models import ContactRequest, Resubscription
from dotbridge.consent.models import RAISING, ConsentEvent, Scope, What
from dotbridge.consent.selectors import Objection, history_of
from dotbridge.entities.email import address_key
from dotbridge.entities.record_ids import as_record_id
from dotbridge.entities.record_values import values_of_record
from dotbridge.entities.registry import Entity
from dotbridge.entities.rights import Viewer
from dotbridge.entities.sql import as_key
from dotbridge.integrations.models import Integration
from dotbridge.lists.models import MarketingList, RemovedItem
from dotbridge.lists.rules.value_words import quoted
from dotbridge.mapping.models import Mapping
from dotbridge.mapping.values import mapped_values
from dotbridge.mirror.models import Contact, Membership
from dotbridge.mirror.status import LIVE
from dotbridge.sync.models import ExportItem, UploadState, ValueConflict
from dotbridge.sync.texts import stored_text

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MOST_EVENTS = 60
MOST_LISTS = 40
MOST_REQUESTS = 20
# So long it is asked which lists a record is on, and what would be sent of it.
RECORD_MILLISECONDS = 8_000


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether the person can be mailed; if not, why, since when, and what could change it."""

    text: StrOrPromise
    tone: str
    why: StrOrPromise = ""
    since: datetime | None = None
    way_back: StrOrPromise = ""


@dataclass(frozen=True, kw_only=True)
class Event:
    """One thing that happened, for the timeline."""

    at: datetime
    text: StrOrPromise
    tone: str
    note: StrOrPromise = ""
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class OnList:
    """Where the person stands on one list."""

    marketing_list: MarketingList
    person: ListPerson

    @property
    def word(self) -> StrOrPromise:
        """The state in words."""
        return WORDS[self.person.standing]

    @property
    def tone(self) -> str:
        """Its tone."""
        return TONES[self.person.standing]


@dataclass(kw_only=True)
class Person:
    """What is known of a record, of an address in Dotdigital, or of both."""

    email: str
    contacts: list[Contact] = field(default_factory=list)
    memberships: list[Membership] = field(default_factory=list)
    lists: list[OnList] = field(default_factory=list)
    # Lists of which nobody can say whether the person is on them: the rule cannot be read or worked out.
    doubtful_lists: list[MarketingList] = field(default_factory=list)
    values: list[BothValues] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Record:
    """A record of the host: its key, the same as text, and its address, empty where it has none."""

    key: Any
    record_id: str
    email: str


def record_of(known: Entity, record_id: str) -> Record | None:
    """The record with this key; None where there is none."""
    key = as_key(known, record_id)
    if key is None:
        return None
    asked = known.queryset().order_by().filter(pk=key)
    row = asked.values_list("pk", as_record_id(), known.email_expression()).first()
    return Record(key=row[0], record_id=row[1], email=(row[2] or "").strip()) if row else None


def person_of_address(email: str) -> Person:
    """What Dotdigital has of an address, in every account: two queries."""
    person = Person(email=email)
    if email:
        # An address is looked up by its account, of which there are few.
        contacts = Contact.objects.filter(integration__in=Integration.objects.all(), email_key=address_key(email))
        person.contacts = list(contacts.select_related("integration"))
        person.memberships = list(
            Membership.objects.filter(contact__in=person.contacts)
            .select_related("address_book", "contact__integration")
            .order_by("address_book__name")
        )
    return person


def complete_with_record(
    person: Person,
    known: Entity,
    record: Record,
    objections: Sequence[Objection],
    *,
    viewer: Viewer,
    may_see_contacts: bool,
) -> None:
    """Add where the record stands on each list, the values on both sides that the viewer may see, and what happened.
    `objections` were made against mailing it."""
    mappings = mappings_of(known)
    lists = ListsOfRecord(known, record.key)
    asked = lists.columns | {_mapped_by(each): mapped_values(each, known) for each in mappings}
    answers = values_of_record(known, record.key, asked, milliseconds=RECORD_MILLISECONDS)
    happened = _rare_events(known.key, record.record_id)
    items = list(_items_of(person))
    person.lists = _stands_on(lists.with_record(answers), record, objections, happened.removed, items)
    person.doubtful_lists = lists.doubtful(answers)
    person.values = both_sides(
        known,
        {each: answers.get(_mapped_by(each)) for each in mappings},
        person.contacts if may_see_contacts else (),
        viewer=viewer,
    )
    person.events = sorted(
        [
            *_activity_events(known.key, record.record_id),
            *happened.events(),
            *_upload_events(items),
            *_consent_events(person.email, known.key, record.record_id),
        ],
        key=lambda event: event.at,
        reverse=True,
    )[:MOST_EVENTS]


def _mapped_by(mapping: Mapping) -> str:
    """A name that no field of a host has."""
    return f"dotbridge_mapped_{mapping.pk}"


def requests_of(person: Person) -> list[ContactRequest]:
    """What Dotdigital was asked to do with this person, the newest first; an erasure is known by the contact alone."""
    about = Q(pk=None)
    if person.email:
        about |= Q(email_key=address_key(person.email))
    for contact in person.contacts:
        about |= Q(integration=contact.integration_id, remote_id=contact.remote_id)
    found = ContactRequest.objects.filter(about).select_related("integration", "address_book")
    return list(found.order_by("-pk")[:MOST_REQUESTS])


def verdict_of(person: Person, objections: Sequence[Objection], *, record_id: str = "") -> Verdict:
    """The first line of the person's page. `objections` is what was said against mailing them."""
    if unusable := _without_address(person, record_id):
        return unusable
    # What was said of everything comes first: while it stands, no status in Dotdigital would help.
    if objections and objections[0].scope is Scope.EVERYTHING:
        return _objected(objections, person.lists)
    for contact in person.contacts:
        if contact.status not in LIVE:
            return _off_in_account(contact, objections, is_partial=any(each.status in LIVE for each in person.contacts))
    if objections:
        return _objected(objections, person.lists)
    text = _("Can be mailed")
    if person.contacts or not record_id:
        return Verdict(text=text, tone="good")
    return Verdict(text=text, tone="good", why=_("Dotdigital does not know the address yet."))


def _without_address(person: Person, record_id: str) -> Verdict | None:
    if record_id and not person.email:
        return Verdict(
            text=_("Cannot be mailed"),
            tone="bad",
            why=_("The record has no address."),
            way_back=_("Write the address into the record."),
        )
    if any(line.person.standing is Standing.BAD_ADDRESS for line in person.lists):
        return Verdict(
            text=_("Cannot be mailed"),
            tone="bad",
            why=_("The address is not valid."),
            way_back=_("Correct the address in the record."),
        )
    return None


def _objected(objections: Sequence[Objection], lists: Sequence[OnList]) -> Verdict:
    """Somebody said no, here or in Dotdigital: to everything, or to some lists and books alone, which leaves the others
    that they are on or may come to be on."""
    is_everywhere = bool(lists) and all(line.person.standing is Standing.OPTED_OUT for line in lists)
    is_partial = objections[0].scope in {Scope.LIST, Scope.BOOK} and not is_everywhere
    return Verdict(
        text=_("Can be mailed, but not through every list") if is_partial else _("Cannot be mailed"),
        tone="wait" if is_partial else "out",
        why="; ".join(dict.fromkeys(map(objection_text, objections))),
        since=min(each.since for each in objections),
        way_back=_way_back(objections),
    )


def _way_back(objections: Sequence[Objection]) -> str:
    if any(each.what is What.ERASED for each in objections):
        return _("Nothing: the person asked to be forgotten.")
    if objections[0].scope is Scope.EVERYTHING:
        return _("Only if the person asks for it: then take the opt-out back on this page.")
    return _("Only if the person asks for it: then press “Subscribe again” on the list.")


def _off_in_account(contact: Contact, objections: Sequence[Objection], *, is_partial: bool) -> Verdict:
    """Dotdigital does not mail them in this account; `is_partial`: in another one it does. Where it does not say since
    when, it is since we know."""
    words = status_words(contact.status)
    of_account = (Scope.ACCOUNT, contact.integration_id)
    learned = (each.since for each in objections if (each.scope, each.scope_id) == of_account)
    return Verdict(
        text=_("Can be mailed, but not by every account") if is_partial else _("Cannot be mailed"),
        tone="wait" if is_partial else words.tone,
        why=_("%(status)s in %(account)s") % {"status": words.text, "account": contact.integration},
        since=contact.suppressed_at or min(learned, default=None),
        way_back=words.way_back,
    )


def _stands_on(
    lists: Sequence[MarketingList],
    record: Record,
    objections: Sequence[Objection],
    removed: Sequence[RemovedItem],
    items: Sequence[ExportItem],
) -> list[OnList]:
    """Where the record stands on the first of the lists that hold it."""
    row = {"record_pk": record.key, "record_id": record.record_id, "email": record.email or None}
    stands = one_on_lists(
        lists[:MOST_LISTS],
        row,
        objections,
        removed_from={each.marketing_list_id for each in removed},
        items={each.connection_id: each for each in items},
    )
    return [OnList(marketing_list=each, person=person) for each, person in stands]


def _activity_events(key: str, record_id: str) -> Iterator[Event]:
    for activity in activities_of_record(entity=key, record_id=record_id)[:MOST_EVENTS]:
        yield Event(
            at=activity.action_date,
            text=_("%(what)s: %(campaign)s")
            % {"what": activity.get_type_display(), "campaign": activity.email_campaign},
            tone=ACTIVITY_TONES[activity.type],
            note=activity.details,
            url=reverse("dotbridge:campaign", args=[activity.email_campaign_id]),
        )


@dataclass(frozen=True, kw_only=True)
class RareEvents:
    """What happened to few records, all of which is looked for in one statement."""

    removed: Sequence[RemovedItem]
    wishes: Sequence[Resubscription]
    conflicts: Sequence[ValueConflict]

    def events(self) -> Iterator[Event]:
        """The same for the timeline."""
        for taken in self.removed:
            yield Event(
                at=taken.created_at,
                text=_("Taken off %(list)s") % {"list": taken.marketing_list},
                tone="quiet",
                note=str(taken.created_by or ""),
                url=reverse("dotbridge:list", args=[taken.marketing_list_id]),
            )
        for wish in self.wishes:
            yield Event(
                at=wish.created_at,
                text=_("Dotdigital was asked to subscribe them again"),
                tone="info",
                note=f"{wish.get_state_display()} {stored_text(wish.message)}".strip(),
            )
        for conflict in self.conflicts:
            yield Event(
                at=conflict.created_at,
                text=_("%(field)s was changed on both sides") % {"field": conflict.data_field},
                tone="wait",
                note=_("%(winner)s counts") % {"winner": conflict.get_winner_display()},
                url=reverse("dotbridge:activity-conflicts"),
            )


def _rare_events(key: str, record_id: str) -> RareEvents:
    connected = {"connection__marketing_list__entity": key, "record_id": record_id}
    removed = RemovedItem.objects.filter(marketing_list__entity=key, record_id=record_id)
    wishes, conflicts = Resubscription.objects.filter(**connected), ValueConflict.objects.filter(**connected)
    there = which_exist({"removed": removed, "wishes": wishes, "conflicts": conflicts})
    return RareEvents(
        removed=list(removed.select_related("marketing_list", "created_by")) if "removed" in there else (),
        wishes=list(wishes.select_related("connection__marketing_list")) if "wishes" in there else (),
        conflicts=list(conflicts[:MOST_EVENTS]) if "conflicts" in there else (),
    )


def _items_of(person: Person) -> Iterable[ExportItem]:
    """What was exported for the address, through whatever list."""
    if not person.email:
        return ()
    items = ExportItem.objects.filter(email_key=address_key(person.email))
    return items.select_related("upload", "connection__marketing_list", "connection__address_book")


def _upload_events(items: Iterable[ExportItem]) -> Iterator[Event]:
    for item in items:
        if item.upload is None:
            continue
        done = item.upload.state == UploadState.FINISHED and not item.reason
        yield Event(
            at=item.upload.finished_at or item.upload.created_at,
            text=(_("Sent to %(book)s") if done else _("An upload to %(book)s had them in it"))
            % {"book": item.connection.address_book},
            tone="good" if done else "bad" if item.reason else "info",
            note=refusal_text(item) if item.reason else "",
            url=reverse("dotbridge:upload", args=[item.upload.pk]),
        )


def _consent_events(email: str, key: str = "", record_id: str = "") -> Iterator[Event]:
    """What was said about whether they may be mailed, as the ledger has it."""
    for said in history_of(address=email, entity=key, record_id=record_id)[:MOST_EVENTS]:
        words = status_beside(said.what, said.status)
        status = f" ({words})" if words else ""
        yield Event(
            at=said.happened_at,
            text=f"{what_where(said.what, said.scope)}{status}",
            tone="good" if said.what in RAISING else "out",
            note=", ".join(filter(None, [said.get_source_display(), said.actor, said.evidence, _proof_in_words(said)])),
        )


def _proof_in_words(said: ConsentEvent) -> str:
    """What they agreed to, and where; their IP address and browser are nobody's business here."""
    return f"{quoted(Truncator(said.consent_text).chars(200))} ({said.url})" if said.consent_text else ""


def events_of_contact(person: Person) -> Sequence[Event]:
    """What happened to an address that no record has."""
    events = [*_upload_events(_items_of(person)), *_consent_events(person.email)]
    return sorted(events, key=lambda event: event.at, reverse=True)[:MOST_EVENTS]

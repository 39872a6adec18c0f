"""What happened in the account: subscriptions to events, their queue, and events of one's own (the vendor's v3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, BinaryIO, Final

import msgspec

from dotdigital import operations
from dotdigital.campaign_models import Dated
from dotdigital.decoding import MOST_VALUES, Page, TooManyValues, decode_one, malformed, values_in
from dotdigital.drafts import json_of, json_time
from dotdigital.errors import Transient
from dotdigital.json_stream import Unreadable, members
from dotdigital.models import Id
from dotdigital.paging import Repetitions
from dotdigital.session import Session
from dotdigital.v3_pages import MAX_PAGE_V3, MarkedPage, as_token, check_limit, marked_pages

DEFAULT_LIMIT: Final = 2000
MAX_IMPORTED: Final = 5000


class Event(Dated, frozen=True, rename="camel"):
    """Something that happened. ``data`` are the service's own keys, and most types document none of them.

    An event is best taken as a hint to look at the contact. ``event_date`` is when it happened, ``processed_date`` when
    the service knew; both in UTC.
    """

    dates = ("event_date", "processed_date")

    id: str
    type: str
    account_id: Id | None = None
    event_date: datetime | None = None
    processed_date: datetime | None = None
    data: dict[str, Any] = {}

    @property
    def contact_id(self) -> int | None:
        """The contact it is about, if the data name one."""
        try:
            return msgspec.convert(self.data.get("contactId"), Id, strict=False)
        except msgspec.ValidationError:
            return None


@dataclass(frozen=True, slots=True)
class EventPage(Page[Event]):
    """Some events, and the ``checkpoint`` that tells the service, with the next call, that they were received."""

    checkpoint: str = ""


class EventFilter(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What an event must have: a value at the JSON path ``field`` of its data that the pattern matches.

    In the pattern ``*`` stands for any characters, ``?`` for one, ``[abc]`` and ``[a-z]`` for one of these, ``[!abc]``
    for one that is none of these.
    """

    field: str
    match_pattern: str
    case_sensitive: bool = True


class EventType(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A type of event that is wanted, such as ``contact.updated``; one that meets all of its filters."""

    event_type: str
    filters: list[EventFilter] = []


class Alerts(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Whom the service tells of trouble with a subscription: none, inApp, email or emailAndInApp, and the address."""

    alert_channels: str
    email: str | None = None


class Subscription(Dated, frozen=True, rename="camel"):
    """A subscription to events. One that nobody reads for 30 days becomes inactive, and gets no events then."""

    dates = ("created", "updated")

    id: Id
    name: str = ""
    status: str = "inactive"
    subscribed_event_types: list[EventType] = []
    alerts_configuration: Alerts | None = None
    created: datetime | None = None
    updated: datetime | None = None

    @property
    def active(self) -> bool:
        """Whether it gets events."""
        return self.status == "active"


class SubscriptionDraft(msgspec.Struct, frozen=True):
    """A subscription to be written; the name must be the only one of its kind in the account, 50 characters at most.

    ``types`` are names of event types, or such with filters; the same type given twice means either set of filters.
    """

    name: str
    types: Sequence[EventType | str]
    active: bool = True
    alerts: Alerts = Alerts("none")

    def body(self) -> dict[str, Any]:
        """Answers the subscription as JSON. Raises ValueError without a name or types."""
        if not 1 <= len(self.name) <= 50:
            raise ValueError(f"name has {len(self.name)} characters: the service takes 1 to 50")
        if not 1 <= len(self.types) <= 100 or isinstance(self.types, str):
            raise ValueError("types is a single text or has not between 1 and 100 entries: give a list of event types")
        return {
            "name": self.name,
            "status": "active" if self.active else "inactive",
            "subscribedEventTypes": [each if isinstance(each, EventType) else EventType(each) for each in self.types],
            "alertsConfiguration": self.alerts,
        }


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event of one's own about a contact, to be imported: for programs, segments and the contact's timeline.

    ``identifier`` says what ``contact`` is: email, contactId, mobileNumber or one of the account's own. ``at`` is
    aware; without it the event happens now. ``summary`` is its line in the timeline, at most 160 characters.
    """

    contact: str | int
    type: str
    identifier: str = "email"
    id: str | None = None
    at: datetime | None = None
    summary: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def body(self) -> dict[str, Any]:
        """Answers the event as JSON.

        Raises ValueError for a type or summary that is empty or too long, and for data that are no JSON.
        """
        if not 1 <= len(self.type) <= 80:
            raise ValueError(f"type has {len(self.type)} characters: the service takes 1 to 80")
        if self.summary is not None and not 1 <= len(self.summary) <= 160:
            raise ValueError(f"summary has {len(self.summary)} characters: the service takes 1 to 160")
        known = {
            "contactIdentity": {"identifier": self.identifier, "value": str(self.contact)},
            "type": self.type,
            "id": self.id,
            "eventTimestamp": json_time(self.at) if self.at else None,
            "timelineDetails": {"summary": self.summary} if self.summary else None,
            "eventData": msgspec.Raw(json_of(dict(self.data))) if self.data else None,
        }
        return {key: value for key, value in known.items() if value is not None}


class Events:
    """Reads what happened in the account, and tells it what happened elsewhere. Made by ``Account.events``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def subscriptions(self, *, limit: int = DEFAULT_LIMIT) -> Iterator[MarkedPage[Subscription]]:
        """Yields the account's subscriptions, those of other programs included."""
        check_limit(limit)
        return marked_pages(self._session, operations.EVENT_SUBSCRIPTIONS, Subscription, {"limit": limit})

    def subscription(self, subscription_id: int) -> Subscription:
        """Answers one subscription. Raises NotFound if there is none (any more)."""
        return self._session.get(operations.EVENT_SUBSCRIPTION, Subscription, id=subscription_id)

    def subscribe(self, draft: SubscriptionDraft) -> Subscription:
        """Makes a subscription: it gets what happens from now on.

        Raises Rejected with events:nameAlreadyExists for a name that is taken, and with events:invalidEventType.
        """
        return self._session.post(operations.EVENT_SUBSCRIPTION_CREATE, Subscription, draft.body())

    def update(self, subscription_id: int, draft: SubscriptionDraft) -> Subscription:
        """Changes a subscription as a whole; also how one that became inactive is made active again."""
        return self._session.post(operations.EVENT_SUBSCRIPTION_UPDATE, Subscription, draft.body(), id=subscription_id)

    def delete(self, subscription_id: int) -> None:
        """Deletes a subscription with the events that wait for it."""
        self._session.tell(operations.EVENT_SUBSCRIPTION_DELETE, id=subscription_id)

    def read(self, subscription_id: int, *, checkpoint: str | None = None, limit: int = DEFAULT_LIMIT) -> EventPage:
        """Answers the next events; a page without any means that there are no more at present.

        ``checkpoint`` is that of the page before and tells the service that it was received, so that it need not be
        kept: store what a page brought before passing its checkpoint. Without one the earliest events that wait come.
        Events can come twice and in another order than they happened. Raises Rejected with events:invalidCheckpoint or
        events:inactiveSubscription, NotFound for a subscription that is gone.
        """
        check_limit(limit)
        query: dict[str, str | int] = {"limit": limit}
        if checkpoint:
            query["checkPoint"] = checkpoint
        return self._session.read_stream(operations.EVENTS, _event_page, query=query, id=subscription_id)

    def pages(
        self, subscription_id: int, *, checkpoint: str | None = None, limit: int = DEFAULT_LIMIT
    ) -> Iterator[EventPage]:
        """Yields pages until there are no more events; each counts as received once the next is asked for.

        The last page has no events but a checkpoint to go on from. Raises Transient for a checkpoint that comes again
        with events, and for the same events with ever new ones, which would never end.
        """
        repetitions = Repetitions()
        while True:
            page = self.read(subscription_id, checkpoint=checkpoint, limit=limit)
            repetitions.look_at(page)
            is_last, former, checkpoint = not page.rows, checkpoint, page.checkpoint
            yield page
            # Pages are large: whoever has done with one need not hold it while the next one is read.
            del page
            if is_last:
                return
            if not checkpoint or checkpoint == former:
                raise Transient(
                    "Dotdigital sent the same events again and again. Try again later.",
                    detail="events: a checkpoint that does not move",
                )

    def save_large_object(self, lob_id: str, target: BinaryIO) -> str:
        """Writes a large object that an event refers to into a seekable file and answers its media type."""
        start = target.tell()
        heard: dict[str, str] = {}

        def write(chunks: Iterator[bytes]) -> None:
            # A second try begins where the first did.
            target.seek(start)
            target.truncate()
            target.writelines(chunks)

        self._session.download(operations.EVENT_LARGE_OBJECT, write, heard.update, guid=lob_id)
        return heard.get("content-type", "application/octet-stream")

    def import_events(self, drafts: Sequence[EventDraft]) -> None:
        """Imports up to 5,000 events. The service takes them in the background and tells nothing of unknown contacts.

        Raises UnknownOutcome if the connection broke off after they were sent: sent again, they might count twice.
        """
        if not 1 <= len(drafts) <= MAX_IMPORTED:
            raise ValueError(f"drafts has {len(drafts)} entries: the service takes 1 to {MAX_IMPORTED}")
        self._session.tell(operations.EVENTS_IMPORT, [each.body() for each in drafts])


def _event_page(chunks: Iterator[bytes]) -> EventPage:
    """A bad event costs none of the others, and none is dropped: the checkpoint would say that it was received."""
    page = EventPage([])
    checkpoint: str | None = None
    values = 0
    for name, raw in members(chunks):
        values += values_in(raw)
        if values > MOST_VALUES:
            raise TooManyValues
        if name == "checkPoint":
            token = decode_one(raw, str)
            checkpoint = as_token(token) if token else ""
        elif name == "events":
            if page.rows == MAX_PAGE_V3:
                raise Unreadable("more events than a page can have")
            try:
                page.items.append(decode_one(raw, Event))
            except Unreadable as error:
                page.refuse(malformed(raw, str(error)))
    if checkpoint is None:
        raise Unreadable("a checkpoint was expected")
    return replace(page, checkpoint=checkpoint)

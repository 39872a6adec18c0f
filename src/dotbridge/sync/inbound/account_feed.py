"""Contacts by version 3 of the API: one feed for the account, with every contact's books and standing (contract §7).

A contact of the feed is told whole: the books that it is in, and so those that it has left. Opt-outs are read by
version 2 too, as a second witness: where the two differ, consent only falls.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from dotbridge.integrations.protocols import Version3Denied
from dotbridge.mirror.models import Contact, DataField
from dotbridge.sync.context import Refusal, StepContext
from dotbridge.sync.cursors import (
    OVERLAP,
    end_reading,
    forget_marker,
    keep_marker,
    move_cursor,
    move_cursors_of_books,
    place_of_reading,
)
from dotbridge.sync.failures import Failure
from dotbridge.sync.going_over import go_over
from dotbridge.sync.inbound.ahead import read_ahead
from dotbridge.sync.inbound.books import CONTACTS_FEED, WHOLE_ACCOUNT
from dotbridge.sync.inbound.events import (
    count_hints,
    hinted_contacts,
    put_hint_last,
    settle_hints,
    settle_hints_of_the_gone,
    settle_staged_hints,
)
from dotbridge.sync.inbound.large_readings import require_first_reading
from dotbridge.sync.inbound.seen import forget_seen, mark_gone_of_account, note_seen
from dotbridge.sync.inbound.stage import measure_tables, merge_account, merge_contacts
from dotbridge.sync.inbound.stage_lines import address_of, contact_line, membership_line
from dotbridge.sync.inbound.storable import NO_ID, is_id
from dotbridge.sync.models import Reading
from dotdigital import MAX_PAGE_V3, ContactV3, MarkedPage, NotFound, Rejected, Transient

# So many contacts a run are looked at one by one. Of more everybody is read, unless that takes more calls.
MOST_LOOKS = 200
PARTS = ("lists", "channelProperties")
# These contacts are in no book any more; that they are not there is nobody's opt-out.
GONE = frozenset({"deleted", "binned"})
# What version 2 calls a status that the two spell differently; of all others the first letter differs.
STATUSES = {"sharedsuppression": "SharedSuppression", "domainSuppressed": "DomainSuppression"}
# A contact that is reached by other channels has no standing by e-mail, and that is no word against it.
NO_STANDING = frozenset({"noSubscription", "deleted", "binned"})


@dataclass(frozen=True, slots=True)
class FieldNames:
    """The account's data fields: by their names in lower case, and each without a value.

    Version 3 may write a name in another case, and of what is empty it tells nothing.
    """

    by_lower: dict[str, str]
    empty: dict[str, None]


@dataclass(frozen=True, slots=True)
class Batch:
    """A page, ready for the database: lines of contacts and of their memberships.

    Of those in `contacts_alone` it was not told in which books they are.
    """

    contacts: bytes
    contacts_alone: bytes
    memberships: bytes
    read: int
    gone_ids: list[int]
    unread_ids: list[int]
    refusals: list[Refusal]
    is_complete: bool
    marker: str | None


def import_account_feed(step: StepContext, heard_since: datetime) -> bool:
    """Bring the account's contacts and memberships into the mirror: all at first, then those that changed.

    Since `heard_since` the events have told of everybody whom the feed does not tell of; what was before is read whole.
    The cursor moves only when the feed was read to its end. A first reading keeps its place with each page: whatever
    ends it, the next run goes on there. Answers whether everybody was heard of: whoever could not be looked at is
    looked at by the next run. Raises StepPaused when the run has had its time.
    """
    since = step.since(WHOLE_ACCOUNT)
    if since is None:
        require_first_reading(step)
    elif since + OVERLAP < heard_since:
        since = None
    if since is not None:
        _read(step, since)
    # Whoever changed was told of by now, as all whom an export has brought are. The others were named by events alone.
    if since is None or _is_begun(step) or _are_too_many(step, count_hints(step)):
        _read_everybody(step)
    return not _look(step, hinted_contacts(step, MOST_LOOKS))


def _read_everybody(step: StepContext) -> None:
    try:
        _read(step, None)
    except Rejected:
        # A marker is not promised to be known for ever. Without one there is nothing to begin again.
        if not forget_marker(step.integration, WHOLE_ACCOUNT):
            raise
        step.step.message = _("Dotdigital does not know any more how far this reading had come, so it began again.")
        _read(step, None)


def _is_begun(step: StepContext) -> bool:
    """Whether a run before this one had no time to read everybody to the end."""
    return Reading.objects.filter(integration=step.integration, feed=WHOLE_ACCOUNT).exists()


def _are_too_many(step: StepContext, hints: int) -> bool:
    """Whether to look at so many one by one takes more calls than to read everybody."""
    if hints <= MOST_LOOKS:
        return False
    everybody = Contact.objects.filter(integration=step.integration).count() // MAX_PAGE_V3 + 1
    return hints > everybody


def _look(step: StepContext, remote_ids: list[int]) -> list[int]:
    """Look at contacts that something happened to and that no feed has told of: taken out of a book, or deleted.

    Answers those who could not be looked at. They come last from now on, so that they keep nobody else waiting.
    """
    names = _names_of_fields(step)

    def look(remote_id: int) -> None:
        if step.run.denied is not None:
            return
        try:
            with step.run.by_version_3():
                found = [step.account.contacts_v3.get(remote_id, identifier="contactId")]
        except NotFound:
            found = []
        except Version3Denied:
            # It is said below, once for all.
            return
        except (Rejected, Transient):
            put_hint_last(step, remote_id)
            raise
        batch = replace(_batch(MarkedPage(found), names), gone_ids=[] if found else [remote_id])
        with transaction.atomic():
            _store(step, batch)
            settle_hints(step, [remote_id])
        step.count(looked=1)

    unseen = go_over(step, remote_ids, look, _unseen)
    if step.run.denied is not None:
        raise step.run.denied
    return unseen


def _unseen(remote_id: int, failure: Failure) -> Refusal:
    return Refusal(f"contact {remote_id}", "not_read", f"{failure.text} {_('The next run looks again.')}")


def _read(step: StepContext, since: datetime | None) -> None:
    is_first = since is None and not step.run.reads_everything
    place = place_of_reading(step.integration, WHOLE_ACCOUNT, step.run.server_now) if is_first else None
    goes_on = place is not None and place.pk is not None
    # Whom a run before this one has seen is not known any more.
    knows_who_is_gone, is_complete = since is None and not goes_on, True
    closed_at = step.run.server_now if place is None else place.began_at
    if knows_who_is_gone:
        forget_seen()
    pages = step.account.contacts_v3.pages(
        modified_since=since, include=PARTS, limit=MAX_PAGE_V3, marker=(place.marker or None) if place else None
    )
    with read_ahead(_batches(pages, _names_of_fields(step))) as ahead:
        for number, batch in enumerate(ahead):
            step.run.require_lock()
            if number == 1:
                measure_tables()
            with transaction.atomic():
                _store(step, batch)
                settle_staged_hints(step)
                if knows_who_is_gone:
                    note_seen(batch.unread_ids)
                if place is not None and batch.marker:
                    keep_marker(place, batch.marker)
            is_complete = is_complete and batch.is_complete
            if place is not None and batch.marker:
                step.run.require_time()
    step.run.require_lock()
    with transaction.atomic():
        if knows_who_is_gone and is_complete:
            step.count(gone=mark_gone_of_account(step.integration, closed_at))
            settle_hints_of_the_gone(step)
        move_cursor(step.integration, WHOLE_ACCOUNT, closed_at)
        # What the books' own feeds tell is known up to here as well.
        move_cursors_of_books(step.integration, CONTACTS_FEED, closed_at)
        if place is not None:
            end_reading(place)
    if goes_on:
        # What has changed since it began.
        _read(step, closed_at - OVERLAP)


def _names_of_fields(step: StepContext) -> FieldNames:
    fields = DataField.objects.filter(integration=step.integration, preference_id=None)
    names = fields.values_list("name", "gone_at")
    return FieldNames(
        by_lower={name.lower(): name for name, _gone_at in names},
        empty=dict.fromkeys(name for name, gone_at in names if gone_at is None),
    )


def _store(step: StepContext, batch: Batch) -> None:
    """A batch into the mirror. It was listed now, also where the reading that it belongs to began in an earlier run:
    the feeds of opt-outs may have been read since, and look for whoever was listed later."""
    step.reject(batch.refusals)
    now = step.run.server_now
    merged = merge_account(step.integration, batch.contacts, batch.memberships, gone_ids=batch.gone_ids, listed_at=now)
    step.count(read=batch.read, new=merged.new, changed=merged.changed)
    if batch.contacts_alone:
        # After the others, which stay on the stage: of whoever is there all books are told.
        alone = merge_contacts(step.integration, batch.contacts_alone, sets_status=True)
        step.count(new=alone.new, changed=alone.changed)
    step.advance(batch.read)


def _batches(pages: Iterator[MarkedPage[ContactV3]], names: FieldNames) -> Generator[Batch]:
    for page in pages:
        batch = _batch(page, names)
        # A page is large: it goes before the next one comes.
        del page
        yield batch


def _batch(page: MarkedPage[ContactV3], names: FieldNames) -> Batch:
    # Of one id the row read last counts.
    rows = {each.contact_id: each for each in page.items if is_id(each.contact_id)}
    refusals = [Refusal("contact", "unreadable", row.reason) for row in page.malformed]
    refusals += [
        Refusal(f"contact {each.contact_id}", "unreadable", NO_ID) for each in page.items if not is_id(each.contact_id)
    ]
    there = [row for row in rows.values() if row.status not in GONE]
    # Who is reached by other channels alone is no contact that we could mail, and nothing to be complained about.
    mailed = [row for row in there if address_of(row)]
    return Batch(
        contacts=b"".join(_contact_line(row, names) for row in mailed if row.lists is not None),
        contacts_alone=b"".join(_contact_line(row, names) for row in mailed if row.lists is None),
        memberships=b"".join(
            membership_line(row.contact_id, each.id, is_out=not _is_in(each.status))
            for row in mailed
            for each in row.lists or ()
            if is_id(each.id)
        ),
        read=len(rows),
        gone_ids=[number for number, row in rows.items() if row.status in GONE],
        unread_ids=[row.contact_id for row in there if not address_of(row)],
        refusals=refusals,
        is_complete=not page.malformed and not page.unkept,
        marker=page.marker,
    )


def _is_in(status: str | None) -> bool:
    """Whether a list still holds the contact by its own word; anything but a subscription is an opt-out of the list."""
    return status is None or status.lower() == "subscribed"


def _contact_line(row: ContactV3, names: FieldNames) -> bytes:
    channel: dict[str, Any] = (row.channel_properties or {}).get("email") or {}
    told = {names.by_lower.get(key.lower(), key.upper()): value for key, value in (row.data_fields or {}).items()}
    return contact_line(
        row.contact_id,
        address_of(row),
        status=_status(str(channel.get("status") or row.status or "")),
        opt_in_type=_word(channel.get("optInType")),
        email_type=_word(channel.get("emailType")),
        values=None if row.data_fields is None else {**names.empty, **told},
    )


def _status(word: str) -> str | None:
    """What version 2 calls it; None where nothing is said of mail."""
    if not word or word in NO_STANDING:
        return None
    return STATUSES.get(word, word[0].upper() + word[1:])


def _word(value: object) -> str:
    return value[0].upper() + value[1:] if isinstance(value, str) and value else ""

"""Events of the account as hints: each says *look at this contact*, and nothing more is taken from it.

What most events hold is not documented, so what happened is read from the contact itself. They tell what no feed of
changes does: who joined an address book, was taken out of one, or was deleted (docs/dotdigital-versions.md).
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import timedelta

import structlog
from django.db import connection, transaction
from django.db.models import QuerySet, Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from dotbridge.integrations.models import Integration, WireProtocol
from dotbridge.integrations.protocols import is_denied
from dotbridge.integrations.services import open_account
from dotbridge.mirror.models import Contact
from dotbridge.sync.context import StepContext
from dotbridge.sync.inbound.books import WHOLE_ACCOUNT
from dotbridge.sync.inbound.storable import is_id
from dotbridge.sync.models import Cursor, EventHint, EventSubscription, ExportItem, Upload, UploadState
from dotbridge.sync.texts import BOOKS_ONE_BY_ONE
from dotbridge.sync.verdicts import quota_opens_at
from dotdigital import MAX_PAGE_V3, DotdigitalError, Event, NotFound, Rejected, Subscription, SubscriptionDraft

log = structlog.get_logger(__name__)

TYPES = ("contact.membershipUpdated", "contact.removed", "interaction.unsubscribe")
PAGE = 5000
CAN_GO_ON_FROM_NOW = ("events:inactiveSubscription", "events:invalidCheckpoint")
# The operations of an upload that put somebody into a book.
JOINING = ("new", "add")
# To delete a subscription, look for it, make it again, and ask when that was.
CALLS_TO_BEGIN_ANEW = 4
# An account that has no events, or none that can be followed, is asked again the next day.
ASKED_AGAIN_AFTER = timedelta(days=1)
_NOTE = """
    INSERT INTO dotbridge_sync_eventhint (integration_id, remote_id)
    SELECT %s, unnest(%s::bigint[]) ON CONFLICT DO NOTHING
"""
_SETTLE_STAGED = """
    DELETE FROM dotbridge_sync_eventhint h USING stage_contact s
    WHERE h.integration_id = %s AND h.remote_id = s.remote_id
"""
_SETTLE_GONE = """
    DELETE FROM dotbridge_sync_eventhint h
    WHERE h.integration_id = %(integration)s AND NOT EXISTS (
        SELECT FROM dotbridge_mirror_contact c JOIN dotbridge_mirror_membership m ON m.contact_id = c.id
        WHERE c.integration_id = %(integration)s AND c.remote_id = h.remote_id AND m.gone_at IS NULL)
"""


def follow_events(step: StepContext) -> None:
    """Note whom the account's events since the last time are about. Without events the books are read one by one.

    A page's contacts are stored before the page counts as received. A subscription that is gone, or inactive, or whose
    place is lost, goes on from now: `heard_since` then says that everything has to be read once.
    """
    ours, _made = EventSubscription.objects.get_or_create(
        integration=step.integration, defaults={"name": f"Dotbridge {uuid.uuid4()}"}
    )
    if ours.unusable_until is None or not timedelta() < ours.unusable_until - timezone.now() <= ASKED_AGAIN_AFTER:
        began_at = timezone.now()
        try:
            _read(step, ours)
        except DotdigitalError as error:
            if not is_denied(error):
                raise
            _give_up(ours, error.text)
        else:
            _change(ours, read_at=began_at)
    if ours.unusable_until is not None:
        step.step.message = BOOKS_ONE_BY_ONE % {"reason": ours.reason}
        return
    _set_by_clock(step, ours)
    step.run.heard_since = ours.heard_since
    step.advance(0)


def _set_by_clock(step: StepContext, ours: EventSubscription) -> None:
    """No run takes place before events that it has heard began.

    Where its time is told to the second, it may seem to; what lies further ahead was told by a clock that was wrong.
    """
    ahead = (ours.heard_since or step.run.server_now) - step.run.server_now
    if ahead >= timedelta(seconds=1):
        _change(ours, heard_since=step.run.server_now)
    elif ahead > timedelta():
        step.run.server_now += ahead


def integrations_with_events() -> list[int]:
    """The active integrations whose account's events are followed."""
    followed = _followed().filter(integration__is_active=True)
    return list(followed.values_list("integration_id", flat=True).order_by("pk"))


def has_news(integration: Integration) -> bool:
    """Whether events wait for us: one call, which takes none of them. False where they are not followed, while a run
    waits for calls, and when Dotdigital cannot be asked now: the next import of the schedule finds out why."""
    ours = _followed().filter(integration=integration).first()
    if ours is None or ours.remote_id is None or quota_opens_at(integration):
        return False
    try:
        with open_account(integration, goes_to_region=True) as account:
            return bool(account.events.read(ours.remote_id, checkpoint=ours.checkpoint or None, limit=1).rows)
    except DotdigitalError as error:
        log.warning("nobody knows whether there are events", detail=error.detail)
        return False


def _followed() -> QuerySet[EventSubscription]:
    """Subscriptions whose events are taken: by version 2 no import does."""
    return EventSubscription.objects.filter(
        remote_id__isnull=False, unusable_until=None, integration__protocol_found=WireProtocol.V3
    )


def end_subscription(integration: Integration) -> None:
    """Delete our subscription there before the integration goes. One that cannot be reached becomes inactive there
    after thirty days, so it stops nothing."""
    ours = EventSubscription.objects.filter(integration=integration, remote_id__isnull=False).first()
    if ours is None or ours.remote_id is None:
        return
    try:
        with open_account(integration) as account:
            account.connect()
            account.events.delete(ours.remote_id)
    except DotdigitalError as error:
        log.warning("the subscription to events was not deleted", detail=error.detail)


def settle_staged_hints(step: StepContext) -> None:
    """Whoever is on the stage has been looked at; call it in the transaction that stores them."""
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE_STAGED, [step.integration.pk])


def hinted_contacts(step: StepContext, most: int) -> list[int]:
    """The contacts that have still to be looked at, the oldest hints first, not more than so many."""
    hints = EventHint.objects.filter(integration=step.integration).order_by("pk")
    return list(hints.values_list("remote_id", flat=True)[:most])


def count_hints(step: StepContext) -> int:
    """How many contacts have still to be looked at."""
    return EventHint.objects.filter(integration=step.integration).count()


def settle_hints(step: StepContext, remote_ids: list[int]) -> None:
    """These contacts have been looked at."""
    EventHint.objects.filter(integration=step.integration, remote_id__in=remote_ids).delete()


def settle_hints_of_the_gone(step: StepContext) -> None:
    """After everybody was read, whoever is in no address book any more need not be looked at. Whom Dotdigital does not
    mail it need not have listed: these stay."""
    with connection.cursor() as cursor:
        cursor.execute(_SETTLE_GONE, {"integration": step.integration.pk})


def put_hint_last(step: StepContext, remote_id: int) -> None:
    """This contact has to be looked at after all others."""
    with transaction.atomic():
        settle_hints(step, [remote_id])
        EventHint.objects.create(integration=step.integration, remote_id=remote_id)


def _read(step: StepContext, ours: EventSubscription) -> None:
    """Read what waits. After a refusal that can be mended, once more from now on."""
    if ours.remote_id is not None and _takes_more_calls_than_everybody(step, ours):
        step.step.message = _(
            "After so large an export all contacts are read once, which takes fewer calls than events."
        )
        with suppress(NotFound):
            step.account.events.delete(ours.remote_id)
        _change(ours, remote_id=None, checkpoint="")
    remote_id = _subscribed(step, ours) if ours.remote_id is None else ours.remote_id
    try:
        _read_pages(step, ours, remote_id)
    except NotFound:
        log.info("the subscription to events is gone and made again")
        step.step.message = _(
            "The subscription to events was deleted in Dotdigital. It was made again; all contacts are read once."
        )
        _read_pages(step, ours, _subscribed(step, ours))
    except Rejected as error:
        if error.code not in CAN_GO_ON_FROM_NOW:
            raise
        log.info("events are followed from now on", code=error.code)
        step.step.message = _("Events may have been missed while nobody asked for them, so all contacts are read once.")
        _begin_with_waiting(step, ours, step.account.events.subscription(remote_id))
        _read_pages(step, ours, remote_id)


def _takes_more_calls_than_everybody(step: StepContext, ours: EventSubscription) -> bool:
    """Whether the events of our own exports, and the contacts that these have changed, fill more pages than all the
    account's contacts. They tell nothing that reading everybody does not."""
    if ours.read_at is None or not Cursor.objects.filter(integration=step.integration, feed=WHOLE_ACCOUNT).exists():
        return False
    sent = Upload.objects.filter(
        connection__address_book__integration=step.integration, state=UploadState.FINISHED, finished_at__gt=ours.read_at
    )
    changed = sent.aggregate(rows=Sum("row_count"))["rows"] or 0
    everybody = CALLS_TO_BEGIN_ANEW + _pages(Contact.objects.filter(integration=step.integration).count(), MAX_PAGE_V3)
    # Who is put into a book makes an event; the larger number is asked for first, as it is known at once.
    if _pages(changed, PAGE) + _pages(changed, MAX_PAGE_V3) <= everybody:
        return False
    joined = ExportItem.objects.filter(upload__in=sent, operation__in=JOINING).count()
    return _pages(joined, PAGE) + _pages(changed, MAX_PAGE_V3) > everybody


def _pages(rows: int, size: int) -> int:
    return -(-rows // size)


def _subscribed(step: StepContext, ours: EventSubscription) -> int:
    """Make the subscription, or find the one that was made before a crash."""
    events = step.account.events
    found = next((each for page in events.subscriptions() for each in page if each.name == ours.name), None)
    if found is None:
        return _begin(step, ours, events.subscribe(SubscriptionDraft(ours.name, TYPES)))
    return _begin_with_waiting(step, ours, found)


def _begin_with_waiting(step: StepContext, ours: EventSubscription, theirs: Subscription) -> int:
    """Begin with a subscription that there is. What waits is passed over, since everybody is read once after it: an
    event among it that names nobody would be met each day anew."""
    if not theirs.active:
        theirs = step.account.events.update(theirs.id, SubscriptionDraft(ours.name, TYPES))
    checkpoint = ""
    for page in step.account.events.pages(theirs.id, limit=PAGE):
        step.run.require_lock()
        checkpoint = page.checkpoint
        # A page is large: it goes before the next one comes.
        del page
    return _begin(step, ours, theirs, checkpoint=checkpoint)


def _begin(step: StepContext, ours: EventSubscription, theirs: Subscription, *, checkpoint: str = "") -> int:
    step.run.refresh_clock()
    now = step.run.server_now
    _change(ours, remote_id=theirs.id, checkpoint=checkpoint, heard_since=now, unusable_until=None, reason="")
    return theirs.id


def _read_pages(step: StepContext, ours: EventSubscription, remote_id: int) -> None:
    for page in step.account.events.pages(remote_id, checkpoint=ours.checkpoint or None, limit=PAGE):
        step.run.require_lock()
        named = [number for number in map(_contact_of, page.items) if number is not None]
        if len(named) < page.rows:
            # Of some nobody knows whom they are about, so the address books have to be read one by one.
            _give_up(ours, _("Dotdigital's events do not name their contacts."))
            return
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_NOTE, [step.integration.pk, named])
            _change(ours, checkpoint=page.checkpoint)
        step.count(events=page.rows)
        # A page is large: it goes before the next one comes.
        del page


def _contact_of(event: Event) -> int | None:
    number = event.contact_id
    return number if number is not None and is_id(number) else None


def _give_up(ours: EventSubscription, reason: str) -> None:
    """Until the next day the address books are read one by one."""
    until = timezone.now() + ASKED_AGAIN_AFTER
    _change(ours, remote_id=None, checkpoint="", heard_since=None, unusable_until=until, reason=reason[:255])


def _change(ours: EventSubscription, **changes: object) -> None:
    for name, value in changes.items():
        setattr(ours, name, value)
    ours.save(update_fields=list(changes))

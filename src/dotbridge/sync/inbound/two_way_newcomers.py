"""Contacts of a connected book that no record has the address of: for lists that create entities, they become records.

They become records only, not members: whether a record is on the list is for the list's rule to say, and whoever we
did not bring to the book is never taken out of it.
"""

# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import structlog
from django.core.exceptions import ValidationError
from django.db import DataError, IntegrityError, connection, models, transaction
from django.db.models import F
from django.utils.translation import gettext_noop as _

from dotbridge.connections.models import ListConnection
from dotbridge.connections.selectors import scopes_of_connection
from dotbridge.consent.conditions import blocked_addresses, erased_addresses
from dotbridge.consent.turns import hold_off_erasures
from dotbridge.entities.email import is_plausible, normalised
from dotbridge.entities.registry import Entity, NewRecord, entity
from dotbridge.entities.sql import Fragment, compiled
from dotbridge.lock_keys import LOCK_KEY
from dotbridge.mapping.canonical import DoesNotFit, coerced
from dotbridge.mapping.two_way import TwoWayRow, obstacle_to_creating
from dotbridge.mirror.status import LIVE
from dotbridge.sync.context import Refusal, StepContext
from dotbridge.sync.failures import failure_of, kind_of
from dotbridge.sync.going_over import LOCK_IS_ASKED_EVERY
from dotbridge.sync.inbound.two_way_records import (
    BROKEN_RULE,
    SAYS_NOTHING_OF_A_RECORD,
    error_of_check,
    in_transaction,
    mark_origin,
    refusal,
)
from dotbridge.sync.models import Newcomer
from dotbridge.sync.texts import NO_RECORDS_MADE, WITHOUT_RECORD

if TYPE_CHECKING:
    from django.db.backends.utils import CursorWrapper

NEWCOMERS_AT_ONCE = 1000
# So long, in seconds, another account's run that makes records is waited for.
LONGEST_WAIT = 30.0

_NOT_MADE = _("No record was made of the contact.")

log = structlog.get_logger(__name__)

# Whoever was sent once has, or had, a record: one that was deleted here is not made again of what is left there. Nor is
# one made of an address that may not be mailed by what was said here.
_STAGE = """
    CREATE TEMP TABLE stage_newcomer ON COMMIT PRESERVE ROWS AS
    SELECT * FROM (
        SELECT c.remote_id, c.email, t.values, md5(concat(c.email, t.values::text, %(signature)s::text)) AS fingerprint
        FROM dotbridge_mirror_membership m
        JOIN dotbridge_mirror_contact c ON c.id = m.contact_id AND c.email_key IS NOT NULL AND c.status = ANY(%(live)s)
        LEFT JOIN LATERAL (
            SELECT jsonb_object_agg(name, c.data_fields ->> name) AS values
            FROM unnest(%(data_fields)s::text[]) AS name WHERE jsonb_exists(c.data_fields, name)
        ) t ON true
        WHERE m.address_book_id = %(book)s AND m.gone_at IS NULL AND m.status = ANY(%(live)s)
          AND NOT EXISTS (SELECT 1 FROM dotbridge_sync_exportitem i
                          WHERE i.connection_id = %(connection)s AND i.email_key = c.email_key)
          AND NOT EXISTS (SELECT 1 FROM ({addresses}) a WHERE a.email_key = c.email_key)
          AND NOT EXISTS (SELECT 1 FROM ({blocked}) b WHERE b.email_key = c.email_key)
    ) unknown
    WHERE NOT EXISTS (SELECT 1 FROM dotbridge_sync_newcomer n
                      WHERE n.connection_id = %(connection)s AND n.remote_id = unknown.remote_id
                        AND (n.record_id <> '' OR n.fingerprint = unknown.fingerprint))
"""
_NEXT = """
    SELECT remote_id, email, coalesce(values, '{}'), fingerprint FROM stage_newcomer
    WHERE remote_id > %s ORDER BY remote_id LIMIT %s
"""
# They are not looked at again until the mapping, or what Dotdigital says of them, has changed.
_SET_ASIDE = """
    INSERT INTO dotbridge_sync_newcomer (connection_id, remote_id, record_id, fingerprint)
    SELECT %s, remote_id, '', fingerprint FROM stage_newcomer
    ON CONFLICT (connection_id, remote_id) DO UPDATE SET fingerprint = excluded.fingerprint
"""


class Unknown(NamedTuple):
    """A contact whose address no record has. `fingerprint` changes when its values or the mapping do."""

    remote_id: int
    email: str
    values: dict[str, str | None]
    fingerprint: str


def create_newcomers(step: StepContext, link: ListConnection, rows: Sequence[TwoWayRow]) -> None:
    """Make records of a connected book's contacts that have none; what keeps us from it is a rejection, told once."""
    owner = entity(link.marketing_list.entity)
    obstacle = obstacle_to_creating(owner, rows)
    with _creating(step, owner) as is_our_turn:
        if not is_our_turn:
            step.mark_partial(NO_RECORDS_MADE % {"connection": link})
            return
        with _staged(link, owner, rows, obstacle) as number:
            if number and obstacle:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute(_SET_ASIDE, [link.pk])
                    step.reject(
                        [Refusal(str(link), "not_created", f"{WITHOUT_RECORD % {'number': number}} {obstacle}")]
                    )
            elif number:
                for unknown in _chunks():
                    in_transaction(partial(_create, step, link, owner, rows, unknown))
                    step.advance(len(unknown))


@contextmanager
def _creating(step: StepContext, owner: Entity) -> Iterator[bool]:
    """Two accounts may know the same address; one run at a time looks who is new and makes records. False when that is
    not ours in time: other steps need not wait for another account's."""
    name = f"dotbridge.create.{owner.key}"
    deadline = time.monotonic() + LONGEST_WAIT
    with connection.cursor() as cursor:
        while not (is_our_turn := _took_turn(cursor, name)) and time.monotonic() < deadline:
            step.run.require_lock(within=LOCK_IS_ASKED_EVERY)
            time.sleep(0.2)
        try:
            yield is_our_turn
        finally:
            if is_our_turn:
                cursor.execute(f"SELECT pg_advisory_unlock({LOCK_KEY})", [name])


def _took_turn(cursor: CursorWrapper, name: str) -> bool:
    cursor.execute(f"SELECT pg_try_advisory_lock({LOCK_KEY})", [name])
    return bool(cursor.fetchone()[0])


@contextmanager
def _staged(link: ListConnection, owner: Entity, rows: Sequence[TwoWayRow], obstacle: str) -> Iterator[int]:
    addresses, named = _addresses(owner).named("address")
    signature = json.dumps([[row.data_field, row.path] for row in rows] + [obstacle])
    statement = _STAGE.format(addresses=addresses, blocked=blocked_addresses(scopes_of_connection(link)))
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS stage_newcomer")
        cursor.execute(
            statement,
            {
                **named,
                "signature": signature,
                "live": list(LIVE),
                "data_fields": sorted(row.data_field for row in rows),
                "book": link.address_book_id,
                "connection": link.pk,
            },
        )
        try:
            yield int(cursor.rowcount)
        finally:
            cursor.execute("DROP TABLE IF EXISTS stage_newcomer")


def _addresses(owner: Entity) -> Fragment:
    # Also of records that the host hides by default, such as archived ones: they are not to come back.
    records = owner.model._base_manager.order_by().values(record_pk=F("pk"))
    return compiled(records.annotate(email_key=normalised(owner.email_expression())))


def _chunks() -> Iterator[list[Unknown]]:
    after = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_NEXT, [after, NEWCOMERS_AT_ONCE])
            chunk = [Unknown(row[0], row[1], json.loads(row[2]), row[3]) for row in cursor.fetchall()]
        if not chunk:
            return
        yield chunk
        after = chunk[-1].remote_id


def _create(
    step: StepContext,
    link: ListConnection,
    owner: Entity,
    rows: Sequence[TwoWayRow],
    chunk: list[Unknown],
    *,
    in_savepoints: bool,
) -> None:
    mark_origin(step.integration)
    chunk = _without_erased(chunk)
    refusals: list[Refusal] = []
    checked: list[tuple[Unknown, NewRecord]] = []
    for unknown in chunk:
        made = _checked(owner, rows, unknown, in_savepoint=in_savepoints)
        if isinstance(made, Refusal):
            refusals.append(made)
        else:
            checked.append((unknown, made))
    refused = _save(owner, checked)
    refusals += refused.values()
    created = {unknown.remote_id: str(made.record.pk) for unknown, made in checked if unknown.remote_id not in refused}
    Newcomer.objects.bulk_create(
        [
            Newcomer(
                connection=link,
                remote_id=unknown.remote_id,
                record_id=created.get(unknown.remote_id, ""),
                fingerprint=unknown.fingerprint,
            )
            for unknown in chunk
        ],
        update_conflicts=True,
        unique_fields=["connection", "remote_id"],
        update_fields=["record_id", "fingerprint"],
    )
    step.reject(refusals)
    step.count(created=len(created))


def _without_erased(chunk: list[Unknown]) -> list[Unknown]:
    """The contacts without those whose address was erased since they were found."""
    hold_off_erasures()
    erased = erased_addresses("lower(email)")
    if erased is None:
        return chunk
    with connection.cursor() as cursor:
        addresses = [unknown.email for unknown in chunk]
        cursor.execute(
            f"SELECT email FROM unnest(%s::text[]) AS found (email) WHERE {erased.sql}", [addresses, *erased.parameters]
        )
        forgotten = {email for (email,) in cursor.fetchall()}
    return [unknown for unknown in chunk if unknown.email not in forgotten]


def _checked(owner: Entity, rows: Sequence[TwoWayRow], unknown: Unknown, *, in_savepoint: bool) -> NewRecord | Refusal:
    if not is_plausible(unknown.email):
        return Refusal(
            unknown.email, "invalid_email", _("The address is not valid, so no record was made of the contact.")
        )
    record = owner.model()
    for row in rows:
        text = unknown.values.get(row.data_field)
        try:
            value = coerced(row.kind, text or "")
        except DoesNotFit as error:
            return refusal(unknown.email, row, text, error)
        if value is not None:
            setattr(record, row.path, value)
    if owner.email_path is not None:
        setattr(record, owner.email_path, unknown.email)
    given = {owner.email_path, *(row.path for row in rows)}
    problem = error_of_check(partial(_clean, owner, record, given), in_savepoint=in_savepoint)
    if problem is None:
        return NewRecord(email=unknown.email, record=record)
    if isinstance(problem, ValidationError | OverflowError):
        return Refusal(unknown.email, "not_created", f"{_NOT_MADE} {_in_words(problem)}")
    return _failed(unknown.email, problem)


def _clean(owner: Entity, record: models.Model, given: set[str | None]) -> None:
    """Have the model check what was given. What the host's own function adds afterwards is for that to check, and so
    is the record as a whole then.

    Raises ValidationError, and whatever the host's own checks raise.
    """
    if owner.host_creates:
        record.clean_fields(exclude={own.name for own in record._meta.fields} - given)
    else:
        record.clean_fields()
        record.clean()


def _failed(email: str, error: Exception) -> Refusal:
    failure = failure_of(error)
    log.error("no record was made", error=kind_of(error), place=failure.place)
    return Refusal(email, "not_created", f"{_NOT_MADE} {failure.text}")


def _in_words(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return " ".join(f"{name}: {' '.join(texts)}" for name, texts in error.message_dict.items())


def _save(owner: Entity, checked: list[tuple[Unknown, NewRecord]]) -> dict[int, Refusal]:
    """Save the records and answer who could not be saved, by remote id. The statements grow only with their number."""
    if not checked or owner.create is None:
        return {}
    try:
        with transaction.atomic():
            owner.create([made for _unknown, made in checked])
    except SAYS_NOTHING_OF_A_RECORD:
        raise
    except Exception as error:  # noqa: BLE001 - the host's own function may raise anything; the others go on
        if len(checked) == 1:
            unknown = checked[0][0]
            if isinstance(error, IntegrityError | DataError):
                return {unknown.remote_id: Refusal(unknown.email, "not_created", BROKEN_RULE)}
            return {unknown.remote_id: _failed(unknown.email, error)}
        middle = len(checked) // 2
        return _save(owner, checked[:middle]) | _save(owner, checked[middle:])
    return _left_out(owner, checked)


def _left_out(owner: Entity, checked: list[tuple[Unknown, NewRecord]]) -> dict[int, Refusal]:
    """Who has no record although nothing was raised: a host's own function may leave some out."""
    keys = [made.record.pk for _unknown, made in checked if made.record.pk is not None]
    saved = set(owner.model._base_manager.filter(pk__in=keys).values_list("pk", flat=True))
    text = _("The function that makes records has not saved this one.")
    return {
        unknown.remote_id: Refusal(unknown.email, "not_created", f"{_NOT_MADE} {text}")
        for unknown, made in checked
        if made.record.pk not in saved
    }

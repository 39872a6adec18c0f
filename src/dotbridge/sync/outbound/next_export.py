"""What an export of one list would do now. It asks nobody, decides nothing, and may be asked for at any time.

It takes the log of changed records, as every run does, and works like an export on temporary tables of this session, up
to where the export would begin to write. Of lists that rank higher it knows what they have prepared, not what they
would prepare next.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from django.db import connection

from dotbridge.connections.models import ListConnection
from dotbridge.entities.email import plausible_sql
from dotbridge.lists.selectors import roomy_transaction
from dotbridge.mapping.tracking.changes import collect_changes
from dotbridge.sync.outbound.breaker import would_ask
from dotbridge.sync.outbound.members import (
    EvaluatedMembers,
    empty_tables,
    evaluate_members,
)
from dotbridge.sync.outbound.outgoing import (
    DIFFERS,
    IS_SENT,
    Outgoing,
    find_candidates,
    has_to_compare_all,
    outgoing_rows,
)
from dotbridge.sync.outbound.ranks import Ranked, ranked_connections
from dotbridge.sync.outbound.removals import DEPARTING, count_departing, departing_parameters
from dotbridge.sync.selectors import book_size


class ExportKind(StrEnum):
    """What would be done."""

    NEW = "new"  # sent; Dotdigital does not know the address
    ADD = "add"  # sent; the account knows the address, the book does not
    UPDATE = "update"  # sent; the book has the address
    REMOVE = "remove"  # taken out of the book
    REJECT = "reject"  # not sent, because the address cannot be one


@dataclass(frozen=True, kw_only=True)
class FieldChange:
    """A data field before and after. `after` is None where Dotdigital's value is kept, empty where it is cleared.

    `before` is what was sent last, or what Dotdigital had when we last looked, if nothing was. `source_list` names the
    list of higher rank whose value goes in place of another one that this list's record has; else it is empty.
    """

    data_field: str
    before: str | None
    after: str | None
    source_list: str = ""


@dataclass(frozen=True, kw_only=True)
class ExportRow:
    """One thing that would be done to one address or record."""

    kind: ExportKind
    email: str
    record_id: str
    reason: str = ""
    changes: tuple[FieldChange, ...] = ()

    def only(self, may_be_shown: Callable[[FieldChange], bool]) -> ExportRow:
        """The same row with those changes alone that may be shown."""
        return replace(self, changes=tuple(filter(may_be_shown, self.changes)))


@dataclass(frozen=True, kw_only=True)
class ExportNumbers:
    """How many of each kind. `asks_first`: the breaker would stop it before anybody is taken out, and ask a person."""

    counts: Mapping[ExportKind, int]
    book_size: int
    asks_first: bool


class BookGone(ValueError):
    """The address book of the connection does not exist any more, so nothing is exported to it."""


_SENT_ROWS = f"""
    SELECT * FROM (SELECT *, (is_queued OR {DIFFERS}) IS TRUE AS differs FROM ({{rows}}) found) compared WHERE {IS_SENT}
"""
_COUNT = "SELECT operation, count(*) FROM ({sent_rows}) c GROUP BY 1"
_SENT = """
    SELECT operation, email, record_id, '' AS reason,
           coalesce(CASE WHEN item_id IS NOT NULL AND is_queued IS NOT TRUE THEN former_values
                         ELSE (SELECT jsonb_object_agg(name, remote_values ->> name)
                               FROM jsonb_object_keys(mapped) name) END, '{{}}')::text,
           mapped::text, own::text, owners::text
    FROM ({sent_rows}) c
"""
_REMOVED = "SELECT 'remove', email, record_id, '', NULL, NULL, NULL, NULL FROM ({departing}) d"
_PLAUSIBLE = plausible_sql("email").replace("%", "%%")
_REJECTED = """
    SELECT 'reject', email, record_id, 'invalid_email', NULL, NULL, NULL, NULL
    FROM export_member WHERE connection_id = %(connection)s AND is_member AND NOT {plausible}
"""


class NextExport:
    """The list as it is now, compared and not yet counted. Valid inside `next_export` alone."""

    def __init__(self, evaluated: EvaluatedMembers, ranked: Ranked) -> None:
        self._link = evaluated.link
        self._departing = count_departing(evaluated)
        self._candidates = find_candidates(evaluated, ranked, compares_all=has_to_compare_all(ranked), with_queued=True)
        self._outgoing: Outgoing = outgoing_rows(self._candidates)
        others = ListConnection.objects.filter(address_book__integration=evaluated.link.address_book.integration_id)
        self._names = dict(others.values_list("pk", "marketing_list__name"))

    def numbers(self) -> ExportNumbers:
        """The exact counts."""
        counts = dict.fromkeys(ExportKind, 0)
        counts[ExportKind.REMOVE] = self._departing.rows
        with roomy_transaction(), connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM ({self._text(_REJECTED)}) r", self._outgoing.parameters)
            counts[ExportKind.REJECT] = cursor.fetchone()[0]
            if self._candidates.number:
                cursor.execute(self._text(_COUNT), self._outgoing.parameters)
                counts |= {ExportKind(operation): rows for operation, rows in cursor.fetchall()}
        size = book_size(self._link.address_book)
        return ExportNumbers(counts=counts, book_size=size, asks_first=self._asks_first(size))

    def _asks_first(self, size: int) -> bool:
        """Whoever opted out leaves the book before the breaker looks, and is not counted by it."""
        rows, opted_out = self._departing
        return would_ask(self._link, rows - opted_out, size - opted_out)

    def rows(self, *, most_a_kind: int | None = None) -> Iterator[ExportRow]:
        """Every row, or the first so many of what is removed, of what happens to the list, is rejected, and is sent."""
        limit = "" if most_a_kind is None else f" LIMIT {int(most_a_kind)}"
        removed = _REMOVED.format(departing=DEPARTING)
        parts: list[tuple[str, dict[str, Any]]] = [
            (removed, departing_parameters(self._link)),
            (self._text(_REJECTED), self._outgoing.parameters),
        ]
        if self._candidates.number:
            parts.append((self._text(_SENT), self._outgoing.parameters))
        for statement, parameters in parts:
            # A cursor of the server: however many there are, only some are here at a time.
            with closing(connection.chunked_cursor()) as cursor:
                cursor.execute(statement + limit, parameters)
                while found := cursor.fetchmany(2000):
                    for each in found:
                        yield _row(each, self._names)

    def _text(self, statement: str) -> str:
        return statement.format(sent_rows=_SENT_ROWS.format(rows=self._outgoing.sql), plausible=_PLAUSIBLE)


@contextmanager
def next_export(link: ListConnection) -> Iterator[NextExport]:
    """What one list's next export would do, for as long as the block lasts.

    Raises BookGone, UnknownEntity, UnknownField, and RuleError for a rule that its entity does not understand any more.
    """
    integration = link.address_book.integration
    ranked = next((each for each in ranked_connections(integration) if each.link.pk == link.pk), None)
    if ranked is None:
        raise BookGone(f"The address book {link.address_book} does not exist in Dotdigital any more.")
    collect_changes()
    empty_tables()
    try:
        yield NextExport(evaluate_members(ranked.link), ranked)
    finally:
        empty_tables()


def _row(found: tuple[Any, ...], lists: Mapping[int, str]) -> ExportRow:
    kind, email, record_id, reason, before, after, own, owners = found
    sources = {} if owners is None else _sources(json.loads(after), json.loads(own), json.loads(owners), lists)
    return ExportRow(
        kind=ExportKind(kind),
        email=email,
        record_id=record_id,
        reason=reason,
        changes=() if after is None else _changes(json.loads(before), json.loads(after), sources),
    )


def _sources(
    after: Mapping[str, str], own: Mapping[str, str], owners: Mapping[str, int], lists: Mapping[int, str]
) -> dict[str, str]:
    """Of the data fields that go with another value than the record's own: whose it is."""
    return {name: lists[owner] for name, owner in owners.items() if after.get(name) != own.get(name)}


def _changes(
    before: Mapping[str, str], after: Mapping[str, str], sources: Mapping[str, str]
) -> tuple[FieldChange, ...]:
    return tuple(
        FieldChange(data_field=name, before=before.get(name), after=after.get(name), source_list=sources.get(name, ""))
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    )

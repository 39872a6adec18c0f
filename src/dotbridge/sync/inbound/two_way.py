"""The way back: values changed in Dotdigital are written into the records that speak for their addresses.

Each connected list is compared chunk by chunk: a transaction that locks the chunk's records, and, where a value was
changed on both sides, a question to Dotdigital between two transactions, never within one.
"""

from __future__ import annotations

from dotbridge.entities.registry import UnknownField, entity
from dotbridge.mapping.two_way import two_way_rows
from dotbridge.sync.context import Refusal, StepContext, StepSkipped
from dotbridge.sync.cursors import move_cursor, read_cursor
from dotbridge.sync.inbound.contacts import FEED as CONTACTS_FEED
from dotbridge.sync.inbound.two_way_chunk import Route, take_changes
from dotbridge.sync.inbound.two_way_newer import ask_dotdigital
from dotbridge.sync.inbound.two_way_values import items_to_compare
from dotbridge.sync.models import Connection, Cursor
from dotbridge.sync.outbound.selection import mapping_of
from dotbridge.sync.selectors import exportable_connections

FEED = "two_way"


def write_back(step: StepContext) -> None:
    """Bring what was changed in Dotdigital into the records, list by list, those of the highest sync priority first."""
    routes = _routes(step)
    if not routes:
        raise StepSkipped("No data field is synchronised both ways.")
    for route in routes:
        if not _was_read(step, route.link):
            step.mark_partial(f"{route.link.address_book}: not compared, because its contacts could not be read.")
            continue
        try:
            _write_back_list(step, route)
        except UnknownField as error:
            step.reject([Refusal(str(route.link), "mapping_broken", str(error))])


def _routes(step: StepContext) -> list[Route]:
    links = exportable_connections(step.integration)
    routes: list[Route] = []
    told: set[int] = set()
    for link in links:
        mapping = mapping_of(link)
        found = two_way_rows(mapping)
        if mapping is None or not (found.rows or found.broken):
            continue
        if mapping.pk not in told:
            told.add(mapping.pk)
            step.reject(Refusal(name, "mapping_broken", f"{name}: {problem}") for name, problem in found.broken)
        routes.append(
            Route(
                link=link,
                mapping=mapping,
                owner=entity(mapping.entity),
                rows=found.rows,
                siblings=tuple(other.pk for other in links if other.marketing_list.entity == mapping.entity),
                compared_until=read_cursor(step.integration, FEED, link.address_book_id),
            )
        )
    return sorted(routes, key=lambda route: (-route.mapping.sync_priority, route.link.pk))


def _was_read(step: StepContext, link: Connection) -> bool:
    """Whether the book's contacts were read completely in this run: an old reading shows old values as changes."""
    return Cursor.objects.filter(
        integration=step.integration,
        feed=CONTACTS_FEED,
        object_id=link.address_book_id,
        position__gte=step.run.server_now,
    ).exists()


def _write_back_list(step: StepContext, route: Route) -> None:
    after = 0
    while items := items_to_compare(route.link, route.rows, after=after):
        after = items[-1].id
        open_conflicts = take_changes(step, route, items, {})
        if open_conflicts:
            verdicts = ask_dotdigital(step, route.link, open_conflicts)
            take_changes(step, route, [conflict.item for conflict in open_conflicts], verdicts)
        step.advance(len(items))
    move_cursor(step.integration, FEED, step.run.server_now, route.link.address_book_id)

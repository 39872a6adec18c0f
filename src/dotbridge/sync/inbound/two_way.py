"""The way back: values changed in Dotdigital are written into the records that speak for their addresses.

Each connected list is compared chunk by chunk: a transaction that locks the chunk's records, and, where a value was
changed on both sides, a question to Dotdigital between two transactions, never within one.
"""

from __future__ import annotations

from functools import partial

from django.utils.translation import gettext_noop as _

from dotbridge.connections.models import ListConnection
from dotbridge.connections.selectors import exportable_connections
from dotbridge.entities.registry import Entity, UnknownField, entity
from dotbridge.mapping.models import Mapping as FieldMapping
from dotbridge.mapping.two_way import TwoWayRow, two_way_rows
from dotbridge.sync.context import Refusal, StepContext, StepSkipped
from dotbridge.sync.cursors import move_cursor, read_cursor
from dotbridge.sync.failures import Failure
from dotbridge.sync.going_over import go_over
from dotbridge.sync.inbound.books import CONTACTS_FEED
from dotbridge.sync.inbound.two_way_chunk import compare_and_write
from dotbridge.sync.inbound.two_way_newcomers import create_newcomers
from dotbridge.sync.inbound.two_way_newer import ask_dotdigital
from dotbridge.sync.inbound.two_way_values import WriteBackRoute, items_to_compare
from dotbridge.sync.models import Cursor
from dotbridge.sync.texts import NOT_COMPARED

FEED = "two_way"


def write_back(step: StepContext) -> None:
    """Bring what was changed in Dotdigital into the records, list by list, and make records of contacts without one.

    Lists with the highest sync priority come first, then those connected earlier.
    """
    links = exportable_connections(step.integration)
    routes = _routes(step, links)
    rows = {route.link.pk: route.rows for route in routes}
    if not any(rows.values()) and not any(link.create_entities for link in links):
        raise StepSkipped(_("No data field is synchronised both ways."))
    compared = [route for route in routes if route.rows and step.run.only in (None, route.link)]
    go_over(step, compared, partial(_write_back_list, step), _route_refusal)
    creating = [link for link in links if link.create_entities and step.run.only in (None, link)]

    def create(link: ListConnection) -> None:
        if _was_read(step, link):
            create_newcomers(step, link, rows.get(link.pk, ()))

    go_over(step, creating, create, _list_refusal)


def _route_refusal(route: WriteBackRoute, failure: Failure) -> Refusal:
    return _list_refusal(route.link, failure)


def _list_refusal(link: ListConnection, failure: Failure) -> Refusal:
    return Refusal(str(link), "not_compared", failure.text_of(link.marketing_list.entity))


def _routes(step: StepContext, links: list[ListConnection]) -> list[WriteBackRoute]:
    """The lists whose entity is mapped, the highest rank first. What cannot be written back is told here."""
    mappings = {mapping.entity: mapping for mapping in FieldMapping.objects.filter(integration=step.integration)}
    keys = sorted({link.marketing_list.entity for link in links} & mappings.keys())
    owners: dict[str, Entity] = {}
    rows: dict[str, tuple[TwoWayRow, ...]] = {}

    def look_up(key: str) -> None:
        found = two_way_rows(mappings[key])
        step.reject(Refusal(name, "mapping_broken", f"{name}: {problem}") for name, problem in found.broken)
        owners[key], rows[key] = entity(key), found.rows

    go_over(step, keys, look_up, lambda key, failure: Refusal(key, "unknown_entity", failure.text))
    mapped = [link for link in links if link.marketing_list.entity in owners]
    ranked = sorted(mapped, key=lambda link: (-mappings[link.marketing_list.entity].sync_priority, link.pk))
    return [
        WriteBackRoute(
            link=link,
            mapping=mappings[link.marketing_list.entity],
            owner=owners[link.marketing_list.entity],
            rows=rows[link.marketing_list.entity],
            siblings=tuple(other.pk for other in mapped if other.marketing_list.entity == link.marketing_list.entity),
            outranked=tuple(other.pk for other in ranked[rank + 1 :]),
            compared_until=read_cursor(step.integration, FEED, step.run.server_now, link.address_book_id),
        )
        for rank, link in enumerate(ranked)
    ]


def _was_read(step: StepContext, link: ListConnection) -> bool:
    """Whether the book's contacts were read completely in this run: an old reading shows old values as changes."""
    was_read = Cursor.objects.filter(
        integration=step.integration,
        feed=CONTACTS_FEED,
        object_id=link.address_book_id,
        position=step.run.server_now,
    ).exists()
    if not was_read:
        step.mark_partial(NOT_COMPARED % {"book": link.address_book})
    return was_read


def _write_back_list(step: StepContext, route: WriteBackRoute) -> None:
    if not _was_read(step, route.link):
        return
    try:
        _compare_all(step, route)
    except UnknownField as error:
        step.reject([Refusal(str(route.link), "mapping_broken", str(error))])
    else:
        move_cursor(step.integration, FEED, step.run.server_now, route.link.address_book_id)


def _compare_all(step: StepContext, route: WriteBackRoute) -> None:
    after = 0
    while items := items_to_compare(route, after=after):
        after = items[-1].id
        open_conflicts = compare_and_write(step, route, items, {})
        if open_conflicts:
            verdicts = ask_dotdigital(step, route.link, open_conflicts)
            compare_and_write(step, route, [conflict.item for conflict in open_conflicts], verdicts)
        step.advance(len(items))

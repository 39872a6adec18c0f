"""Some addresses of one list, compared with their records in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import msgspec
from django.db import connection
from django.db.models import F
from django.utils import timezone

from dotbridge.entities.record_ids import as_record_id
from dotbridge.entities.sql import Fragment, compiled
from dotbridge.mapping.two_way import TwoWayRow
from dotbridge.mapping.values import mapped_values
from dotbridge.sync.context import Refusal, StepContext
from dotbridge.sync.inbound.two_way_newer import OpenConflict, Verdict, judge
from dotbridge.sync.inbound.two_way_records import (
    Target,
    check_target,
    in_transaction,
    lock_targets,
    mark_origin,
    save_targets,
    set_value,
)
from dotbridge.sync.inbound.two_way_values import Comparison, Item, WriteBackRoute, compare
from dotbridge.sync.models import ValueConflict, Winner
from dotbridge.sync.texts import VALUES_NOT_WRITTEN

_AGREE = """
    UPDATE dotbridge_sync_exportitem i SET agreed = s.theirs, agreed_at = %s
    FROM jsonb_to_recordset(%s::jsonb) AS s(id bigint, theirs jsonb)
    WHERE i.id = s.id
"""
# What was written here is what Dotdigital has: no list of the account that the record speaks on sends it again.
_SETTLE = """
    UPDATE dotbridge_sync_exportitem i
    SET values = (i.values - s.names) || s.written, own = (i.own - s.names) || s.written
    FROM (
        SELECT s.record_id, s.email_key, ARRAY(SELECT jsonb_array_elements_text(s.settled)) AS names,
               coalesce((SELECT jsonb_object_agg(v.key, v.value) FROM jsonb_each(w.mapped) v
                         WHERE jsonb_exists(s.settled, v.key)), '{{}}') AS written
        FROM jsonb_to_recordset(%s::jsonb) AS s(record_id text, email_key text, settled jsonb)
        JOIN ({written}) w ON w.record_id = s.record_id
    ) s
    WHERE i.connection_id = ANY(%s) AND i.email_key = s.email_key AND i.record_id = s.record_id
"""


def compare_and_write(
    step: StepContext, route: WriteBackRoute, items: list[Item], verdicts: Mapping[int, Verdict]
) -> list[OpenConflict]:
    """Compare these addresses with their records, write, and note what both sides have agreed on.

    Answers the addresses that are left for now, because only Dotdigital can say who is newer.
    """
    return in_transaction(partial(_compare_and_write, step, route, items, verdicts))


def _compare_and_write(
    step: StepContext, route: WriteBackRoute, items: list[Item], verdicts: Mapping[int, Verdict], *, in_savepoints: bool
) -> list[OpenConflict]:
    mark_origin(step.integration)
    targets = lock_targets(route.owner, route.mapping, {item.record_id for item in items})
    chunk = Chunk(step=step, route=route, verdicts=verdicts, in_savepoints=in_savepoints)
    for item in items:
        target = targets.get(item.record_id)
        # The record may have gone, or have another address since.
        if target is not None and target.email_key == item.email_key:
            chunk.take(item, target)
    for record_id, problem in save_targets(list(targets.values()), one_by_one=route.owner.saves_each).items():
        chunk.refuse(record_id, problem)
    chunk.store()
    written = sum(bool(chunk.settled[item.id] and targets[item.record_id].before) for item in chunk.items)
    step.count(compared=len(chunk.items), written=written, conflicts=len(chunk.conflicts))
    return chunk.open


@dataclass(kw_only=True)
class Chunk:
    """What comes out of comparing some addresses. `settled` names the data fields that are equal on both sides now.

    With `in_savepoints` a host's own check may break what is done to one record, and nothing else.
    """

    step: StepContext
    route: WriteBackRoute
    verdicts: Mapping[int, Verdict]
    in_savepoints: bool
    items: list[Item] = field(default_factory=list)
    settled: dict[int, set[str]] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    conflicts: list[ValueConflict] = field(default_factory=list)
    open: list[OpenConflict] = field(default_factory=list)

    def take(self, item: Item, target: Target) -> None:
        """Compare one address with its record and put into the record, unsaved, what has to be written."""
        found = [(row, compare(row, item, target.values)) for row in self.route.rows]
        verdict = self.verdicts.get(item.id) or judge(item, target.modified_at, self.route.compared_until)
        if verdict is None and any(comparison is Comparison.BOTH for _row, comparison in found):
            # A conflict that came up while Dotdigital was asked about others is left to the next run.
            if target.modified_at is not None and not self.verdicts:
                self.open.append(OpenConflict(item, target.modified_at))
            return
        self.items.append(item)
        self.settled[item.id] = {
            row.data_field for row, comparison in found if self._is_settled(row, comparison, item, target, verdict)
        }
        if problem := check_target(target, in_savepoint=self.in_savepoints):
            self.refuse(item.record_id, problem)

    def _is_settled(
        self, row: TwoWayRow, comparison: Comparison, item: Item, target: Target, verdict: Verdict | None
    ) -> bool:
        conflict = self._conflict(row, item, target, verdict) if comparison is Comparison.BOTH and verdict else None
        if comparison is Comparison.THEIRS or (conflict and conflict.winner == Winner.DOTDIGITAL):
            refused = set_value(target, row, item.theirs[row.data_field], item.email, in_savepoint=self.in_savepoints)
            if refused is not None:
                self.refusals.append(refused)
                return False
        if conflict:
            self.conflicts.append(conflict)
            return conflict.winner == Winner.DOTDIGITAL
        return comparison in {Comparison.THEIRS, Comparison.EQUAL}

    def _conflict(self, row: TwoWayRow, item: Item, target: Target, verdict: Verdict) -> ValueConflict:
        return ValueConflict(
            connection=self.route.link,
            run=self.step.run.run,
            email=item.email,
            record_id=item.record_id,
            entity_field=row.path,
            data_field=row.data_field,
            record_value=target.values.get(row.data_field) or "",
            dotdigital_value=item.theirs[row.data_field] or "",
            winner=verdict.winner,
            ground=verdict.ground,
        )

    def refuse(self, record_id: str, problem: str) -> None:
        """Nothing of Dotdigital's goes into this record."""
        detail = f"{VALUES_NOT_WRITTEN % {'record': record_id}} {problem}"
        self.conflicts = [
            conflict
            for conflict in self.conflicts
            if conflict.record_id != record_id or conflict.winner == Winner.RECORD
        ]
        for item in self.items:
            if item.record_id == record_id:
                self.refusals.append(Refusal(item.email, "value_refused", detail))
                self.settled[item.id] = set()

    def store(self) -> None:
        """Note what was compared, and take what was written, or is equal anyway, as sent."""
        agreed = [{"id": item.id, "theirs": item.theirs} for item in self.items]
        settled = [
            {"record_id": item.record_id, "email_key": item.email_key, "settled": sorted(self.settled[item.id])}
            for item in self.items
            if self.settled[item.id]
        ]
        with connection.cursor() as cursor:
            if agreed:
                cursor.execute(_AGREE, [timezone.now(), _json(agreed)])
            if settled:
                written = self._written()
                siblings = list(self.route.siblings)
                cursor.execute(_SETTLE.format(written=written.sql), [_json(settled), *written.parameters, siblings])
        ValueConflict.objects.bulk_create(self.conflicts)
        self.step.reject(self.refusals)

    def _written(self) -> Fragment:
        ids = [item.record_id for item in self.items if self.settled[item.id]]
        records = self.route.owner.queryset().filter(pk__in=ids).order_by()
        # Columns are named before they are annotated: so a model may have fields of these names of its own.
        named = records.values(record_pk=F("pk"))
        mapped = mapped_values(self.route.mapping, self.route.owner)
        return compiled(named.annotate(record_id=as_record_id(), mapped=mapped))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()

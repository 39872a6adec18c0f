"""A manual list whose people are those of a source elsewhere: who is new there joins, who is missing there leaves."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection, transaction
from django.utils.translation import gettext as _

from dotbridge.lists.counting import note_list_changed
from dotbridge.lists.listed_services import WrongListType
from dotbridge.lists.models import ListedRecord, ListType, MarketingList

_JOIN = """
    INSERT INTO {listed} (marketing_list_id, record_id)
    SELECT %s, given.record_id FROM ({given}) given
    ON CONFLICT (marketing_list_id, record_id) DO NOTHING
"""
_MISSING = """
    FROM {listed} l WHERE l.marketing_list_id = %s
    AND NOT EXISTS (SELECT FROM ({given}) given WHERE given.record_id = l.record_id)
"""


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """How many joined, left, and would have left but were too many; `known` stood on the list before."""

    joined: int
    left: int
    held: int
    known: int


def keep_list_in_step(
    *, marketing_list: MarketingList, given: str, lets_leave: bool, most_leaving: float, allowed_leaving: int
) -> StepReport:
    """Put the records of `given` on a manual list and, with `lets_leave`, take the others off it.

    `given` is a SELECT of one column `record_id`, text, without parameters. Where more than the share `most_leaving`,
    0 to 1, of the list would leave, and more than `allowed_leaving`, nobody does. Raises WrongListType.
    """
    if marketing_list.type != ListType.MANUAL:
        raise WrongListType(_("Only a manual list is kept in step with a file."))
    listed = ListedRecord._meta.db_table  # noqa: SLF001 - Django's documented way to ask a model about itself
    with transaction.atomic(), connection.cursor() as cursor:
        MarketingList.objects.select_for_update().get(pk=marketing_list.pk)
        cursor.execute(f"SELECT count(*) FROM {listed} WHERE marketing_list_id = %s", [marketing_list.pk])
        (known,) = cursor.fetchone()
        missing = _MISSING.format(listed=listed, given=given)
        leaving = 0
        if lets_leave:
            cursor.execute(f"SELECT count(*) {missing}", [marketing_list.pk])
            (leaving,) = cursor.fetchone()
        may_leave = leaving <= max(known * most_leaving, allowed_leaving)
        if leaving and may_leave:
            cursor.execute(f"DELETE {missing}", [marketing_list.pk])
        cursor.execute(_JOIN.format(listed=listed, given=given), [marketing_list.pk])
        joined = cursor.rowcount
        note_list_changed(list_id=marketing_list.pk)
    return StepReport(joined=joined, left=leaving if may_leave else 0, held=0 if may_leave else leaving, known=known)

"""The columns of a list as a person sees them: those whose fields they may view, and values as words."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from dotbridge.entities.registry import Entity, EntityField, entity
from dotbridge.entities.rights import Viewer, may_see_field
from dotbridge.lists.columns import ListColumn, columns_of, is_email
from dotbridge.lists.models import MarketingList


def columns_for(marketing_list: MarketingList, viewer: Viewer) -> list[ListColumn]:
    """The list's columns, without those of fields that the person may not see. Raises UnknownEntity."""
    return seen_columns(entity(marketing_list.entity), columns_of(marketing_list), viewer)


def seen_columns(listed: Entity, columns: Sequence[ListColumn], viewer: Viewer) -> list[ListColumn]:
    """Those of the columns whose fields the person may see."""
    return [column for column in columns if may_see_column(viewer, listed, column.field)]


def may_see_column(viewer: Viewer, listed: Entity, field: EntityField) -> bool:
    """Whether a person who may see the records may see this field of them. The address belongs to the record, even
    where it is kept in a table of its own."""
    return is_email(listed, field) or may_see_field(viewer, listed, field)


def shown_value(column: ListColumn, value: Any) -> str:
    """A value on a page; empty where there is none."""
    known = _chosen(column, value)
    if isinstance(known, datetime.datetime):
        return date_format(_local(known), "DATETIME_FORMAT")
    if isinstance(known, datetime.date):
        return date_format(known, "DATE_FORMAT")
    if isinstance(known, Decimal | float):
        # NaN and the infinities are written as they are.
        return str(number_format(known, use_l10n=True)) if math.isfinite(known) else str(known)
    return "" if known is None else str(known)


def file_value(column: ListColumn, value: Any) -> Any:
    """A value in a file: numbers and dates stay what they are, moments are the site's own time."""
    known = _chosen(column, value)
    if isinstance(known, datetime.datetime):
        return _local(known).replace(tzinfo=None, microsecond=0)
    return "" if known is None else known


def _local(moment: datetime.datetime) -> datetime.datetime:
    """The moment by the reader's clock. What stands for never or always, at an end of the calendar, stays as it is."""
    try:
        return timezone.localtime(moment)
    except OverflowError:
        return moment


def _chosen(column: ListColumn, value: Any) -> Any:
    """The value, or the name of it where it is one of some."""
    if value is None:
        return None
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return next((str(label) for known, label in column.field.choices if known == value), value)

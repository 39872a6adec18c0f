"""Which values Dotdigital could not take. Its reports name the row and not the value, so its own rules are asked."""

from __future__ import annotations

from collections.abc import Mapping

from dotbridge.mirror.data_field_rules import FieldType, fits
from dotbridge.mirror.models import DataField
from dotbridge.one_reading import asked_once
from dotbridge.sync.texts import UNFIT_VALUES

# Some accounts take no longer texts, as the vendor's older pages say; others take 1,000 characters (contract §2.3).
LONG_TEXT = 255
MOST_SHOWN = 40


@asked_once
def types_of_data_fields(connection_id: int) -> dict[str, str]:
    """The data fields of a connected list's account, name -> type, of those whose types have rules."""
    fields = DataField.objects.filter(integration__address_books__connection=connection_id, gone_at=None)
    rows = fields.filter(type__in=FieldType.values)
    return dict(rows.values_list("name", "type"))


def unfit_values_text(values: Mapping[str, str], types: Mapping[str, str], *, shows_values: bool) -> str:
    """The values of a refused row that its data fields may not take, as a text to be stored; empty when all fit.

    `values` are those of the row, data-field name -> text. The names of the data fields alone are told to whoever may
    not see all that a record holds.
    """
    unfit = [
        f"{name} ({_shown(text)})" if shows_values else name
        for name, text in sorted(values.items())
        if name in types and not (fits(types[name], text) and len(text) <= LONG_TEXT)
    ]
    return UNFIT_VALUES % {"values": ", ".join(unfit)} if unfit else ""


def _shown(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"

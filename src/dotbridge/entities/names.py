"""What a record is called, and how the name of a kind or a field stands within a sentence."""

from __future__ import annotations

from django.db import DatabaseError, models
from django.utils.translation import get_language


def name_of(record: models.Model) -> str:
    """The record by the host's own `__str__`; where that fails, or gives no text, its kind and its key.

    Raises DatabaseError where it asks the database and is stopped.
    """
    try:
        return str(record)
    except DatabaseError:
        raise
    except Exception:  # noqa: BLE001 - the host's own code may raise anything, and one record must not take its neighbours along
        return f"{record._meta.verbose_name} {record.pk}"  # noqa: SLF001 - Django's documented way to ask a model


def uncapitalised(label: str) -> str:
    """A label as it stands within a sentence: English and French write it small, unless it is an abbreviation."""
    if not (get_language() or "en").startswith(("en", "fr")) or label[1:2].isupper():
        return label
    return label[:1].lower() + label[1:]

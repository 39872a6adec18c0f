"""What a record is called."""

from __future__ import annotations

from django.db import DatabaseError, models


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

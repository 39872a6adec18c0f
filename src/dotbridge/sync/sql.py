"""What statements over a list's records need to know of them."""

from __future__ import annotations

from django.db import connection

from dotbridge.connections.models import ListConnection
from dotbridge.entities.registry import entity
from dotbridge.entities.texts import collated


def key_type(link: ListConnection) -> str:
    """The column type of the primary key of a list's records, with what orders and compares its texts."""
    key = entity(link.marketing_list.entity).model._meta.pk  # noqa: SLF001 - Django's documented way to ask a model
    return f"{key.rel_db_type(connection)}{collated(key)}"

"""Parts of the back office's addresses that are texts of the host."""

from __future__ import annotations

from django.contrib.admin.utils import quote, unquote
from django.urls import register_converter

from dotbridge.entities.record_ids import record_id_of


class RecordIdConverter:
    """A record id in an address. A host's key may hold anything, also what means something there: `A/7`, `#1`, `..`"""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        """The id. Raises ValueError for what cannot be one: no such page."""
        # No text that was quoted holds this one, since `_` is quoted itself.
        return record_id_of(unquote(value.replace("_2E", ".")))

    def to_url(self, value: object) -> str:
        """The id as the table pages write it, dots alone too: a browser would take them for the folder above."""
        text = quote(str(value))
        return text if text.strip(".") else text.replace(".", "_2E")


class EntityConverter:
    """The key of an entity."""

    regex = r"\w+\.\w+"

    def to_python(self, value: str) -> str:
        """The key as it is."""
        return value

    def to_url(self, value: str) -> str:
        """The key as it is."""
        return value


register_converter(RecordIdConverter, "record_id")
register_converter(EntityConverter, "entity")

"""What the export of a list has stopped before, in words."""

from __future__ import annotations

from django.utils.translation import gettext as _

from dotbridge.backoffice.labels import grouped
from dotbridge.connections.models import ListConnection


def stopped_in_words(link: ListConnection) -> str:
    """What it would have done; empty while it has not stopped."""
    if link.stopped_at is None:
        return ""
    text = _("The export would take %(rows)s of the %(of)s contacts out of the address book.")
    return text % {"rows": grouped(link.stopped_rows), "of": grouped(link.stopped_of)}

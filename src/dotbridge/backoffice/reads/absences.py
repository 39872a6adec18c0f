"""What Dotdigital does not list any more, in words."""

from __future__ import annotations

from django.utils.translation import gettext as _

from dotbridge.backoffice.labels import grouped
from dotbridge.entities.names import uncapitalised
from dotbridge.sync.selectors import Missing


def missing_words(missing: Missing) -> str:
    """How many of what are missing: "19 of 20 address books"."""
    return _("%(number)s of %(known)s %(what)s") % {
        "number": grouped(missing.number),
        "known": grouped(missing.known),
        "what": uncapitalised(str(missing.listing.label)),
    }


def missing_names(missing: Missing) -> str:
    """The first of them, and how many more there are."""
    names = ", ".join(missing.names)
    if more := missing.number - len(missing.names):
        return _("%(names)s and %(n)s more") % {"names": names, "n": grouped(more)}
    return names

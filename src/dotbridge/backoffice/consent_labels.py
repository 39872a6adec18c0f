"""Consent in words for people."""

from __future__ import annotations

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dotbridge.backoffice.statuses import status_words
from dotbridge.consent.models import Scope, Source, What
from dotbridge.consent.selectors import Objection

_WHERE = {
    Scope.EVERYTHING: gettext_lazy("from everything"),
    Scope.ACCOUNT: gettext_lazy("in the whole account"),
    Scope.BOOK: gettext_lazy("in the address book"),
    Scope.LIST: gettext_lazy("from this list"),
}
_WHO = {
    Source.PERSON: gettext_lazy("noted by a person"),
    Source.CRM: gettext_lazy("noted by the CRM"),
    Source.FILE: gettext_lazy("in a contact file"),
    Source.API: gettext_lazy("by the API"),
    Source.FEED: gettext_lazy("says Dotdigital"),
    Source.REPORT: gettext_lazy("said Dotdigital when it refused an upload"),
}


def status_beside(what: str, status: str) -> str:
    """Dotdigital's own status in words, where it says more than what was noted."""
    words = str(status_words(status).text) if status else ""
    return "" if words == str(What(what).label) else words


def what_where(what: str, scope: str) -> str:
    """What was said, and how far it reaches: "Opted out in the whole account"."""
    return f"{What(what).label} {_WHERE[Scope(scope)]}"


def objection_text(objection: Objection) -> str:
    """Why somebody may not be mailed, since when, and who said it: "Opted out from this list on 3 May 2026, ..."."""
    said = status_beside(objection.what, objection.status)
    text = _("%(what)s %(where)s on %(day)s, %(who)s%(status)s") % {
        "what": What(objection.what).label,
        "where": _WHERE[Scope(objection.scope)],
        "day": date_format(localtime(objection.since), "DATE_FORMAT"),
        "who": _WHO[Source(objection.source)],
        "status": f" ({said})" if said else "",
    }
    return _("Another record with the same address: %(why)s") % {"why": text} if objection.is_shared else text

"""What a change of a list does, before it is saved: who comes, who goes, and how many of them Dotdigital has."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dotbridge.backoffice.labels import grouped
from dotbridge.connections.models import ListConnection
from dotbridge.entities.time_limits import TookTooLong, statement_time_limit
from dotbridge.lists.models import MarketingList
from dotbridge.lists.previews import Keys, RuleChange
from dotbridge.lists.selectors import roomy_transaction
from dotbridge.mirror.models import Membership

MOST_MILLISECONDS = 3_000


def said_of_change(marketing_list: MarketingList, change: RuleChange) -> list[str]:
    """Who comes and who goes, as sentences: of one on demand, with its next refresh. Empty where nobody can say."""
    if change.adds is None or change.takes_out is None:
        return [problem for problem in (why_not_counted(change),) if problem]
    # Members alone are counted; the bar of the list counts those who opted out as well.
    stays = _("Staying: %(n)s, besides those who opted out or were taken off.") % {"n": grouped(change.stays or 0)}
    if not change.adds and not change.takes_out:
        return [_("Nobody comes and nobody goes."), stays]
    link = getattr(marketing_list, "connection", None)
    return [
        *(_adds(link, change) if change.adds else []),
        *(_takes_out(link, change) if change.takes_out else []),
        stays,
    ]


def why_not_counted(change: RuleChange) -> str:
    """Why it cannot be said whom a change brings and takes; empty where it can."""
    if change.problems:
        return " ".join(problem.text for problem in change.problems)
    if change.was_broken:
        return _("Who comes and who goes cannot be said: the rule that holds now cannot be read any more.")
    return _("Who comes and who goes could not be counted in time.") if change.took_too_long else ""


def _adds(link: ListConnection | None, change: RuleChange) -> list[str]:
    number = change.adds or 0
    said = [ngettext("Adds %(n)s person.", "Adds %(n)s people.", number) % {"n": grouped(number)}]
    there = _in_book(link, change.joining)
    if link is not None and there is not None:
        text = _("Of them, %(n)s stand in %(book)s in Dotdigital already.")
        said.append(text % {"n": grouped(there), "book": link.address_book})
    return said


def _takes_out(link: ListConnection | None, change: RuleChange) -> list[str]:
    number = change.takes_out or 0
    said = [ngettext("Takes out %(n)s person.", "Takes out %(n)s people.", number) % {"n": grouped(number)}]
    # Whoever shares an address with somebody who stays leaves the list, and the address stays in the book.
    there = _in_book(link, change.leaving, but_not=change.remaining)
    if link is not None and there is not None:
        text = _("Of them, %(n)s stand in %(book)s in Dotdigital; they leave it with the next export.")
        said.append(text % {"n": grouped(there), "book": link.address_book})
    return said


def _in_book(link: ListConnection | None, keys: Keys | None, *, but_not: Keys | None = None) -> int | None:
    """How many contacts of the list's address book have an address of theirs, and none of others.

    None without a book, or where counting takes too long.
    """
    if link is None or keys is None:
        return None
    standing: Any = Membership.objects.filter(address_book=link.address_book_id, gone_at=None)
    if but_not is not None:
        keys = keys.exclude(email_key__in=but_not.filter(email_key__isnull=False).values("email_key"))
    try:
        # With room the addresses of a large list are hashed, and not gone through for each one.
        with statement_time_limit(MOST_MILLISECONDS), roomy_transaction():
            return int(standing.filter(contact__email_key__in=keys.values("email_key")).count())
    except TookTooLong:
        return None

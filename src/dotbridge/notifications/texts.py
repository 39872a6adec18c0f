"""What a notification says, in the language of whoever reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dotbridge.entities.names import uncapitalised
from dotbridge.notifications.kinds import MANNERS, Kind
from dotbridge.notifications.models import Notification
from dotbridge.sync.models import Listing
from dotbridge.sync.texts import stored_text

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, kw_only=True)
class Words:
    """Its heading, what happened, and what the button of its page says."""

    title: str
    text: str
    button: str


def words_of(notification: Notification) -> Words:
    """The notification in words, in the language that is active."""
    kind, said = Kind(notification.kind), notification.details
    names: dict[str, Any] = {"account": said.get("account", ""), "list": said.get("list", "")}
    names |= {
        name: number_format(said.get(name, 0), decimal_pos=0, use_l10n=True, force_grouping=True)
        for name in ("number", "of", "used")
    }
    titles = {
        Kind.SYNC_FAILING: _("%(account)s: reading keeps failing")
        if said.get("direction") == "reading"
        else _("%(account)s: sending keeps failing"),
        Kind.CREDENTIALS_REFUSED: _("%(account)s: Dotdigital does not let us in"),
        Kind.BREAKER_WAITING: _("%(list)s: the export waits for you"),
        Kind.FEED_OLD: _("%(account)s: nothing was read for too long")
        if said.get("direction") == "reading"
        else _("%(account)s: nothing was sent for too long"),
        Kind.FEED_EMPTY: _("%(account)s: much is not listed any more"),
        Kind.UPLOAD_REFUSED: _("%(list)s: an upload was refused"),
        Kind.QUOTA_NEAR: _("%(account)s: the calls are nearly used up"),
    }
    return Words(title=titles[kind] % names, text=_text(kind, said, names), button=_button(kind))


def _text(kind: Kind, said: dict[str, Any], names: dict[str, Any]) -> str:
    message = stored_text(said.get("message", ""))
    listing = said.get("listing", "")
    what = uncapitalised(str(Listing(listing).label)) if listing in set(Listing) else listing
    texts = {
        Kind.SYNC_FAILING: "%(message)s" if message else _("The steps of the last run say why."),
        Kind.CREDENTIALS_REFUSED: "%(message)s",
        Kind.BREAKER_WAITING: _("It would take %(number)s of %(of)s contacts out at once. Look, and decide."),
        Kind.FEED_OLD: _("Runs are started, but none of them ended well, or no worker had time for one."),
        Kind.FEED_EMPTY: _("%(number)s of %(of)s %(what)s are missing. They stay here until somebody has looked."),
        Kind.UPLOAD_REFUSED: ngettext(
            "%(number)s person was not taken. %(message)s",
            "%(number)s people were not taken. %(message)s",
            said.get("number", 0),
        ),
        Kind.QUOTA_NEAR: ngettext(
            "%(number)s call is left, %(used)s were made in the last hour. Then we wait.",
            "%(number)s calls are left, %(used)s were made in the last hour. Then we wait.",
            said.get("number", 0),
        ),
    }
    return (texts[kind] % {**names, "what": what, "message": message}).strip()


def _button(kind: Kind) -> str:
    return {
        Kind.BREAKER_WAITING: _("See the list"),
        Kind.UPLOAD_REFUSED: _("See and try again"),
        Kind.CREDENTIALS_REFUSED: _("Correct the credentials"),
    }.get(kind, _("See the account"))


def over_words(notification: Notification) -> StrOrPromise:
    """What is said when it is over."""
    if notification.details.get("is_off"):
        return _("The account was switched off, so nobody looks at it any more.")
    return MANNERS[Kind(notification.kind)].over

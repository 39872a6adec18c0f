"""What people are told of: whom it is for, how long it has to last, and when it is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class Kind(models.TextChoices):
    """What can be told."""

    SYNC_FAILING = "sync_failing", _("A synchronisation keeps failing")
    CREDENTIALS_REFUSED = "credentials_refused", _("Dotdigital does not accept the credentials")
    BREAKER_WAITING = "breaker_waiting", _("An export has stopped and waits for a decision")
    FEED_OLD = "feed_old", _("Nothing was read or sent for too long")
    FEED_EMPTY = "feed_empty", _("Dotdigital lists suspiciously little")
    UPLOAD_REFUSED = "upload_refused", _("Dotdigital refused an upload")
    QUOTA_NEAR = "quota_near", _("The calls to Dotdigital are nearly used up")


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a kind is told.

    For those who have the `permission`. It has to last for `grace` before anybody is told, and to be gone for `calm`
    before it counts as over, so that what comes and goes is one notification. `is_mailed`: a person who chose nothing
    gets it by mail.
    """

    permission: str
    grace: timedelta = timedelta(0)
    calm: timedelta = timedelta(0)
    is_mailed: bool = False
    over: StrOrPromise


MANNERS: dict[Kind, Manner] = {
    Kind.SYNC_FAILING: Manner(
        permission="dotbridge_integrations.view_integration", is_mailed=True, over=_("The last run went well.")
    ),
    Kind.CREDENTIALS_REFUSED: Manner(
        permission="dotbridge_integrations.view_integration", is_mailed=True, over=_("Dotdigital lets us in again.")
    ),
    Kind.BREAKER_WAITING: Manner(
        permission="dotbridge_lists.view_marketinglist", is_mailed=True, over=_("Somebody has decided, or it is gone.")
    ),
    Kind.FEED_OLD: Manner(
        permission="dotbridge_integrations.view_integration",
        grace=timedelta(minutes=15),
        over=_("It was read or sent again."),
    ),
    Kind.FEED_EMPTY: Manner(
        permission="dotbridge_integrations.view_integration", over=_("It is listed again, or somebody has decided.")
    ),
    Kind.UPLOAD_REFUSED: Manner(
        permission="dotbridge_sync.view_upload", over=_("Its people were sent again, or none of them waits any more.")
    ),
    Kind.QUOTA_NEAR: Manner(
        permission="dotbridge_integrations.view_integration",
        calm=timedelta(hours=2),
        over=_("There are enough calls again."),
    ),
}

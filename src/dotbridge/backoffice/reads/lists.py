"""What the pages show of lists: how each is kept in step, in one sentence, and a page of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _

from dotbridge.connections.models import OPEN_CHANGES, AccountChange, ChangeKind, ListConnection, RunKind
from dotbridge.lists.models import MarketingList
from dotbridge.sync.models import WENT_WELL, ExportItem, State, SyncRun, Upload, UploadState


@dataclass(frozen=True, kw_only=True)
class ListState:
    """How a list is kept in step: a word or two, a tone, and since when."""

    text: str
    tone: str
    at: datetime | None = None


def lists_with_state() -> QuerySet[Any]:
    """All lists with their connection and what `state_of` needs, in one query."""
    runs = SyncRun.objects.filter(
        Q(connection=None) | Q(connection=OuterRef("connection")),
        integration=OuterRef("connection__address_book__integration"),
        kind__in=[RunKind.EXPORT, RunKind.SYNC],
    ).order_by("-id")
    refused = Upload.objects.filter(
        Exists(ExportItem.objects.filter(upload=OuterRef("pk"))),
        connection=OuterRef("connection"),
        state=UploadState.REFUSED,
    )
    coming = AccountChange.objects.filter(
        kind=ChangeKind.CREATE_ADDRESS_BOOK, marketing_list=OuterRef("pk"), state__in=OPEN_CHANGES
    )
    return MarketingList.objects.select_related(
        "connection__address_book__integration", "connection__ending", "owner", "refreshed_by"
    ).annotate(
        sent_at=Subquery(runs.filter(state__in=WENT_WELL).values("finished_at")[:1]),
        is_at_work=Exists(runs.filter(state=State.RUNNING)),
        is_refused=Exists(refused),
        coming_account=Subquery(coming.values("integration")[:1]),
    )


def state_of(marketing_list: Any) -> ListState:
    """How one of `lists_with_state` is kept in step: the first that holds of what would be worth a word."""
    link: ListConnection | None = getattr(marketing_list, "connection", None)
    if link is None:
        coming = ListState(text=_("Its address book is being made"), tone="wait")
        return coming if marketing_list.coming_account else ListState(text=_("Not connected"), tone="quiet")
    book = link.address_book
    named = {"book": book, "account": book.integration}
    words: tuple[tuple[bool, str, str, datetime | None], ...] = (
        (link.stopped_at is not None, _("The export waits for you"), "bad", link.stopped_at),
        (hasattr(link, "ending"), _("Is being disconnected from %(book)s"), "wait", None),
        (book.gone_at is not None, _("%(book)s is gone from Dotdigital"), "bad", book.gone_at),
        (marketing_list.is_refused, _("An upload to %(book)s was refused"), "bad", None),
        (not book.integration.is_active, _("The account %(account)s is switched off"), "quiet", None),
        (marketing_list.sent_at is None, _("Not sent to %(book)s yet"), "wait", None),
        (True, _("Kept in step with %(book)s"), "good", marketing_list.sent_at),
    )
    text, tone, at = next((text, tone, at) for holds, text, tone, at in words if holds)
    return ListState(text=text % named if "%(" in text else text, tone=tone, at=at)

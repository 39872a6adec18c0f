"""What the pages show of lists: how each is kept in step, in one sentence, and a page of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _

from dotbridge.lists.models import MarketingList
from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.sync.models import ExportItem, State, SyncRun, Upload, UploadState
from dotbridge.connections.models import AccountChange, ChangeKind, OPEN_CHANGES

GOOD = (State.SUCCEEDED, State.PARTIAL)


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
        "connection__address_book__integration", "connection__ending"
    ).annotate(
        sent_at=Subquery(runs.filter(state__in=GOOD).values("finished_at")[:1]),
        is_at_work=Exists(runs.filter(state=State.RUNNING)),
        is_refused=Exists(refused),
        is_coming=Exists(coming),
    )


def state_of(marketing_list: Any) -> ListState:
    """How one of `lists_with_state` is kept in step."""
    link: ListConnection | None = getattr(marketing_list, "connection", None)
    if link is None:
        if marketing_list.is_coming:
            return ListState(text=_("Its address book is being made"), tone="wait")
        return ListState(text=_("Not connected"), tone="quiet")
    book = link.address_book
    if link.stopped_at is not None:
        return ListState(text=_("The export waits for you"), tone="bad", at=link.stopped_at)
    if hasattr(link, "ending"):
        return ListState(text=_("Is being disconnected from %(book)s") % {"book": book}, tone="wait")
    if book.gone_at is not None:
        return ListState(text=_("%(book)s is gone from Dotdigital") % {"book": book}, tone="bad", at=book.gone_at)
    if marketing_list.is_refused:
        return ListState(text=_("An upload to %(book)s was refused") % {"book": book}, tone="bad")
    if not book.integration.is_active:
        return ListState(text=_("The account %(name)s is switched off") % {"name": book.integration}, tone="quiet")
    if marketing_list.sent_at is None:
        return ListState(text=_("Not sent to %(book)s yet") % {"book": book}, tone="wait")
    return ListState(text=_("Kept in step with %(book)s") % {"book": book}, tone="good", at=marketing_list.sent_at)

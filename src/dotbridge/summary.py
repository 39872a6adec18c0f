"""What a run did to one connected list, in numbers that add up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Sum

from dotbridge.connections.models import ListConnection
from dotbridge.consent.conditions import within
from dotbridge.consent.models import OF_DOTDIGITAL, RAISING, ConsentEvent
from dotbridge.consent.scopes import scopes_of_list
from dotbridge.mirror.models import AddressBook, DataField
from dotbridge.sync.models import ExportItem, Operation, Removal, RemovalState, SyncRun, UploadState
from dotbridge.sync.selectors import connection_standing, remote_ids_missing


def run_summary(run: SyncRun, link: ListConnection) -> dict[str, Any]:
    """The run in names and numbers. `list_members` = `exported` + the sum of `rejected` + `duplicates` + the sum of
    `left_out`.

    `list_members` are the records that the list's rule matches. `exported` are the addresses that Dotdigital confirmed
    in this run, `updated` those among them that it had before. `rejected` and `left_out` are maps of reason to number:
    how things stand now, not only what is new. `seconds` is the run's duration.
    """
    standing = connection_standing(link)
    members = standing.members
    confirmed = ExportItem.objects.filter(
        connection=link, reason="", upload__state=UploadState.FINISHED, upload__finished_at__gte=run.started_at
    )
    exported = confirmed.count()
    removed = Removal.objects.filter(
        connection=link, state=RemovalState.COMPLETED, finished_at__gte=run.started_at
    ).aggregate(rows=Sum("row_count"))["rows"]
    opted_out = ConsentEvent.objects.filter(
        within(scopes_of_list(link.marketing_list_id)), source__in=OF_DOTDIGITAL, learned_at__gte=run.started_at
    ).exclude(what__in=RAISING)
    return {
        "address_books": AddressBook.objects.filter(integration=run.integration, gone_at=None).count(),
        "data_fields": DataField.objects.filter(integration=run.integration, gone_at=None, preference_id=None).count(),
        "list_members": members.matching,
        "exported": exported,
        "updated": confirmed.filter(operation=Operation.UPDATE).count(),
        "removed": removed or 0,
        "rejected": standing.rejected,
        "duplicates": members.duplicates,
        "left_out": {
            "unchanged": standing.confirmed - exported,
            "waiting": standing.waiting,
            "no_email": members.without_email,
            "unsubscribed": members.unsubscribed,
            "removed_from_list": members.removed,
        },
        "unsubscribed": opted_out.values("email_key").distinct().count(),
        "in_book": standing.confirmed,
        "remote_ids_missing": remote_ids_missing(link),
        "requests": run.requests,
        "seconds": round((run.finished_at - run.started_at).total_seconds(), 3) if run.finished_at else None,
    }


def adds_up(summary: Mapping[str, Any]) -> bool:
    """Whether every member of the list is accounted for exactly once."""
    parts = summary["exported"] + sum(summary["rejected"].values()) + summary["duplicates"]
    parts += sum(summary["left_out"].values())
    return bool(summary["list_members"] == parts)

"""Addresses put on a manual list at once, with a report that stays: who was not found, and what was no address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.utils import timezone

from dotbridge.lists.listed_services import AddressReport, add_addresses
from dotbridge.lists.models import LONGEST_NOTED, AddressLoad, ListedRecord, MarketingList, NotedAddress, WhyNoted

# The reports name people, so they go some day.
KEPT = timedelta(days=90)
_AT_ONCE = 5_000


def load_addresses(
    *,
    marketing_list: MarketingList,
    addresses: Sequence[str],
    unread: Sequence[str] = (),
    name: str = "",
    by: AbstractBaseUser | None = None,
) -> AddressLoad:
    """Put the records of these addresses on a manual list, and keep what came of it.

    `unread` are lines in which no address was found; they are kept as no addresses. Raises as `add_addresses`.
    """
    with transaction.atomic():
        load = AddressLoad.objects.create(
            marketing_list=marketing_list, name=name[:255], created_by_id=by.pk if by else None
        )
        report = add_addresses(marketing_list=marketing_list, addresses=addresses, by=by, load=load)
        load.added, load.already = report.added, report.already
        load.save(update_fields=["added", "already"])
        NotedAddress.objects.bulk_create(_noted(load, report, unread), batch_size=_AT_ONCE)
    return load


def undo_address_load(*, load: AddressLoad) -> int:
    """Take those out of the list again whom this load has put on it. Answers how many still stood on it."""
    with transaction.atomic():
        AddressLoad.objects.filter(pk=load.pk, undone_at=None).update(undone_at=timezone.now())
        taken, _by_model = ListedRecord.objects.filter(load=load).delete()
    load.refresh_from_db()
    return taken


def _noted(load: AddressLoad, report: AddressReport, unread: Sequence[str]) -> Iterator[NotedAddress]:
    kinds = (
        (WhyNoted.NOT_FOUND, report.not_found),
        (WhyNoted.NOT_AN_ADDRESS, dict.fromkeys((*report.not_addresses, *unread))),
        (WhyNoted.TAKEN_OFF, report.taken_off),
        (WhyNoted.SHARED, report.shared),
    )
    for why, texts in kinds:
        for text in texts:
            shown = text.replace("\0", "").strip()[:LONGEST_NOTED]
            yield NotedAddress(load=load, why=why, text=shown, email_key=shown.lower())


def forget_old_address_loads() -> int:
    """Delete the reports that are kept no longer. Answers how many. To be called every day."""
    deleted, _by_model = AddressLoad.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    return deleted


def erase_from_lists(*, email_key: str, **_said: Any) -> None:
    """Receives `address_erased`. The numbers of a report stay."""
    NotedAddress.objects.filter(email_key=email_key).delete()

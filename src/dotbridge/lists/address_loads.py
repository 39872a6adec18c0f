"""Addresses put on a manual list at once, with a report that stays: who was not found, and what was no address."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import connection, transaction
from django.utils import timezone

from dotbridge.lists.counting import note_list_changed
from dotbridge.lists.listed_services import AddressReport, add_addresses
from dotbridge.lists.models import LONGEST_NOTED, AddressLoad, ListedRecord, MarketingList, NotedAddress, WhyNoted

# The reports name people, so they go some day.
KEPT = timedelta(days=90)
# In one statement: row by row, 200,000 of them keep a person waiting for half a minute.
_NOTE = """
    INSERT INTO dotbridge_lists_notedaddress (load_id, why, text, email_key)
    SELECT %s, n.why, n.text, lower(n.text)
    FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS n (why, text, place) ORDER BY n.place
"""


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
        noted = list(_noted(report, unread))
        with connection.cursor() as cursor:
            cursor.execute(_NOTE, [load.pk, [why for why, _text in noted], [text for _why, text in noted]])
    return load


def undo_address_load(*, load: AddressLoad) -> int:
    """Take those out of the list again whom this load has put on it. Answers how many still stood on it."""
    with transaction.atomic():
        AddressLoad.objects.filter(pk=load.pk, undone_at=None).update(undone_at=timezone.now())
        taken, _by_model = ListedRecord.objects.filter(load=load).delete()
        note_list_changed(list_id=load.marketing_list_id)
    load.refresh_from_db()
    return taken


def _noted(report: AddressReport, unread: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Why and what, in the order in which it is shown."""
    kinds = (
        (WhyNoted.NOT_FOUND, report.not_found),
        (WhyNoted.NOT_AN_ADDRESS, dict.fromkeys((*report.not_addresses, *unread))),
        (WhyNoted.TAKEN_OFF, report.taken_off),
        (WhyNoted.SHARED, report.shared),
    )
    for why, texts in kinds:
        for text in texts:
            yield why.value, text.replace("\0", "").strip()[:LONGEST_NOTED]


def forget_old_address_loads() -> int:
    """Delete the reports that are kept no longer. Answers how many. To be called every day."""
    deleted, _by_model = AddressLoad.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    return deleted


def erase_from_lists(*, email_key: str, **_said: Any) -> None:
    """Receives `address_erased`. The numbers of a report stay."""
    NotedAddress.objects.filter(email_key=email_key).delete()

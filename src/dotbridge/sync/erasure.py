"""What is taken away of an erased address here: notes, refusals and conflicts that name it."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from dotbridge.sync.models import BookRemainder, ExportItem, PastAddress, Rejection, ValueConflict


def erase_from_sync(*, email_key: str, **_said: Any) -> None:
    """Receives `address_erased`. A note that is on its way to Dotdigital goes as well: its result concerns nobody."""
    ExportItem.objects.filter(email_key=email_key).delete()
    PastAddress.objects.filter(email_key=email_key).delete()
    BookRemainder.objects.filter(email_key=email_key).delete()
    ValueConflict.objects.filter(email__iexact=email_key).delete()
    Rejection.objects.filter(Q(subject__iexact=email_key) | Q(detail__icontains=email_key)).delete()

"""What is taken away of an erased address here: the contact, its places in books, and its name in results."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from dotbridge.mirror.models import Activity, ClickEvent, Contact, FormerAddress, OpenEvent, WaitingResult


def erase_from_mirror(*, email_key: str, **_said: Any) -> None:
    """Receives `address_erased`. What somebody did with a campaign stays as a number without a name."""
    former = FormerAddress.objects.filter(email_key=email_key)
    owners = Contact.objects.filter(Q(email_key=email_key) | Q(email__iexact=email_key))
    ids = {*owners.values_list("integration_id", "remote_id"), *former.values_list("integration_id", "remote_id")}
    WaitingResult.objects.filter(email_key=email_key).delete()
    Activity.objects.filter(email_key=email_key).update(email="", email_key="")
    OpenEvent.objects.filter(email_key=email_key).update(email_key="")
    ClickEvent.objects.filter(email_key=email_key).update(email_key="")
    owners.delete()
    for integration_id, remote_id in ids:
        FormerAddress.objects.filter(integration_id=integration_id, remote_id=remote_id).delete()

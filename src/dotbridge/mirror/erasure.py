"""What is taken away of an erased address here: the contact, its places in books, and its name in results."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from dotbridge.mirror.models import Activity, ClickEvent, Contact, FormerAddress, OpenEvent, WaitingResult


def erase_from_mirror(*, email_key: str, **_said: Any) -> None:
    """Receives `address_erased`. What somebody did with a campaign stays as a number without a name."""
    owners = Contact.objects.filter(Q(email_key=email_key) | Q(email__iexact=email_key))
    ids = set(owners.values_list("integration_id", "remote_id"))
    WaitingResult.objects.filter(email_key=email_key).delete()
    Activity.objects.filter(email_key=email_key).update(email="", email_key="")
    OpenEvent.objects.filter(email_key=email_key).update(email_key="")
    ClickEvent.objects.filter(email_key=email_key).update(email_key="")
    owners.delete()
    # Whoever had the address before is somebody else by now, or is told of under the address that they have: by their
    # other ones it is still found whom they are here, should they opt out.
    FormerAddress.objects.filter(email_key=email_key).delete()
    for integration_id, remote_id in ids:
        FormerAddress.objects.filter(integration_id=integration_id, remote_id=remote_id).delete()

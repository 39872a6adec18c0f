"""Deleting an integration with everything that was read from its account. Dotdigital itself is not touched."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dotbridge.deletion import delete_with_children
from dotbridge.integrations.models import Integration
from dotbridge.lists.models import MarketingList
from dotbridge.mapping.models import Mapping
from dotbridge.mirror.models import AddressBook, Campaign, Contact, DataField, Draft
from dotbridge.sync.inbound.events import end_subscription
from dotbridge.sync.locks import integration_lock
from dotbridge.sync.models import SyncRun


def what_goes(integration: Integration) -> list[tuple[str, int]]:
    """What would be deleted with the integration: name, number."""
    owned: tuple[tuple[str, QuerySet[Any]], ...] = (
        (_("address books"), AddressBook.objects.all()),
        (_("contacts, as they were read"), Contact.objects.all()),
        (_("campaigns, as they were read; what became of them in your records stays"), Campaign.objects.all()),
        (_("campaigns not sent, as they were read"), Draft.objects.all()),
        (_("data fields"), DataField.objects.all()),
        (_("mappings"), Mapping.objects.all()),
        (_("runs with their steps and rejections"), SyncRun.objects.all()),
    )
    return [(name, records.filter(integration=integration).count()) for name, records in owned]


def connected_lists(integration: Integration) -> list[MarketingList]:
    """The marketing lists that have to be disconnected first, by name."""
    return list(MarketingList.objects.filter(connection__address_book__integration=integration).order_by("name"))


def delete_integration(*, integration: Integration) -> None:
    """Delete it and what was read for it, and its subscription to events there. Marketing lists and records of the host
    stay.

    Raises ValidationError while lists are connected or a run is at work.
    """
    if connected := connected_lists(integration):
        names = ", ".join(each.name for each in connected)
        raise ValidationError(_("Disconnect these marketing lists first: %(names)s.") % {"names": names})
    end_subscription(integration)
    with integration_lock(integration.pk) as held:
        if not held:
            raise ValidationError(_("A run is at work on this account. Switch it off, and delete it afterwards."))
        with transaction.atomic():
            rows = Integration.objects.filter(pk=integration.pk)
            # Held first: contacts name it without a foreign key (docs/adr/0021).
            list(rows.select_for_update())
            delete_with_children(rows)

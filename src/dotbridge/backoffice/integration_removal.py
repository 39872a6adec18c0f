"""Deleting an integration with everything that was read from its account. Dotdigital itself is not touched."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from dotbridge.integrations.models import Integration
from dotbridge.mapping.models import Mapping
from dotbridge.mirror.models import AddressBook, Campaign, Contact, DataField
from dotbridge.sync.locks import integration_lock
from dotbridge.sync.models import Connection, SyncRun

_OF_CAMPAIGNS = (
    "mirror_waitingresult",
    "mirror_activity",
    "mirror_openevent",
    "mirror_clickevent",
    "mirror_campaignsummary",
    "mirror_campaignbook",
    "sync_campaignlink",
)
# Children before parents, a statement a table: Django's own cascade would read a million contacts into memory first.
_STATEMENTS = (
    """DELETE FROM sync_rejection j USING sync_step s, sync_syncrun r
       WHERE j.step_id = s.id AND s.run_id = r.id AND r.integration_id = %s""",
    "DELETE FROM sync_step s USING sync_syncrun r WHERE s.run_id = r.id AND r.integration_id = %s",
    "DELETE FROM sync_syncrun WHERE integration_id = %s",
    "DELETE FROM sync_cursor WHERE integration_id = %s",
    "DELETE FROM mapping_mappingrow w USING mapping_mapping m WHERE w.mapping_id = m.id AND m.integration_id = %s",
    "DELETE FROM mapping_mapping WHERE integration_id = %s",
    "DELETE FROM mirror_datafield WHERE integration_id = %s",
    *(
        f"DELETE FROM {table} WHERE campaign_id IN (SELECT id FROM mirror_campaign WHERE integration_id = %s)"
        for table in _OF_CAMPAIGNS
    ),
    "DELETE FROM sync_campaignlisting WHERE integration_id = %s",
    "DELETE FROM mirror_campaign WHERE integration_id = %s",
    """DELETE FROM mirror_membership m USING mirror_addressbook b
       WHERE m.address_book_id = b.id AND b.integration_id = %s""",
    "DELETE FROM mirror_contact WHERE integration_id = %s",
    "DELETE FROM mirror_addressbook WHERE integration_id = %s",
)


def what_goes(integration: Integration) -> list[tuple[str, int]]:
    """What would be deleted with the integration: name, number."""
    owned: tuple[tuple[str, QuerySet[Any]], ...] = (
        (_("address books"), AddressBook.objects.all()),
        (_("contacts, as they were read"), Contact.objects.all()),
        (_("campaigns, as they were read; what became of them in your records stays"), Campaign.objects.all()),
        (_("data fields"), DataField.objects.all()),
        (_("mappings"), Mapping.objects.all()),
        (_("runs with their steps and rejections"), SyncRun.objects.all()),
    )
    return [(name, records.filter(integration=integration).count()) for name, records in owned]


def connected_lists(integration: Integration) -> list[str]:
    """The names of the marketing lists that have to be disconnected first."""
    links = Connection.objects.filter(address_book__integration=integration)
    return list(links.order_by("marketing_list__name").values_list("marketing_list__name", flat=True))


def delete_integration(*, integration: Integration) -> None:
    """Delete it and what was read for it. Marketing lists and records of the host stay.

    Raises ValidationError while lists are connected or a run is at work.
    """
    if connected := connected_lists(integration):
        raise ValidationError(_("Disconnect these marketing lists first: %(names)s.") % {"names": ", ".join(connected)})
    with integration_lock(integration.pk) as held:
        if not held:
            raise ValidationError(_("A run is at work on this integration. Deactivate it, and delete it afterwards."))
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in _STATEMENTS:
                cursor.execute(statement, [integration.pk])
            integration.delete()

"""Deleting an integration with everything that was read from its account. Dotdigital itself is not touched."""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import SET_NULL, QuerySet
from django.db.models.fields.reverse_related import ForeignObjectRel
from django.utils.translation import gettext as _

from dotbridge.integrations.models import Integration
from dotbridge.lists.models import MarketingList
from dotbridge.mapping.models import Mapping
from dotbridge.mirror.models import AddressBook, Campaign, Contact, DataField
from dotbridge.sync.locks import integration_lock
from dotbridge.sync.models import SyncRun


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


def connected_lists(integration: Integration) -> list[MarketingList]:
    """The marketing lists that have to be disconnected first, by name."""
    return list(MarketingList.objects.filter(connection__address_book__integration=integration).order_by("name"))


def delete_integration(*, integration: Integration) -> None:
    """Delete it and what was read for it. Marketing lists and records of the host stay.

    Raises ValidationError while lists are connected or a run is at work.
    """
    if connected := connected_lists(integration):
        names = ", ".join(each.name for each in connected)
        raise ValidationError(_("Disconnect these marketing lists first: %(names)s.") % {"names": names})
    with integration_lock(integration.pk) as held:
        if not held:
            raise ValidationError(_("A run is at work on this integration. Deactivate it, and delete it afterwards."))
        with transaction.atomic():
            rows = Integration.objects.filter(pk=integration.pk)
            # Held first: contacts name it without a foreign key (docs/adr/0021).
            list(rows.select_for_update())
            _delete_with_children(rows)


def _delete_with_children(records: QuerySet[Any]) -> None:
    """Children before parents, a statement a table: Django's own cascade reads what it deletes into memory first."""
    for relation in records.model._meta.get_fields(include_hidden=True):
        if not isinstance(relation, ForeignObjectRel) or relation.many_to_many:
            continue
        children = relation.related_model._base_manager.filter(
            **{f"{relation.field.name}__in": records.values(relation.field.target_field.name)}
        )
        if relation.on_delete is SET_NULL:
            children.update(**{relation.field.name: None})
        else:
            _delete_with_children(children)
    records._raw_delete(records.db)

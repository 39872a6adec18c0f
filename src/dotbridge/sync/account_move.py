"""Moving an integration to another Dotdigital account.

It starts clean there: the ids of one account mean nothing in another.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from dotbridge.connections.models import (
    AccountChange,
    CampaignSend,
    ContactRequest,
    ListConnection,
    Look,
    SendState,
)
from dotbridge.consent.models import Scope
from dotbridge.consent.services import forget_remote_ids
from dotbridge.consent.shared import forget_shared_addresses
from dotbridge.deletion import delete_with_children
from dotbridge.integrations.models import CallLimit, Integration, RateWindow
from dotbridge.mirror.models import (
    AddressBook,
    Campaign,
    CampaignContent,
    Contact,
    DataField,
    Draft,
    FormerAddress,
    SenderAddress,
    Template,
)
from dotbridge.studio.models import Grant, PendingSignOn
from dotbridge.sync.locks import integration_lock
from dotbridge.sync.models import (
    Absence,
    CampaignListing,
    Cursor,
    EventHint,
    EventSubscription,
    Reading,
    SentConsent,
    SyncRun,
    Turn,
    Upload,
)
from dotbridge.sync.selectors import ON_THEIR_WAY

# What is known of the former account, by its ids, and what was noted about the way to it.
_OF_THE_ACCOUNT: tuple[QuerySet[Any], ...] = tuple(
    model.objects.all()
    for model in (
        AddressBook,
        Contact,
        Campaign,
        Draft,
        CampaignContent,
        Template,
        SenderAddress,
        FormerAddress,
        AccountChange,
        ContactRequest,
        CampaignSend,
        Look,
        Grant,
        PendingSignOn,
        Cursor,
        Turn,
        Reading,
        EventSubscription,
        EventHint,
        CampaignListing,
        Absence,
        SentConsent,
        RateWindow,
        CallLimit,
    )
)
# Dotdigital was asked for these, and nobody could follow them from the other account.
_SENDING = (SendState.ASKED, SendState.ACCEPTED)


def move_to_another_account(*, integration: Integration) -> None:
    """Forget the account of an integration, so that its next run takes the one that its credentials belong to.

    Lists stay, and have to be connected to the other account's address books. The mappings stay: data fields go by
    their names, and those that the other account does not have are gone. What people have opted out of stays: of
    everything, of lists, and of the former account. In that one nothing is changed any more, also not what it was to be
    told of contacts. Raises ValidationError while a run is at work, an upload is on its way, or a campaign is.
    """
    with integration_lock(integration.pk) as lock:
        if lock is None:
            raise ValidationError(_("A run is at work on this account. Switch it off, and move it afterwards."))
        links = ListConnection.objects.filter(address_book__integration=integration)
        if Upload.objects.filter(connection__in=links, state__in=ON_THEIR_WAY).exists():
            raise ValidationError(_("An upload is on its way to the former account. Move it when that is finished."))
        if CampaignSend.objects.filter(integration=integration, state__in=_SENDING).exists():
            raise ValidationError(_("A campaign is being sent by the former account. Move it when that is over."))
        with transaction.atomic():
            # Held first: contacts name it without a foreign key (docs/adr/0021).
            list(Integration.objects.filter(pk=integration.pk).select_for_update())
            for list_id in links.values_list("marketing_list", flat=True):
                forget_shared_addresses(list_id=list_id)
            for records in _OF_THE_ACCOUNT:
                delete_with_children(records.filter(integration=integration))
            # Which of these the other account has is told by its first reading; of preferences also the ids.
            gone = {"gone_at": timezone.now(), "leaving_since": None}
            DataField.objects.filter(integration=integration, gone_at=None).update(**gone)
            forget_remote_ids(scope=Scope.ACCOUNT, scope_id=integration.pk)
            SyncRun.objects.filter(integration=integration).update(waits_until=None)
            blank: dict[str, Any] = {
                "account_id": None,
                "account_name": "",
                "endpoint": "",
                "checked_at": None,
                "protocol_asked_at": None,
            }
            Integration.objects.filter(pk=integration.pk).update(**blank)
    integration.refresh_from_db()

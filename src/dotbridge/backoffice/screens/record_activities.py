"""What one record did with the campaigns that it was sent."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from dotbridge.backoffice.entity_labels import entity_label, label_records
from dotbridge.backoffice.labels import activities_in_words
from dotbridge.backoffice.rights import MAY_SEE_CAMPAIGNS, MAY_SEE_MARKETING_CAMPAIGNS
from dotbridge.backoffice.screens.base import url_of
from dotbridge.campaigns.models import ActivityType
from dotbridge.campaigns.selectors import activities_of_record, campaigns_of_record
from dotbridge.entities.record_ids import RECORD_ID_LENGTH
from dotbridge.entities.registry import UnknownEntity, entity
from dotbridge.entities.rights import may_view

SHOWN = 10


def record_context(request: HttpRequest, key: str, record_id: str) -> dict[str, Any] | None:
    """What the page of a record shows, in a fixed number of queries; None for an entity that is not registered.

    Raises PermissionDenied for somebody who may not see records of the entity.
    """
    if not record_id or len(record_id) > RECORD_ID_LENGTH or "\0" in record_id:
        return None
    try:
        known = entity(key)
    except UnknownEntity:
        return None
    if not may_view(request.user, known.model):
        raise PermissionDenied
    label = label_records(request, key, [record_id]).get(record_id)
    newest = list(activities_of_record(entity=key, record_id=record_id)[: SHOWN + 1])
    everything = reverse("dotbridge_tables:dotbridge_campaigns_marketingactivity_changelist")
    may_see = request.user.has_perm(MAY_SEE_MARKETING_CAMPAIGNS)
    return {
        "name": label.text if label else f"{entity_label(key)} {record_id}",
        "record_url": label.url if label else "",
        "campaigns": [
            {
                "name": line.marketing_campaign.name if line.marketing_campaign else _("Outside of any campaign"),
                "url": url_of(line.marketing_campaign) if line.marketing_campaign and may_see else "",
                "latest": ActivityType(line.latest_type).label,
                "latest_at": line.latest_at,
                "counts": activities_in_words(line.counts),
            }
            for line in (campaigns_of_record(entity=key, record_id=record_id) if newest else [])
        ],
        "activities": newest[:SHOWN],
        "all_url": f"{everything}?{urlencode({'record': f'{key}:{record_id}'})}" if len(newest) > SHOWN else "",
        "may_see_mails": request.user.has_perm(MAY_SEE_CAMPAIGNS),
    }

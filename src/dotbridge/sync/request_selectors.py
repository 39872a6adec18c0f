"""Reads of what people asked for."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from dotbridge.integrations.models import Integration
from dotbridge.sync.request_models import OPEN_CHANGES, AccountChange


def integrations_with_requests() -> QuerySet[Integration]:
    """The active integrations for which something is left to be done."""
    changes = AccountChange.objects.filter(integration=OuterRef("pk"), state__in=OPEN_CHANGES)
    return Integration.objects.filter(Exists(changes), is_active=True)

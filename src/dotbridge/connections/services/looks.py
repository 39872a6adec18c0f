"""The writers of looks: what somebody wants to see of the account is read by a worker."""

from __future__ import annotations

from django.db import transaction

from dotbridge.connections.models import Look, LookKind, LookState, RunKind
from dotbridge.connections.services.run_requests import request_run
from dotbridge.integrations.models import Integration


@transaction.atomic
def request_look(*, integration: Integration, kind: LookKind, remote_id: int = 0) -> bool:
    """Have it read soon; what waits to be read already is not asked for twice. False for an account switched off."""
    if not integration.is_active:
        return False
    look, _is_new = Look.objects.get_or_create(integration=integration, kind=kind, remote_id=remote_id)
    again = {"state": LookState.WAITING, "attempts": 0, "due_at": None, "message": ""}
    Look.objects.filter(pk=look.pk, state=LookState.FAILED).update(**again)
    request_run(integration=integration, kind=RunKind.REQUESTS, trigger="person")
    return True

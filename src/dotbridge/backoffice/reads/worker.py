"""Whether anybody is there to do what was asked for."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateWorker

from dotbridge.one_reading import asked_once

# A worker reports every ten seconds.
SILENT_AFTER = timedelta(seconds=60)


def living_workers() -> QuerySet[ProcrastinateWorker]:
    """The workers that have reported lately."""
    return ProcrastinateWorker.objects.filter(last_heartbeat__gte=timezone.now() - SILENT_AFTER)


@asked_once
def worker_is_alive() -> bool:
    """Whether there is any of them."""
    return living_workers().exists()

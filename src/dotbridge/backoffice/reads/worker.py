"""Whether anybody is there to do what was asked for."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateWorker

# A worker reports every ten seconds.
SILENT_AFTER = timedelta(seconds=60)


def worker_is_alive() -> bool:
    """Whether any worker has reported lately."""
    return ProcrastinateWorker.objects.filter(last_heartbeat__gte=timezone.now() - SILENT_AFTER).exists()

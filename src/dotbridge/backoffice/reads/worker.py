"""Whether anybody is there to do what was asked for, and whether the account answers."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from procrastinate.contrib.django.models import ProcrastinateWorker

from dotbridge.conf import typed_command
from dotbridge.integrations.models import Integration
from dotbridge.one_reading import asked_once
from dotbridge.processes import SILENT_SECONDS
from dotbridge.sync.models import State, SyncRun
from dotbridge.sync.texts import stored_text

# Nobody is told that no worker runs because one is a little late; its jobs are given back before that.
SILENT_AFTER = 2 * timedelta(seconds=SILENT_SECONDS)
# Whoever has just started one sees soon that it is at work.
SECONDS_WITHOUT_WORKER = 5


def living_workers() -> QuerySet[ProcrastinateWorker]:
    """The workers that have reported lately."""
    return ProcrastinateWorker.objects.filter(last_heartbeat__gte=timezone.now() - SILENT_AFTER)


@asked_once
def worker_is_alive() -> bool:
    """Whether there is any of them."""
    return living_workers().exists()


def how_to_start_worker() -> str:
    """What to do where none is."""
    return _("Start one on the server with: %(command)s") % {"command": typed_command("worker")}


def seconds_to_ask(usual: int) -> int:
    """How many seconds later a page that waits for a worker asks again: seldom where none is there."""
    return usual if worker_is_alive() else max(usual, SECONDS_WITHOUT_WORKER)


def trouble_of_account(integration: Integration) -> str:
    """Why what was asked of an account does not come: what its last run failed with. Empty when it went well."""
    runs = SyncRun.objects.filter(integration=integration, finished_at__isnull=False).exclude(state=State.SKIPPED)
    last = runs.order_by("-pk").values("state", "message").first()
    return stored_text(last["message"]) if last and last["state"] == State.FAILED else ""

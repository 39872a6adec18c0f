"""Refreshing a list on demand because a person asked: at once, or by the worker where that takes too long."""

from __future__ import annotations

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.exceptions import AlreadyEnqueued

from dotbridge.entities.time_limits import TookTooLong, statement_time_limit
from dotbridge.lists.listed_services import RefreshReport, refresh_list
from dotbridge.lists.models import MarketingList
from dotbridge.queues import REQUEST_RANK, Queue

# The jobs module stands above this one, so its task is known here by name.
REFRESH_TASK = "dotbridge.refresh_list"
# So long a person waits for a page.
MOST_MILLISECONDS = 4_000


def refresh_now(*, marketing_list: MarketingList, by: AbstractBaseUser | None = None) -> RefreshReport | None:
    """Have a list on demand hold what its rule matches now. None where that takes long: then the worker does it.

    Raises as `refresh_list`.
    """
    try:
        with statement_time_limit(MOST_MILLISECONDS):
            return refresh_list(marketing_list=marketing_list, by=by)
    except TookTooLong:
        request_refresh(marketing_list=marketing_list, by=by)
        return None


def request_refresh(*, marketing_list: MarketingList, by: AbstractBaseUser | None) -> bool:
    """Have the worker refresh the list. False when it waits to be done already."""
    configured = app.configure_task(
        REFRESH_TASK,
        queue=Queue.PEOPLE,
        lock=f"dotbridge-list-{marketing_list.pk}",
        queueing_lock=f"dotbridge-list-{marketing_list.pk}",
        priority=Queue.PEOPLE.priority(REQUEST_RANK),
    )
    try:
        with transaction.atomic():
            configured.defer(list_id=marketing_list.pk, user_id=by.pk if by else None)
    except AlreadyEnqueued:
        return False
    return True


def is_being_refreshed(marketing_list: MarketingList) -> bool:
    """Whether the worker refreshes the list, or is going to."""
    jobs = ProcrastinateJob.objects.filter(task_name=REFRESH_TASK, args__list_id=marketing_list.pk)
    return jobs.filter(status__in=["todo", "doing"]).exists()

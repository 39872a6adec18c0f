"""Taking the product out of a project's database: all that is ours, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from procrastinate.contrib.django import app

from dotbridge import APPS
from dotbridge.queues import Queue

_QUEUE = "procrastinate_jobs"
_JOBS = "SELECT count(*) FROM procrastinate_jobs WHERE queue_name = ANY(%s)"
# Events and the notes of what was deferred go with their jobs, or name them no more.
_FORGET_TIMES = "DELETE FROM procrastinate_periodic_defers WHERE task_name = ANY(%s)"
_FORGET_JOBS = "DELETE FROM procrastinate_jobs WHERE queue_name = ANY(%s)"


@dataclass(frozen=True, kw_only=True)
class Ours:
    """What is ours in the database: tables, and jobs in the queue."""

    tables: tuple[str, ...]
    jobs: int


def find_ours() -> Ours:
    """What a removal would take away."""
    there = set(connection.introspection.table_names())
    tables = {model._meta.db_table for each in _labels() for model in apps.get_app_config(each).get_models()}  # noqa: SLF001
    jobs = 0
    if _QUEUE in there:
        with connection.cursor() as cursor:
            cursor.execute(_JOBS, [_queues()])
            (jobs,) = cursor.fetchone()
    return Ours(tables=tuple(sorted(tables & there)), jobs=int(jobs))


def remove_ours() -> None:
    """Take away triggers, tables, jobs, the rights that name them, and what the ready groups were given.

    What is half done is done by the next call.
    """
    if apps.is_installed("dotbridge.backoffice"):
        from dotbridge.backoffice.role_services import take_back_role_groups  # noqa: PLC0415 - its models are an app's

        take_back_role_groups()
    if _QUEUE in connection.introspection.table_names():
        _forget_jobs()
    # The triggers go with the table that they write to; the migration that made it takes them off. As one plan: the
    # command would look through all apps and tell them of it once for each of ours.
    MigrationExecutor(connection).migrate([(label, None) for label in _labels()])
    ContentType.objects.filter(app_label__in=_labels()).delete()


def _forget_jobs() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        tasks = [task.name for task in app.tasks.values() if task.queue in set(Queue)]
        cursor.execute(_FORGET_TIMES, [tasks])
        cursor.execute(_FORGET_JOBS, [_queues()])


def _labels() -> list[str]:
    ours = [config for config in apps.get_app_configs() if config.name in APPS]
    return [config.label for config in ours if config.models_module is not None and any(config.get_models())]


def _queues() -> list[Any]:
    return [*map(str, Queue)]

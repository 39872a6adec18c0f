"""A look at everything a running back office needs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import structlog
from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Max
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateEvent
from rich.console import Console
from rich.markup import escape

from dotbridge import APPS, embedded
from dotbridge.audit.installing import unwatched_tables
from dotbridge.backoffice.reads.worker import living_workers
from dotbridge.conf import app_settings, is_standalone, typed_command, where_keys_stand
from dotbridge.consent.models import ConsentKey
from dotbridge.encryption import SecretUnreadable, has_newest_key, unseal
from dotbridge.errors import OperatorError
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import check_integration
from dotbridge.mapping.tracking.installing import untriggered_tables
from dotbridge.mapping.tracking.plan import current_plan
from dotbridge.notifications.mailing import is_mail_set_up
from dotbridge.notifications.selectors import unsent_mails
from dotbridge.queues import KEEP_JOBS, Queue
from dotbridge.scheduled_files.models import ScheduledFile
from dotbridge.studio.models import SignOn

OLDEST_VERSION = 14
log = structlog.get_logger(__name__)

# A job or a mail that failed longer ago is only mentioned: what it was for was done by the next one, or failed again.
FAILURE_IS_NEWS = timedelta(days=1)


class Finding(NamedTuple):
    """One thing looked at: whether it is as it should be, and what was seen or how to mend it."""

    subject: str
    is_good: bool
    text: str


def examine(console: Console) -> bool:
    """Print what was found, a line each. True when everything is as it should be."""
    good = True
    for finding in _findings():
        mark = "[green]ok  [/]" if finding.is_good else "[bold red]FAIL[/]"
        line = escape(f"{finding.subject:<22} {finding.text}")
        console.print(f"{mark} {line}", highlight=False, soft_wrap=True)
        good = good and finding.is_good
    return good


def pending_migrations() -> int:
    """How many migrations the database has not seen."""
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def newer_migrations() -> list[str]:
    """The migrations of our tables that this version does not know: a newer one has been at work on the database."""
    loader = MigrationExecutor(connection).loader
    ours = {config.label for config in apps.get_app_configs() if config.name in APPS}
    unknown = set(loader.applied_migrations) - set(loader.disk_migrations)
    return sorted(f"{label}.{name}" for label, name in unknown if label in ours)


def require_migrations() -> None:
    """Raise OperatorError when the database lacks some. That it has newer ones is only said: an upgrade migrates first,
    and what runs meanwhile goes on."""
    if newer := newer_migrations():
        log.warning("the database is of a newer version: install that one", migrations=newer)
    if number := pending_migrations():
        raise OperatorError(
            f"{number} migrations are not applied to the database; run `{typed_command('migrate')}` first."
        )


def _findings() -> Iterator[Finding]:
    try:
        yield _database()
        yield _letters()
        yield _sessions()
        yield _migrations()
        if pending_migrations():
            return
    except DatabaseError as error:
        yield Finding("database", is_good=False, text=f"It cannot be reached: {str(error).splitlines()[0]}")
        return
    yield _spool_dir()
    yield _worker()
    yield _failed_jobs()
    yield _log_in()
    yield _tracking()
    yield _audit()
    yield _mails()
    if finding := _consent_key():
        yield finding
    for scheduled_file in ScheduledFile.objects.exclude(sealed_secret=""):
        yield _secret(f"key of file “{scheduled_file}”", scheduled_file.sealed_secret, name="its password")
    for integration in Integration.objects.all():
        yield _secret(f"key of “{integration}”", integration.password_sealed, name="its password")
        if sign_on := SignOn.objects.filter(integration=integration).first():
            yield _sign_on_key(sign_on)
        if integration.is_active:
            yield _account(integration)


def _database() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        version = int(cursor.fetchone()[0]) // 10_000
    where = "embedded" if embedded.data_dir() else f"at {connection.settings_dict['HOST'] or 'this machine'}"
    text = f"PostgreSQL {version}, {where}"
    if version < OLDEST_VERSION:
        text += f"; version {OLDEST_VERSION} or newer is needed"
    return Finding("database", version >= OLDEST_VERSION, text)


def _letters() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("SELECT lower('ÄÉ') = 'äé'")
        (good,) = cursor.fetchone()
    text = (
        "Addresses are compared without regard to case"
        if good
        else ("lower() leaves letters such as Ä alone; create the database with a UTF-8 locale, such as C.UTF-8")
    )
    return Finding("letter case", good, text)


def _sessions() -> Finding:
    """Whether a connection keeps its session: behind a pooler in transaction mode another connection gets it."""
    other = connection.copy()
    try:
        with connection.cursor() as cursor:
            session = _session(cursor)
            with other.cursor() as theirs:
                theirs.execute("BEGIN")
                is_shared = _session(theirs) == session
                theirs.execute("ROLLBACK")
    finally:
        other.close()
    text = (
        "a pooler in transaction mode is in front, where a run loses its lock; give workers and commands a "
        "connection in session mode, and the web part DISABLE_SERVER_SIDE_CURSORS"
        if is_shared
        else "each connection has its own"
    )
    return Finding("sessions", not is_shared, text)


def _session(cursor: Any) -> int:
    cursor.execute("SELECT pg_backend_pid()")
    return int(cursor.fetchone()[0])


def _migrations() -> Finding:
    number = pending_migrations()
    if newer := newer_migrations():
        text = f"the database is of a newer version ({', '.join(newer)}); install that one, or restore a backup"
        return Finding("migrations", is_good=False, text=text)
    return Finding(
        "migrations", not number, f"{number} not applied; run `{typed_command('migrate')}`" if number else "all applied"
    )


def _spool_dir() -> Finding:
    folder = app_settings().spool_dir or Path(tempfile.gettempdir())
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = folder / f".doctor-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        return Finding("folder of uploads", is_good=False, text=f"{folder} is not writable: {error.strerror}")
    return Finding("folder of uploads", is_good=True, text=str(folder))


def _worker() -> Finding:
    alive = living_workers().exists()
    start = f"start `{typed_command('worker')}`" + (f" or `{typed_command('serve')}`" if is_standalone() else "")
    text = "at least one is alive" if alive else f"none is alive; {start}"
    return Finding("worker", alive, text)


def _failed_jobs() -> Finding:
    failed = ProcrastinateEvent.objects.filter(type="failed", job__status="failed", job__queue_name__in=[*Queue])
    failed = failed.filter(at__gt=timezone.now() - KEEP_JOBS)
    tasks = sorted(failed.values_list("job__task_name", flat=True).distinct())
    last = failed.aggregate(last=Max("at"))["last"]
    if last is None:
        return Finding("failed jobs", is_good=True, text=f"none in the last {KEEP_JOBS.days} days")
    text = (
        f"{failed.count()} in the last {KEEP_JOBS.days} days ({', '.join(tasks)}), "
        f"the last at {last:%Y-%m-%d %H:%M} UTC; the worker's log of that time says why"
    )
    return Finding("failed jobs", is_good=timezone.now() - last > FAILURE_IS_NEWS, text=text)


def _log_in() -> Finding:
    """Whether wrong passwords are counted. A host that throttles log-ins by other means may leave django-axes out."""
    backends, middleware = settings.AUTHENTICATION_BACKENDS, settings.MIDDLEWARE
    is_throttled = "axes.backends.AxesStandaloneBackend" in backends and "axes.middleware.AxesMiddleware" in middleware
    text = (
        f"stopped after {settings.AXES_FAILURE_LIMIT} wrong passwords"
        if is_throttled
        else "nothing counts wrong passwords; add django-axes to this project, unless something else does"
    )
    return Finding("log-in", is_good=is_throttled, text=text)


def _tracking() -> Finding:
    plan = current_plan()
    missing = untriggered_tables(plan)
    if plan.refused:
        reasons = " ".join(str(reason) for _table, reason in sorted(plan.refused.items()))
        text = (
            f"{reasons} Changes there are seen once a day only; let the database user own the tables, or "
            "GRANT TRIGGER ON them TO it, and migrate what is missing"
        )
    elif missing:
        text = f"no triggers note changes of {', '.join(sorted(missing))}; a worker puts them there within five minutes"
    elif plan.tables:
        text = f"triggers note changes of {', '.join(sorted(plan.tables))}"
    else:
        text = "no field is mapped yet"
    return Finding("change tracking", not missing and not plan.refused, text)


def _secret(subject: str, *sealed: str, name: str, mend: str = "") -> Finding:
    """Whether the first of these can be read, and whether the newest key opens all of them. `mend` says what to do
    where it cannot be, in place of the usual words."""
    try:
        unseal(sealed[0])
    except SecretUnreadable as error:
        return Finding(subject, is_good=False, text=mend or str(error))
    if not all(map(has_newest_key, sealed)):
        rotate = typed_command("keys rotate")
        text = f"it needs a former key; run `{rotate}`, after that the former key may go"
        return Finding(subject, is_good=True, text=text)
    return Finding(subject, is_good=True, text=f"{name} can be read")


def _sign_on_key(sign_on: SignOn) -> Finding:
    tokens = sign_on.integration.grants.values_list("refresh_token_sealed", flat=True)
    return _secret(
        f"key of single sign-on “{sign_on}”",
        sign_on.secret_sealed,
        *tokens,
        name="its secret",
        mend=f"its secret cannot be read; enter it again, or add the former key to {where_keys_stand()}",
    )


def _audit() -> Finding:
    if missing := unwatched_tables():
        text = f"changes of {', '.join(missing)} are not written down; run `{typed_command('migrate')}`"
        return Finding("audit", is_good=False, text=text)
    return Finding("audit", is_good=True, text="changes are written down, and what is written stays")


def _mails() -> Finding:
    """Whether notifications can be mailed, and whether any could not be."""
    if not is_mail_set_up():
        text = f"no server for them; set {_mail_settings()}, else people are told in the back office alone"
        return Finding("mails", is_good=True, text=text)
    unsent = unsent_mails()
    waiting = unsent.pop("waiting")
    not_sent = ", ".join(f"{number} {name}" for name, number in unsent.items() if number)
    lately = unsent_mails(since=timezone.now() - FAILURE_IS_NEWS)
    if lately["failed"] or lately["unknown"]:
        return Finding(
            "mails", is_good=False, text=f"{not_sent}; the worker's log says why, look at {_mail_settings()}"
        )
    more = f"; longer than a day ago: {not_sent}" if not_sent else ""
    return Finding("mails", is_good=True, text=f"notifications are mailed; {waiting} wait{more}")


def _mail_settings() -> str:
    """Where the server of mails is named."""
    return "DOTBRIDGE_EMAIL_URL" if is_standalone() else "the project's e-mail settings"


def _consent_key() -> Finding | None:
    """About the key of erased addresses, when there is one: without it nobody knows them again."""
    sealed = ConsentKey.objects.values_list("sealed", flat=True).order_by("pk").first()
    if sealed is None:
        return None
    rotate = typed_command("keys rotate")
    mend = f"it cannot be read; add the former key to {where_keys_stand()} and run `{rotate}`"
    return _secret("key of erased addresses", sealed, name="it", mend=mend)


def _account(integration: Integration) -> Finding:
    check = check_integration(integration=integration)
    return Finding(f"account “{integration}”", check.succeeded, check.message)

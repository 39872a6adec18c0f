"""A run: the steps of an integration one after the other, each failing alone, under the integration's lock."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import note_account, open_account
from dotbridge.sync.context import NobodyWatches, Observer, RunContext, StepBlocked, StepContext, StepSkipped
from dotbridge.sync.inbound.address_books import import_address_books
from dotbridge.sync.inbound.campaign_activities import import_activities
from dotbridge.sync.inbound.campaign_clicks import import_clicks
from dotbridge.sync.inbound.campaign_opens import import_opens
from dotbridge.sync.inbound.campaign_summaries import import_summaries
from dotbridge.sync.inbound.campaigns import import_campaigns
from dotbridge.sync.inbound.consent import learn_consent
from dotbridge.sync.inbound.contacts import import_contacts
from dotbridge.sync.inbound.data_fields import import_data_fields
from dotbridge.sync.inbound.marketing_activities import apply_results
from dotbridge.sync.inbound.suppressions import import_suppressions, import_unsubscribes
from dotbridge.sync.inbound.two_way import write_back
from dotbridge.sync.locks import integration_lock
from dotbridge.sync.models import State, Step, SyncRun
from dotbridge.sync.outbound.account_changes import carry_out_changes
from dotbridge.sync.outbound.changes import note_changes
from dotbridge.sync.outbound.contact_requests import tell_of_contacts
from dotbridge.sync.outbound.endings import end_connections
from dotbridge.sync.outbound.lost_values import compare_contacts
from dotbridge.sync.outbound.members import empty_tables
from dotbridge.sync.outbound.prepare import prepare_uploads
from dotbridge.sync.outbound.removals import remove_departed, remove_opted_out
from dotbridge.sync.outbound.resubscriptions import ask_for_resubscriptions
from dotbridge.sync.outbound.results import finish_uploads, read_results
from dotbridge.sync.outbound.upload import send_uploads
from dotdigital import ConfigurationError, DotdigitalError

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Part:
    """One step of a run: its name, what people call it, and what it does.

    `compares`: a full comparison says of it what had drifted.
    """

    name: str
    label: StrOrPromise
    work: Callable[[StepContext], None]
    compares: bool = False


CONSENT = Part("consent", _("Who may be mailed"), learn_consent)
# Who was suppressed is read after the contacts, so that a suppression has the last word in a run.
DATA_FIELDS = (Part("data_fields", _("Data fields"), import_data_fields, compares=True),)
IMPORT = (
    Part("address_books", _("Address books"), import_address_books, compares=True),
    *DATA_FIELDS,
    Part("campaigns", _("Campaigns"), import_campaigns, compares=True),
    Part("contacts", _("Contacts"), import_contacts, compares=True),
    Part("unsubscribes", _("Unsubscribed from a book"), import_unsubscribes, compares=True),
    Part("suppressions", _("Suppressed in the account"), import_suppressions, compares=True),
    # Nothing may hold an opt-out up: it counts from here on, whatever the export waits for.
    CONSENT,
    Part("two_way", _("Changes made in Dotdigital"), write_back),
    # The figures come first: they say how many were sent a campaign, and so whether all of them have to be read.
    Part("campaign_summaries", _("Campaign summaries"), import_summaries, compares=True),
    Part("campaign_activities", _("Contact activity"), import_activities, compares=True),
    Part("campaign_opens", _("Opens"), import_opens, compares=True),
    Part("campaign_clicks", _("Clicks"), import_clicks, compares=True),
    Part("marketing_activities", _("Marketing activities"), apply_results),
)
# Once a week everything is read again, in case a change escaped the feeds of changes. What it finds to be written into
# records is written by the next import.
RECONCILE = tuple(
    replace(part, work=compare_contacts) if part.name == "contacts" else part
    for part in IMPORT
    if part.name != "two_way"
)
CHANGES = (
    Part("changes", _("Changed fields"), note_changes),
    Part("prepare", _("Preparing contacts"), prepare_uploads),
)
EXPORT = (
    Part("earlier_results", _("Results of earlier uploads"), read_results),
    CONSENT,
    Part("opt_outs", _("Opted out here"), remove_opted_out),
    Part("removals", _("Removed contacts"), remove_departed),
    *CHANGES,
    Part("uploads", _("Uploading contacts"), send_uploads),
    Part("results", _("Results"), finish_uploads),
)
REQUESTS = (
    Part("contact_requests", _("Opt-outs and erasures"), tell_of_contacts),
    Part("account_changes", _("Changes of the account"), carry_out_changes),
    Part("resubscriptions", _("Resubscriptions"), ask_for_resubscriptions),
    Part("endings", _("Ending connections"), end_connections),
)
PARTS: dict[RunKind, tuple[Part, ...]] = {
    RunKind.IMPORT: IMPORT,
    RunKind.EXPORT: EXPORT,
    RunKind.CHANGES: CHANGES,
    RunKind.DATA_FIELDS: DATA_FIELDS,
    RunKind.RECONCILE: RECONCILE,
    RunKind.REQUESTS: REQUESTS,
    RunKind.SYNC: (*IMPORT, *EXPORT),
}
# A run for one list leaves these to the runs for all.
OF_THE_WHOLE_ACCOUNT = frozenset(
    part.name for part in IMPORT if part.name == "data_fields" or part.name.startswith(("campaign", "marketing"))
)
LABELS = {part.name: part.label for part in (*IMPORT, *EXPORT, *REQUESTS)}


def run_sync(
    *,
    integration: Integration,
    kind: RunKind = RunKind.SYNC,
    trigger: str,
    observer: Observer | None = None,
    wait_seconds: float | None = None,
    force_data_fields: bool = False,
    link: ListConnection | None = None,
) -> SyncRun:
    """Run the parts of a kind, and answer the run with its final state. Never raises for what goes wrong in a step.

    With `link` the run is for this one list and its book alone; another integration's raises ValueError.
    `trigger` says who started it (schedule, person, command line). `wait_seconds` is how long to wait for Dotdigital to
    finish what was uploaded; what is not finished then is picked up by the next run. A run that may not start because
    another one holds the lock is kept with the state *skipped*.
    """
    if link is not None and link.address_book.integration_id != integration.pk:
        raise ValueError(f"Connection {link.pk} belongs to another integration than {integration.pk}.")
    run = SyncRun(integration=integration, kind=kind, trigger=trigger, connection=link, started_at=timezone.now())
    with integration_lock(integration.pk) as held:
        if not held:
            return _finish(run, State.SKIPPED, "Another run is at work on this integration.")
        _mark_interrupted(integration)
        run.save()
        with structlog.contextvars.bound_contextvars(run=run.pk, integration=integration.pk):
            _run_parts(
                run,
                observer or NobodyWatches(),
                settings.CONFIG.import_wait_seconds if wait_seconds is None else wait_seconds,
                force_data_fields=force_data_fields,
            )
            log.info("run finished", kind=str(run.kind), state=str(run.state), requests=run.requests)
    return run


def _run_parts(run: SyncRun, observer: Observer, wait_seconds: float, *, force_data_fields: bool) -> None:
    try:
        with open_account(run.integration) as account:
            try:
                note_account(integration=run.integration, account=account, info=account.connect())
                context = RunContext(
                    integration=run.integration,
                    account=account,
                    run=run,
                    observer=observer,
                    server_now=account.server_time(),
                    wait_seconds=wait_seconds,
                    force_data_fields=force_data_fields or run.kind in {RunKind.DATA_FIELDS, RunKind.RECONCILE},
                    reads_everything=run.kind == RunKind.RECONCILE,
                    only=run.connection,
                )
                for part in PARTS[RunKind(run.kind)]:
                    if run.connection is None or part.name not in OF_THE_WHOLE_ACCOUNT:
                        _run_part(context, part)
            finally:
                with suppress(DatabaseError):  # a connection that was lost took them with it
                    empty_tables()
                run.requests = account.requests
    except DotdigitalError as error:
        _finish(run, State.FAILED, error.text)
    else:
        _finish(run, *_verdict(run))


def _run_part(context: RunContext, part: Part) -> None:
    """Run one step and keep how it ended. Raises ConfigurationError: no other step could do better."""
    step = Step.objects.create(run=context.run, name=part.name, started_at=timezone.now())
    at_work = StepContext(run=context, step=step)
    context.observer.step_started(step)
    try:
        part.work(at_work)
        if part.compares and context.reads_everything:
            step.message = f"{drift_in_words(step.counts)} {step.message}".strip()
        if step.state == State.RUNNING:
            step.state = State.PARTIAL if step.counts.get("rejected") else State.SUCCEEDED
    except StepSkipped as skipped:
        step.state, step.message = State.SKIPPED, str(skipped)
    except StepBlocked as blocked:
        step.state, step.message = State.BLOCKED, str(blocked)
    except ConfigurationError as error:
        step.state, step.message = State.FAILED, error.text
        raise
    except DotdigitalError as error:
        log.warning("step failed", step=part.name, detail=error.detail)
        step.state, step.message = State.FAILED, error.text
    except Exception as error:  # noqa: BLE001 - whatever it is, the other steps go on
        _keep_unexpected(step, error)
    finally:
        step.finished_at = timezone.now()
        step.save()
        context.observer.step_finished(step)


def drift_in_words(counts: Mapping[str, int]) -> str:
    """What a feed that was read again from its beginning says of our copy, by the counts of its step."""
    unknown, different, gone = (counts.get(name, 0) for name in ("new", "changed", "gone"))
    if not unknown and not different and not gone:
        return "No drift: everything was as we had it."
    return f"Drift: {unknown} unknown here, {different} different, {gone} not there any more."


def _keep_unexpected(step: Step, error: Exception) -> None:
    # The error's own text may hold personal data (a constraint shows the row it refused), so only its place is logged.
    place = traceback.format_tb(error.__traceback__)[-1].strip()
    log.error("step failed unexpectedly", step=step.name, error=type(error).__name__, place=place)
    step.state = State.FAILED
    step.message = f"An unexpected {type(error).__name__}. The log of the worker says where."
    if isinstance(error, DatabaseError) and not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


def _verdict(run: SyncRun) -> tuple[State, str]:
    steps = list(run.steps.all())
    at_work = [step for step in steps if step.state != State.SKIPPED]
    failed = [step for step in steps if step.state == State.FAILED]
    blocked = [step for step in steps if step.state == State.BLOCKED]
    if failed:
        state = State.FAILED if len(failed) == len(at_work) else State.PARTIAL
        return state, "; ".join(f"{LABELS[step.name]}: {step.message}" for step in failed)
    if blocked:
        return (State.SKIPPED if run.kind != RunKind.SYNC else State.PARTIAL), blocked[0].message
    rejected = sum(step.counts.get("rejected", 0) for step in steps)
    if rejected or any(step.state == State.PARTIAL for step in steps):
        return State.PARTIAL, f"{rejected} rejected; the steps say why." if rejected else "The steps say why."
    return State.SUCCEEDED, ""


def _mark_interrupted(integration: Integration) -> None:
    """We hold the lock and have not begun, so a run that still says "running" has lost its worker."""
    message = "The worker ended in the middle of it. A later run goes on from there."
    for former in SyncRun.objects.filter(integration=integration, state=State.RUNNING):
        former.steps.filter(state=State.RUNNING).update(state=State.INTERRUPTED, finished_at=timezone.now())
        _finish(former, State.INTERRUPTED, message)


def _finish(run: SyncRun, state: State, message: str) -> SyncRun:
    run.state, run.message, run.finished_at = state, message, timezone.now()
    run.save()
    return run

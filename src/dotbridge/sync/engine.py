"""A run: the steps of an integration one after the other, each failing alone, under the integration's lock."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from django.db import DatabaseError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import request_run
from dotbridge.integrations.models import Integration, WireProtocol
from dotbridge.integrations.protocols import protocol_of
from dotbridge.integrations.services import note_account, open_account
from dotbridge.preferences.selectors import setting, settings_in_force
from dotbridge.sync import texts
from dotbridge.sync.context import (
    NobodyWatches,
    Observer,
    RunContext,
    StepBlocked,
    StepContext,
    StepPaused,
    StepSkipped,
)
from dotbridge.sync.failures import failure_of, is_denied_alone, kind_of, place_of, restore_connection
from dotbridge.sync.inbound.address_books import import_address_books
from dotbridge.sync.inbound.campaign_activities import import_activities
from dotbridge.sync.inbound.campaign_clicks import import_clicks
from dotbridge.sync.inbound.campaign_opens import import_opens
from dotbridge.sync.inbound.campaign_summaries import import_summaries
from dotbridge.sync.inbound.campaigns import import_campaigns
from dotbridge.sync.inbound.consent import learn_consent
from dotbridge.sync.inbound.contacts import import_contacts, import_other_contacts
from dotbridge.sync.inbound.data_fields import import_data_fields
from dotbridge.sync.inbound.events import follow_events
from dotbridge.sync.inbound.large_readings import clock_text, comparison_waits_until
from dotbridge.sync.inbound.marketing_activities import apply_results
from dotbridge.sync.inbound.suppressions import import_suppressions, import_unsubscribes
from dotbridge.sync.inbound.two_way import write_back
from dotbridge.sync.locks import IntegrationLock, LockLost, integration_lock
from dotbridge.sync.models import State, Step, SyncRun
from dotbridge.sync.need import calls_are_short, in_order_of_need, let_export_go_first
from dotbridge.sync.outbound.account_changes import carry_out_changes
from dotbridge.sync.outbound.changes import note_changes
from dotbridge.sync.outbound.contact_requests import carry_out_contact_requests
from dotbridge.sync.outbound.endings import end_connections
from dotbridge.sync.outbound.looks import carry_out_looks
from dotbridge.sync.outbound.lost_values import compare_contacts
from dotbridge.sync.outbound.members import empty_tables
from dotbridge.sync.outbound.prepare import prepare_uploads
from dotbridge.sync.outbound.refused_rows import settle_rejections
from dotbridge.sync.outbound.removals import remove_departed, remove_opted_out
from dotbridge.sync.outbound.resubscriptions import ask_for_resubscriptions
from dotbridge.sync.outbound.results import finish_uploads, read_results
from dotbridge.sync.outbound.sends import send_campaigns
from dotbridge.sync.outbound.upload import send_uploads
from dotbridge.sync.verdicts import (
    end_run,
    end_step,
    opening_of,
    quota_opens_at,
    settle_waiting_runs,
    verdict_of,
    waiting_text,
)
from dotdigital import Account, ConfigurationError, DotdigitalError, Throttled

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Part:
    """One step of a run: its name, what people call it, and what it does.

    `compares`: a full comparison says of it what had drifted. `reads_all`: each time, not only
    what has changed.
    """

    name: str
    label: StrOrPromise
    work: Callable[[StepContext], None]
    compares: bool = False
    reads_all: bool = False


EVENTS = Part("events", _("Events of contacts"), follow_events)
CONSENT = Part("consent", _("Who may be mailed"), learn_consent)
# Who was suppressed is read after the contacts, so that a suppression has the last word in a run.
DATA_FIELDS = (Part("data_fields", _("Data fields"), import_data_fields, compares=True, reads_all=True),)
IMPORT = (
    Part("address_books", _("Address books"), import_address_books, compares=True, reads_all=True),
    *DATA_FIELDS,
    Part("campaigns", _("Campaigns"), import_campaigns, compares=True),
    EVENTS,
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
# In place of what is left of a run that takes many calls.
EXPORTS_FIRST = Part("exports_first", _("Exports that wait"), let_export_go_first)
# Nobody waits for these, so they come after the export too.
OTHER_CONTACTS = Part("other_contacts", _("Contacts of other address books"), import_other_contacts, compares=True)
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
OF_EXPORTS = frozenset(part.name for part in EXPORT)
REQUESTS = (
    Part("contact_requests", _("Opt-outs and erasures"), carry_out_contact_requests),
    Part("account_changes", _("Changes of the account"), carry_out_changes),
    Part("resubscriptions", _("Resubscriptions"), ask_for_resubscriptions),
    Part("endings", _("Ending connections"), end_connections),
    # After the opt-outs that Dotdigital is told of, and the connections that end.
    Part("campaign_sends", _("Sending campaigns"), send_campaigns),
    Part("looks", _("Mails and templates to be shown"), carry_out_looks),
)
PARTS: dict[RunKind, tuple[Part, ...]] = {
    RunKind.IMPORT: (*IMPORT, OTHER_CONTACTS),
    RunKind.EXPORT: EXPORT,
    RunKind.CHANGES: CHANGES,
    RunKind.DATA_FIELDS: DATA_FIELDS,
    RunKind.RECONCILE: (*RECONCILE, OTHER_CONTACTS),
    RunKind.REQUESTS: REQUESTS,
    RunKind.SYNC: (*IMPORT, *EXPORT, OTHER_CONTACTS),
}
# A run for one list leaves this to the runs for all.
OF_THE_WHOLE_ACCOUNT = frozenset({"data_fields"})
# What a site can do without: campaigns with all their results, or what each record did with them.
OF_ACTIVITIES = frozenset({"marketing_activities"})
OF_CAMPAIGNS = OF_ACTIVITIES | {
    "campaigns",
    "campaign_summaries",
    "campaign_activities",
    "campaign_opens",
    "campaign_clicks",
}
# No other step could do better.
ENDS_THE_RUN = (ConfigurationError, LockLost, StepPaused, Throttled)
# A feature that the account does not have is denied to the step that asks for it. So many in a row are denied all.
MOST_DENIALS_IN_A_ROW = 3
LABELS = {part.name: part.label for part in (*IMPORT, *EXPORT, *REQUESTS, OTHER_CONTACTS, EXPORTS_FIRST)}


def run_sync(
    *,
    integration: Integration,
    kind: RunKind = RunKind.SYNC,
    trigger: str,
    observer: Observer | None = None,
    wait_seconds: float | None = None,
    most_seconds: float | None = None,
    force_data_fields: bool = False,
    link: ListConnection | None = None,
) -> SyncRun:
    """Run the parts of a kind, and answer the run with its final state. Never raises for what goes wrong in a step.

    With `link` the run is for this one list and its book alone; another integration's raises ValueError.
    `trigger` says who started it (schedule, person, command line). `wait_seconds` is how long to wait for Dotdigital to
    finish what was uploaded; what is not finished then is picked up by the next run, which gives this one its verdict.
    After `most_seconds` a first reading stops, and a run that goes on with it is asked for. A run that may not start
    because another one holds the lock is kept with the state *skipped*, one whose account has no calls left with the
    state *waiting*.
    """
    if link is not None and link.address_book.integration_id != integration.pk:
        raise ValueError(f"Connection {link.pk} belongs to another integration than {integration.pk}.")
    run = SyncRun(integration=integration, kind=kind, trigger=trigger, connection=link, started_at=timezone.now())
    # What it writes down is said in the language of whoever reads it, and so not in that of the host.
    with override("en"), integration_lock(integration.pk) as lock:
        if lock is None:
            run.state, run.message = State.SKIPPED, texts.ANOTHER_RUN
            run.finished_at = timezone.now()
            run.save()
            return run
        _mark_interrupted(integration)
        run.save()
        with structlog.contextvars.bound_contextvars(run=run.pk, integration=integration.pk):
            if until := quota_opens_at(integration):
                _wait_until(run, until)
            elif until := comparison_waits_until(run):
                end_run(run, State.SKIPPED, texts.COMPARISON_WAITS % {"time": clock_text(until)})
                request_run(integration=integration, kind=kind, trigger=trigger, link=link, at=until)
            else:
                _run_parts(
                    run,
                    lock,
                    observer or NobodyWatches(),
                    setting("import_wait_seconds") if wait_seconds is None else wait_seconds,
                    most_seconds,
                    force_data_fields=force_data_fields,
                )
            log.info("run finished", kind=str(run.kind), state=str(run.state), requests=run.requests)
    return run


def _run_parts(
    run: SyncRun,
    lock: IntegrationLock,
    observer: Observer,
    wait_seconds: float,
    most_seconds: float | None,
    *,
    force_data_fields: bool,
) -> None:
    is_import = run.kind in {RunKind.IMPORT, RunKind.SYNC}
    ends_at = time.monotonic() + most_seconds if is_import and most_seconds is not None else None
    try:
        with open_account(run.integration, before_request=lock.require) as account:
            try:
                context = _begin(
                    run,
                    account,
                    observer=observer,
                    lock=lock,
                    wait_seconds=wait_seconds,
                    ends_at=ends_at,
                    force_data_fields=force_data_fields,
                )
                for part in _parts_of(context):
                    lock.require()
                    _run_part(context, part)
            except DatabaseError:
                lock.require()  # between two steps: what has ended our session has ended the lock's
                raise
            finally:
                try:
                    empty_tables()
                except DatabaseError:
                    restore_connection()  # one that was lost has taken the tables with it
                run.requests = account.requests
    except LockLost as lost:
        end_run(run, State.INTERRUPTED, str(lost))
    except Throttled as error:
        _wait_until(run, opening_of(error))
    except StepPaused as paused:
        end_run(run, State.PARTIAL, str(paused))
        request_run(integration=run.integration, kind=RunKind(run.kind), trigger=run.trigger, link=run.connection)
    except DotdigitalError as error:
        run.is_refused = isinstance(error, ConfigurationError)
        end_run(run, State.FAILED, error.text)
    else:
        end_run(run, *verdict_of(run))
        settle_waiting_runs(run.integration)


def _begin(
    run: SyncRun,
    account: Account,
    *,
    observer: Observer,
    lock: IntegrationLock,
    wait_seconds: float,
    ends_at: float | None,
    force_data_fields: bool,
) -> RunContext:
    """Find the account, and what it can do; answers what the steps work with. Raises DotdigitalError."""
    note_account(integration=run.integration, account=account, info=account.connect())
    protocol = protocol_of(run.integration, account)
    return RunContext(
        integration=run.integration,
        account=account,
        run=run,
        observer=observer,
        server_now=_now_there(account, protocol),
        protocol=protocol,
        wait_seconds=wait_seconds,
        force_data_fields=force_data_fields or run.kind in {RunKind.DATA_FIELDS, RunKind.RECONCILE},
        reads_everything=run.kind == RunKind.RECONCILE,
        only=run.connection,
        lock=lock,
        ends_at=ends_at,
    )


def _now_there(account: Account, protocol: WireProtocol) -> datetime:
    """Dotdigital's clock. By version 3, where calls count most, the head of the last answer says it, to the second."""
    said = account.answered_at if protocol is WireProtocol.V3 else None
    return said or account.server_time()


def _parts_of(context: RunContext) -> list[Part]:
    """The parts of this run in their order.

    Where calls or time are short, who must not be mailed comes before all else, then the exports, then what was begun.
    """
    kind = RunKind(context.run.kind)
    off = _switched_off()
    wanted = [part for part in PARTS[kind] if part.name not in off]
    parts = [part for part in wanted if context.only is None or part.name not in OF_THE_WHOLE_ACCOUNT]
    if context.protocol is not WireProtocol.V3:
        parts = [part for part in parts if part is not EVENTS]
    if context.only is not None or kind not in {RunKind.IMPORT, RunKind.SYNC} or not calls_are_short(context):
        return parts
    ordered = in_order_of_need(context, parts, OF_EXPORTS)
    # Its time has come with ours. What is left here goes on after it.
    return [*ordered.urgent, EXPORTS_FIRST] if ordered.export_waits else [*ordered.urgent, *ordered.others]


def _switched_off() -> frozenset[str]:
    """The steps that this site does without."""
    used = settings_in_force("reads_campaigns", "reads_activities")
    if not used["reads_campaigns"]:
        return OF_CAMPAIGNS
    return frozenset() if used["reads_activities"] else OF_ACTIVITIES


def _wait_until(run: SyncRun, until: datetime) -> None:
    """The account's quota is used up: the run ends, its worker is free, and the same is asked for when it opens."""
    end_run(run, State.WAITING, waiting_text(until), waits_until=until)
    request_run(integration=run.integration, kind=RunKind(run.kind), trigger=run.trigger, link=run.connection, at=until)


def _run_part(context: RunContext, part: Part) -> None:
    """Run one step and keep how it ended. Raises what ends the run: no other step could do better."""
    step = Step.objects.create(run=context.run, name=part.name, started_at=timezone.now())
    at_work = StepContext(run=context, step=step)
    context.observer.step_started(step)
    asked_before = context.account.requests
    try:
        part.work(at_work)
        if context.account.requests > asked_before:
            context.denials = 0
        if part.compares and context.reads_everything:
            step.message = f"{drift_in_words(step.counts)} {step.message}".strip()
        settle_rejections(at_work, reads_all=part.reads_all or (part.compares and context.reads_everything))
        if step.state == State.RUNNING:
            step.state = State.PARTIAL if step.counts.get("new_rejections") else State.SUCCEEDED
    except Exception as error:
        step.state, step.message = _end_of(step, error)
        if isinstance(error, ENDS_THE_RUN) and not _is_denied_alone(context, error):
            raise
    finally:
        step.finished_at = timezone.now()
        end_step(step)
        context.observer.step_finished(step)


def _is_denied_alone(context: RunContext, error: Exception) -> bool:
    """Whether only what this step asked for is denied: who must not be mailed is learned all the same."""
    if not is_denied_alone(error):
        return False
    context.denials += 1
    return context.denials < MOST_DENIALS_IN_A_ROW


def drift_in_words(counts: Mapping[str, int]) -> str:
    """What a feed that was read again from its beginning says of our copy, by the counts of its step."""
    unknown, different, gone = (counts.get(name, 0) for name in ("new", "changed", "gone"))
    if not unknown and not different and not gone:
        return texts.NO_DRIFT
    return texts.DRIFT % {"unknown": unknown, "different": different, "gone": gone}


def _end_of(step: Step, error: Exception) -> tuple[State, str]:
    """How a step ends that raised something. Of an error that nobody expected only the place is logged."""
    if isinstance(error, StepSkipped):
        return State.SKIPPED, str(error)
    restore_connection()
    if isinstance(error, StepBlocked | StepPaused | Throttled):
        return State.BLOCKED, str(error)
    if isinstance(error, LockLost):
        return State.INTERRUPTED, str(error)
    failure = failure_of(error)
    if isinstance(error, DotdigitalError):
        log.warning("step failed", step=step.name, detail=error.detail)
    else:
        log.error("step failed unexpectedly", step=step.name, error=kind_of(error), place=place_of(error))
    return State.FAILED, failure.text


def _mark_interrupted(integration: Integration) -> None:
    """We hold the lock and have not begun, so a run that still says "running" has lost its worker."""
    for former in SyncRun.objects.filter(integration=integration, state=State.RUNNING):
        former.steps.filter(state=State.RUNNING).update(state=State.INTERRUPTED, finished_at=timezone.now())
        end_run(former, State.INTERRUPTED, texts.WORKER_ENDED)

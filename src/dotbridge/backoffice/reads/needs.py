"""What needs a person: each thing with its cause, whom it touches, and the one button that mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dotbridge.backoffice.labels import grouped
from dotbridge.backoffice.queries import which_exist
from dotbridge.backoffice.reads.absences import missing_names, missing_words
from dotbridge.backoffice.reads.scheduled_files import troubles_shown_to
from dotbridge.backoffice.reads.worker import living_workers
from dotbridge.backoffice.rights import (
    MAY_CHANGE_ACCOUNT,
    MAY_CHANGE_CONNECTION,
    MAY_CHANGE_LIST,
    MAY_CHANGE_MAPPING,
    MAY_CHANGE_SCHEDULED_FILE,
    MAY_RETRY_UPLOAD,
    MAY_SEE_ACCOUNTS,
    MAY_SEE_CHANGES,
    MAY_SEE_LISTS,
    MAY_SEE_MAPPINGS,
    MAY_SEE_SCHEDULED_FILES,
    MAY_SEE_UPLOADS,
    MAY_SEND,
)
from dotbridge.backoffice.stopped import stopped_in_words
from dotbridge.conf import typed_command
from dotbridge.connections.models import (
    AccountChange,
    CampaignSend,
    ChangeState,
    ContactRequest,
    Ending,
    ListConnection,
    RunKind,
    SendState,
)
from dotbridge.entities.registry import UnknownEntity, entity
from dotbridge.integrations.models import Integration
from dotbridge.lists.models import ListType, MarketingList
from dotbridge.lists.rules import RuleError
from dotbridge.lists.selectors import rule_as_read
from dotbridge.mapping.models import MappingRow
from dotbridge.mapping.soundness import problem_of_row
from dotbridge.one_reading import known_by_key
from dotbridge.scheduled_files.models import ScheduledFile
from dotbridge.sync.models import ExportItem, State, SyncRun, Upload, UploadState
from dotbridge.sync.selectors import absent, missing_of_listings
from dotbridge.sync.texts import stored_text

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# A campaign that was not sent is somebody's business for so long.
FAILED_IS_SHOWN = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Need:
    """One thing that waits for a person. `tone` says how pressing it is: bad or wait."""

    title: str
    text: str
    tone: str
    url: str = ""
    button: StrOrPromise = ""
    since: datetime | None = None
    marketing_list: int | None = None


def needs_of(request: HttpRequest) -> list[Need]:
    """All that the person may see, the pressing things first. A fixed number of queries, asked once a request."""
    known: list[Need] | None = getattr(request, "_dotbridge_needs", None)
    if known is None:
        known = sorted(_all(request), key=lambda need: need.tone != "bad")
        request._dotbridge_needs = known  # type: ignore[attr-defined]  # noqa: SLF001 - our own note on it
    return known


def _all(request: HttpRequest) -> Iterator[Need]:
    """Whether there is anything at all of what is rare is asked for all of it in one statement."""
    may = request.user.has_perm
    rare: dict[str, tuple[str, Callable[[], QuerySet[Any]], Callable[[], Iterator[Need]]]] = {
        "switched off": (MAY_SEE_LISTS, _switched_off, lambda: _of_switched_off(may_see=may(MAY_SEE_ACCOUNTS))),
        "absences": (MAY_SEE_ACCOUNTS, absent, lambda: _of_absences(may_confirm=may(MAY_CHANGE_ACCOUNT))),
        "uploads": (MAY_SEE_UPLOADS, _refused_uploads, lambda: _of_uploads(may_retry=may(MAY_RETRY_UPLOAD))),
        "changes": (MAY_SEE_CHANGES, _failed_changes, _of_changes),
        "requests": (
            MAY_SEE_CHANGES,
            _failed_requests,
            lambda: _of_contact_requests(may_retry=may(MAY_CHANGE_CONNECTION)),
        ),
        "sends": (MAY_SEND, _doubtful_sends, _of_sends),
        "files": (MAY_SEE_SCHEDULED_FILES, ScheduledFile.objects.all, lambda: _of_scheduled_files(request)),
    }
    allowed = {name: (rows, needs) for name, (permission, rows, needs) in rare.items() if may(permission)}
    may_see_accounts = may(MAY_SEE_ACCOUNTS)
    asked = {name: rows() for name, (rows, _needs) in allowed.items()}
    there = which_exist({"workers": living_workers(), **asked} if may_see_accounts else asked)
    if may_see_accounts:
        yield from _of_accounts(has_worker="workers" in there)
    if may(MAY_SEE_LISTS):
        yield from _of_lists(may_allow=may(MAY_CHANGE_CONNECTION), may_correct=may(MAY_CHANGE_LIST))
    if may(MAY_SEE_MAPPINGS):
        yield from _of_mappings(may_correct=may(MAY_CHANGE_MAPPING))
    for name, (_rows, needs) in allowed.items():
        if name in there:
            yield from needs()


def _of_accounts(*, has_worker: bool) -> Iterator[Need]:
    """That nobody is there to work for the accounts, and those whose last run of one direction failed."""
    directions = {"last_import": (RunKind.IMPORT, RunKind.SYNC), "last_export": (RunKind.EXPORT, RunKind.SYNC)}
    newest: dict[str, Any] = {
        name: Subquery(
            SyncRun.objects.filter(integration=OuterRef("pk"), kind__in=kinds)
            .exclude(state__in=[State.RUNNING, State.SKIPPED])
            .order_by("-id")
            .values(run=JSONObject(pk="pk", state="state", message="message", finished_at="finished_at"))[:1]
        )
        for name, kinds in directions.items()
    }
    accounts = list(Integration.objects.filter(is_active=True).annotate(**newest).order_by("pk"))
    if accounts and not has_worker:
        yield Need(
            tone="bad",
            title=_("No worker is running"),
            text=_("Nothing is read or sent until one runs. Start it on the server with: %(command)s")
            % {"command": typed_command("worker")},
            url=reverse("dotbridge:activity"),
            button=_("See the runs"),
        )
    for account in accounts:
        newest_runs = [run for name in directions if (run := getattr(account, name))]
        # What keeps it from reading mostly keeps it from sending as well; that is one thing.
        messages_seen: set[str] = set()
        for run in sorted(newest_runs, key=lambda run: -run["pk"]):
            if run["state"] == State.FAILED and run["message"] not in messages_seen:
                messages_seen.add(run["message"])
                yield Need(
                    tone="bad",
                    title=_("%(account)s: the last run failed") % {"account": account},
                    text=stored_text(run["message"]) or _("The steps of the run say why."),
                    since=parse_datetime(run["finished_at"] or ""),
                    url=reverse("dotbridge:run", args=[run["pk"]]),
                    button=_("See what happened"),
                )


def _switched_off() -> QuerySet[Integration]:
    """The accounts that are switched off though lists are connected to them."""
    links = ListConnection.objects.filter(address_book__integration=OuterRef("pk"))
    return Integration.objects.filter(Exists(links), is_active=False)


def _of_switched_off(*, may_see: bool) -> Iterator[Need]:
    for account in _switched_off().order_by("pk"):
        yield Need(
            tone="wait",
            title=_("%(account)s is switched off") % {"account": account},
            text=_("Nothing is read or sent for its lists. Who opts out here is told to Dotdigital only afterwards."),
            url=reverse("dotbridge:account", args=[account.pk]) if may_see else "",
            button=_("See the account"),
        )


def _of_absences(*, may_confirm: bool) -> Iterator[Need]:
    """What Dotdigital does not list any more, too much at once to be believed."""
    for missing in missing_of_listings(most_names=3):
        stay = _("They stay as they are until you say so, or until complete readings over a day have missed them.")
        yield Need(
            tone="wait",
            title=_("%(account)s: %(numbers)s were not listed any more. Is that right?")
            % {"account": missing.integration, "numbers": missing_words(missing)},
            text=f"{missing_names(missing)}. {stay}",
            since=missing.since,
            url=reverse("dotbridge:account-missing", args=[missing.integration.pk, missing.listing.value])
            if may_confirm
            else "",
            button=_("Look and decide"),
        )


def _of_lists(*, may_allow: bool, may_correct: bool) -> Iterator[Need]:
    """What is the matter with connected lists. The rule of each is read; of the connections, those few alone that have
    something to them."""
    lists = list(MarketingList.objects.filter(connection__isnull=False).order_by("name"))
    # Rules ask about other lists, most of which are among these.
    known_by_key(MarketingList).update({each.pk: each for each in lists})
    has_trouble = Q(stopped_at__isnull=False) | Q(ending__isnull=False) | Q(address_book__gone_at__isnull=False)
    links = ListConnection.objects.filter(has_trouble).select_related("marketing_list", "address_book", "ending")
    troubled = {link.marketing_list_id: link for link in links}
    for each in lists:
        if link := troubled.get(each.pk):
            yield from _of_connection(link, may_allow=may_allow)
        if problem := _problem_of_rule(each):
            yield Need(
                tone="bad",
                title=_("%(list)s: the rule cannot be read") % {"list": each},
                text=problem,
                url=reverse("dotbridge:list-rule", args=[each.pk]),
                button=_("Correct the rule") if may_correct else _("Look at the rule"),
                marketing_list=each.pk,
            )


def _of_connection(link: ListConnection, *, may_allow: bool) -> Iterator[Need]:
    marketing_list = link.marketing_list
    if link.stopped_at is not None:
        yield Need(
            tone="bad",
            title=_("%(list)s: the export waits for you") % {"list": marketing_list},
            text=stopped_in_words(link)
            if may_allow
            else f"{stopped_in_words(link)} {_('Somebody who may change connections decides.')}",
            since=link.stopped_at,
            url=reverse(f"dotbridge:{'list-allow' if may_allow else 'list-plan'}", args=[marketing_list.pk]),
            button=_("Look and decide") if may_allow else _("See what it would do"),
            marketing_list=marketing_list.pk,
        )
    ending: Ending | None = getattr(link, "ending", None)
    if ending is not None and ending.has_failed:
        yield Need(
            tone="bad",
            title=_("%(list)s could not be disconnected") % {"list": marketing_list},
            text=stored_text(ending.message),
            url=reverse("dotbridge:list-connection", args=[marketing_list.pk]),
            button=_("Decide what to do"),
            marketing_list=marketing_list.pk,
        )
    if link.address_book.gone_at is not None:
        yield Need(
            tone="bad",
            title=_("%(list)s: its address book is gone") % {"list": marketing_list},
            text=_("%(book)s does not exist in Dotdigital any more, so nothing is sent.") % {"book": link.address_book},
            since=link.address_book.gone_at,
            url=reverse(f"dotbridge:{'list-move' if may_allow else 'list-connection'}", args=[marketing_list.pk]),
            button=_("Choose another book") if may_allow else _("See the connection"),
            marketing_list=marketing_list.pk,
        )


def _problem_of_rule(marketing_list: MarketingList) -> str:
    """Why the rule cannot be read; empty when it can, or when nobody asks it. It is not made a condition, which takes
    longer."""
    try:
        entity(marketing_list.entity)
        problems = () if marketing_list.type == ListType.MANUAL else rule_as_read(marketing_list).problems
    except UnknownEntity as error:
        return str(error)
    return str(RuleError(problems)) if problems else ""


def _refused_uploads() -> QuerySet[Upload]:
    items = ExportItem.objects.filter(upload=OuterRef("pk"))
    return Upload.objects.filter(Exists(items), state=UploadState.REFUSED)


def _of_uploads(*, may_retry: bool) -> Iterator[Need]:
    """What Dotdigital refused as a whole, a line a list; rows that were sent again since belong to another upload."""
    refused = (
        _refused_uploads().annotate(rows=Count("items")).select_related("connection__marketing_list").order_by("-id")
    )
    seen: dict[int, list[Upload]] = {}
    for upload in refused:
        seen.setdefault(upload.connection_id, []).append(upload)
    for uploads in seen.values():
        newest = uploads[0]
        people = sum(upload.rows for upload in uploads)  # type: ignore[attr-defined]
        text = ngettext(
            "Dotdigital refused an upload with %(n)s person.", "Dotdigital refused an upload with %(n)s people.", people
        )
        again = _("They are sent again by themselves.") if newest.retry_at else ""
        yield Need(
            tone="wait" if newest.retry_at else "bad",
            title=_("%(list)s: an upload was refused") % {"list": newest.connection.marketing_list},
            text=" ".join(filter(None, [text % {"n": grouped(people)}, stored_text(newest.message), again])),
            since=newest.finished_at,
            url=reverse("dotbridge:upload", args=[newest.pk]),
            button=_("See and try again") if may_retry and not newest.retry_at else _("See the upload"),
            marketing_list=newest.connection.marketing_list_id,
        )


def _failed_changes() -> QuerySet[AccountChange]:
    return AccountChange.objects.filter(state=ChangeState.FAILED)


def _of_changes() -> Iterator[Need]:
    for change in _failed_changes().select_related("integration").order_by("-id")[:20]:
        yield Need(
            tone="wait",
            title=_("%(what)s: it could not be done") % {"what": change},
            text=stored_text(change.message),
            since=change.finished_at,
            url=reverse("dotbridge:activity-changes"),
            button=_("See what to do"),
        )


def _doubtful_sends() -> QuerySet[CampaignSend]:
    """Campaigns of which nobody knows whether they were sent, and those of the last days that were not."""
    newest = CampaignSend.objects.filter(
        integration=OuterRef("integration"), remote_id=OuterRef("remote_id"), is_test=False
    ).order_by("-pk")
    found = CampaignSend.objects.filter(pk=Subquery(newest.values("pk")[:1]))
    is_recent = Q(state=SendState.FAILED, finished_at__gt=timezone.now() - FAILED_IS_SHOWN)
    return found.filter(Q(state=SendState.UNKNOWN) | is_recent)


def _of_sends() -> Iterator[Need]:
    for send in _doubtful_sends().order_by("-pk")[:20]:
        is_unknown = send.state == SendState.UNKNOWN
        title = _("%(name)s: it may have been sent or not") if is_unknown else _("%(name)s was not sent")
        yield Need(
            tone="bad",
            title=title % {"name": send},
            text=stored_text(send.message),
            since=send.finished_at,
            url=reverse("dotbridge:draft", args=[send.integration_id, send.remote_id]),
            button=_("Decide what to do") if is_unknown else _("See what to do"),
        )


def _failed_requests() -> QuerySet[ContactRequest]:
    return ContactRequest.objects.filter(state=ChangeState.FAILED)


def _of_contact_requests(*, may_retry: bool) -> Iterator[Need]:
    """Opt-outs and erasures that Dotdigital did not take, one line an account."""
    rows = (
        _failed_requests()
        .order_by()
        .values_list("integration__name")
        .annotate(number=Count("pk"), since=Min("finished_at"))
    )
    for account, number, since in rows.order_by("integration__name"):
        text = ngettext(
            "Dotdigital was not told of %(n)s opt-out or erasure. Here nothing is sent all the same.",
            "Dotdigital was not told of %(n)s opt-outs or erasures. Here nothing is sent all the same.",
            number,
        )
        yield Need(
            tone="bad",
            title=_("%(account)s: it does not know of everybody who opted out") % {"account": account},
            text=text % {"n": grouped(number)},
            since=since,
            url=reverse("dotbridge:activity-changes"),
            button=_("See and try again") if may_retry else _("See what happened"),
        )


def _of_scheduled_files(request: HttpRequest) -> Iterator[Need]:
    may_change = request.user.has_perm(MAY_CHANGE_SCHEDULED_FILE)
    for file, trouble in troubles_shown_to(request):
        yield Need(
            tone=trouble.tone,
            title=_("%(file)s: the scheduled file needs you") % {"file": file},
            text=trouble.text,
            since=trouble.since,
            url=reverse(f"dotbridge:{trouble.page}", args=[trouble.key]),
            button=_("Look and decide") if may_change or trouble.page == "file" else _("See what happened"),
        )


def _of_mappings(*, may_correct: bool) -> Iterator[Need]:
    """The first line of each mapping that cannot be sent."""
    rows = MappingRow.objects.filter(mapping__integration__is_active=True).order_by("mapping", "pk")
    mappings_seen = set()
    for row in rows.select_related("mapping__integration", "data_field"):
        try:
            problem = problem_of_row(row, entity(row.mapping.entity))
        except UnknownEntity:
            continue
        if problem and row.mapping_id not in mappings_seen:
            mappings_seen.add(row.mapping_id)
            yield Need(
                tone="wait",
                title=_("%(mapping)s: a field is not sent any more") % {"mapping": row.mapping},
                text=f"{row.data_field.name}: {problem}",
                url=reverse("dotbridge:mapping", args=[row.mapping_id]),
                button=_("Correct the fields") if may_correct else _("See the fields"),
            )

"""Words and colours for states, counts and reasons. A colour only ever repeats what the word says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.timesince import timesince
from django.utils.translation import gettext, ngettext_lazy, npgettext_lazy
from django.utils.translation import gettext_lazy as _

from dotbridge.backoffice.statuses import STATUS_WORDS, status_words
from dotbridge.backoffice.tones import ACTIVITY_TONES, CHANGE_TONES, RUN_TONES, UPLOAD_TONES
from dotbridge.campaigns.models import ActivityType
from dotbridge.connections.models import ChangeState
from dotbridge.mirror.status import LIVE
from dotbridge.sync.engine import LABELS
from dotbridge.sync.models import ExportItem, Step, SyncRun, UploadState
from dotbridge.sync.outbound.states import BY_A_VALUE, REASONS, REFUSED_STATUSES, RowState, state_of_row
from dotbridge.sync.outbound.unfit_values import types_of_data_fields, unfit_values_text
from dotbridge.sync.texts import stored_text

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# The theme's names of the tones.
_THEME_COLOURS = {"good": "success", "wait": "warning", "out": "warning", "bad": "danger", "info": "info"}

# How often, and not how many people: who opens a mail twice has two opens.
ACTIVITY_NUMBERS: dict[ActivityType, StrOrPromise] = {
    ActivityType.SEND: _("Mails sent"),
    ActivityType.OPEN: _("Opens"),
    ActivityType.CLICK: _("Clicks"),
    ActivityType.SOFT_BOUNCE: _("Soft bounces"),
    ActivityType.HARD_BOUNCE: _("Hard bounces"),
    ActivityType.UNSUBSCRIBE: _("Opt-outs"),
}

TRIGGERS: dict[str, StrOrPromise] = {
    "schedule": _("Schedule"),
    "person": _("A person"),
    "command line": _("Command line"),
}

_COUNTS = {
    "read": ngettext_lazy("%(n)s read", "%(n)s read", "number"),
    "new": ngettext_lazy("%(n)s new", "%(n)s new", "number"),
    "add": ngettext_lazy("%(n)s added to the book", "%(n)s added to the book", "number"),
    "update": ngettext_lazy("%(n)s updated", "%(n)s updated", "number"),
    "changed": ngettext_lazy("%(n)s changed", "%(n)s changed", "number"),
    "changes": ngettext_lazy("%(n)s change noted", "%(n)s changes noted", "number"),
    "dirty": ngettext_lazy("%(n)s record to be compared", "%(n)s records to be compared", "number"),
    "gone": ngettext_lazy("%(n)s gone from Dotdigital", "%(n)s gone from Dotdigital", "number"),
    "mappings_made": ngettext_lazy("%(n)s default mapping made", "%(n)s default mappings made", "number"),
    "removed": ngettext_lazy("%(n)s removed from the book", "%(n)s removed from the book", "number"),
    "unsubscribed": ngettext_lazy("%(n)s unsubscribed", "%(n)s unsubscribed", "number"),
    "asked": ngettext_lazy("%(n)s asked for", "%(n)s asked for", "number"),
    "resubscribed": ngettext_lazy("%(n)s subscribed again", "%(n)s subscribed again", "number"),
    "forgotten": ngettext_lazy(
        "%(n)s left the list before it was sent", "%(n)s left the list before they were sent", "number"
    ),
    "uploaded": ngettext_lazy("%(n)s row sent", "%(n)s rows sent", "number"),
    "confirmed": ngettext_lazy("%(n)s confirmed by Dotdigital", "%(n)s confirmed by Dotdigital", "number"),
    "ids_new": ngettext_lazy("%(n)s new in the account", "%(n)s new in the account", "number"),
    "unreported": ngettext_lazy(
        "%(n)s that Dotdigital's report does not name", "%(n)s that Dotdigital's report does not name", "number"
    ),
    "events": ngettext_lazy("%(n)s event", "%(n)s events", "number"),
    "looked": ngettext_lazy("%(n)s contact looked at", "%(n)s contacts looked at", "number"),
    "records_made": ngettext_lazy("%(n)s e-mail campaign made", "%(n)s e-mail campaigns made", "number"),
    "active": ngettext_lazy("%(n)s campaign with activity", "%(n)s campaigns with activity", "number"),
    "recipients": ngettext_lazy("%(n)s new recipient", "%(n)s new recipients", "number"),
    "recipients_changed": ngettext_lazy("%(n)s recipient changed", "%(n)s recipients changed", "number"),
    "compared": ngettext_lazy("%(n)s address compared", "%(n)s addresses compared", "number"),
    "written": ngettext_lazy("%(n)s record written", "%(n)s records written", "number"),
    "conflicts": ngettext_lazy("%(n)s value changed on both sides", "%(n)s values changed on both sides", "number"),
    "created": ngettext_lazy("%(n)s record made", "%(n)s records made", "number"),
    "taken_out": ngettext_lazy("%(n)s taken out in Dotdigital", "%(n)s taken out in Dotdigital", "number"),
    "opted_out": ngettext_lazy("%(n)s opted out", "%(n)s opted out", "number"),
    "opted_in": ngettext_lazy("%(n)s opted in again", "%(n)s opted in again", "number"),
    "told": ngettext_lazy("%(n)s request done in Dotdigital", "%(n)s requests done in Dotdigital", "number"),
    "sent": ngettext_lazy("%(n)s campaign sent", "%(n)s campaigns sent", "number"),
    "ended": ngettext_lazy("%(n)s connection ended", "%(n)s connections ended", "number"),
    "stopped": ngettext_lazy("%(n)s list waits for a person", "%(n)s lists wait for a person", "number"),
    "sent_again": ngettext_lazy("%(n)s to be sent again", "%(n)s to be sent again", "number"),
    "refused_as_opted_out": ngettext_lazy("%(n)s who may not be mailed", "%(n)s who may not be mailed", "number"),
    "rejected": ngettext_lazy("%(n)s rejected", "%(n)s rejected", "number"),
    "new_rejections": ngettext_lazy("%(n)s of them new", "%(n)s of them new", "number"),
}

_STANDING: dict[RowState, StrOrPromise] = {
    RowState.WAITING: _("Waiting to be sent"),
    RowState.QUEUED: _("Waiting to be sent"),
    RowState.ON_ITS_WAY: _("Waiting to be confirmed"),
    RowState.CONFIRMED: _("Confirmed by Dotdigital"),
    RowState.RETURNED: _("Dotdigital refused the whole file they were in."),
    RowState.LEAVING: _("Being taken out of the address book"),
    RowState.TAKEN_OUT: _("Taken out in Dotdigital, and not sent again until put back"),
}

_OTHER_REASONS: dict[str, StrOrPromise] = {
    "book_gone": _("The address book does not exist in Dotdigital any more."),
    "unreadable": _("Dotdigital sent something that could not be read."),
    "no_email": _("Dotdigital sent a contact without an address."),
    "given_up": _("Dotdigital does not say what became of this upload. Its rows go with the next export."),
    "ending_failed": _("The connection could not be ended. Try again on the list's page, or keep the connection."),
    "contact_request_failed": _("Dotdigital did not do what it was asked to do with this contact."),
    "refused": _("Dotdigital refused the whole upload."),
    "value_refused": _("The record does not allow the value that was changed in Dotdigital. Correct it there."),
    "not_created": _("No record could be made of a contact."),
    "mapping_broken": _("A row of the mapping cannot be written back into records. Correct the mapping."),
    "campaign_gone": _("The campaign does not exist in Dotdigital any more."),
    "no_record": _("No e-mail campaign could be made of a campaign."),
    "not_applied": _(
        "What recipients did could not be noted, for one campaign or the records of one entity. The next run tries "
        "again."
    ),
    "no_summary": _("Dotdigital gave no figures of a campaign."),
    "not_read": _("A book, or the results of a campaign, could not be read this time. The next run reads it again."),
    "not_compared": _(
        "What was changed in Dotdigital could not be written back for one list. The next run tries again."
    ),
    "not_done": _("Dotdigital did not do what it was asked for one list or request. The next run asks again."),
    "undated": _("Dotdigital sent results of a campaign without saying when they happened."),
    "removal_failed": _("Dotdigital did not carry out a removal. It is asked for again."),
    "list_unreadable": _("The rule of a list cannot be read any more, so nothing is sent for it. Correct the rule."),
    "not_connected": _("A list that was to be connected to another address book could not be. Connect it by hand."),
    "unknown_entity": _("A list is made of an entity that is not registered any more."),
    "change_failed": _("A change of the account could not be made."),
    "send_failed": _("A campaign was not sent, or nobody knows whether it was. Its page says what to do."),
}

# The counters of an import report (contract §5.3).
_REPORT = {
    "newContacts": _("New contacts"),
    "updatedContacts": _("Updated contacts"),
    "globallySuppressed": _("Suppressed in the account"),
    "invalidEntries": _("Invalid addresses"),
    "duplicateEmails": _("Duplicate addresses"),
    "blocked": _("Blocked"),
    "unsubscribed": _("Unsubscribed"),
    "hardBounced": _("Hard bounced"),
    "softBounced": _("Soft bounced"),
    "ispComplaints": _("Complained to their provider"),
    "mailBlocked": _("Mail blocked"),
    "domainSuppressed": _("Suppressed by domain"),
    "pendingDoubleOptin": _("Waiting for double opt-in"),
    "failures": _("Failures"),
    "suppressedContacts": _("Suppressed contacts"),
}


def grouped(number: int) -> str:
    """A whole number as people of the present language write it: 12,345."""
    return number_format(number, decimal_pos=0, use_l10n=True, force_grouping=True)


def with_share(number: int | None, of: int | None) -> str:
    """A number with its share of another one: "120 (34.5%)", never broken. A dash while it is not known."""
    if number is None:
        return "-"
    return f"{grouped(number)}\N{NO-BREAK SPACE}({percentage(number / of)})" if of else grouped(number)


def percentage(fraction: float) -> str:
    """A fraction as people read it: 0.888 is "88.8%"."""
    return f"{one_decimal(fraction * 100)}%"


def one_decimal(number: float) -> str:
    """A number as people read it, rounded to one decimal. Django cuts what it formats: 57 of 100 would be 56.9%."""
    return number_format(round(number, 1), decimal_pos=1, use_l10n=True)


def activity_badge(kind: str) -> SafeString:
    """What happened between a campaign and a record, as a label."""
    known = ActivityType(kind)
    return badge(known.label, ACTIVITY_TONES[known])


def activities_in_words(counts: Mapping[ActivityType, int]) -> str:
    """How many activities of each type there are, as one phrase; types without any are left out."""
    return ", ".join(f"{kind.label}: {grouped(counts[kind])}" for kind in ActivityType if counts.get(kind))


def shortened(text: str, length: int = 80) -> str:
    """The beginning of a long text, for a column."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def step_label(name: str) -> StrOrPromise:
    """What people call a step."""
    return LABELS.get(name, name.replace("_", " ").capitalize())


def counts_in_words(counts: Mapping[str, object]) -> str:
    """A step's counts as one phrase; zeros are left out, unknown names come last, as they are."""
    parts = []
    # The database keeps no order of names.
    for name in (*_COUNTS, *sorted(set(counts) - set(_COUNTS))):
        number = counts.get(name)
        if not isinstance(number, int) or not number:
            continue
        text = _COUNTS.get(name)
        parts.append(
            text % {"number": number, "n": grouped(number)}
            if text is not None
            else f"{grouped(number)} {name.replace('_', ' ')}"
        )
    return ", ".join(parts)


# What somebody wants to hear of a run at a glance; the rest stands on the run's own page.
IN_SHORT = (
    *("stopped", "opted_out", "opted_in", "add", "update", "removed", "unsubscribed", "resubscribed", "confirmed"),
    *("written", "created", "conflicts", "mappings_made", "records_made", "told", "sent", "ended", "rejected"),
)


def counts_in_short(counts: Mapping[str, object]) -> str:
    """The counts that people ask for, as one phrase; all of them where there is none of these."""
    short = {name: number for name, number in counts.items() if name in IN_SHORT}
    return counts_in_words(short) or counts_in_words(counts)


def report_rows(report: Mapping[str, object]) -> list[tuple[StrOrPromise, object]]:
    """Dotdigital's report as rows of a table: what, how many. Counters we have no word for come last, as they are."""
    known = [(text, report[name]) for name, text in _REPORT.items() if name in report]
    return known + [(name, value) for name, value in report.items() if name not in _REPORT]


def already_switched(to: bool) -> StrOrPromise:  # noqa: FBT001 - the two states of a switch
    """What is told where an account is switched on or off already."""
    return _("It is switched on already.") if to else _("It is switched off already.")


def standing_text(item: ExportItem | None, record_id: str) -> StrOrPromise:
    """How a member's address stands in the connected book."""
    state = RowState.WAITING if item is None else state_of_row(item)
    if item is None or state is RowState.WAITING:
        return _STANDING[RowState.WAITING]
    if item.record_id != record_id:
        return _("Another record with this address is sent")
    if state is RowState.REJECTED:
        return format_lazy("{}: {}", _("Rejected"), refusal_text(item))
    return _STANDING[state]


def refusal_text(item: ExportItem) -> StrOrPromise:
    """Why Dotdigital refused an address, with the data fields whose values it may not have taken."""
    if item.reason in BY_A_VALUE:
        unfit = unfit_values_text(item.values, types_of_data_fields(item.connection_id), shows_values=False)
        if unfit:
            return stored_text(unfit)
    return reason_text(item.reason)


def reason_text(code: str) -> StrOrPromise:
    """A rejection's reason for people; a code of Dotdigital's own is shown as it is."""
    if code in REASONS:
        return REASONS[code].text
    if code in STATUS_WORDS:
        return format_lazy("{}: {}", _("In Dotdigital"), status_words(code).text)
    if code in REFUSED_STATUSES:
        return REFUSED_STATUSES[code].text
    return _OTHER_REASONS.get(code, code)


def trigger_text(trigger: str) -> StrOrPromise:
    """Who started a run."""
    return TRIGGERS.get(trigger, trigger)


def badge(text: StrOrPromise, tone: str = "quiet") -> SafeString:
    """A label in the colour of a tone, with its word in it; the text is escaped."""
    return render_to_string("unfold/helpers/label.html", {"text": text, "type": _THEME_COLOURS.get(tone, "default")})


def state_badge(record: SyncRun | Step) -> SafeString:
    """The state of a run or step."""
    return badge(record.get_state_display(), RUN_TONES[record.state])


def upload_badge(state: str) -> SafeString:
    """The state of an upload."""
    return badge(UploadState(state).label, UPLOAD_TONES[state])


def change_badge(state: str) -> SafeString:
    """The state of a change of the account."""
    return badge(ChangeState(state).label, CHANGE_TONES[state])


def status_badge(status: str) -> SafeString:
    """A contact's status in words: may be mailed, or may not."""
    return badge(status_words(status).text, "good" if status in LIVE else "wait")


def duration(start: datetime | None, end: datetime | None) -> str:
    """How long something took or has been taking, to the second: "42 s", "3 min 5 s"."""
    if start is None:
        return ""
    seconds = max(0, int(((end or timezone.now()) - start).total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return gettext("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": minutes}
    if minutes:
        return gettext("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": seconds}
    return gettext("%(seconds)s s") % {"seconds": seconds}


# In some languages a time that is past has another ending than one that lasts: "2 Monate", but "vor 2 Monaten".
PAST_TIMES: dict[str, Any] = {
    "year": npgettext_lazy("ago", "%(num)d year", "%(num)d years", "num"),
    "month": npgettext_lazy("ago", "%(num)d month", "%(num)d months", "num"),
    "week": npgettext_lazy("ago", "%(num)d week", "%(num)d weeks", "num"),
    "day": npgettext_lazy("ago", "%(num)d day", "%(num)d days", "num"),
    "hour": npgettext_lazy("ago", "%(num)d hour", "%(num)d hours", "num"),
    "minute": npgettext_lazy("ago", "%(num)d minute", "%(num)d minutes", "num"),
}


def ago(moment: datetime | None) -> str:
    """How long ago, in at most one unit: "3 minutes ago"."""
    if moment is None:
        return gettext("never")
    if timezone.now() - moment < timedelta(minutes=1):
        return gettext("just now")
    return gettext("%(time)s ago") % {"time": timesince(moment, depth=1, time_strings=PAST_TIMES)}

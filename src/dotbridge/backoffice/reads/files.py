"""Files of people: who may load them into what, and what a page shows of one."""
# ruff: noqa: SLF001 - `_meta` is Django's documented way to ask a model about itself

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dotbridge.backoffice.labels import grouped
from dotbridge.backoffice.reads.worker import how_to_start_worker, worker_is_alive
from dotbridge.files.consent_headers import CHOSEN_KINDS
from dotbridge.files.encodings import ENCODINGS
from dotbridge.files.models import FileLoad, LoadState
from dotbridge.files.targets import FileTarget, ValueKind, file_target, file_targets
from dotbridge.files.understanding import SAME_ADDRESS, UNUSED

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

STEPS = {
    "reading": gettext_lazy("Reading the file"),
    "loading": gettext_lazy("Taking the rows"),
    "merging": gettext_lazy("Looking for rows with one address"),
    "finding": gettext_lazy("Looking for the people who are here already"),
    "writing": gettext_lazy("Writing"),
}
DELIMITERS = (
    ("", gettext_lazy("as found")),
    (",", gettext_lazy("comma ,")),
    (";", gettext_lazy("semicolon ;")),
    ("\t", gettext_lazy("tab")),
    ("|", gettext_lazy("bar |")),
)
SAMPLES = 3
_CONSENT_CHOICES: dict[str, StrOrPromise] = {
    "opted-out": gettext_lazy("Opt-outs: yes means no mail"),
    "opted-in": gettext_lazy("Opt-ins: no means no mail"),
    "mailing-state": gettext_lazy("State of a subscription: inactive means no mail"),
}
_DATES: tuple[tuple[str, StrOrPromise], ...] = (
    ("", gettext_lazy("order as the rows settle it")),
    ("dmy", gettext_lazy("day first: 31/12/1990")),
    ("mdy", gettext_lazy("month first: 12/31/1990")),
    ("excel1900", gettext_lazy("days as Excel counts them: 32874 is 1990-01-01")),
    ("excel1904", gettext_lazy("days as Excel for Mac once counted them: 31412 is 1990-01-01")),
    ("leave", gettext_lazy("leave out what is not clear")),
)
_NUMBERS: tuple[tuple[str, StrOrPromise], ...] = (
    ("", gettext_lazy("marks as the rows settle them")),
    ("point", gettext_lazy("decimal point: 1,000.5")),
    ("comma", gettext_lazy("decimal comma: 1.000,5")),
    ("leave", gettext_lazy("leave out what is not clear")),
)
_SAME_ADDRESS: dict[str, StrOrPromise] = {
    "first": gettext_lazy("the first row counts"),
    "last": gettext_lazy("the last row counts"),
    "both": gettext_lazy("each is a person of its own, told apart by name"),
}


@dataclass(frozen=True, kw_only=True)
class Option:
    """A choice of a select, and whether it is the chosen one."""

    value: str
    title: StrOrPromise
    is_chosen: bool = False


@dataclass(frozen=True, kw_only=True)
class ColumnChoice:
    """A column of the file: where it goes, how it is written, and what stands in it."""

    number: int
    name: str
    goes: list[Option]
    written: list[Option] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)
    decided: str = ""
    # Nobody has said that it is of no use, and a row that was not looked at may say otherwise.
    is_without_use: bool = False
    # What a person is asked about it: its dates, its numbers, or whether it speaks of consent.
    asks: str = ""
    example: str = ""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a load is, in words; `fraction` is None where nothing can be said of it."""

    text: StrOrPromise
    detail: str = ""
    tone: str = "info"
    fraction: float | None = None
    can_cancel: bool = False


def may_load_into(request: HttpRequest, target: FileTarget) -> bool:
    """A file adds records and changes them, so it takes the right to both."""
    app, model = target.model._meta.app_label, target.model._meta.model_name
    return request.user.has_perms([f"{app}.add_{model}", f"{app}.change_{model}"])


def targets_of(request: HttpRequest) -> list[FileTarget]:
    """What the person may load files into."""
    return [target for target in file_targets() if may_load_into(request, target)]


def label_of(key: str) -> str:
    """What the people of a file become, by name."""
    try:
        return capfirst(str(file_target(key).model._meta.verbose_name_plural))
    except LookupError:
        return key


def progress_of(load: FileLoad) -> Progress | None:
    """How far it is; None when nothing is at work."""
    if not load.is_at_work:
        return None
    if load.state != LoadState.RUNNING and not worker_is_alive():
        return Progress(
            text=_("It waits: no worker is running"),
            detail=how_to_start_worker(),
            tone="wait",
            can_cancel=load.state == LoadState.WAITING,
        )
    if load.state == LoadState.UNDOING:
        return Progress(text=_("Undoing it"))
    if load.state == LoadState.WAITING:
        return Progress(text=_("Waiting for the worker"), can_cancel=True)
    if load.cancel_asked_at is not None:
        return Progress(text=_("Cancelling"), fraction=load.fraction)
    rows = (
        ngettext("%(n)s row", "%(n)s rows", load.rows_done) % {"n": grouped(load.rows_done)} if load.rows_done else ""
    )
    return Progress(
        text=STEPS.get(load.step, _("Starting…")),
        detail=rows,
        fraction=load.fraction,
        can_cancel=load.step != "writing",
    )


def encoding_options(load: FileLoad, report: dict[str, Any]) -> list[Option]:
    """As found, the candidates first with a sample of each, then every other encoding."""
    chosen = load.choices.get("encoding") or ""
    found = report.get("encoding") if not report.get("encoding_named") else ""
    title = _("as found: %(name)s") % {"name": found} if found else _("as found")
    options = [Option(value="", title=title, is_chosen=not chosen)]
    samples = {each["encoding"]: each["sample"] for each in report.get("encoding_candidates") or []}
    for name in [*samples, *(each for each in ENCODINGS if each not in samples)]:
        title = f"{name}: {samples[name]}" if name in samples else name
        options.append(Option(value=name, title=title, is_chosen=name == chosen))
    return options


def delimiter_options(load: FileLoad, report: dict[str, Any]) -> list[Option]:
    """As found, or one of the usual characters; none for a file that has none."""
    if report.get("format", "csv") != "csv":
        return []
    chosen = load.choices.get("delimiter") or ""
    return [Option(value=value, title=title, is_chosen=value == chosen) for value, title in DELIMITERS]


def sheet_options(report: dict[str, Any]) -> list[Option]:
    """The sheets of a workbook that has several."""
    if report.get("format") not in {"xlsx", "xlsb", "ods", "xls", "json"} or not report.get("other_parts"):
        return []
    names = [report["part"], *report["other_parts"]]
    return [Option(value=name, title=name, is_chosen=name == report["part"]) for name in names]


def same_address_options(load: FileLoad, report: dict[str, Any]) -> list[Option]:
    """Which of several rows with one address counts; none where that is no question."""
    chosen = load.choices.get("same_address") or ""
    if not chosen and not any(each["about"] == "same address" for each in report.get("questions", ())):
        return []
    ask = Option(value="", title=_("choose…"), is_chosen=not chosen)
    return [
        ask,
        *(Option(value=word, title=_SAME_ADDRESS[word], is_chosen=word == chosen) for word in SAME_ADDRESS),
    ]


def column_choices(load: FileLoad, report: dict[str, Any]) -> Iterator[ColumnChoice]:
    """The columns of the file; of several of one name the first, as they go to the same place."""
    target = file_target(load.entity)
    asked = {each["column"]: each for each in report.get("questions", ()) if each["column"]}
    chosen = load.choices.get("columns") or {}
    seen: set[str] = set()
    for number, column in enumerate(report.get("columns", ())):
        name = column["name"]
        if name in seen:
            continue
        seen.add(name)
        way = str(chosen.get(name, "")).partition(":")[2]
        samples = [row[number] for row in report.get("first_rows", ()) if number < len(row) and row[number]]
        yield ColumnChoice(
            number=number,
            name=name,
            goes=_goes(target, column, chosen.get(name), is_asked=name in asked),
            written=_written(target, column["field"], way),
            samples=samples[:SAMPLES],
            decided=column["decided"],
            is_without_use=not (column["field"] or column["consent"] or column["chosen"]),
            asks=asked[name]["about"] if name in asked else "",
            example=asked[name]["example"] if name in asked else "",
        )


def _goes(target: FileTarget, column: dict[str, Any], chosen: str | None, *, is_asked: bool) -> list[Option]:
    now = column["field"] or (UNUSED if not column["consent"] else "")
    if chosen in CHOSEN_KINDS:
        now = str(chosen)
    options = [Option(value=UNUSED, title=_("No use"), is_chosen=now == UNUSED)]
    if column["consent"] and chosen not in CHOSEN_KINDS:
        title = _("choose…") if is_asked else _("Says who may not be written to")
        options.append(Option(value="", title=title, is_chosen=now == ""))
    choices = {**target.choices, **_CONSENT_CHOICES}
    return [*options, *(Option(value=name, title=title, is_chosen=name == now) for name, title in choices.items())]


def ways_of_writing(target: FileTarget, name: str) -> dict[str, StrOrPromise]:
    """How the cells of a column that goes to this field can be written; empty where there is one way."""
    kind = target.fields[name].kind if name in target.fields else None
    if kind in {ValueKind.DATE, ValueKind.MOMENT}:
        return dict(_DATES)
    return dict(_NUMBERS) if kind in {ValueKind.NUMBER, ValueKind.WHOLE_NUMBER} else {}


def _written(target: FileTarget, name: str, way: str) -> list[Option]:
    ways = ways_of_writing(target, name)
    return [Option(value=value, title=title, is_chosen=value == way) for value, title in ways.items()]

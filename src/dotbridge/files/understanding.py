"""What a file is understood to be: which column goes where, what its rows decide, which columns speak of consent.

The whole file is read once for it, because only all rows of a column can say how its dates and numbers are written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING

from django.utils.translation import gettext_noop

from dotbridge.files.consent_cells import are_yes_and_no
from dotbridge.files.consent_columns import ConsentColumn
from dotbridge.files.consent_headers import (
    CHOSEN_KINDS,
    ConsentKind,
    consent_kind,
    may_say_it_by_its_cells,
    speaks_of_mailing,
    speaks_of_money,
)
from dotbridge.files.dates import EXCEL_1900, EXCEL_1904, ORDERS
from dotbridge.files.errors import AddressMissing, FileRefused
from dotbridge.files.headers import Role, email_column, labelled_columns, match_headers, plain, role_of
from dotbridge.files.numbers import DECIMAL_MARKS
from dotbridge.files.people import Person, people_of
from dotbridge.files.records import MOST_ROWS, Cell, Record, Source, cell_text, is_blank
from dotbridge.files.report import ColumnReport, LoadReport, Question, shortened
from dotbridge.files.targets import ADDRESS, FULL_NAME, FileTarget
from dotbridge.files.texts import joined
from dotbridge.files.texts import text as _
from dotbridge.files.values import ColumnReader

if TYPE_CHECKING:
    from dotbridge.files.rows import OptOut

UNUSED = "unused"
FIRST, LAST, BOTH = "first", "last", "both"
SAME_ADDRESS = (FIRST, LAST, BOTH)
_LOOKED_AT_FOR_ADDRESSES = 200
_FIRST_ROWS = 5
_NAMES = {Role.FIRST_NAME, Role.LAST_NAME, Role.FULL_NAME, Role.COMPANY}
MOST_NAMES_SHOWN = 30
ROWS_BETWEEN_PROGRESS = 5_000
_NOT_SETTLED = gettext_noop("not settled, left out where it matters")

Progress = Callable[[str, int], None]


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What a person has said about a file; what is None is found, or asked for where it cannot be found.

    `columns` maps names of columns to fields, "unused", "opted-out", "opted-in" or "mailing-state" for what speaks of
    consent, or a field with how its dates or numbers are written ("birthday:dmy", "lead_score:comma"; "leave" leaves
    out what nothing settles). With `columns_are_all` nothing is added that was chosen for an earlier file.
    `same_address` says which of several rows with one address counts: the first, the last, or each as a person of its
    own. Raises FileRefused for an answer that there is not.
    """

    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    columns_are_all: bool = False
    same_address: str | None = None

    def __post_init__(self) -> None:
        if self.same_address is not None and self.same_address not in SAME_ADDRESS:
            raise FileRefused(
                _("%(word)r is no answer for rows with one address; say %(words)s.")
                % {"word": self.same_address, "words": ", ".join(SAME_ADDRESS)}
            )
        said = [self.encoding, self.delimiter, self.sheet, *self.columns, *self.columns.values()]
        if not all(_can_be_stored(each) for each in said if each):
            raise FileRefused(_("There is a character in it that cannot be stored."))

    def with_columns(self, remembered: Mapping[str, str]) -> Choices:
        """The same, with what was chosen for an earlier file where nothing is chosen now."""
        return self if self.columns_are_all else replace(self, columns={**remembered, **self.columns})


def _can_be_stored(text: str) -> bool:
    """Whether the database can hold it: not with a zero, nor with half of a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


@dataclass(kw_only=True)
class Understanding:
    """The file as it will be loaded. Positions are those of the columns.

    `fields` are the columns of each field, in order: the first filled cell counts. `readers` read the columns that go
    to a field of the model, `consent` those that speak of consent. `people` says whose the columns are where a row has
    room for several, `labelled` which columns have their names beside them, row by row. `elsewhere` is what other parts
    of the file say against writing to somebody, by the address in small letters.
    """

    source: Source
    target: FileTarget
    fields: dict[str, list[int]]
    readers: dict[int, ColumnReader]
    consent: dict[int, ConsentColumn]
    report: LoadReport
    people: list[Person]
    labelled: list[tuple[int, int]]
    elsewhere: dict[str, OptOut] = field(default_factory=dict)


def understand(source: Source, target: FileTarget, choices: Choices, *, name: str, progress: Progress) -> Understanding:
    """What the file is understood to be. Raises FileRefused for one without an address column or with too many rows."""
    chosen, written = _chosen(source, target, choices)
    rows = islice(source.records(), _LOOKED_AT_FOR_ADDRESSES)
    first = [each.cells for each in rows if isinstance(each, Record)]
    of_mailing = _named_after_the_address(source, target, chosen, first)
    matched = _match(source, target, chosen, first, but=of_mailing)
    report = _begun(source, target, choices, name)
    if ADDRESS not in matched.values():
        raise _address_missing(source, report, target, matched, chosen)
    readers = {
        position: ColumnReader(
            target.fields[field], written.get(position), is_id=target.fields[field] is target.external_id
        )
        for position, field in matched.items()
        if field in target.fields
    }
    labelled = labelled_columns(source.headers, but={*matched, *chosen})
    speaking = _speaking_of_consent(source, chosen, matched, of_mailing)
    for label, _value in labelled:
        speaking.pop(label, None)
    filled = _observe(source, readers, speaking, report, progress)
    known = {*chosen, *matched, *(speaking if any(map(speaks_of_money, source.headers)) else ())}
    asked = {
        position: column for position, column in speaking.items() if position not in known and column.may_be_meant()
    }
    # Until somebody says that it is about something else, it takes consent away.
    consent = {position: column for position, column in speaking.items() if position in asked or column.is_meant()}
    fields: dict[str, list[int]] = {}
    for position, field_name in sorted(matched.items()):
        fields.setdefault(field_name, []).append(position)
    report.columns = [
        ColumnReport(
            name=header,
            field=matched.get(position, ""),
            label=target.label_of(matched[position]) if position in matched else "",
            chosen=position in chosen,
            decided=_decided(readers.get(position)),
            consent=consent[position].kind.value if position in consent else "",
            is_empty=position not in filled,
        )
        for position, header in enumerate(source.headers)
    ]
    report.questions = [*_questions(source, readers), *map(_question_of_consent, asked.values())]
    parts = {FULL_NAME, target.roles.get(Role.FIRST_NAME), target.roles.get(Role.LAST_NAME)}
    names = {name: positions for name, positions in fields.items() if name in parts}
    return Understanding(
        source=source,
        target=target,
        fields=fields,
        readers=readers,
        consent=consent,
        report=report,
        people=people_of(source.headers, fields[ADDRESS], names),
        labelled=[(label, value) for label, value in labelled if value not in consent],
    )


def _speaking_of_consent(
    source: Source, chosen: Mapping[int, str], matched: Mapping[int, str], asking: Collection[int]
) -> dict[int, ConsentColumn]:
    """The columns that may speak of consent, by their names, their cells, or because a person says so. Those of
    `asking` ask it under another name.
    """
    of_mailing = {position for position, header in enumerate(source.headers) if speaks_of_mailing(header)}
    found = {}
    for position, header in enumerate(source.headers):
        goes = chosen.get(position, "")
        kind = CHOSEN_KINDS.get(goes) or (ConsentKind.OPTED_IN if position in asking else consent_kind(header))
        is_name = kind is None and role_of(header) in _NAMES
        is_remarks = is_name or (kind is None and role_of(header) is Role.NOTES)
        is_known_by_cells = kind is None and position not in matched and may_say_it_by_its_cells(header)
        if goes == UNUSED or not (kind or is_remarks or is_known_by_cells):
            continue
        may_be_another = kind in {None, ConsentKind.STATUS, ConsentKind.LABELS} and goes not in CHOSEN_KINDS
        found[position] = ConsentColumn(
            header,
            kind or ConsentKind.LABELS,
            is_chosen=position in chosen and not may_be_another,
            is_of_mailing_tool=bool(of_mailing - {position}),
            is_known_by_cells=is_known_by_cells and not is_remarks,
            is_remarks=is_remarks,
            is_name=is_name,
        )
    return found


def _question_of_consent(column: ConsentColumn) -> Question:
    return Question(about="consent", column=column.header, example=shortened(column.example))


def _begun(source: Source, target: FileTarget, choices: Choices, name: str) -> LoadReport:
    """The report before the first row: how the file is written."""
    return LoadReport(
        entity=target.key,
        file=name,
        format=source.format,
        encoding=source.encoding,
        encoding_named=choices.encoding is not None,
        encoding_candidates=list(source.found_encoding.candidates) if source.found_encoding else [],
        delimiter=source.delimiter,
        part=source.part,
        other_parts=list(source.other_parts),
    )


def _address_missing(
    source: Source, report: LoadReport, target: FileTarget, matched: Mapping[int, str], chosen: Mapping[int, str]
) -> AddressMissing:
    filled = _observe(source, {}, {}, report, lambda _step, _rows: None)
    report.columns = [
        ColumnReport(
            name=header,
            field=matched.get(position, ""),
            label=target.label_of(matched[position]) if position in matched else "",
            chosen=position in chosen,
            is_empty=position not in filled,
        )
        for position, header in enumerate(source.headers)
    ]
    text = _("No column holds e-mail addresses. The columns are: %(names)s. Name one of them E-mail.") % {
        "names": _names(source.headers)
    }
    parts: list[str] = [text]
    if source.other_parts:
        parts.append(_("Or choose another sheet: %(names)s.") % {"names": _names(source.other_parts)})
    elif len(source.headers) == 1:
        parts.append(_("If that is a title, delete the lines above the names of the columns."))
    return AddressMissing(joined(parts, " "), report)


def _names(names: Sequence[str]) -> str:
    """Names for a sentence; of very many the first ones."""
    shown_ones = [shortened(name) for name in names[:MOST_NAMES_SHOWN]]
    return ", ".join([*shown_ones, *(["…"] if len(names) > MOST_NAMES_SHOWN else [])])


def _chosen(source: Source, target: FileTarget, choices: Choices) -> tuple[dict[int, str], dict[int, str]]:
    """What a person chose, by position: the field, and how dates or numbers of the column are written."""
    by_name: dict[str, list[int]] = {}
    alike: dict[str, list[int]] = {}
    for position, header in enumerate(source.headers):
        by_name.setdefault(header, []).append(position)
        alike.setdefault(plain(header) or header, []).append(position)
    chosen: dict[int, str] = {}
    written: dict[int, str] = {}
    for header, choice in choices.columns.items():
        # "Opt out" beside "Opt-out" is a column of its own.
        positions = by_name.get(header) or alike.get(plain(header) or header)
        if positions is None:
            raise FileRefused(
                _("The file has no column %(name)r. Its columns are: %(names)s.")
                % {"name": header, "names": _names(source.headers)}
            )
        field_name, _colon, how = choice.partition(":")
        if not is_choice(target, choice):
            known = {*target.choices, UNUSED, *CHOSEN_KINDS}
            raise FileRefused(
                _("There is no field %(name)r for a column to go to. There are: %(names)s.")
                % {"name": field_name, "names": ", ".join(sorted(known))}
            )
        chosen |= dict.fromkeys(positions, field_name)
        if how:
            written |= dict.fromkeys(positions, _way_of_writing(how))
    return chosen, written


def is_choice(target: FileTarget, choice: str) -> bool:
    """Whether a column can go there: to a field of the target, to none, or to what speaks of consent."""
    return choice.partition(":")[0] in {*target.choices, UNUSED, *CHOSEN_KINDS}


def _way_of_writing(how: str) -> str:
    ways = {**ORDERS, **DECIMAL_MARKS}
    if how not in ways:
        raise FileRefused(
            _("%(how)r says nothing about dates or numbers; say %(ways)s.") % {"how": how, "ways": ", ".join(ways)}
        )
    return ways[how]


def _named_after_the_address(
    source: Source, target: FileTarget, chosen: Mapping[int, str], first: Sequence[Sequence[Cell]]
) -> set[int]:
    """The columns that are called after the address and ask whether to write to it: "E-mail" with yes and no."""
    matched = match_headers(source.headers, target.own, target.roles)
    named = {position for position, field in matched.items() if field == ADDRESS and position not in chosen}
    return {position for position in named if are_yes_and_no(cells[position] for cells in first)}


def _match(
    source: Source,
    target: FileTarget,
    chosen: Mapping[int, str],
    first: Sequence[Sequence[Cell]],
    *,
    but: Collection[int],
) -> dict[int, str]:
    matched = match_headers(source.headers, target.own, target.roles)
    matched = {position: field for position, field in matched.items() if position not in but}
    nowhere = {UNUSED, *CHOSEN_KINDS}
    matched = {position: field for position, field in {**matched, **chosen}.items() if field not in nowhere}
    if ADDRESS in chosen.values():
        return matched
    named = [position for position, field in matched.items() if field == ADDRESS]
    # A form may ask for the address in a question of its own, and leave the column of that name empty.
    if all(is_blank(cells[position]) for cells in first for position in named):
        unused = {position for position, goes in chosen.items() if goes in nowhere}
        found = email_column(first, but={*matched, *unused} if named else unused, each_its_own=bool(named))
        if found is not None:
            matched[found] = ADDRESS
    return matched


def _observe(
    source: Source,
    readers: Mapping[int, ColumnReader],
    consent: Mapping[int, ConsentColumn],
    report: LoadReport,
    progress: Progress,
) -> set[int]:
    """Show every row to the columns that are decided by them. Answers which columns have anything in them."""
    deciding = {position: reader for position, reader in readers.items() if reader.is_decided_by_rows}
    unseen = set(range(len(source.headers)))
    observers: list[tuple[int, ColumnReader | ConsentColumn]] = [*deciding.items(), *consent.items()]
    for number, record in enumerate(source.records(), 1):
        if number > MOST_ROWS:
            raise FileRefused(
                _("The file has more than %(most)d rows. Split it, and load the parts one after the other.")
                % {"most": MOST_ROWS}
            )
        if number % ROWS_BETWEEN_PROGRESS == 0:
            progress("reading", number)
        if not isinstance(record, Record):
            continue
        if len(report.first_rows) < _FIRST_ROWS:
            report.first_rows.append([shortened(cell_text(cell)) for cell in record.cells])
        if unseen:
            unseen -= {position for position in unseen if not is_blank(record.cells[position])}
        for position, column in observers:
            column.observe(record.cells[position])
    return set(range(len(source.headers))) - unseen


def _questions(source: Source, readers: Mapping[int, ColumnReader]) -> Iterator[Question]:
    """What no row of a column settles, a column of several of the same name asked about once."""
    asked = set()
    for position, reader in sorted(readers.items()):
        header = source.headers[position]
        about = "dates" if reader.dates.is_open() else "numbers" if reader.numbers.is_open() else ""
        if about and header not in asked:
            asked.add(header)
            example = reader.dates.example if about == "dates" else reader.numbers.example
            yield Question(about=about, column=header, field=reader.target.name, example=shortened(example))


def _decided(reader: ColumnReader | None) -> str:
    """What the rows of a column decided, in words; empty where they had nothing to decide."""
    if reader is None:
        return ""
    if reader.holds_dates:
        return joined(
            [
                _("dates with %(separator)s: %(order)s") % {"separator": separator, "order": _(order or _NOT_SETTLED)}
                for separator, order in reader.dates.decided().items()
            ]
            + [_(each) for each in (EXCEL_1900, EXCEL_1904) if reader.dates.chosen == each],
            ", ",
        )
    if reader.holds_numbers and (mark := reader.numbers.decided()):
        return _("decimal mark %(mark)s") % {"mark": mark}
    return ""


def shown(cell: Cell) -> str:
    """A cell as a report shows it."""
    return shortened(cell_text(cell))

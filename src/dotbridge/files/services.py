"""Loading a file of people into the records of a host's model: all of it or nothing, and a report of every line.

The file is read twice as a stream, once to understand it and once to load it, so memory does not grow with it.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import BinaryIO

from django.db import DatabaseError, DataError, IntegrityError, connection, transaction
from django.utils import timezone

from dotbridge.files.errors import FileRefused, QuestionsOpen
from dotbridge.files.followers import tell_followers
from dotbridge.files.headers import plain
from dotbridge.files.merging import Clash, Merge
from dotbridge.files.models import AT_WORK, FileLoad, FilePiece, FileShape, LoadedRecord, LoadState
from dotbridge.files.opening import open_source
from dotbridge.files.opt_outs import OPT_OUTS, OptOuts, hand_on, is_anybody_receiving
from dotbridge.files.other_parts import note_opted_out_elsewhere
from dotbridge.files.reading import readable_rows
from dotbridge.files.records import FirstRows
from dotbridge.files.report import MOST_PROBLEMS, LoadReport, Problem, Question, shortened
from dotbridge.files.selectors import remembered_columns, shape_of
from dotbridge.files.stage import STAGE, copy_rows, create_stage, stage_columns
from dotbridge.files.targets import ADDRESS, FileTarget, file_target
from dotbridge.files.texts import Text
from dotbridge.files.texts import text as _
from dotbridge.files.understanding import Choices, Progress, Understanding, understand
from dotbridge.files.undoing import Undone, note_created, note_updates, take_back
from dotbridge.lock_keys import LOCK_KEY

KEPT_DAYS = 30
HOURS_TO_UNDO = 24
_OPT_OUTS = f"""
    CREATE TEMP TABLE {OPT_OUTS} ON COMMIT DROP AS
    SELECT s.record AS record_id, address.email, lower(btrim(address.email)) AS key, said.column_name, said.value,
           -- "Until 9999" is no word that a later one could never take back.
           CASE WHEN said.happened_at <= now() THEN said.happened_at END AS happened_at,
           coalesce(said.is_doubtful, false) AS is_doubtful, s.line
    FROM {STAGE} s
    CROSS JOIN LATERAL jsonb_to_recordset(s.opt_outs)
        AS said (column_name text, value text, happened_at timestamptz, is_doubtful boolean)
    CROSS JOIN LATERAL (
        SELECT DISTINCT email FROM unnest(ARRAY[s.email, s.other_email] || s.m_email || s.m_other) AS a (email)
        WHERE email IS NOT NULL
    ) AS address
"""


class _NotKept(Exception):
    """Takes the transaction of a dry run back."""


def _no_progress(step: str, rows: int) -> None:
    """Tell nobody."""


def load_file(
    *,
    file: BinaryIO,
    name: str,
    entity: str,
    choices: Choices | None = None,
    dry_run: bool = False,
    who: str = "",
    progress: Progress = _no_progress,
    kept: FileLoad | None = None,
    asks: bool = False,
) -> LoadReport:
    """Create and update records of `entity` from a file; `dry_run` reports the same and keeps nothing.

    A record is found by its address, whatever the spelling; an empty cell leaves what the record has. What the file
    says of opting out is handed to whoever keeps consent (`dotbridge.files.opt_outs`); nothing in it makes anybody
    mailable.
    `progress` is called with what is being done and the number of rows; what it raises ends the load, and nothing is
    kept. `kept` is the load to note it under, a new one without it. With `asks` nothing is loaded while there are
    questions: QuestionsOpen. Raises FileRefused, and EncodingNotSure with the candidates; LookupError for an entity
    that files cannot fill.
    """
    target = file_target(entity)
    choices = choices or Choices()
    with open_source(file, encoding=choices.encoding, delimiter=choices.delimiter, sheet=choices.sheet) as source:
        remembered = remembered_columns(target, source)
        understood = understand(source, target, choices.with_columns(remembered), name=name, progress=progress)
        understood.report.dry_run = dry_run
        note_opted_out_elsewhere(understood, file=file, encoding=choices.encoding)
        if asks and understood.report.questions and not dry_run:
            raise _questions_open(understood.report)
        with suppress(_NotKept), transaction.atomic():
            if dry_run:
                _load(understood, choices, progress, kept=None)
                raise _NotKept
            kept = kept or FileLoad.objects.create(entity=entity, file=name[-255:], who=who)
            _load(understood, choices, progress, kept=kept, asks=asks)
            if choices.columns and source.has_names:
                columns = choices.with_columns(remembered).columns
                remember_columns(target=target, headers=source.headers, columns=columns)
            _keep_report(kept, understood.report)
    return understood.report


def look_at_file(*, file: BinaryIO, name: str, entity: str, choices: Choices, most_rows: int) -> LoadReport:
    """What a load would do with the first rows of a file. Writes nothing, and waits for no load that is at work.

    Raises what `load_file` raises.
    """
    target = file_target(entity)
    with open_source(
        file,
        encoding=choices.encoding,
        delimiter=choices.delimiter,
        sheet=choices.sheet,
        names_of_first=most_rows,
    ) as source:
        first = FirstRows(source, most_rows)
        choices = choices.with_columns(remembered_columns(target, source))
        if first.has_more:
            # A choice may be for a name that comes later.
            known = {*source.headers, *map(plain, source.headers)}
            columns = {name: goes for name, goes in choices.columns.items() if {name, plain(name)} & known}
            choices = replace(choices, columns=columns)
        understood = understand(first, target, choices, name=name, progress=_no_progress)
        understood.report.dry_run, understood.report.has_more = True, first.has_more
        note_opted_out_elsewhere(understood, file=file, encoding=choices.encoding, most_rows=most_rows)
        with suppress(_NotKept), transaction.atomic():
            _load(understood, choices, _no_progress, kept=None)
            raise _NotKept
    return understood.report


def _keep_report(kept: FileLoad, report: LoadReport) -> None:
    """Note in the transaction of the load that it is done: whoever sees the records sees that too."""
    report.number = kept.pk
    kept.state, kept.fraction, kept.message = LoadState.LOADED, 1.0, {}
    kept.rows_done, kept.loaded_at, kept.report = report.rows, timezone.now(), report.as_kept()
    kept.save(update_fields=["state", "fraction", "message", "rows_done", "loaded_at", "report"])
    kept.pieces.all().delete()


def _questions_open(report: LoadReport) -> QuestionsOpen:
    return QuestionsOpen(_("Something in the file can be read in two ways, and only a person can say which."), report)


def undo_load(*, load: FileLoad) -> Undone:
    """Take back what a load has changed, within a day. Raises FileRefused after that, and for one undone already.

    Values changed since stay, and so does what the file said of opting out.
    """
    with transaction.atomic():
        load = FileLoad.objects.select_for_update().get(pk=load.pk)
        refuse_undoing(load)
        undone = take_back(load, file_target(load.entity))
        load.undone_at, load.state = timezone.now(), LoadState.LOADED
        load.report = {**load.report, "undone": asdict(undone)}
        load.save(update_fields=["undone_at", "state", "report"])
        LoadedRecord.objects.filter(load=load).delete()
    return undone


def refuse_undoing(load: FileLoad) -> None:
    """Raise FileRefused, with the reason, where a load cannot be undone."""
    if load.undone_at is not None:
        raise FileRefused(_("This load was undone already."))
    if load.loaded_at is None:
        raise FileRefused(_("This file was not loaded, so there is nothing to undo."))
    if load.loaded_at < timezone.now() - datetime.timedelta(hours=HOURS_TO_UNDO):
        raise FileRefused(_("A load can be undone for %(hours)d hours.") % {"hours": HOURS_TO_UNDO})


def remember_columns(*, target: FileTarget, headers: Sequence[str], columns: Mapping[str, str]) -> None:
    """Keep what a person chose for the columns, for the next file of this shape."""
    FileShape.objects.update_or_create(entity=target.key, shape=shape_of(headers), defaults={"columns": dict(columns)})


def forget_old_loads() -> int:
    """Delete the reports of loads from before `KEPT_DAYS`, which name people. Answers how many.

    What was noted to undo loads goes as soon as they cannot be undone any more. To be called every day.
    """
    over = timezone.now() - datetime.timedelta(hours=HOURS_TO_UNDO)
    LoadedRecord.objects.filter(load__loaded_at__lt=over).delete()
    # A file that nobody loads does not stay for longer.
    FilePiece.objects.filter(load__made_at__lt=over).exclude(load__state__in=AT_WORK).delete()
    before = timezone.now() - datetime.timedelta(days=KEPT_DAYS)
    old = FileLoad.objects.filter(made_at__lt=before).exclude(state__in=AT_WORK)
    number = old.count()
    old.delete()
    return number


def _load(
    understood: Understanding, choices: Choices, progress: Progress, *, kept: FileLoad | None, asks: bool = False
) -> None:
    report = understood.report
    columns = stage_columns(understood)
    create_stage(understood.target, columns)
    copy_rows(columns, readable_rows(understood, progress))
    _count_opt_outs(report)
    merge = Merge(understood.target, columns)
    progress("merging", report.rows)
    if kept is not None:
        _wait_for_other_loads(report.entity)
    clashes, number = merge.settle_same_address(choices.same_address, most=MOST_PROBLEMS)
    _tell_clashes(understood, clashes, number)
    if asks and report.questions and kept is not None:
        raise _questions_open(report)
    progress("finding", report.rows)
    merge.find_records(choices.same_address)
    merge.find_related(make_missing=not report.dry_run)
    counts = merge.decide_fates()
    report.created, report.updated = counts.created, counts.updated
    report.unchanged, report.same_address, report.moved = counts.unchanged, counts.same_address, counts.moved
    if kept is None:
        return
    progress("writing", report.rows)
    note_updates(kept, understood.target, columns, merge.address_table())
    try:
        merge.write()
    except (IntegrityError, DataError) as error:
        raise FileRefused(_refused_by_database(error)) from None
    note_created(kept, understood.target)
    tell_followers(kept, report)
    if report.opted_out:
        _hand_opt_outs_on(report)


def _wait_for_other_loads(entity: str) -> None:
    """Hold the entity until the transaction ends: two files at once would each make the people whom both name."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock({LOCK_KEY})", [f"dotbridge.files:{entity}"])


def _hand_opt_outs_on(report: LoadReport) -> None:
    """Give whom the file says to be opted out to whoever keeps consent."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {OPT_OUTS}")
        cursor.execute(_OPT_OUTS)
        # Who keeps consent joins it; without this the planner would expect a handful, and compare all with all.
        cursor.execute(f"ANALYZE {OPT_OUTS}")
    hand_on(OptOuts(entity_key=report.entity, source_name=report.file))


def _refused_by_database(error: DatabaseError) -> str:
    """Which rule of the host's table the file breaks. The database's own text would show somebody's whole row."""
    said = getattr(error.__cause__, "diag", None)
    rule = (said and (said.constraint_name or said.column_name)) or type(error.__cause__ or error).__name__
    return _(
        "A rule of the database does not allow it: %(rule)s. Nothing was loaded. Correct the values that it is about, "
        "or give the field a value that it has when a file says nothing."
    ) % {"rule": rule}


def _count_opt_outs(report: LoadReport) -> None:
    """Count the people who are not to be written to. Raises FileRefused where nobody would keep that."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT count(DISTINCT key),
                   count(DISTINCT key) FILTER (WHERE jsonb_path_exists(opt_outs, '$[*] ? (@.is_doubtful == true)'))
            FROM {STAGE} WHERE opt_outs IS NOT NULL
            """
        )
        report.opted_out, report.doubtful = cursor.fetchone()
    if report.opted_out and not report.dry_run and not is_anybody_receiving():
        raise FileRefused(
            _(
                "The file says of %(number)d people that they are not to be written to, and nothing here keeps that. "
                "Install an app that does, or give the columns no use: %(columns)s."
            )
            % {"number": report.opted_out, "columns": ", ".join([*report.consent_columns, *report.sections])}
        )


def _same_address() -> Text:
    return _("Line %(line)d has the same address. This line would overwrite it, so what differs was not taken.")


def _same_id() -> Text:
    return _("Line %(line)d has the same id. This line would overwrite it, so what differs was not taken.")


def _tell_clashes(understood: Understanding, clashes: list[Clash], number: int) -> None:
    """Tell the rows that say something else than the row that is kept: a person decides between them."""
    report, target = understood.report, understood.target
    for clash in clashes:
        report.tell(
            Problem(
                line=clash.line,
                column=", ".join(map(target.label_of, clash.fields)),
                fields=clash.fields,
                value=shortened(clash.email),
                why=(_same_id() if ADDRESS in clash.fields else _same_address()) % {"line": clash.kept_line},
                mend=_("Say which line counts: first, last, or both as people of their own."),
            )
        )
    report.problems_left_off += number - len(clashes)
    if number:
        report.questions.append(Question(about="same address", example=str(number)))

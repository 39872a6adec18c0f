"""The people of a list, each with where they stand and why: pages of them, and the same set as each number counts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext_lazy as _

from dotbridge.backoffice.consent_labels import objection_text
from dotbridge.backoffice.labels import refusal_text, standing_text
from dotbridge.backoffice.queries import is_key
from dotbridge.backoffice.reads.people import with_name_or_address
from dotbridge.backoffice.reads.standing import EXPORTED, MEANINGS, Standing
from dotbridge.connections.models import ListConnection
from dotbridge.connections.selectors import scopes_read_with
from dotbridge.consent.models import What
from dotbridge.consent.scopes import scopes_of_list
from dotbridge.consent.selectors import Objection, objections_of
from dotbridge.entities.addresses import records_with_addresses
from dotbridge.entities.email import address_key, is_plausible, plausible_q
from dotbridge.entities.registry import entity
from dotbridge.entities.sql import as_key
from dotbridge.lists.columns import ListColumn, Sort, with_columns
from dotbridge.lists.models import MarketingList, RemovedItem
from dotbridge.lists.selectors import is_removed, mailable_members, matching_records, members, opted_out_records
from dotbridge.sync.models import ExportItem, UploadState
from dotbridge.sync.outbound.states import RowState, state_of_row
from dotbridge.sync.selectors import refused_uploads

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    Rows = QuerySet[Any, dict[str, Any]]

PAGE = 50
AT_ONCE = 1_000
FEW = 2_000
MOST_SKIPPED = 10_000_000
_SAME = {RowState.CONFIRMED: Standing.IN_STEP, RowState.TAKEN_OUT: Standing.TAKEN_OUT}


@dataclass(frozen=True, kw_only=True)
class ListPerson:
    """One line of the table. `upload` is the file that was refused with them in it, and waits for a person."""

    record_id: str
    email: str
    standing: Standing
    why: StrOrPromise
    is_member: bool
    since: datetime | None = None
    upload: int | None = None
    cells: tuple[Any, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PeoplePage:
    """Some people in the order of their keys, or as the columns sort them. `after` leads to the next ones; empty on the
    last page."""

    people: list[ListPerson]
    after: str


def people_page(
    marketing_list: MarketingList,
    *,
    show: Standing | None = None,
    after: str = "",
    search: str = "",
    columns: Sequence[ListColumn] = (),
) -> PeoplePage:
    """A page of people: all of the list, or those that a state's number counts.

    `after` is the key of the last one before, or how many stood before where a column sorts the list. `search` is a
    part of the address or of a name. Raises RuleError and UnknownEntity.
    """
    if is_sorted(columns):
        skipped = min(int(after), MOST_SKIPPED) if is_key(after) else 0
        rows = list(_found(marketing_list, show, search, columns)[skipped : skipped + PAGE + 1])
        onward = str(skipped + PAGE)
    else:
        rows = _rows_after(marketing_list, _key_of(marketing_list, after), show, search, columns)
        onward = str(rows[PAGE - 1]["record_id"]) if len(rows) > PAGE else ""
    people = described(marketing_list, rows[:PAGE], are_speakers=show in EXPORTED and not is_sorted(columns))
    return PeoplePage(people=people, after=onward if len(rows) > PAGE else "")


def _rows_after(
    marketing_list: MarketingList, key: Any, show: Standing | None, search: str, columns: Sequence[ListColumn]
) -> list[dict[str, Any]]:
    """The rows of a page and one more, in the order of their keys, after this one.

    Of those that stand in the book, only one of each address counts: which one is asked of some at a time, so that a
    page costs the same however many people are on the list.
    """
    asks_who_speaks = show in EXPORTED
    found = _narrowed(marketing_list, show, _found(marketing_list, show, search, columns, speaking=not asks_who_speaks))
    rows: list[dict[str, Any]] = []
    while len(rows) <= PAGE:
        some = list((found if key is None else found.filter(record_pk__gt=key))[: PAGE + 1])
        if asks_who_speaks:
            speakers = speakers_of(marketing_list, {row["email_key"]: row["record_pk"] for row in some})
            rows += [row for row in some if speakers.get(row["email_key"]) == row["record_id"]]
        else:
            rows += some
        if len(some) <= PAGE:
            break
        key = some[-1]["record_pk"]
        if not asks_who_speaks:
            break
    return rows[: PAGE + 1]


def all_people(
    marketing_list: MarketingList, *, show: Standing | None, search: str, columns: Sequence[ListColumn]
) -> Iterator[list[ListPerson]]:
    """Everybody that the pages show, some at a time: a million people are never here at once. Raises the same."""
    rows = _found(marketing_list, show, search, columns).iterator(chunk_size=AT_ONCE)
    while some := list(islice(rows, AT_ONCE)):
        yield described(marketing_list, some)


def is_sorted(columns: Sequence[ListColumn]) -> bool:
    """Whether any of the columns orders the list."""
    return any(column.sort is not Sort.NONE for column in columns)


def _narrowed(marketing_list: MarketingList, show: Standing | None, found: Rows) -> Rows:
    """The same rows, looked for among those alone who were refused or taken out, where they are few: the database would
    else go through everybody until a page is full."""
    link: ListConnection | None = getattr(marketing_list, "connection", None)
    if link is None or show not in {Standing.REFUSED, Standing.TAKEN_OUT}:
        return found
    items = ExportItem.objects.filter(connection=link)
    chosen = items.filter(_is_refused(link)) if show is Standing.REFUSED else items.exclude(taken_out_at=None)
    few = list(chosen.values_list("email_key", "record_id")[: FEW + 1])
    if len(few) > FEW:
        return found
    known = entity(marketing_list.entity)
    candidates = records_with_addresses(known, [email_key for email_key, _record_id in few])
    sent = {as_key(known, record_id) for _email_key, record_id in few}
    return found.filter(record_pk__in=candidates) if candidates >= sent else found


def _found(
    marketing_list: MarketingList,
    show: Standing | None,
    search: str,
    columns: Sequence[ListColumn],
    *,
    speaking: bool = True,
) -> Rows:
    found = _in_state(marketing_list, show, speaking=speaking)
    if search:
        found = with_name_or_address(found, entity(marketing_list.entity), search, address="email")
    return with_columns(found, columns)


def _in_state(marketing_list: MarketingList, show: Standing | None, *, speaking: bool) -> Rows:
    """The rows that a state's number counts; all that match, without one. Without `speaking`, also those of the book's
    states whose address another record speaks for."""
    plain: dict[Standing | None, Callable[[], Rows]] = {
        None: lambda: matching_records(marketing_list),
        Standing.OPTED_OUT: lambda: opted_out_records(marketing_list).filter(~is_removed(marketing_list)),
        Standing.REMOVED: lambda: matching_records(marketing_list).filter(is_removed(marketing_list)),
        Standing.NO_ADDRESS: lambda: members(marketing_list).filter(email__isnull=True),
        Standing.BAD_ADDRESS: lambda: members(marketing_list).filter(Q(email__isnull=False) & ~plausible_q("email")),
        Standing.SHARED: lambda: _speaking(marketing_list, is_first=False),
    }
    if show in plain:
        return plain[show]()
    people = _speaking(marketing_list, is_first=True) if speaking else mailable_members(marketing_list)
    return _exported_state(marketing_list, show, people)


def _speaking(marketing_list: MarketingList, *, is_first: bool) -> Rows:
    """Who speaks for an address: of those who share one, the record with the lowest key; or all the others.

    A subquery: what is searched for or paged over afterwards must not change who speaks.
    """
    placed = mailable_members(marketing_list).annotate(
        place=Window(RowNumber(), partition_by=[F("email_key")], order_by=F("record_pk").asc())
    )
    chosen = placed.filter(place=1) if is_first else placed.filter(place__gt=1)
    return mailable_members(marketing_list).filter(record_pk__in=chosen.values("record_pk"))


def _exported_state(marketing_list: MarketingList, show: Standing | None, people: Rows) -> Rows:
    """Those of the people whose address stands so in the connected book; without a connection, those who could be sent
    to one."""
    link: ListConnection | None = getattr(marketing_list, "connection", None)
    if link is None:
        return people if show is Standing.MAILABLE else people.none()
    items = ExportItem.objects.filter(connection=link, removal=None, email_key=OuterRef("email_key"))
    confirmed = Exists(items.filter(reason="", upload__state=UploadState.FINISHED, taken_out_at=None))
    taken_out = Exists(items.filter(taken_out_at__isnull=False))
    refused = Exists(items.filter(_is_refused(link), taken_out_at=None))
    conditions = {
        Standing.IN_STEP: Q(confirmed),
        Standing.TAKEN_OUT: Q(taken_out),
        Standing.REFUSED: Q(refused),
        Standing.WAITING: ~Q(confirmed) & ~Q(refused) & ~Q(taken_out),
    }
    return people.filter(conditions[show]) if show in conditions else people.none()


def _is_refused(link: ListConnection) -> Q:
    """Of an exported address: it was refused for its own sake, or its whole file was and waits for a person."""
    return ~Q(reason="") | Q(upload__in=refused_uploads(link))


def _key_of(marketing_list: MarketingList, text: str) -> Any:
    return as_key(entity(marketing_list.entity), text) if text else None


def described(
    marketing_list: MarketingList, rows: Sequence[dict[str, Any]], *, are_speakers: bool = False
) -> list[ListPerson]:
    """The rows with where each stands, in a fixed number of queries.

    `are_speakers`: each is known to be the record that is sent for its address.
    """
    ids = [str(row["record_id"]) for row in rows]
    removed = set(
        RemovedItem.objects.filter(marketing_list=marketing_list, record_id__in=ids).values_list("record_id", flat=True)
    )
    off = _objections(marketing_list, rows)
    keys = {address_key(row["email"] or ""): row["record_pk"] for row in rows if address_key(row["email"] or "")}
    link = getattr(marketing_list, "connection", None)
    items = _items(link, keys.keys())
    speakers = {} if are_speakers else speakers_of(marketing_list, keys)
    return [
        _person(
            row,
            link=link,
            is_removed=row["record_id"] in removed,
            objections=off.get(row["record_id"]),
            speaker=speakers.get(address_key(row["email"] or ""), row["record_id"]),
            item=items.get(address_key(row["email"] or "")),
        )
        for row in rows
    ]


def _person(
    row: dict[str, Any],
    *,
    link: ListConnection | None,
    is_removed: bool,
    objections: tuple[Objection, ...] | None,
    speaker: str,
    item: ExportItem | None,
) -> ListPerson:
    """One row with where it stands. `objections` is None where nothing stands against mailing it, and empty for an
    erased address; `speaker` is the record that is sent for its address."""
    record_id, email = str(row["record_id"]), row["email"] or ""
    why: StrOrPromise = ""
    if is_removed:
        standing = Standing.REMOVED
    elif objections is not None:
        standing, why = Standing.OPTED_OUT, _why_off(objections)
    elif not address_key(email):
        standing = Standing.NO_ADDRESS
    elif not is_plausible(email):
        standing = Standing.BAD_ADDRESS
    elif speaker != record_id:
        standing = Standing.SHARED
    else:
        standing, why = _exported(link, item)
    return ListPerson(
        record_id=record_id,
        email=email,
        standing=standing,
        why=why or MEANINGS[standing],
        is_member=not is_removed and objections is None,
        since=_since(objections) if objections and standing is Standing.OPTED_OUT else None,
        upload=item.upload_id if standing is Standing.REFUSED and item is not None and not item.reason else None,
        cells=_cells(row),
    )


def one_on_lists(
    lists: Sequence[MarketingList],
    row: dict[str, Any],
    objections: Sequence[Objection],
    *,
    removed_from: Collection[int],
    items: Mapping[int, ExportItem],
) -> list[tuple[MarketingList, ListPerson]]:
    """Where one record stands on each of these lists of its entity, all of which it matches.

    `objections` is all that was said against mailing it, anywhere, `removed_from` the lists it was removed from, and
    `items` what was exported for its address, by connection; the lists come with their connections.
    """
    speakers = _speakers_on(lists, row)
    found = []
    for each in lists:
        link: ListConnection | None = getattr(each, "connection", None)
        pairs = scopes_read_with(each).pairs()
        said = [every for every in objections if (every.scope.value, every.scope_id) in pairs]
        person = _person(
            row,
            link=link,
            is_removed=each.pk in removed_from,
            objections=tuple(every for every in said if every.what is not What.ERASED) if said else None,
            speaker=speakers.get(each.pk, row["record_id"]),
            item=items.get(link.pk) if link else None,
        )
        found.append((each, person))
    return found


def _speakers_on(lists: Sequence[MarketingList], row: dict[str, Any]) -> dict[int, str]:
    """Which record the address of one is sent for, by the list: asked where any other record may have the address."""
    if not row["email"] or not lists:
        return {}
    email_key = address_key(row["email"])
    candidates = records_with_addresses(entity(lists[0].entity), [email_key])
    if candidates == {row["record_pk"]}:
        return {}
    return {
        each.pk: speaker
        for each in lists
        if (speaker := speakers_of(each, {email_key: row["record_pk"]}).get(email_key)) is not None
    }


def _cells(row: dict[str, Any]) -> tuple[Any, ...]:
    """The values of the columns, in their order."""
    return tuple(row[f"column_{place}"] for place in range(len(row)) if f"column_{place}" in row)


def _items(link: ListConnection | None, keys: Collection[str]) -> dict[str, ExportItem]:
    """What was exported for these addresses, by address."""
    if link is None or not keys:
        return {}
    items = ExportItem.objects.filter(connection=link, email_key__in=keys).select_related("upload")
    return {item.email_key: item for item in items}


def _exported(link: ListConnection | None, item: ExportItem | None) -> tuple[Standing, StrOrPromise]:
    if link is None:
        return Standing.MAILABLE, ""
    if item is None or item.removal_id is not None:
        return Standing.WAITING, ""
    state = state_of_row(item)
    if state in _SAME:
        return _SAME[state], ""
    if state is RowState.REJECTED:
        return Standing.REFUSED, refusal_text(item)
    if state is RowState.RETURNED and item.upload is not None and item.upload.retry_at is None:
        return Standing.REFUSED, standing_text(item, item.record_id)
    return Standing.WAITING, standing_text(item, item.record_id)


def speakers_of(marketing_list: MarketingList, keys: Mapping[str, Any]) -> dict[str, str]:
    """Which record each of these addresses is sent for: the one with the lowest key.

    `keys` has a record that is known to have the address for each: by them it is seen whether the host's own columns
    lead to all who have one. An address that is put together of several leads nowhere, and everybody is looked through.
    """
    if not keys:
        return {}
    found = mailable_members(marketing_list).filter(email_key__in=list(keys))
    candidates = records_with_addresses(entity(marketing_list.entity), keys)
    if candidates.issuperset(keys.values()):
        found = found.filter(record_pk__in=candidates)
    return dict(found.order_by("email_key", "-record_pk").values_list("email_key", "record_id"))


def _objections(marketing_list: MarketingList, rows: Sequence[dict[str, Any]]) -> dict[str, tuple[Objection, ...]]:
    """What stands against each of these records that may not be mailed; the others are missing."""
    keys = [row["record_pk"] for row in rows]
    blocked = list(opted_out_records(marketing_list).filter(record_pk__in=keys).values_list("record_id", "email_key"))
    said = objections_of(scopes_of_list(marketing_list.pk), marketing_list.entity, blocked)
    return {record_id: said.get(record_id, ()) for record_id, _email_key in blocked}


def _why_off(objections: Sequence[Objection]) -> StrOrPromise:
    return "; ".join(map(objection_text, objections)) or _("The address was erased.")


def _since(objections: Sequence[Objection]) -> datetime | None:
    return min((each.since for each in objections), default=None)

"""Which file an address goes into, so that an empty cell says one thing: clear it, or keep what Dotdigital has.

An import has one merge option for all of its cells. Where a mapping clears some data fields and keeps others, a file
would have to carry the kept values back, and a value that somebody changed there meanwhile would be lost. So addresses
go, by what their own values ask for, into files of several kinds, and where one address clears one field and keeps
another, into two files one after the other.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from dotbridge.integrations.models import WireProtocol
from dotbridge.sync.outbound.ranks import Ranked, RankedMapping
from dotdigital import MergeOption

_CLEARS = """jsonb_path_exists(mapped, '$.* ? (@ == "")')"""


@dataclass(frozen=True, kw_only=True)
class FileKind:
    """What the files of one kind hold: their columns, what an empty cell means, and the columns of the second file."""

    merge: MergeOption
    columns: tuple[str, ...]
    rest: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FileKinds:
    """The kinds of files that a list needs, and an SQL expression over its outgoing rows: the place of a row's kind."""

    kinds: tuple[FileKind, ...]
    choice: str


def file_kinds(ranked: Ranked, protocol: WireProtocol) -> FileKinds:
    """The kinds for a list, by its mapping and those that may have a word on its data fields.

    By version 3 each address says of each data field whether it is set, cleared or left alone, so one kind does.
    """
    rank = ranked.rank
    if protocol is WireProtocol.V3:
        return FileKinds(kinds=(_clearing(() if rank is None else rank.columns),), choice="0")
    if rank is None:
        return FileKinds(kinds=(_keeping(()),), choice="0")
    others = _named_by_others(rank) if ranked.has_higher else set()
    if not rank.clearing and not others:
        return FileKinds(kinds=(_keeping(rank.columns),), choice="0")
    if len(rank.clearing) == len(rank.columns) and not others:
        return FileKinds(kinds=(_clearing(rank.columns),), choice="0")
    kinds = (
        _keeping(rank.columns),
        _clearing(rank.columns),
        _two_files(rank.columns, rank.clearing),
        # Whoever has the first word on a data field also has it cleared; here it may be one that is to be kept.
        _two_files(rank.columns, [name for name in rank.clearing if name not in others]),
    )
    return FileKinds(
        kinds=kinds,
        choice=f"""
            CASE WHEN NOT {_CLEARS} THEN 0
                 WHEN mapped ?& %(columns)s::text[] THEN 1
                 WHEN own IS NULL THEN 2 ELSE 3 END
        """,
    )


def _named_by_others(rank: RankedMapping) -> set[str]:
    """The data fields that another mapping fills too, which may have the first word on them."""
    return {
        name
        for each in rank.sharing
        if each.entity != rank.mapping.entity and each.priority >= rank.mapping.sync_priority
        for name in each.names
    }


def _keeping(columns: tuple[str, ...]) -> FileKind:
    return FileKind(merge=MergeOption.ONLY_OVERWRITE_IF_NOT_EMPTY, columns=columns)


def _clearing(columns: tuple[str, ...]) -> FileKind:
    return FileKind(merge=MergeOption.OVERWRITE, columns=columns)


def _two_files(columns: tuple[str, ...], cleared: Collection[str]) -> FileKind:
    first = tuple(name for name in columns if name in cleared)
    return FileKind(
        merge=MergeOption.OVERWRITE, columns=first, rest=tuple(name for name in columns if name not in cleared)
    )

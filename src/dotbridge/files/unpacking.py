"""A file as it was given, unpacked where it is a gzip or a zip of one file, within limits that no bomb passes."""

from __future__ import annotations

import gzip
import lzma
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from dotbridge.files.errors import FileRefused
from dotbridge.files.report import shortened
from dotbridge.files.texts import text as _

if TYPE_CHECKING:
    from _typeshed import SupportsRead

LARGEST_FILE = 1024**3
# A workbook is unpacked in pieces; an OpenDocument sheet, a binary workbook and an old one are held in memory whole.
LARGEST_WORKBOOK = 1024**3
LARGEST_SHEET_IN_MEMORY = 100 * 1024**2
# Text of people shrinks to a tenth; a thousandth is no text.
MOST_TIMES_ITS_SIZE = 200
MOST_NAMES_SHOWN = 20
_SMALL = 10 * 1024**2
_PIECE = 1024**2


class Kind(Enum):
    """What a file is, before its text is looked at."""

    TEXT = "text"
    XLSX = "xlsx"
    SHEET = "sheet"


@dataclass(frozen=True)
class Unpacked:
    """A file to read, what it is, and the name of the packed file that it came from, if it did."""

    file: BinaryIO
    kind: Kind
    part: str = ""


@contextmanager
def unpacked(file: BinaryIO) -> Iterator[Unpacked]:
    """The file that is inside, or the file itself. Raises FileRefused for what is too large or holds several files."""
    with ExitStack() as stack:
        _refuse_larger(_size(file), LARGEST_FILE)
        head = _head(file)
        if head.startswith(b"\x1f\x8b"):
            inner = stack.enter_context(_unpacked_gzip(file))
            yield Unpacked(inner, _kind(inner))
        elif head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            yield stack.enter_context(_unpacked_zip(file))
        else:
            yield Unpacked(file, _kind(file))


def _kind(file: BinaryIO) -> Kind:
    head = _head(file)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        _refuse_larger(_size(file), LARGEST_SHEET_IN_MEMORY)
        return Kind.SHEET
    if head.startswith(b"%PDF"):
        raise FileRefused(_("The file is a PDF, which holds no table. Save its table as CSV or XLSX and load that."))
    if head.startswith((b"\x1f\x8b", b"PK\x03\x04")):
        raise FileRefused(_("The file is packed twice. Unpack it once and load that."))
    return Kind.TEXT


@contextmanager
def _unpacked_gzip(file: BinaryIO) -> Iterator[BinaryIO]:
    try:
        with gzip.open(file) as packed, _copied(packed, _size(file)) as inner:
            yield inner
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise _damaged() from None


@contextmanager
def _unpacked_zip(file: BinaryIO) -> Iterator[Unpacked]:
    try:
        with _archive(file) as archive:
            members = [each for each in archive.infolist() if not each.is_dir() and not _is_junk(each.filename)]
            names = {each.filename for each in members}
            if "xl/workbook.xml" in names:
                _refuse_bombs(members, LARGEST_WORKBOOK)
                # Sheets are streamed; the texts that they share, and the rest, are held in memory.
                held = [each for each in members if not each.filename.startswith("xl/worksheets/")]
                _refuse_larger(sum(each.file_size for each in held), LARGEST_SHEET_IN_MEMORY)
                yield Unpacked(file, Kind.XLSX)
                return
            if {"content.xml", "mimetype"} <= names or "xl/workbook.bin" in names:
                _refuse_bombs(members, LARGEST_SHEET_IN_MEMORY)
                _prove_sizes(archive, members)
                yield Unpacked(file, Kind.SHEET)
                return
            if not members:
                raise FileRefused(_("There is no file in the archive."))
            if "[Content_Types].xml" in names or any(name.endswith(".iwa") for name in names):
                raise FileRefused(
                    _("The file is a document of another program. Save its table as CSV or XLSX there and load that.")
                )
            if len(members) != 1:
                raise FileRefused(
                    _(
                        "The archive holds %(number)d files: %(names)s. Unpack it and load each by itself, "
                        "also the one with those who have opted out."
                    )
                    % {"number": len(members), "names": _shown(names)}
                )
            with archive.open(members[0]) as packed, _copied(packed, _size(file)) as inner:
                yield Unpacked(inner, _kind(inner), part=PurePosixPath(members[0].filename).name)
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError):
        raise _damaged() from None
    except RuntimeError as error:
        # What zipfile raises for a file that is locked with a password.
        if "password" not in str(error) and "encrypted" not in str(error):
            raise
        raise FileRefused(_("The archive is locked with a password. Load the file unpacked.")) from None


def _shown(names: set[str]) -> str:
    first = [shortened(name) for name in sorted(names)[:MOST_NAMES_SHOWN]]
    return ", ".join([*first, *(["…"] if len(names) > MOST_NAMES_SHOWN else [])])


def _archive(file: BinaryIO) -> zipfile.ZipFile:
    """The archive. Raises FileRefused for one whose list of files cannot be read, such as its names."""
    try:
        return zipfile.ZipFile(file)
    except (ValueError, OverflowError):
        raise _damaged() from None


def _damaged() -> FileRefused:
    return FileRefused(_("The packed file is damaged. Pack it again, or load it unpacked."))


def _is_junk(name: str) -> bool:
    return name.startswith("__MACOSX/") or PurePosixPath(name).name in {".DS_Store", "Thumbs.db"}


@contextmanager
def _copied(packed: SupportsRead[bytes], packed_size: int) -> Iterator[BinaryIO]:
    with tempfile.TemporaryFile(prefix="dotbridge-unpacked-") as inner:
        done = 0
        while piece := _read(packed):
            done += len(piece)
            _refuse_larger(done, LARGEST_FILE)
            _refuse_blown_up(done, packed_size)
            inner.write(piece)
        inner.seek(0)
        yield inner


def _read(packed: SupportsRead[bytes]) -> bytes:
    try:
        return packed.read(_PIECE)
    except (OSError, ValueError):
        # What bzip2 in a zip says of damage.
        raise _damaged() from None


def _refuse_bombs(members: list[zipfile.ZipInfo], largest: int) -> None:
    """By the sizes that the archive names. Nothing reads more of a member than that."""
    whole = sum(each.file_size for each in members)
    _refuse_larger(whole, largest)
    _refuse_blown_up(whole, sum(each.compress_size for each in members))


def _prove_sizes(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> None:
    """Read every member once: the library that reads it next would believe the data, not the named size."""
    for member in members:
        with archive.open(member) as packed:
            while _read(packed):
                pass


def _refuse_larger(size: int, largest: int) -> None:
    if size > largest:
        raise FileRefused(
            _("The file has more than %(most)d MB. Split it, and load the parts one after the other.")
            % {"most": largest // 1024**2}
        )


def _refuse_blown_up(size: int, packed: int) -> None:
    if size > _SMALL and size > packed * MOST_TIMES_ITS_SIZE:
        raise FileRefused(
            _("Unpacked, the file would be more than %(times)d times its size, which no file of people is.")
            % {"times": MOST_TIMES_ITS_SIZE}
        )


def _head(file: BinaryIO) -> bytes:
    file.seek(0)
    head = file.read(8)
    file.seek(0)
    return head


def _size(file: BinaryIO) -> int:
    size = file.seek(0, 2)
    file.seek(0)
    return size

"""What went wrong with one thing, said without a value of anybody's record.

The text of an error may show the row that a constraint refused, so of errors that are not ours or Dotdigital's only the
kind is told, and the log names the line.
"""

from __future__ import annotations

import sysconfig
import traceback
from dataclasses import dataclass
from pathlib import Path

from django.core.exceptions import ValidationError
from django.db import DatabaseError, DataError, InterfaceError, ProgrammingError, connection
from django.utils.translation import gettext_noop as _
from psycopg.pq import TransactionStatus

import dotbridge
import dotdigital
from dotbridge.entities.faults import faulty
from dotbridge.entities.registry import UnknownEntity, UnknownField
from dotbridge.entities.time_limits import StatementRefused
from dotbridge.integrations.protocols import FORBIDDEN
from dotbridge.lists.rules import RuleError
from dotbridge.sync import texts
from dotdigital import ConfigurationError, DotdigitalError, NotFound

_OUR_PACKAGES = (Path(dotbridge.__file__).parent, Path(dotdigital.__file__).parent)
# The example host lives beside us, and is one all the same.
_EXAMPLE_HOST = _OUR_PACKAGES[0] / "crm"
_STANDARD_LIBRARY = Path(sysconfig.get_paths()["stdlib"])


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why something could not be done: a text for people, whether Dotdigital does not have it any more, and whether it
    was Dotdigital that did not do it. `place` is for the log, empty where the text says all. `refused` is what the
    database could not work out, in words.
    """

    text: str
    is_gone: bool = False
    is_remote: bool = False
    code: str = ""
    place: str = ""
    refused: str = ""

    def text_of(self, entity_key: str) -> str:
        """The text for people, of a list of this entity: also which of its fields the database cannot work out."""
        return str(faulty(entity_key, self.refused)) if self.refused else self.text


def failure_of(error: Exception) -> Failure:
    """What to say of an error, whatever it is."""
    if isinstance(error, DotdigitalError):
        is_gone = isinstance(error, NotFound)
        return Failure(text=error.text, is_gone=is_gone, is_remote=not is_gone, code=error.code or "")
    if isinstance(error, RuleError | UnknownEntity | UnknownField):
        return Failure(text=str(error))
    place = place_of(error)
    if isinstance(error, DatabaseError | InterfaceError):
        kind = type(error.__cause__ or error).__name__
        refused = StatementRefused(error).kind if isinstance(error, DataError | ProgrammingError) else ""
        text = texts.DATABASE_CANNOT % {"kind": kind}
        return Failure(text=text, place=place, refused=refused)
    if isinstance(error, ValidationError):
        return Failure(text=_("A check of the record refused it. The log of the worker says where."), place=place)
    return Failure(text=texts.UNEXPECTED % {"kind": type(error).__name__}, place=place)


def is_denied_alone(error: BaseException) -> bool:
    """Whether Dotdigital, which has let us in, denies this one thing: a feature that the account's package or the API
    user does not have. That says nothing of what else is asked for."""
    return isinstance(error, ConfigurationError) and error.status == FORBIDDEN


def kind_of(error: BaseException) -> str:
    """The class of an error for the log; of a database error also its SQLSTATE, because its text is not told."""
    code = getattr(error.__cause__ if isinstance(error, DatabaseError) else error, "sqlstate", None)
    return f"{type(error).__name__} {code}" if code else type(error).__name__


def place_of(error: BaseException) -> str:
    """The line where it happened: the host's own last one if it passed through any, because that one can be mended,
    else the last one of ours."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    of_the_host = [frame for frame in frames if _is_of_the_host(frame.filename)]
    of_ours = [frame for frame in frames if any(Path(frame.filename).is_relative_to(each) for each in _OUR_PACKAGES)]
    frame = (of_the_host or of_ours or frames)[-1]
    return f"{frame.filename}:{frame.lineno} in {frame.name}"


def restore_connection() -> None:
    """After an error the next statement must work: nothing half done is left open, and a dead connection is renewed."""
    if connection.in_atomic_block or connection.connection is None:
        return
    if connection.connection.info.transaction_status in (TransactionStatus.INTRANS, TransactionStatus.INERROR):
        # Somebody's code began a transaction by hand and did not end it.
        connection.connection.rollback()
    # It may have been lost while nothing was asked of it.
    connection.errors_occurred = True
    connection.close_if_unusable_or_obsolete()


def _is_of_the_host(filename: str) -> bool:
    path = Path(filename)
    if filename.startswith("<") or "site-packages" in path.parts:
        return False
    if path.is_relative_to(_EXAMPLE_HOST):
        return True
    return not any(path.is_relative_to(folder) for folder in (*_OUR_PACKAGES, _STANDARD_LIBRARY))

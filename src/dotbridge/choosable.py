"""The settings that are chosen in the environment and in the back office: each with its default and limits, once.

The environment gives the default; what somebody chose in the back office (`preferences`) wins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.encoding import punycode

from dotbridge.durations import read_duration

DAY = 86_400
_ADDRESS = re.compile(r"[^@\s<>\"',;]+@[^@\s<>\"',;]+\.[^@\s<>\"',;]+")


@dataclass(frozen=True, kw_only=True)
class Choosable:
    """One setting: its name, its variable, what it is when nobody says anything, and what it is for.

    Subclasses know what it may be: `read` answers the value that a text means, and raises ValueError; `allowed` says
    in words what it takes.
    """

    name: str
    variable: str
    default: Any
    purpose: str

    @property
    def allowed(self) -> str:
        """What it takes, in words."""
        raise NotImplementedError

    def read(self, text: str) -> Any:
        """The value that the text means. Raises ValueError."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Seconds(Choosable):
    """A length of time. A number alone is seconds."""

    least: float = 0
    most: float = DAY

    @property
    def allowed(self) -> str:
        """From what to what, and how it can be written."""
        limits = f"a number of seconds from {self.least:g} to {self.most:g}"
        return f"{limits}, or a text such as 90 seconds, 10 minutes or 1 day"

    def read(self, text: str) -> float:
        """The seconds, within the limits."""
        try:
            seconds = float(text)
        except ValueError:
            seconds = read_duration(text)
        if not self.least <= seconds <= self.most:
            raise ValueError(text)
        return seconds


@dataclass(frozen=True, kw_only=True)
class Days(Choosable):
    """A whole number of days."""

    most: int = 9999

    @property
    def allowed(self) -> str:
        """From what to what."""
        return f"a whole number of days from 1 to {self.most}"

    def read(self, text: str) -> int:
        """The days; with or without the word."""
        found = re.fullmatch(r"([0-9]{1,4})(?: days?)?", text.strip())
        if found is None or not 1 <= int(found[1]) <= self.most:
            raise ValueError(text)
        return int(found[1])


def read_flag(given: Any) -> bool:
    """A truth value, or the text of one. Raises ValueError."""
    if str(given).lower() not in {"0", "1", "true", "false", "yes", "no"}:
        raise ValueError(given)
    return str(given).lower() in {"1", "true", "yes"}


@dataclass(frozen=True, kw_only=True)
class Switch(Choosable):
    """On or off."""

    @property
    def allowed(self) -> str:
        """How it can be written."""
        return "1 or 0"

    def read(self, text: str) -> bool:
        """Whether it is on."""
        return read_flag(text)


@dataclass(frozen=True, kw_only=True)
class Line(Choosable):
    """A short text, or with `is_address` an e-mail address; empty is allowed."""

    is_address: bool = False

    @property
    def allowed(self) -> str:
        """What it takes."""
        return (
            "an e-mail address, such as news@example.com" if self.is_address else "one line of at most 200 characters"
        )

    def read(self, text: str) -> str:
        """The text, without what has no place in the head of a mail."""
        line = text.strip()
        if len(line) > 200 or any(ord(letter) < 32 for letter in line):
            raise ValueError(text)
        if self.is_address and line and not _is_address(line):
            raise ValueError(text)
        return line


def _is_address(text: str) -> bool:
    """Whether a mail can be from there: Django refuses what it cannot put into the head of one."""
    try:
        validate_email(text)
        punycode(text.rpartition("@")[2])
    except (ValidationError, UnicodeError):
        return False
    return _ADDRESS.fullmatch(text) is not None


CHOOSABLE: tuple[Choosable, ...] = (
    Seconds(
        name="import_every_seconds",
        variable="DOTBRIDGE_IMPORT_EVERY",
        default=240.0,
        least=60,
        purpose="How long it is from one import to the next.",
    ),
    Seconds(
        name="export_every_seconds",
        variable="DOTBRIDGE_EXPORT_EVERY",
        default=240.0,
        least=60,
        purpose="How long it is from one export to the next.",
    ),
    Seconds(
        name="changes_every_seconds",
        variable="DOTBRIDGE_CHANGES_EVERY",
        default=300.0,
        least=60,
        purpose="How long it is until changed fields are looked at again.",
    ),
    Seconds(
        name="import_wait_seconds",
        variable="DOTBRIDGE_IMPORT_WAIT_SECONDS",
        default=20.0,
        purpose="How long a run waits for Dotdigital to finish an upload before it leaves the rest to the next one.",
    ),
    Seconds(
        name="run_seconds",
        variable="DOTBRIDGE_RUN_SECONDS",
        default=600.0,
        purpose="How long a run may import before it keeps its place and lets others have a turn.",
    ),
    Seconds(
        name="unknown_outcome_seconds",
        variable="DOTBRIDGE_UNKNOWN_OUTCOME_SECONDS",
        default=600.0,
        purpose="How long an upload with an unknown outcome is given before the book is read to see what was taken.",
    ),
    Days(
        name="keep_runs_days",
        variable="DOTBRIDGE_KEEP_RUNS_DAYS",
        default=90,
        purpose="For how many days past runs are kept, with their steps, rejections and finished uploads.",
    ),
    Days(
        name="keep_events_days",
        variable="DOTBRIDGE_KEEP_EVENTS_DAYS",
        default=400,
        purpose="For how many days opens and clicks are kept once they were applied.",
    ),
    Switch(
        name="reads_campaigns",
        variable="DOTBRIDGE_CAMPAIGNS",
        default=True,
        purpose="Whether campaigns and their results are read.",
    ),
    Switch(
        name="reads_activities",
        variable="DOTBRIDGE_ACTIVITIES",
        default=True,
        purpose="Whether it is read who opened and clicked.",
    ),
    Line(
        name="sender_name",
        variable="DOTBRIDGE_SENDER_NAME",
        default="",
        purpose="Whom mails of the program are from.",
    ),
    Line(
        name="sender_email",
        variable="DOTBRIDGE_SENDER_EMAIL",
        default="",
        is_address=True,
        purpose="The address that mails of the program are from.",
    ),
)
BY_NAME = {each.name: each for each in CHOOSABLE}

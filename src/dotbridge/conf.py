"""The settings of the apps: the dictionary `DOTBRIDGE` in Django's settings. Each has a default.

A host writes what differs:

    DOTBRIDGE = {"KEEP_RUNS_DAYS": 30}

`docs/settings.md` is made from the table below. The standalone product fills the dictionary from its environment.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from dotbridge.choosable import CHOOSABLE, Choosable, read_flag


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One setting: its name, its default, what it may be, what it is for, and how a given value is read.

    `field` is its name in `AppSettings`, where that is not its own in lower case.

    `read` takes the value itself or its text, as an environment variable holds it, and raises ValueError for what
    cannot be used.
    """

    name: str
    default: Any
    allowed: str
    purpose: str
    read: Callable[[Any], Any]
    field: str = ""

    @property
    def attribute(self) -> str:
        """Its name in `AppSettings`."""
        return self.field or self.name.lower()


@dataclass(frozen=True, kw_only=True)
class AppSettings:
    """What holds now: a field for each setting of `SETTINGS`."""

    api_origins: tuple[str, ...]
    spool_dir: Path | None
    site_origin: str
    import_every_seconds: float
    export_every_seconds: float
    changes_every_seconds: float
    import_wait_seconds: float
    run_seconds: float
    unknown_outcome_seconds: float
    keep_runs_days: int
    keep_events_days: int
    reads_campaigns: bool
    reads_activities: bool
    sender_name: str
    sender_email: str
    file_folders: tuple[str, ...]
    file_private_addresses: bool


def read_words(given: Any) -> tuple[str, ...]:
    """Several texts: a list of them, or one text with commas between them."""
    parts = given.split(",") if isinstance(given, str) else given
    if not isinstance(parts, list | tuple | set | frozenset) or not all(isinstance(part, str) for part in parts):
        raise ValueError(given)
    return tuple(word for part in parts if (word := part.strip()))


def read_origins(given: Any) -> tuple[str, ...]:
    """Several origins, as `read_words` reads them. Raises ValueError with the first that is none."""
    origins = read_words(given)
    for origin in origins:
        if not _is_origin(origin):
            # Who writes user:password@ here shows it to nobody.
            raise ValueError(origin.rpartition("@")[2])
    return origins


def read_origin(given: Any) -> str:
    """One origin, or nothing. Raises ValueError for anything else."""
    if given in (None, ""):
        return ""
    origins = read_origins(given)
    if len(origins) != 1:
        raise ValueError(", ".join(origins))
    return origins[0]


def read_folder(given: Any) -> Path:
    """A folder's path. It need not be there yet."""
    if not isinstance(given, str | Path) or not str(given):
        raise ValueError(given)
    try:
        return Path(given).expanduser().resolve()
    except RuntimeError as error:
        raise ValueError(given) from error


ORIGINS_ALLOWED = "an origin is http(s)://HOST or http(s)://HOST:PORT, separated by commas"
OWN = (
    Setting(
        name="API_ORIGINS",
        default=(),
        allowed=ORIGINS_ALLOWED,
        purpose="Origins beside Dotdigital's own that passwords may be sent to, such as a sandbox's.",
        read=read_origins,
    ),
    Setting(
        name="SPOOL_DIR",
        default=None,
        allowed="a folder that can be written to",
        purpose="Where a file lies while it is sent to Dotdigital. The system's folder for temporary files by default.",
        read=read_folder,
    ),
    Setting(
        name="SITE_ORIGIN",
        default="",
        allowed="an origin is http(s)://HOST or http(s)://HOST:PORT",
        purpose="Where people reach the back office: links in mails lead there.",
        read=read_origin,
    ),
    Setting(
        name="FILE_FOLDERS",
        default=(),
        allowed="folders, separated by commas",
        purpose="The folders that files which are read on a schedule may lie in.",
        read=read_words,
    ),
    Setting(
        name="FILE_PRIVATE_ADDRESSES",
        default=False,
        allowed="true or false",
        purpose="Whether such files may be fetched from servers of the own network.",
        read=read_flag,
    ),
)


def setting_of(choosable: Choosable, *, name: str) -> Setting:
    """The setting of this name that takes what the choosable one takes."""
    return Setting(
        name=name,
        default=choosable.default,
        allowed=choosable.allowed,
        purpose=choosable.purpose,
        read=lambda given: choosable.read(str(given)),
        field=choosable.name,
    )


# Those of the second kind can be chosen in the back office too: here is what they are while nobody does.
SETTINGS = (*OWN, *(setting_of(each, name=each.variable.removeprefix("DOTBRIDGE_")) for each in CHOOSABLE))


def app_settings() -> AppSettings:
    """What holds now. A value that cannot be used counts as not given: the system check has named it."""
    given = _given()
    return AppSettings(**{each.attribute: _value(each, given) for each in SETTINGS})


def wrong_settings() -> list[str]:
    """A line for each setting that cannot be used: which, its value and what is allowed."""
    given = getattr(settings, "DOTBRIDGE", {})
    if not isinstance(given, Mapping):
        return [f"DOTBRIDGE must be a dictionary, such as {{'KEEP_RUNS_DAYS': 30}}; it is a {type(given).__name__}."]
    known = {each.name: each for each in SETTINGS}
    lines = [_unknown(name, known) for name in given if name not in known]
    for name, value in given.items():
        if (setting := known.get(name)) is not None and not _is_default(setting, value):
            lines.extend(_problem(setting, value))
    return lines


def is_standalone() -> bool:
    """Whether this is the standalone product, not a host's project."""
    return bool(settings.WSGI_APPLICATION == "dotbridge.wsgi.application")


def typed_command(words: str) -> str:
    """How one of our commands is typed here, such as "keys rotate"."""
    return f"dotbridge {words}" if is_standalone() else f"manage.py dotbridge {words}"


def where_keys_stand() -> str:
    """The name of the setting that holds former secret keys."""
    return "DOTBRIDGE_SECRET_KEYS" if is_standalone() else "SECRET_KEY_FALLBACKS"


def _is_default(setting: Setting, value: Any) -> bool:
    return value is None and setting.default is None


def _problem(setting: Setting, value: Any) -> Iterable[str]:
    try:
        setting.read(value)
    except (ValueError, TypeError):
        shown = "..." if setting.read in (read_origin, read_origins) else repr(value)
        yield f"DOTBRIDGE[{setting.name!r}] = {shown} cannot be used: {setting.allowed}."


def _unknown(name: Any, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(name).upper(), list(known), n=1)
    hint = f"Did you mean {close[0]!r}?" if close else f"There are: {', '.join(known)}."
    return f"DOTBRIDGE[{name!r}] is no setting. {hint}"


def _given() -> Mapping[str, Any]:
    given = getattr(settings, "DOTBRIDGE", {})
    return given if isinstance(given, Mapping) else {}


def _value(setting: Setting, given: Mapping[str, Any]) -> Any:
    value = given.get(setting.name, setting.default)
    if _is_default(setting, value):
        return None
    try:
        return setting.read(value)
    except (ValueError, TypeError):
        return setting.default


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        is_plain = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and is_plain
    except ValueError:
        return False

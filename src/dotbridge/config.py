"""What the operator of the standalone product configured: environment variables and `.env`, checked once, with one line
for each mistake. A host's own project sets the dictionary `DOTBRIDGE` instead: see `dotbridge.conf`.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import secrets
import tempfile
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotbridge.choosable import Line, read_flag
from dotbridge.conf import (
    ORIGINS_ALLOWED,
    SETTINGS,
    Setting,
    read_origin,
    read_origins,
    read_words,
    setting_of,
)
from dotbridge.database_url import wrong_parameter
from dotbridge.errors import OperatorError

ENV_LINE = re.compile(r"(export )?[A-Za-z_][A-Za-z_0-9]*=.*")


class ConfigError(OperatorError):
    """A setting that cannot be used. The text names the setting, its value and what is allowed, in one line."""

    def __init__(self, name: str, value: str, allowed: str) -> None:
        super().__init__(f"{name}={value!r} cannot be used: {allowed}.")


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every setting an operator can change, typed. Secrets never appear in its `repr`.

    `apps` are those of the apps, as the dictionary `DOTBRIDGE` holds them.
    """

    data_dir: Path
    database_url: str | None
    secret_keys: tuple[str, ...]
    host: str
    port: int
    sandbox_port: int
    time_zone: str
    allowed_hosts: tuple[str, ...]
    trusted_origins: tuple[str, ...]
    debug: bool
    email_url: str
    email_from: str
    request_seconds: float
    request_megabytes: int
    apps: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Config(data_dir={str(self.data_dir)!r}, host={self.host!r}, port={self.port})"

    @property
    def address(self) -> str:
        """Where the back office listens, as a browser on this machine takes it."""
        return _address(self.host, self.port)

    @property
    def sandbox_url(self) -> str:
        """Where the sandbox that the demo starts listens."""
        return f"http://127.0.0.1:{self.sandbox_port}"


def _address(host: str, port: int) -> str:
    # One that listens everywhere is reached here under the name that every machine has for itself.
    shown = "localhost" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - only shown
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"


def _read_port(given: Any) -> int:
    if not re.fullmatch("[0-9]{1,5}", str(given)) or not 1 <= int(given) <= 65535:
        raise ValueError(given)
    return int(given)


def _read_seconds(given: Any) -> float:
    if not 0.1 <= float(given) <= 86_400:
        raise ValueError(given)
    return float(given)


def _read_megabytes(given: Any) -> int:
    if not re.fullmatch("[0-9]{1,4}", str(given)) or int(given) < 1:
        raise ValueError(given)
    return int(given)


@cache
def time_zones() -> frozenset[str]:
    """The names of the time zones that this machine knows. Its files are looked through once."""
    return frozenset(zoneinfo.available_timezones())


def _read_time_zone(given: Any) -> str:
    if given not in time_zones():
        raise ValueError(given)
    return str(given)


def _read_email_url(given: Any) -> str:
    # It may hold a password, so only its scheme is shown: Python's own words may quote what it took for a port.
    scheme = "..."
    try:
        parts = urlsplit(given or "smtp://localhost")
        scheme = parts.scheme
        is_complete = scheme in {"smtp", "smtp+tls", "smtp+ssl"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_complete = False
    if not is_complete:
        raise ValueError(f"{scheme}://...")
    return str(given)


_EMAIL_FROM = Line(
    name="email_from",
    variable="DOTBRIDGE_EMAIL_FROM",
    default="",
    is_address=True,
    purpose="The address that mails are from, while no other sender is chosen.",
)
_PORT = "a port is a whole number from 1 to 65535"
_DATABASE_URL = (
    "it must be postgresql://USER:PASSWORD@HOST:PORT/NAME, or absent for the embedded server; "
    "in USER and PASSWORD write characters such as @ : / as %40 %3A %2F"
)
# `docs/settings.md` is made from this table and from the one of the apps.
STANDALONE = (
    Setting(
        name="DATABASE_URL",
        default="",
        allowed=_DATABASE_URL,
        purpose="PostgreSQL 14 or newer. Without it an embedded server is run in the data folder.",
        read=str,
    ),
    Setting(
        name="DOTBRIDGE_SECRET_KEYS",
        default="",
        allowed="each key needs 32 characters or more",
        purpose="Several, separated by commas: the first is used, the others still open what they sealed. Without them "
        "a key is made on the first run and kept in the data folder.",
        read=read_words,
    ),
    Setting(
        name="DOTBRIDGE_DATA_DIR",
        default=".dotbridge",
        allowed="a folder that can be written to",
        purpose="Where the embedded database, the secret key and files on their way to Dotdigital are kept.",
        read=str,
    ),
    Setting(
        name="DOTBRIDGE_HOST",
        default="127.0.0.1",
        allowed="an address of this machine",
        purpose="The address that the back office listens on.",
        read=str,
    ),
    Setting(
        name="DOTBRIDGE_PORT",
        default=8000,
        allowed=_PORT,
        purpose="The port that the back office listens on.",
        read=_read_port,
    ),
    Setting(
        name="DOTBRIDGE_SANDBOX_PORT",
        default=8099,
        allowed=_PORT,
        purpose="The port of the account that the demo plays with.",
        read=_read_port,
    ),
    Setting(
        name="DOTBRIDGE_TIME_ZONE",
        default="UTC",
        allowed="a name of the IANA database, such as Europe/London",
        purpose="How dates are shown, and when a day begins.",
        read=_read_time_zone,
    ),
    Setting(
        name="DOTBRIDGE_ALLOWED_HOSTS",
        default="localhost,127.0.0.1,[::1]",
        allowed="names, separated by commas",
        purpose="The names under which the back office may be asked for.",
        read=read_words,
    ),
    Setting(
        name="DOTBRIDGE_TRUSTED_ORIGINS",
        default="",
        allowed=ORIGINS_ALLOWED,
        purpose="Behind a proxy that speaks HTTPS: the origins that people see.",
        read=read_origins,
    ),
    Setting(
        name="DOTBRIDGE_DEBUG",
        default=0,
        allowed="1 or 0",
        purpose="Whether errors are shown in the browser. For developers only.",
        read=read_flag,
    ),
    Setting(
        name="DOTBRIDGE_EMAIL_URL",
        default="",
        allowed="it must be smtp://USER:PASSWORD@HOST:PORT, with smtp+tls:// for STARTTLS and smtp+ssl:// for TLS; in "
        "USER and PASSWORD write characters such as @ : / as %40 %3A %2F",
        purpose="The server that mails go to. Without it nothing is mailed.",
        read=_read_email_url,
    ),
    setting_of(_EMAIL_FROM, name=_EMAIL_FROM.variable),
    Setting(
        name="DOTBRIDGE_REQUEST_SECONDS",
        default=20.0,
        allowed="a number of seconds from 0.1 to 86400",
        purpose="How long a request may take to arrive (a large one longer: a second more for each 50 kB that have "
        "come), and how long the reader of an answer may take nothing of it.",
        read=_read_seconds,
    ),
    Setting(
        name="DOTBRIDGE_REQUEST_MEGABYTES",
        default=100,
        allowed="a whole number of megabytes from 1 to 9999",
        purpose="How large a request may be, files included.",
        read=_read_megabytes,
    ),
)
_BY_NAME = {each.name: each for each in STANDALONE}


def read_config(environment: Mapping[str, str] | None = None) -> Config:
    """The configuration of this process.

    Reads `.env` in the working directory first; a variable of the real environment wins over it.
    Raises ConfigError for the first value that cannot be used.
    """
    if environment is None:
        _read_env_file(Path.cwd() / ".env")
        environment = os.environ
    data_dir = _data_dir(environment)
    sandbox_port = _read(environment, "DOTBRIDGE_SANDBOX_PORT")
    return Config(
        data_dir=data_dir,
        database_url=_database_url(environment),
        secret_keys=_secret_keys(environment, data_dir),
        host=_read(environment, "DOTBRIDGE_HOST"),
        port=_read(environment, "DOTBRIDGE_PORT"),
        sandbox_port=sandbox_port,
        time_zone=_read(environment, "DOTBRIDGE_TIME_ZONE"),
        allowed_hosts=_read(environment, "DOTBRIDGE_ALLOWED_HOSTS"),
        trusted_origins=_read(environment, "DOTBRIDGE_TRUSTED_ORIGINS"),
        debug=_read(environment, "DOTBRIDGE_DEBUG"),
        email_url=_read(environment, "DOTBRIDGE_EMAIL_URL"),
        email_from=_read(environment, "DOTBRIDGE_EMAIL_FROM"),
        request_seconds=_read(environment, "DOTBRIDGE_REQUEST_SECONDS"),
        request_megabytes=_read(environment, "DOTBRIDGE_REQUEST_MEGABYTES"),
        apps=_of_the_apps(environment, data_dir, sandbox_port),
    )


def _of_the_apps(environment: Mapping[str, str], data_dir: Path, sandbox_port: int) -> dict[str, Any]:
    """The dictionary `DOTBRIDGE`: each of its settings from the variable of its name, with our own defaults."""
    origins = _read(environment, "DOTBRIDGE_TRUSTED_ORIGINS")
    here = _address(_read(environment, "DOTBRIDGE_HOST"), _read(environment, "DOTBRIDGE_PORT"))
    own = {
        "API_ORIGINS": f"http://127.0.0.1:{sandbox_port}",
        "SPOOL_DIR": data_dir / "spool",
        "SITE_ORIGIN": origins[0] if origins else here,
    }
    return {
        each.name: _value(environment, f"DOTBRIDGE_{each.name}", each, default=own.get(each.name, each.default))
        for each in SETTINGS
    }


def _read(environment: Mapping[str, str], name: str) -> Any:
    return _value(environment, name, _BY_NAME[name], default=_BY_NAME[name].default)


def _value(environment: Mapping[str, str], name: str, setting: Setting, *, default: Any) -> Any:
    value = environment.get(name) or default
    try:
        return setting.read(value)
    except ValueError as error:
        # Of several origins the wrong one is shown, without what must not be seen.
        shows_less = setting.read in (read_origin, read_origins, _read_email_url)
        shown = str(error.args[0]) if shows_less else str(value)
        raise ConfigError(name, shown, setting.allowed) from error


def kept_secret(path: Path, *, length: int) -> str:
    """The random text that this file keeps, made of so many bytes when there is none. Raises OSError.

    The file appears whole or not at all, so two first runs at once agree, and a killed one leaves no empty secret.
    """
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f"{path.name}.") as file:
            file.write(secrets.token_urlsafe(length) + "\n")
            file.flush()
            with contextlib.suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_text().strip()


def _read_env_file(path: Path) -> None:
    if not path.exists():
        return
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"{path} cannot be read: {error}.") from None
    for number, line in enumerate(lines, 1):
        if line and not line.startswith("#") and not ENV_LINE.fullmatch(line):
            # The line may hold a password, so only its number is shown.
            raise OperatorError(f"{path}, line {number}, cannot be used: write NAME=value, or # before a comment.")
    import environ  # noqa: PLC0415 - a host's project reads no environment of ours

    environ.Env.read_env(io.StringIO("\n".join(lines)), overwrite=False)


def _data_dir(environment: Mapping[str, str]) -> Path:
    value = environment.get("DOTBRIDGE_DATA_DIR") or str(_BY_NAME["DOTBRIDGE_DATA_DIR"].default)
    try:
        folder = Path(value).expanduser().resolve()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:
        raise _not_writable(value, error) from error
    return folder


def _not_writable(value: str, error: Exception) -> ConfigError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return ConfigError("DOTBRIDGE_DATA_DIR", value, f"it must be a folder that can be written to ({reason})")


def _database_url(environment: Mapping[str, str]) -> str | None:
    url = environment.get("DATABASE_URL") or None
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        is_complete = parts.scheme in {"postgres", "postgresql"} and len(parts.path) > 1 and parts.port != 0
        scheme = parts.scheme
    except ValueError:
        is_complete, scheme = False, "..."
    if is_complete:
        wrong, why = wrong_parameter(parts.query)
        if wrong:
            raise ConfigError("DATABASE_URL", f"{scheme}://...?{wrong}=...", why)
    if not is_complete:
        # The value may hold a password, so only its scheme is shown.
        raise ConfigError("DATABASE_URL", f"{scheme}://...", _DATABASE_URL)
    return url


def _secret_keys(environment: Mapping[str, str], data_dir: Path) -> tuple[str, ...]:
    for name in ("DOTBRIDGE_SECRET_KEYS", "DOTBRIDGE_SECRET_KEY"):
        keys = read_words(environment.get(name, ""))
        if keys:
            if short := [key for key in keys if len(key) < 32]:
                raise ConfigError(name, f"<{len(short[0])} characters>", _BY_NAME["DOTBRIDGE_SECRET_KEYS"].allowed)
            return keys
    return (_kept_secret_key(data_dir / "secret_key"),)


def _kept_secret_key(path: Path) -> str:
    try:
        key = kept_secret(path, length=48)
    except OSError as error:
        raise _not_writable(str(path.parent), error) from error
    if len(key) < 32:
        raise ConfigError(str(path), f"<{len(key)} characters>", "delete the file to have a new key made")
    return key

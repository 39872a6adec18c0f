"""What the operator configured: environment variables and `.env`, checked once, with one line for each mistake."""

from __future__ import annotations

import contextlib
import io
import os
import re
import secrets
import tempfile
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ

from dotbridge.choosable import CHOOSABLE, Choosable, Line
from dotbridge.errors import OperatorError

EMAIL_FROM = Line(name="email_from", variable="DOTBRIDGE_EMAIL_FROM", default="", is_address=True)
ENV_LINE = re.compile(r"(export )?[A-Za-z_][A-Za-z_0-9]*=.*")


class ConfigError(OperatorError):
    """A setting that cannot be used. The text names the setting, its value and what is allowed, in one line."""

    def __init__(self, name: str, value: str, allowed: str) -> None:
        super().__init__(f"{name}={value!r} cannot be used: {allowed}.")


@dataclass(frozen=True, kw_only=True)
class Config:
    """Every setting an operator can change, typed. Secrets never appear in its `repr`."""

    data_dir: Path
    database_url: str | None
    secret_keys: tuple[str, ...]
    host: str
    port: int
    sandbox_port: int
    time_zone: str
    allowed_hosts: tuple[str, ...]
    trusted_origins: tuple[str, ...]
    api_origins: tuple[str, ...]
    debug: bool
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
    email_url: str | None
    email_from: str
    request_seconds: float
    request_megabytes: int

    def __repr__(self) -> str:
        return f"Config(data_dir={str(self.data_dir)!r}, host={self.host!r}, port={self.port})"

    @property
    def sandbox_url(self) -> str:
        """Where the sandbox that the demo starts listens."""
        return f"http://127.0.0.1:{self.sandbox_port}"


def read_config(environment: Mapping[str, str] | None = None) -> Config:
    """The configuration of this process.

    Reads `.env` in the working directory first; a variable of the real environment wins over it.
    Raises ConfigError for the first value that cannot be used.
    """
    if environment is None:
        _read_env_file(Path.cwd() / ".env")
        environment = os.environ
    data_dir = _data_dir(environment)
    sandbox_port = _port(environment, "DOTBRIDGE_SANDBOX_PORT", 8099)
    return Config(
        data_dir=data_dir,
        database_url=_database_url(environment),
        secret_keys=_secret_keys(environment, data_dir),
        host=environment.get("DOTBRIDGE_HOST") or "127.0.0.1",
        port=_port(environment, "DOTBRIDGE_PORT", 8000),
        sandbox_port=sandbox_port,
        time_zone=_time_zone(environment),
        allowed_hosts=_words(environment, "DOTBRIDGE_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]"),
        trusted_origins=_origins(environment, "DOTBRIDGE_TRUSTED_ORIGINS", ""),
        api_origins=_origins(environment, "DOTBRIDGE_API_ORIGINS", f"http://127.0.0.1:{sandbox_port}"),
        debug=_flag(environment, "DOTBRIDGE_DEBUG"),
        email_url=_email_url(environment),
        email_from=_chosen(environment, EMAIL_FROM),
        request_seconds=_seconds(environment, "DOTBRIDGE_REQUEST_SECONDS", 20, least=0.1),
        request_megabytes=_whole(environment, "DOTBRIDGE_REQUEST_MEGABYTES", 100, unit="megabytes"),
        **{each.name: _chosen(environment, each) for each in CHOOSABLE},
    )


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
    environ.Env.read_env(io.StringIO("\n".join(lines)), overwrite=False)


def _data_dir(environment: Mapping[str, str]) -> Path:
    value = environment.get("DOTBRIDGE_DATA_DIR") or ".dotbridge"
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
    if not is_complete:
        # The value may hold a password, so only its scheme is shown.
        raise ConfigError(
            "DATABASE_URL",
            f"{scheme}://...",
            "it must be postgresql://USER:PASSWORD@HOST:PORT/NAME, or absent for the embedded server; "
            "in USER and PASSWORD write characters such as @ : / as %40 %3A %2F",
        )
    return url


def _secret_keys(environment: Mapping[str, str], data_dir: Path) -> tuple[str, ...]:
    for name in ("DOTBRIDGE_SECRET_KEYS", "DOTBRIDGE_SECRET_KEY"):
        keys = _words(environment, name, "")
        if keys:
            if short := [key for key in keys if len(key) < 32]:
                raise ConfigError(name, f"<{len(short[0])} characters>", "each key needs 32 characters or more")
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


def _chosen(environment: Mapping[str, str], choosable: Choosable) -> Any:
    text = environment.get(choosable.variable)
    if not text:
        return choosable.default
    try:
        return choosable.read(text)
    except ValueError:
        raise ConfigError(choosable.variable, text, choosable.allowed) from None


def _email_url(environment: Mapping[str, str]) -> str | None:
    url = environment.get("DOTBRIDGE_EMAIL_URL") or None
    try:
        parts = urlsplit(url or "smtp://localhost")
        is_good = parts.scheme in {"smtp", "smtp+tls", "smtp+ssl"} and bool(parts.hostname) and parts.port != 0
        scheme = parts.scheme
    except ValueError:
        is_good, scheme = False, "..."
    if not is_good:
        # The value may hold a password, so only its scheme is shown.
        raise ConfigError(
            "DOTBRIDGE_EMAIL_URL",
            f"{scheme}://...",
            "it must be smtp://USER:PASSWORD@HOST:PORT, with smtp+tls:// for STARTTLS and smtp+ssl:// for TLS; in USER "
            "and PASSWORD write characters such as @ : / as %40 %3A %2F",
        )
    return url


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name) or str(default)
    if not re.fullmatch("[0-9]{1,5}", value) or not 1 <= int(value) <= 65535:
        raise ConfigError(name, value, "a port is a whole number from 1 to 65535")
    return int(value)


def _time_zone(environment: Mapping[str, str]) -> str:
    value = environment.get("DOTBRIDGE_TIME_ZONE") or "UTC"
    if value not in zoneinfo.available_timezones():
        raise ConfigError("DOTBRIDGE_TIME_ZONE", value, "a name of the IANA database, such as Europe/London")
    return value


def _seconds(environment: Mapping[str, str], name: str, default: float, *, least: float = 0) -> float:
    value = environment.get(name) or str(default)
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1
    if not least <= seconds <= 86_400:
        raise ConfigError(name, value, f"a number of seconds from {least:g} to 86400")
    return seconds


def _whole(environment: Mapping[str, str], name: str, default: int, *, unit: str) -> int:
    value = environment.get(name) or str(default)
    if not re.fullmatch("[0-9]{1,4}", value) or int(value) < 1:
        raise ConfigError(name, value, f"a whole number of {unit} from 1 to 9999")
    return int(value)


def _flag(environment: Mapping[str, str], name: str) -> bool:
    value = environment.get(name, "").lower()
    if value not in {"", "0", "1", "true", "false", "yes", "no"}:
        raise ConfigError(name, value, "1 or 0")
    return value in {"1", "true", "yes"}


def _words(environment: Mapping[str, str], name: str, default: str) -> tuple[str, ...]:
    value = environment.get(name) or default
    return tuple(word.strip() for word in value.split(",") if word.strip())


def _origins(environment: Mapping[str, str], name: str, default: str) -> tuple[str, ...]:
    origins = _words(environment, name, default)
    for origin in origins:
        if not _is_origin(origin):
            # Who writes user:password@ here shows it to nobody.
            shown = origin.rpartition("@")[2]
            raise ConfigError(name, shown, "an origin is http(s)://HOST or http(s)://HOST:PORT, separated by commas")
    return origins


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        is_plain = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and is_plain
    except ValueError:
        return False

"""What the operator configured: environment variables and `.env`, checked once, with one line for each mistake."""

from __future__ import annotations

import os
import secrets
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import environ

from dotbridge.errors import OperatorError


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
    import_wait_seconds: float
    unknown_outcome_seconds: float

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
        environ.Env.read_env(str(Path.cwd() / ".env"), overwrite=False)
        environment = os.environ
    data_dir = Path(environment.get("DOTBRIDGE_DATA_DIR") or ".dotbridge").expanduser().resolve()
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
        import_wait_seconds=_seconds(environment, "DOTBRIDGE_IMPORT_WAIT_SECONDS", 20),
        unknown_outcome_seconds=_seconds(environment, "DOTBRIDGE_UNKNOWN_OUTCOME_SECONDS", 600),
    )


def _database_url(environment: Mapping[str, str]) -> str | None:
    url = environment.get("DATABASE_URL") or None
    if url and urlsplit(url).scheme not in {"postgres", "postgresql"}:
        # The value may hold a password, so only its scheme is shown.
        raise ConfigError(
            "DATABASE_URL",
            f"{urlsplit(url).scheme}://...",
            "it must be postgresql://USER:PASSWORD@HOST:PORT/NAME, or absent for the embedded server",
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
    """The key made on the first run. Created exclusively, so two first runs at once agree on one key."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = path.read_text().strip()
        if len(key) < 32:
            raise ConfigError(str(path), f"<{len(key)} characters>", "delete the file to have a new key made") from None
        return key
    except OSError as error:
        raise ConfigError("DOTBRIDGE_DATA_DIR", str(path.parent), f"it must be writable ({error.strerror})") from error
    key = secrets.token_urlsafe(48)
    with os.fdopen(descriptor, "w") as file:
        file.write(key + "\n")
    return key


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    value = environment.get(name) or str(default)
    if not value.isascii() or not value.isdigit() or not 1 <= int(value) <= 65535:
        raise ConfigError(name, value, "a port is a whole number from 1 to 65535")
    return int(value)


def _time_zone(environment: Mapping[str, str]) -> str:
    value = environment.get("DOTBRIDGE_TIME_ZONE") or "UTC"
    if value not in zoneinfo.available_timezones():
        raise ConfigError("DOTBRIDGE_TIME_ZONE", value, "a name of the IANA database, such as Europe/London")
    return value


def _seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    value = environment.get(name) or str(default)
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= 86_400:
        raise ConfigError(name, value, "a number of seconds from 0 to 86400")
    return seconds


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
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query or parts.username:
            raise ConfigError(name, origin, "an origin is SCHEME://HOST or SCHEME://HOST:PORT, separated by commas")
    return origins

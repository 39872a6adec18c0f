"""Settings: each wrong value is one line that names the setting, the value and what is allowed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from dotbridge.config import Config, ConfigError, kept_secret, read_config
from dotbridge.database_url import database_settings
from tests.platform.place import Place

SECRET = "s3cret-Pa55word"
KEY = "k" * 40

WRONG = [
    ("DOTBRIDGE_SITE_ORIGIN", "http://a.example, http://b.example", "an origin is http(s)://HOST"),
    ("DOTBRIDGE_PORT", "eighty", "from 1 to 65535"),
    ("DOTBRIDGE_PORT", "0", "from 1 to 65535"),
    ("DOTBRIDGE_PORT", "65536", "from 1 to 65535"),
    ("DOTBRIDGE_PORT", "-1", "from 1 to 65535"),
    ("DOTBRIDGE_PORT", "٨٠", "from 1 to 65535"),
    ("DOTBRIDGE_PORT", "9" * 5000, "from 1 to 65535"),
    ("DOTBRIDGE_SANDBOX_PORT", "80.5", "from 1 to 65535"),
    ("DOTBRIDGE_TIME_ZONE", "Middle/Earth", "Europe/London"),
    ("DOTBRIDGE_DEBUG", "perhaps", "1 or 0"),
    ("DOTBRIDGE_IMPORT_WAIT_SECONDS", "soon", "from 0 to 86400"),
    ("DOTBRIDGE_IMPORT_WAIT_SECONDS", "nan", "from 0 to 86400"),
    ("DOTBRIDGE_UNKNOWN_OUTCOME_SECONDS", "-0.5", "from 0 to 86400"),
    ("DOTBRIDGE_KEEP_RUNS_DAYS", "0", "from 1 to 9999"),
    ("DOTBRIDGE_KEEP_RUNS_DAYS", "for ever", "from 1 to 9999"),
    ("DOTBRIDGE_REQUEST_SECONDS", "0", "a number of seconds from 0.1 to 86400"),
    ("DOTBRIDGE_REQUEST_MEGABYTES", "0", "a whole number of megabytes from 1 to 9999"),
    ("DOTBRIDGE_TRUSTED_ORIGINS", "example.com", "http(s)://HOST"),
    ("DOTBRIDGE_TRUSTED_ORIGINS", "https://example.com/", "http(s)://HOST"),
    ("DOTBRIDGE_TRUSTED_ORIGINS", "https://[::1", "http(s)://HOST"),
    ("DOTBRIDGE_API_ORIGINS", "https://example.com:port", "http(s)://HOST"),
    ("DOTBRIDGE_API_ORIGINS", "ftp://example.com", "http(s)://HOST"),
    ("DOTBRIDGE_DATA_DIR", "/dev/null/data", "can be written to"),
    ("DOTBRIDGE_DATA_DIR", "~nobody-of-this-name/data", "can be written to"),
]

WRONG_SECRETS = [
    ("DOTBRIDGE_EMAIL_URL", f"smtp://news:{SECRET}/x@mail.example.com", "smtp://USER:PASSWORD@HOST:PORT"),
    ("DOTBRIDGE_EMAIL_URL", f"smtp://news:{SECRET}#x@mail.example.com", "smtp://USER:PASSWORD@HOST:PORT"),
    ("DOTBRIDGE_EMAIL_URL", f"smtp://news:{SECRET}\u2100@mail.example.com", "smtp://USER:PASSWORD@HOST:PORT"),
    ("DOTBRIDGE_EMAIL_URL", f"smtp://[news:{SECRET}@mail.example.com", "smtp://USER:PASSWORD@HOST:PORT"),
    (
        "DATABASE_URL",
        f"postgresql://crm:{SECRET}\u2100@db.example.com/crm",
        "postgresql://USER:PASSWORD@HOST:PORT/NAME",
    ),
    ("DOTBRIDGE_SITE_ORIGIN", f"https://user:{SECRET}@example.com", "http(s)://HOST"),
    ("DOTBRIDGE_SITE_ORIGIN", f"https://user:{SECRET}/x@example.com", "http(s)://HOST"),
    ("DOTBRIDGE_TRUSTED_ORIGINS", f"https://user:{SECRET}/x@example.com", "http(s)://HOST"),
    ("DATABASE_URL", f"postgresql://crm:{SECRET}@db.example.com/crm?ssl=yes&sslmode=require", "no such parameter"),
    ("DATABASE_URL", f"postgresql://crm:{SECRET}@db.example.com/crm?atomic_requests=maybe", "true or false"),
    ("DATABASE_URL", f"postgresql://crm:{SECRET}@db.example.com/crm?CONN_MAX_AGE=long", "a number of seconds"),
    ("DATABASE_URL", f"mysql://crm:{SECRET}@db.example.com/crm", "mysql://..."),
    ("DATABASE_URL", f"postgresql://crm:{SECRET}@db.example.com", "postgresql://USER:PASSWORD@HOST:PORT/NAME"),
    ("DATABASE_URL", f"postgresql://crm:{SECRET}@db.example.com:port/crm", "postgresql://USER:PASSWORD@HOST:PORT/NAME"),
    ("DATABASE_URL", f"postgresql://crm:[{SECRET}@db.example.com/crm", "postgresql://USER:PASSWORD@HOST:PORT/NAME"),
    ("DATABASE_URL", SECRET, "postgresql://USER:PASSWORD@HOST:PORT/NAME"),
    ("DOTBRIDGE_SECRET_KEY", SECRET, "32 characters or more"),
    ("DOTBRIDGE_SECRET_KEYS", f"{KEY},{SECRET}", "32 characters or more"),
    ("DOTBRIDGE_API_ORIGINS", f"https://user:{SECRET}@example.com", "http(s)://HOST"),
]


def config(folder: Path, **settings: str) -> Config:
    return read_config({"DOTBRIDGE_DATA_DIR": str(folder)} | settings)


@pytest.mark.parametrize(("name", "value", "allowed"), WRONG, ids=lambda value: str(value)[:30])
def test_a_wrong_value_is_named_with_what_is_allowed(tmp_path: Path, name: str, value: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as raised:
        config(tmp_path, **{name: value})
    text = str(raised.value)
    assert text.startswith(f"{name}={value!r} cannot be used: ")
    assert allowed in text
    assert "\n" not in text


@pytest.mark.parametrize(("name", "value", "allowed"), WRONG_SECRETS, ids=lambda value: str(value)[:30])
def test_a_wrong_secret_is_not_shown(tmp_path: Path, name: str, value: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as raised:
        config(tmp_path, **{name: value})
    text = str(raised.value)
    assert text.startswith(f"{name}=")
    assert allowed in text
    assert SECRET not in text
    assert "\n" not in text


def test_without_settings_everything_has_a_value(tmp_path: Path) -> None:
    found = config(tmp_path)
    assert (found.host, found.port, found.sandbox_url) == ("127.0.0.1", 8000, "http://127.0.0.1:8099")
    assert found.database_url is None
    assert found.time_zone == "UTC"
    assert found.apps["API_ORIGINS"] == ("http://127.0.0.1:8099",)
    assert not found.debug


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.7", "http://192.0.2.7:8000"),
        ("::1", "http://[::1]:8000"),
        ("::", "http://localhost:8000"),
        ("0.0.0.0", "http://localhost:8000"),
    ],
)
def test_links_in_mails_lead_to_the_address_that_it_listens_on(tmp_path: Path, host: str, address: str) -> None:
    found = config(tmp_path, DOTBRIDGE_HOST=host)
    assert (found.address, found.apps["SITE_ORIGIN"]) == (address, address)


def test_what_postgresql_and_django_know_may_stand_in_the_address_of_the_database(tmp_path: Path) -> None:
    url = (
        "postgresql://crm:p@db.example.com/crm?sslmode=verify-full&conn_max_age=60&connect_timeout=3&options=-c%20x.y=z"
    )
    assert config(tmp_path, DATABASE_URL=url).database_url == url


@pytest.mark.parametrize(
    ("word", "truth"), [("false", False), ("0", False), ("No", False), ("true", True), ("1", True)]
)
def test_a_truth_value_in_the_database_url_is_one(word: str, *, truth: bool) -> None:
    names = ("ATOMIC_REQUESTS", "autocommit", "disable_server_side_cursors", "Conn_Health_Checks")
    query = "&".join(f"{name}={word}" for name in (*names, "pool"))
    found = database_settings(f"postgresql://crm:p@db.example.com/crm?{query}&conn_max_age=None&sslmode=require")
    assert [found[name.upper()] for name in names] == [truth] * 4
    assert (found["OPTIONS"], found["CONN_MAX_AGE"]) == ({"pool": truth, "sslmode": "require"}, None)


def test_every_setting_can_be_given(tmp_path: Path) -> None:
    url = "postgresql://crm:p%40ss@db.example.com:5433/crm"
    found = config(
        tmp_path,
        DATABASE_URL=url,
        DOTBRIDGE_HOST="0.0.0.0",
        DOTBRIDGE_PORT="443",
        DOTBRIDGE_SANDBOX_PORT="9000",
        DOTBRIDGE_TIME_ZONE="Pacific/Auckland",
        DOTBRIDGE_ALLOWED_HOSTS="crm.example.com, crm.example.org,",
        DOTBRIDGE_TRUSTED_ORIGINS="https://crm.example.com",
        DOTBRIDGE_API_ORIGINS="http://localhost:9000,https://api.example.com",
        DOTBRIDGE_DEBUG="Yes",
        DOTBRIDGE_IMPORT_WAIT_SECONDS="0.5",
        DOTBRIDGE_UNKNOWN_OUTCOME_SECONDS="0",
        DOTBRIDGE_RUN_SECONDS="60",
        DOTBRIDGE_KEEP_RUNS_DAYS="30",
        DOTBRIDGE_KEEP_EVENTS_DAYS="60",
        DOTBRIDGE_REQUEST_SECONDS="2.5",
        DOTBRIDGE_REQUEST_MEGABYTES="500",
    )
    assert found.database_url == url
    assert (found.host, found.port, found.sandbox_port) == ("0.0.0.0", 443, 9000)
    assert found.allowed_hosts == ("crm.example.com", "crm.example.org")
    assert found.trusted_origins == ("https://crm.example.com",)
    assert found.apps["API_ORIGINS"] == ("http://localhost:9000", "https://api.example.com")
    assert found.debug
    assert (found.apps["IMPORT_WAIT_SECONDS"], found.apps["UNKNOWN_OUTCOME_SECONDS"]) == (0.5, 0.0)
    assert [found.apps[name] for name in ("KEEP_RUNS_DAYS", "KEEP_EVENTS_DAYS", "RUN_SECONDS")] == [30, 60, 60.0]
    assert (found.request_seconds, found.request_megabytes) == (2.5, 500)


def test_it_never_shows_its_secrets(tmp_path: Path) -> None:
    url = f"postgresql://crm:{SECRET}@db.example.com/crm"
    found = config(tmp_path, DOTBRIDGE_SECRET_KEY=KEY, DATABASE_URL=url)
    assert KEY not in repr(found)
    assert SECRET not in f"{found!r} {found}"


def test_keys_are_newest_first_and_the_list_wins_over_the_one(tmp_path: Path) -> None:
    older, newer = "o" * 32, "n" * 32
    found = config(tmp_path, DOTBRIDGE_SECRET_KEY=KEY, DOTBRIDGE_SECRET_KEYS=f"{newer}, {older}")
    assert found.secret_keys == (newer, older)
    assert not (tmp_path / "secret_key").exists()


def test_a_key_is_made_once_for_its_owner_only_and_kept(tmp_path: Path) -> None:
    (first,) = config(tmp_path).secret_keys
    (second,) = config(tmp_path).secret_keys
    assert first == second
    assert len(first) >= 64
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


def test_first_runs_at_once_agree_on_one_key(tmp_path: Path) -> None:
    code = "from dotbridge.config import read_config; print(read_config().secret_keys[0])"
    environment = {**os.environ, "DOTBRIDGE_DATA_DIR": str(tmp_path / "data")}
    runs = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    keys = {run.communicate(timeout=30)[0].strip() for run in runs}
    assert keys == {(tmp_path / "data" / "secret_key").read_text().strip()}


def test_a_key_file_that_was_emptied_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("\n")
    with pytest.raises(ConfigError, match=r"secret_key='<0 characters>' cannot be used: delete the file"):
        config(tmp_path)


def test_a_kept_secret_that_cannot_be_kept_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        kept_secret(tmp_path / "missing" / "secret", length=9)


class TestEnvFile:
    """`.env` in the working directory. Read in processes of its own, because reading it changes the environment."""

    CODE = (
        "from dotbridge.config import read_config\n"
        "found = read_config()\n"
        "print(found.port, found.time_zone, found.debug)"
    )

    def read(self, place: Place, text: bytes, **settings: str) -> subprocess.CompletedProcess[str]:
        (place.folder / ".env").write_bytes(text)
        environment = place.environment(**settings)
        if "DOTBRIDGE_PORT" not in settings:
            del environment["DOTBRIDGE_PORT"]
        return subprocess.run(
            [sys.executable, "-c", self.CODE],
            env=environment,
            cwd=place.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def test_it_is_read(self, place: Place) -> None:
        lines = ["\ufeff# ports", "", "  export DOTBRIDGE_PORT=8123", "DOTBRIDGE_TIME_ZONE='Europe/Vienna'"]
        done = self.read(place, "\r\n".join([*lines, 'DOTBRIDGE_DEBUG="1"', ""]).encode())
        assert (done.stdout, done.stderr) == ("8123 Europe/Vienna True\n", "")

    def test_the_real_environment_wins(self, place: Place) -> None:
        done = self.read(place, b"DOTBRIDGE_PORT=8123\nDOTBRIDGE_TIME_ZONE=Europe/Vienna\n", DOTBRIDGE_PORT="8124")
        assert done.stdout == "8124 Europe/Vienna False\n"

    @pytest.mark.parametrize(
        "text", [b"DOTBRIDGE_PORT=1\nDATABASE_URL = " + SECRET.encode(), b"DOTBRIDGE_PORT=1\n" + SECRET.encode()]
    )
    def test_a_line_that_is_none_is_named_and_not_shown(self, place: Place, text: bytes) -> None:
        (place.folder / ".env").write_bytes(text)
        done = place.run("doctor")
        assert done.returncode == 2
        assert done.stderr.endswith(".env, line 2, cannot be used: write NAME=value, or # before a comment.\n")
        assert done.stderr.count("\n") == 1
        assert SECRET not in done.stdout + done.stderr

    def test_one_that_is_not_text_is_named(self, place: Place) -> None:
        (place.folder / ".env").write_bytes(b"DOTBRIDGE_PORT=\xff\xfe\n")
        done = place.run("doctor")
        assert done.returncode == 2
        assert done.stderr.startswith(f"{place.folder / '.env'} cannot be read: ")
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["demo", "serve", "web", "worker", "sync", "doctor", "migrate", "manage"])
def test_every_command_tells_a_wrong_setting_in_one_line(place: Place, command: str) -> None:
    done = place.run(command, DOTBRIDGE_TIME_ZONE="Middle/Earth")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "DOTBRIDGE_TIME_ZONE='Middle/Earth' cannot be used: a name of the IANA database, such as Europe/London.\n"
    )

"""What every test stands on: a database server of the tests' own, and on it a database of each test process's own."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.utils.translation import override
from hypothesis import settings as hypothesis_settings
from psycopg import sql
from pytest_django import DjangoDbBlocker

from dotbridge import embedded, postgres
from tests.database import do_not_wait_for_the_disk, empty_only_what_is_filled
from tests.programs import refuse_foreign_programs

# The tests neither use nor touch what `make demo` keeps. Processes that they start inherit this.
DATA_DIR = Path(
    os.environ.setdefault("DOTBRIDGE_DATA_DIR", str(Path(__file__).resolve().parent.parent / ".dotbridge" / "tests"))
)
BROWSER = {"browser", "context", "page"}
DATABASE_PREFIX = "test_dotbridge_"

# How long an example takes says more about the machine than about us.
hypothesis_settings.register_profile("dotbridge", deadline=None)
hypothesis_settings.load_profile("dotbridge")


@pytest.fixture(autouse=True)
def _language_stays() -> Iterator[None]:
    """A page that was asked for in another language leaves it behind in its thread; the next test begins with ours."""
    with override(settings.LANGUAGE_CODE):
        yield


def pytest_configure() -> None:
    """Before the first test: only our own programs, and passwords that are checked at once."""
    sys.addaudithook(refuse_foreign_programs)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that no process waits in the end for another's; those in a browser last.

    A browser's event loop stays in its process, where nobody could start one of his own after that.
    """
    in_browser = {item.path for item in items if BROWSER & set(getattr(item, "fixturenames", ()))}
    items.sort(key=lambda item: (item.path in in_browser, item.get_closest_marker("soak") is None))


def pytest_collection_finish() -> None:
    """What is loaded by now stays to the end: to look for garbage in it again and again took a seventh of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """After the test database was made: what is the same for each test is there now."""
    with django_db_blocker.unblock():
        empty_only_what_is_filled()


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """pytest-django asks for this before it makes the test database: by then the server runs.

    The database is named after the process, so that xdist's workers, and two test runs at once, do not meet.
    """
    if embedded.data_dir() is not None:
        postgres.ensure_running(DATA_DIR)
        # pytest-django may have read the settings before this file could name the folder.
        connection.settings_dict |= {"DATA_DIR": str(DATA_DIR), "HOST": str(postgres.socket_dir(DATA_DIR))}
        _prepare_server()
    connection.settings_dict["TEST"]["NAME"] = f"{DATABASE_PREFIX}{os.getpid()}"
    # A database that is migrated already, of somebody who runs tests many times over: `make mutants`.
    connection.settings_dict["TEST"]["TEMPLATE"] = os.environ.get("DOTBRIDGE_TESTS_TEMPLATE")


def _prepare_server() -> None:
    host = str(postgres.socket_dir(DATA_DIR))
    with psycopg.connect(host=host, user=postgres.SUPERUSER, dbname="postgres", autocommit=True) as link:
        do_not_wait_for_the_disk(link)
        # A test run that was killed leaves its database behind; nobody else would clear it away.
        names = link.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [DATABASE_PREFIX])
        for (name,) in names.fetchall():
            if not _is_alive(int(name.removeprefix(DATABASE_PREFIX).split("_")[0])):
                link.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True

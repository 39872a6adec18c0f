"""What is wrong in a project is named when it starts, with what to do.

The kind: settings that were taken as they came and failed later, far from their line. Beside the dictionary these are
Django's own that we need, apps, middleware, databases and addresses.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, connections, router
from django.urls import clear_url_caches

from dotbridge import checks
from dotbridge.conf import app_settings
from dotbridge.crm.models import Contact
from dotbridge.errors import OperatorError
from dotbridge.lists.models import MarketingList

WRONG = [
    ({"KEEP_RUNS_DAYS": 0}, "DOTBRIDGE['KEEP_RUNS_DAYS'] = 0 cannot be used: a whole number of days from 1 to 9999."),
    ({"KEEP_EVENTS_DAYS": "ever"}, "'ever' cannot be used"),
    ({"KEEP_EVENTS_DAYS": True}, "True cannot be used"),
    (
        {"RUN_SECONDS": -1},
        "DOTBRIDGE['RUN_SECONDS'] = -1 cannot be used: a number of seconds from 0 to 86400, or a text such as",
    ),
    ({"IMPORT_WAIT_SECONDS": [20]}, "[20] cannot be used"),
    ({"UNKNOWN_OUTCOME_SECONDS": float("nan")}, "nan cannot be used"),
    ({"API_ORIGINS": ["https://user:secret@example.com"]}, "DOTBRIDGE['API_ORIGINS'] = ... cannot be used"),
    ({"API_ORIGINS": 5}, "DOTBRIDGE['API_ORIGINS'] = ... cannot be used"),
    ({"SPOOL_DIR": 5}, "DOTBRIDGE['SPOOL_DIR'] = 5 cannot be used: a folder"),
    ({"KEEP_RUN_DAYS": 5}, "DOTBRIDGE['KEEP_RUN_DAYS'] is no setting. Did you mean 'KEEP_RUNS_DAYS'?"),
    ({"COLOUR": 5}, "DOTBRIDGE['COLOUR'] is no setting. There are: API_ORIGINS"),
    (["KEEP_RUNS_DAYS"], "DOTBRIDGE must be a dictionary"),
]


@pytest.mark.parametrize(("given", "text"), WRONG, ids=str)
def test_a_wrong_setting_is_named_and_nothing_starts_with_it(settings: Any, given: Any, text: str) -> None:
    settings.DOTBRIDGE = given
    (problem,) = checks.check_settings()
    assert problem.id == "dotbridge.E001"
    assert text in problem.msg
    assert "secret" not in problem.msg
    with pytest.raises(OperatorError, match="DOTBRIDGE"):
        checks.require_sound_settings()


def test_without_any_setting_all_have_a_value(settings: Any) -> None:
    del settings.DOTBRIDGE
    assert checks.check_settings() == []
    found = app_settings()
    assert (found.api_origins, found.spool_dir, found.keep_runs_days) == ((), None, 90)
    settings.DOTBRIDGE = {"KEEP_RUNS_DAYS": "30", "SPOOL_DIR": None, "API_ORIGINS": "https://a.example.com, "}
    assert checks.check_settings() == []
    assert (app_settings().keep_runs_days, app_settings().api_origins) == (30, ("https://a.example.com",))


def test_local_times_and_a_queue_elsewhere_are_refused(settings: Any) -> None:
    settings.USE_TZ = False
    settings.PROCRASTINATE_DATABASE_ALIAS = "jobs"
    assert [problem.id for problem in checks.check_settings()] == ["dotbridge.E002", "dotbridge.E003"]


def test_missing_apps_and_middleware_are_named(settings: Any) -> None:
    assert checks.check_apps() == []
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "messages" not in name]
    (problem,) = checks.check_apps()
    assert "MIDDLEWARE lacks 'django.contrib.messages.middleware.MessageMiddleware'" in problem.msg


def test_an_app_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(checks.NEEDED_BY_PAGES, "django.contrib.sites", ())
    monkeypatch.setitem(checks.NEEDED_BY_PAGES, "unfold.apps.BasicAppConfig", ("unfold",))
    assert [problem.msg for problem in checks.check_apps()] == ["INSTALLED_APPS lacks 'django.contrib.sites'."]


class Elsewhere:
    """A router that leads some models to another database."""

    def __init__(self, *models: type[Any]) -> None:
        self.models = models

    def db_for_write(self, model: type[Any], **_hints: Any) -> str | None:
        return "archive" if model in self.models else None

    db_for_read = db_for_write


def test_our_tables_and_records_on_lists_are_in_one_database(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check_database() == checks.check_entities_database() == []
    monkeypatch.setitem(router.__dict__, "routers", [Elsewhere(MarketingList, Contact)])
    (ours,) = checks.check_database()
    assert "lead Dotbridge's tables to archive" in ours.msg
    (theirs,) = checks.check_entities_database()
    assert "crm.Contact is in the database 'archive', so records of crm.contact" in theirs.msg
    assert "crm/list_entities.py:" in theirs.msg


def test_another_kind_of_database_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections[DEFAULT_DB_ALIAS], "vendor", "sqlite")
    (problem,) = checks.check_database()
    assert "works with PostgreSQL 14 or newer" in problem.msg
    assert "dotbridge.embedded" in str(problem.hint)


def test_a_back_office_without_an_address_is_named(settings: Any) -> None:
    assert checks.check_addresses() == []
    settings.ROOT_URLCONF = "django.contrib.auth.urls"
    clear_url_caches()
    (problem,) = checks.check_addresses()
    assert 'include("dotbridge.backoffice.urls")' in str(problem.hint)


@pytest.mark.parametrize("missing", ["procrastinate.contrib.django", "django.contrib.admin", "django.contrib.auth"])
def test_an_app_whose_models_ours_stand_on_is_named_when_it_is_missing(missing: str) -> None:
    theirs = [
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "django.contrib.admin",
        "procrastinate.contrib.django",
    ]
    theirs.remove(missing)
    program = f"""
import django, dotbridge
from django.conf import settings
settings.configure(USE_TZ=True, SECRET_KEY="x" * 50, INSTALLED_APPS=[*dotbridge.APPS, *{theirs!r}])
django.setup()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    *_before, last = done.stderr.splitlines()
    assert last == (
        f"django.core.exceptions.ImproperlyConfigured: INSTALLED_APPS lacks {missing!r}. Add it before *dotbridge.APPS."
    )

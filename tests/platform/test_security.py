"""What production settings and a terminal are given.

The kinds: a setting that nobody switches on (seen: no HSTS, no redirect, no policy for what a page may load), and text
of others that reaches something which obeys it (seen: a person's name with terminal escapes in a dry run; its other
places: names of lists and accounts, messages of runs, and errors).
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client
from rich.table import Table

from dotbridge.visible import VisibleConsole, visible


def checked(tmp_path: Path, origins: str) -> str:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "dotbridge.settings",
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
        "DOTBRIDGE_DATA_DIR": str(tmp_path),
        "DOTBRIDGE_TRUSTED_ORIGINS": origins,
    }
    command = [sys.executable, "-m", "django", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    return "" if done.returncode == 0 else done.stderr


def test_with_https_origins_django_finds_nothing_to_warn_of(tmp_path: Path) -> None:
    assert checked(tmp_path, "https://marketing.example.com") == ""


def test_without_https_nobody_is_sent_to_where_nothing_answers(tmp_path: Path) -> None:
    told = checked(tmp_path, "http://marketing.example.com")
    assert "security.W008" in told, "no redirect to https"
    assert "security.W004" in told, "no HSTS"
    # A browser that asks over http does not send back a cookie that is for https alone: nobody could log in.
    assert "security.W012" in told
    assert "security.W016" in told


def test_every_page_says_what_it_may_load(client: Client, db: None) -> None:
    for address in ("/login/", "/admin/crm/contact/", "/nothing/", "/static/backoffice/house.css"):
        policy = client.get(address)["Content-Security-Policy"]
        assert policy.startswith("default-src 'self'"), address
        assert "object-src 'none'" in policy, address


STEERING = ["\x1b[2J", "\x1b]0;title\x07", "\r", "\x9b31m", "\x7f", "\u202e", "\x08"]


@pytest.mark.parametrize("steering", STEERING)
def test_nothing_that_steers_a_terminal_gets_there(steering: str) -> None:
    out = io.StringIO()
    console = VisibleConsole(file=out, width=80)
    name = f"Ann{steering}Bee"
    console.print(name)
    console.print(f"[bold]{name}[/]", markup=True)
    table = Table(name, title=name)
    table.add_row(name, name)
    console.print(table)
    written = out.getvalue()
    assert steering not in written
    assert not set(written) & {"\x1b", "\r", "\x9b", "\x7f", "\u202e", "\x08", "\x07"}
    assert written.count("Ann") >= 4


def test_what_is_shown_says_that_something_was_there() -> None:
    assert visible("Ann\x1b[31m\tBee\n") == "Ann␛[31m\tBee\n"

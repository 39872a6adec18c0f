"""What is logged: one JSON object a line, or text for a person, and never the text of an exception."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import logging, logging.config, sys
import structlog
from dotbridge.logs import django_logging
logging.config.dictConfig(django_logging(to_terminal=sys.argv[1] == "terminal"))
log = structlog.get_logger("dotbridge.sync")
with structlog.contextvars.bound_contextvars(run=7):
    log.info("page stored", rows=1000)
log.debug("not shown")
logging.getLogger("elsewhere").info("not shown either")
try:
    try:
        raise KeyError("ada@example.com")
    except KeyError as error:
        raise ValueError("Key (email)=(ada@example.com) already exists") from error
except ValueError:
    log.exception("step failed")
    logging.getLogger("django.request").error("Internal Server Error: %s", "/admin/", exc_info=True)
"""


def lines(how: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_programs_read_one_object_a_line() -> None:
    stored, failed, request = [json.loads(line) for line in lines("file")]
    assert (stored["event"], stored["rows"], stored["run"], stored["level"]) == ("page stored", 1000, 7, "info")
    assert stored["logger"] == "dotbridge.sync"
    assert stored["timestamp"].endswith("Z")
    assert failed["event"] == "step failed"
    assert "run" not in failed
    assert request["event"] == "Internal Server Error: /admin/"


@pytest.mark.parametrize("how", ["file", "terminal"])
def test_an_exception_is_logged_by_place_and_kind_alone(how: str) -> None:
    text = "\n".join(lines(how))
    assert "ada@example.com" not in text
    assert "already exists" not in text
    for kind in ("builtins.KeyError", "builtins.ValueError"):
        assert text.count(kind) == 2
    assert text.index("builtins.KeyError") < text.index("builtins.ValueError")
    assert "line 13, in <module>" in text


def test_people_read_text() -> None:
    first = lines("terminal")[0]
    assert "page stored" in first
    assert not first.startswith("{")

"""The examples of the client's README run as they stand."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import dotdigital
from dotdigital_sandbox import Sandbox
from tests.contract.conftest import MakeAccount

README = Path(dotdigital.__file__).with_name("README.md")


def test_the_examples_do_what_they_say(sandbox: Sandbox, connect: MakeAccount) -> None:
    first, *others = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {
        "user": sandbox.user,
        "password": sandbox.password,
        "base_url": sandbox.url,
        "allowed_origins": [sandbox.url],
    }
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(first, names)
        names["account"] = connect(sandbox)
        for example in others:
            exec(example, names)
    assert sandbox.url in printed.getvalue()
    assert "Test" in printed.getvalue()
    assert "ERROR_CONTACT_SUPPRESSED" in printed.getvalue()
    assert (names["report"].new_contacts, names["report"].invalid_entries) == (1, 1)
    assert names["faults"] == [("Invalid Email", "Nobody")]
    assert [outcome for outcome, _ in names["results"]] == ["created"] * 3
    assert [f"contact.created {contact}" in printed.getvalue() for _, contact in names["results"]] == [True] * 3
    assert names["checkpoint"]
    assert len(others) == 3

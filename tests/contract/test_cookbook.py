"""The client's cookbook runs as it stands."""

from __future__ import annotations

import contextlib
import io
import re
from typing import Any

from dotdigital_sandbox import Sandbox
from tests.programs import ROOT

PAGE = ROOT / "docs" / "client-cookbook.md"


def test_each_recipe_does_what_it_says(make_sandbox: Any) -> None:
    sandbox: Sandbox = make_sandbox(seed="demo", import_seconds=0.2)
    names: dict[str, Any] = {
        "user": sandbox.user,
        "password": sandbox.password,
        "base_url": sandbox.url,
        "allowed_origins": [sandbox.url],
    }
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for recipe in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
            exec(recipe, names)
    assert "Newsletter" in names["books"]
    assert len(names["people"]) == len(set(names["people"])) > 10
    assert printed.getvalue().splitlines()[0].startswith("Email: ")
    assert "Invalid Email" in printed.getvalue()
    assert (names["ended"].status, names["report"].new_contacts) == ("Finished", 1)
    assert names["account_name"]
    assert set(names["book_names"]) == set(names["books"])
    assert names["left"]["bob@example.com"] == "Unsubscribed"

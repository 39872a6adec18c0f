"""A comment that names a section of the contract leads to one."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).resolve().parents[2]
CITED = re.compile(r"[Cc]ontract ((?:(?:, |-| and )?§?\d+(?:\.\d+)*)+)")


def test_each_section_that_is_cited_is_there() -> None:
    text = (HERE / "docs/dotdigital-api.md").read_text(encoding="utf-8")
    sections = set(re.findall(r"^#+ (\d+(?:\.\d+)?)\.? ", text, re.MULTILINE))
    cited = {
        number: path.name
        for path in sorted([*HERE.glob("src/**/*.py"), *HERE.glob("tests/**/*.py")])
        for found in CITED.findall(path.read_text(encoding="utf-8"))
        for number in re.findall(r"\d+(?:\.\d+)?", found)
    }
    assert len(cited) > 30
    assert {number: path for number, path in cited.items() if number not in sections} == {}

"""Templates, stylesheets and scripts can be read: no line of theirs is longer than a line of Python may be."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src"
MOST = 120
# What cannot be broken: a sentence, for it is the key of its translations, with what fills it in; and a drawing.
UNBREAKABLE = re.compile(
    r"""(?<={% translate )(?:"[^"]*"|'[^']*')|{% blocktranslate.*?{% endblocktranslate %}"""
    r"""|(?<=data:image/svg\+xml,)[^"]*|(?<= d=")[^"]*"""
)


def long_lines(text: str) -> list[int]:
    """The numbers of the lines that are too long, what cannot be broken not counted."""
    return [number for number, line in enumerate(text.splitlines(), 1) if len(UNBREAKABLE.sub("", line)) > MOST]


def test_no_line_is_too_long() -> None:
    files = [path for path in sorted(SOURCE.rglob("*")) if path.suffix in {".html", ".css", ".js"}]
    assert len(files) > 100
    found = {path.relative_to(SOURCE): long_lines(path.read_text(encoding="utf-8")) for path in files}
    assert {str(path): numbers for path, numbers in found.items() if numbers} == {}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("<p>\n" + "a" * 121, [2]),
        ("<td>" * 31, [1]),
        ('{% translate "' + "a" * 200 + '" %}', []),
        ("{% blocktranslate count n=n %}" + "a" * 200 + "{% plural %}b{% endblocktranslate %}", []),
        ('<p>{% translate "' + "a" * 200 + '" %}</p>' + "<br>" * 40, [1]),
        ('<path d="' + "M0 0" * 40 + '"/>', []),
    ],
)
def test_what_cannot_be_broken_is_not_counted(text: str, numbers: list[int]) -> None:
    assert long_lines(text) == numbers

"""Files as tools and offices in many languages export them: whoever is called out… has opted out, nobody else has.

They stand in `opt_outs_of_tools.txt`, each below a line with its name.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dotbridge.crm.models import ContactEmail
from tests.files.conftest import OptOutKeeper, load

pytestmark = pytest.mark.django_db
TEXT = (Path(__file__).parent / "opt_outs_of_tools.txt").read_text(encoding="utf-8")
FILES: dict[str, str] = dict(re.findall(r"^## (.+)\n((?:(?!## ).*\n)+)", TEXT, re.MULTILINE))


@pytest.mark.parametrize("name", FILES)
def test_who_has_opted_out_in_the_file_of_a_tool(name: str, keeper: OptOutKeeper) -> None:
    report = load(FILES[name])
    addresses = set(ContactEmail.objects.values_list("email", flat=True))
    assert addresses == set(re.findall(r"\b(?:in|out)\d+@example\.com", FILES[name])), "nobody is lost"
    assert keeper.emails() == {each for each in addresses if each.startswith("out")}
    assert not report.refused

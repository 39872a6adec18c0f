"""The page of settings says what the code says, and so does the file that an operator copies.

The kind: what is written beside the code and forgotten when that changes. The second place is `.env.example`.
"""

from __future__ import annotations

import re
import runpy

from dotbridge.conf import SETTINGS
from dotbridge.config import STANDALONE
from tests.programs import ROOT


def test_the_page_is_what_the_code_makes_of_it() -> None:
    made = runpy.run_path(str(ROOT / "tools" / "settings-page"))["page"]()
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == made
    for each in (*SETTINGS, *STANDALONE):
        assert f"| `{each.name}` |" in made


def test_the_file_to_copy_names_each_setting_of_the_environment() -> None:
    named = set(re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(encoding="utf-8"), re.MULTILINE))
    # Debugging shows visitors what they must not see, and the folder of uploads lies in the data folder.
    wanted = {each.name for each in STANDALONE} | {f"DOTBRIDGE_{each.name}" for each in SETTINGS}
    assert named == wanted - {"DOTBRIDGE_DEBUG", "DOTBRIDGE_SPOOL_DIR"}

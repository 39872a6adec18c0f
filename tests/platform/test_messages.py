"""Every text of the program is there in German and French, and a page speaks the language that is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from django.utils import translation

ROOT = Path(__file__).resolve().parents[2]


def test_no_text_is_missing_doubtful_or_fills_in_something_else() -> None:
    command = [sys.executable, str(ROOT / "tools" / "messages.py"), "check"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, ""), f"{done.stdout[:4000]}{done.stderr[-2000:]}"


def test_texts_come_in_the_language_that_is_asked_for() -> None:
    spoken = {}
    for language in ("en", "de", "fr"):
        with translation.override(language):
            spoken[language] = translation.gettext("Address books")
    assert (spoken["en"], spoken["de"]) == ("Address books", "Adressbücher")
    assert spoken["fr"].startswith("Carnets")

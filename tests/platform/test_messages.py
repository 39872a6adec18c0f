"""Every text of the program is there in German and French, and a page speaks the language that is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.utils import translation

from dotbridge.lists.rules.value_words import quoted
from tools.messages import typeset

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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        # Stands within an f-string.
        ("j M", "j. M"),
        # Of the theme, which brings no catalogue of its own.
        ("Select action", "Aktion wählen"),
        ("Filters", "Filter"),
        # Django's admin says "Sichern" and "Start", and is asked after us.
        ("Save", "Speichern"),
        ("Home", "Übersicht"),
        # Django's own, which it says in English alone.
        ("Password-based authentication", "Anmeldung mit Passwort"),
    ],
)
def test_words_that_others_have_or_lack_are_ours(text: str, said: str) -> None:
    with translation.override("de"):
        assert translation.gettext(text) == said


def test_names_stand_in_the_quotation_marks_of_the_language() -> None:
    spoken = {}
    for language in ("en", "de", "fr"):
        with translation.override(language):
            spoken[language] = quoted("VIPs")
    assert spoken == {"en": "“VIPs”", "de": "„VIPs“", "fr": "«\u202fVIPs\u202f»"}


@pytest.mark.parametrize(
    ("typed", "set_in_type"),
    [
        ("Qui l'a dit ?", "Qui l\u2019a dit\u202f?"),
        ("Sous « Listes »: rien; oui!", "Sous «\u202fListes\u202f»\u202f: rien\u202f; oui\u202f!"),
        ("d'«Ada»", "d\u2019«\u202fAda\u202f»"),
        ("22:00, https://example.com, 'a=b'", "22:00, https://example.com, 'a=b'"),
    ],
)
def test_french_is_set_in_type_as_french_is(typed: str, set_in_type: str) -> None:
    assert typeset(typed, "fr") == set_in_type
    assert typeset(set_in_type, "fr") == set_in_type
    assert typeset(typed, "de") == typed

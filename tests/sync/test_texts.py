"""What a worker wrote down is said in the reader's language, also with a number or a time in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from gettext import GNUTranslations
from pathlib import Path

import pytest
from django.utils.translation import gettext, override

import dotbridge.backoffice
import dotbridge.sync
import dotdigital
from dotbridge.backoffice.statuses import campaign_status_words, opt_in_words
from dotbridge.integrations.protocols import NOT_OFFERED, OFFERED
from dotbridge.sync.client_texts import OF_CLIENT
from dotbridge.sync.texts import (
    LOST_VALUES,
    NEW_PROBLEMS,
    NO_ANSWER,
    NO_DRIFT,
    NOT_COMPARED,
    READ_LATELY,
    RESULTS_WAIT,
    STATE_THERE,
    WITH_VALUES,
    stored_text,
)
from dotdigital.codes import person_text

AGAIN = "The next run reads it again."


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (NEW_PROBLEMS % {"number": 12}, "Neue Probleme: 12. Die Schritte sagen, warum."),
        (READ_LATELY % {"number": 24}, "Vor weniger als 24 Stunden gelesen."),
        (
            RESULTS_WAIT % {"number": 3, "time": "22:00"},
            "Vergangene Kampagnen, deren Ergebnisse noch gelesen werden: 3. Sie warten bis 22:00.",
        ),
        ("No address book is connected to a list yet.", "Noch ist kein Adressbuch mit einer Liste verknüpft."),
        (NOT_OFFERED % {"answer": "ERROR_X"}, "Das Konto bietet Version 3 nicht an: ERROR_X"),
        ("Somebody wrote this. It is asked for again.", "Somebody wrote this. Es wird noch einmal darum gebeten."),
        # What people have named stays as they named it.
        (NOT_COMPARED % {"book": "No"}, "No: nicht verglichen, weil seine Kontakte nicht gelesen werden konnten."),
        (OFFERED, "Das Konto bietet Version 3 an."),
        ("Somebody else wrote this, 12 times.", "Somebody else wrote this, 12 times."),
        ("", ""),
    ],
)
def test_what_was_written_is_said_in_german(written: str, said: str) -> None:
    with override("de"):
        assert stored_text(written) == said
    with override("en"):
        assert stored_text(written) == written


def test_several_sentences_are_said_one_by_one_and_a_text_within_another_as_well() -> None:
    lost, seen = {"number": 3}, {"state": "Sending"}
    with override("de"):
        assert stored_text(f"{OF_CLIENT[1]} {AGAIN}") == f"{gettext(OF_CLIENT[1])} {gettext(AGAIN)}"
        assert stored_text(f"{NO_DRIFT} {LOST_VALUES % lost}") == f"{gettext(NO_DRIFT)} {gettext(LOST_VALUES) % lost}"
        within = gettext(NO_ANSWER) % {"seen": gettext(STATE_THERE) % seen}
        assert stored_text(NO_ANSWER % {"seen": STATE_THERE % seen}) == within


def test_every_text_with_a_value_has_a_translation() -> None:
    written = [form % dict.fromkeys(re.findall(r"%\((\w+)\)s", form), "1") for form in WITH_VALUES]
    for language in ("de", "fr"):
        with override(language):
            assert [text for text in written if stored_text(text) == text] == []
            assert [text for text in OF_CLIENT if stored_text(text) == text] == []


def _sentences(path: Path) -> Iterator[str]:
    """What a module says in words, but for its docstrings and its statements of the database."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    passed_by = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            passed_by |= {id(part) for part in node.values}
            text = "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in passed_by:
            text = node.value
        else:
            continue
        if re.search(r"[a-z] [a-z]+ .*[.!?]$", text) and not _IS_SQL.search(text):
            yield text


_IS_SQL = re.compile(r"SELECT|WHERE|UPDATE|JOIN|ORDER BY|EXISTS|TABLE|coalesce")
# Said to developers, to whoever asks for a dry run, or kept as a description that people can change.
_NOT_STORED = {
    "The integration was deleted while its contacts were being stored.",
    "The address book {} does not exist in Dotdigital any more.",
    "Made of the Dotdigital campaign “%(name)s”.",
}


def test_whatever_a_step_says_is_a_text_that_can_be_said_in_german() -> None:
    catalogue = Path(dotbridge.backoffice.__file__).parent / "locale" / "de" / "LC_MESSAGES" / "django.mo"
    with catalogue.open("rb") as file:
        known = GNUTranslations(file)
    place = Path(dotbridge.sync.__file__).parent
    steps = [*(place / "inbound").glob("*.py"), *(place / "outbound").glob("*.py")]
    said = {text for path in steps for text in _sentences(path)}
    assert {text for text in said if known.gettext(text) == text} - _NOT_STORED == set()
    assert {text for text in said if "%(" in text} - _NOT_STORED <= set(WITH_VALUES)


def test_the_client_still_says_what_is_translated() -> None:
    sources = [ast.parse(path.read_text()) for path in Path(dotdigital.__file__).parent.glob("*.py")]
    said = {node.value for source in sources for node in ast.walk(source) if isinstance(node, ast.Constant)}
    assert [text for text in OF_CLIENT if text not in said] == []


def test_a_code_of_dotdigitals_is_said_in_german() -> None:
    with override("de"):
        assert stored_text(str(person_text("ERROR_CONTACT_SUPPRESSED"))) == (
            "Der Kontakt hat sich abgemeldet oder wurde im Konto gesperrt. "
            "Nur der Kontakt kann das aufheben, indem er sich wieder anmeldet."
        )
        assert stored_text("Dotdigital refused the request (Too late). Correct what was sent.") == (
            "Dotdigital hat die Anfrage abgelehnt (Too late). Korrigieren Sie, was gesendet wurde."
        )


def test_words_of_the_vendor_are_said_in_german_and_new_ones_stay() -> None:
    with override("de"):
        assert [str(opt_in_words(each)) for each in ("Unknown", "Single", "Triple")] == [
            "Nicht bekannt",
            "Einfaches Opt-in",
            "Triple",
        ]
        assert [str(campaign_status_words(each)) for each in ("Sent", "Unsent", "Dreaming")] == [
            "Gesendet",
            "Nicht gesendet",
            "Dreaming",
        ]

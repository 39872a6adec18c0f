"""What a worker wrote down is said in the reader's language, also with a number or a time in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils.translation import override

import dotdigital
from dotbridge.backoffice.statuses import campaign_status_words, opt_in_words
from dotbridge.integrations.protocols import NOT_OFFERED, OFFERED
from dotbridge.sync.texts import NEW_PROBLEMS, OF_CLIENT, READ_LATELY, RESULTS_WAIT, WITH_VALUES, stored_text


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
        (NOT_OFFERED % {"answer": "no"}, "Das Konto bietet Version 3 nicht an: no"),
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


def test_every_text_with_a_value_has_a_translation() -> None:
    values = {"number": 1, "time": "10:00", "values": "SCORE (NaN)"}
    for language in ("de", "fr"):
        with override(language):
            assert [form for form in WITH_VALUES if stored_text(form % values) == form % values] == []
            assert [text for text in OF_CLIENT if stored_text(text) == text] == []


def test_the_client_still_says_what_is_translated() -> None:
    source = "".join(path.read_text() for path in Path(dotdigital.__file__).parent.glob("*.py"))
    assert [text for text in OF_CLIENT if text not in source] == []


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

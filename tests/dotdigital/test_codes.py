"""The texts of the vendor's codes (contract §3.3)."""

from __future__ import annotations

import pytest

from dotdigital import MEANINGS, Rejected
from dotdigital.codes import person_text

VENDOR_CODES = [code for code in MEANINGS if code.startswith("ERROR_")]


def test_all_95_codes_have_a_text() -> None:
    assert len(VENDOR_CODES) == 95
    assert sum(code.startswith("ERROR_DOCUMENT_") for code in VENDOR_CODES) == 11
    assert sum(code.startswith("ERROR_IMAGE_") for code in VENDOR_CODES) == 8


@pytest.mark.parametrize("code", MEANINGS)
def test_each_code_says_what_is_wrong_and_what_to_do(code: str) -> None:
    meaning = MEANINGS[code]
    for sentence in (meaning.text, meaning.step):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert "ERROR" not in sentence
    assert person_text(code) == f"{meaning.text} {meaning.step}"


def test_codes_that_only_have_to_wait() -> None:
    assert Rejected(code="ERROR_IMPORT_TOOMANYACTIVEIMPORTS").later
    assert not Rejected(code="ERROR_CONTACT_SUPPRESSED").later
    assert not Rejected(code="ERROR_OF_TOMORROW").later
    assert not Rejected().later
    assert person_text("ERROR_OF_TOMORROW") is None

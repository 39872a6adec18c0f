"""What Dotdigital says, as it can be stored: at the very ends of what a column holds."""

from __future__ import annotations

import pytest

from dotbridge.sync.inbound.storable import counted, is_id, kind, text


@pytest.mark.parametrize(
    ("number", "stored"), [(-1, 0), (0, 0), (7, 7), (2**31 - 2, 2**31 - 2), (2**31 - 1, 2**31 - 1), (2**31, 2**31 - 1)]
)
def test_a_count_is_kept_within_its_column(number: int, stored: int) -> None:
    assert counted(number) == stored


@pytest.mark.parametrize(("number", "fits"), [(-1, False), (0, False), (1, True), (2**63 - 1, True), (2**63, False)])
def test_an_id_fits_into_its_column(number: int, fits: bool) -> None:
    assert is_id(number) is fits


def test_a_text_is_cut_only_where_it_is_too_long() -> None:
    assert text("x" * 255) == "x" * 255
    assert text("x" * 256) == f"{'x' * 254}…"
    assert kind("x" * 64) == "x" * 64
    assert kind("x" * 65) == f"{'x' * 63}…"
    assert text(" a\x00b ") == "ab"
    assert text(None) == ""

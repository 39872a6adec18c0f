"""An encoding is found, or a person is asked; it is never guessed in silence. `bench/encodings.py` measures it."""

from __future__ import annotations

import importlib.util
import io
from pathlib import Path
from typing import Any

import pytest

from dotbridge.files.encodings import find_encoding, known_encoding

_PATH = Path(__file__).resolve().parents[2] / "bench" / "encodings.py"
_SPEC = importlib.util.spec_from_file_location("bench_encodings", _PATH)
assert _SPEC is not None
assert _SPEC.loader is not None
bench: Any = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(bench)


@pytest.mark.parametrize("key", sorted(bench.PEOPLE))
def test_no_file_of_twenty_languages_is_read_wrongly_in_silence(key: str) -> None:
    language, *encodings = key.split()
    people = [" ".join(name.split()) for name in bench.PEOPLE[key].split("|")]
    measured = bench.measure(language, people, encodings, 7)
    assert measured["wrong"] == 0
    # Asking is no way out: most files are read without.
    assert measured["asked"] < measured["files"] * 0.75


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Müller", "cp1252"),
        ("François Lefèvre, Hélène Forêt", "cp1252"),
        ("Růžička, Dvořák, Šimek", "cp1250"),
        ("Tomáš Růžička, Dvořák, Eliška Kratochvílová, Šárka Němcová", "iso8859_2"),
        ("Иванова, Шевчук", "cp1251"),
        ("Иванова, Шевчук", "koi8_r"),
        ("佐藤 陽葵, 鈴木 さくら, 田中 太郎, 山本 花子, 中村 美咲", "cp932"),
        ("O\u2019Malley", "cp1252"),
    ],
)
def test_what_is_sure(text: str, encoding: str) -> None:
    raw = f"Name;E-mail\n{text};a@example.com\n".encode(encoding)
    found = find_encoding(io.BytesIO(raw))
    assert found is not None
    assert found.is_sure
    assert raw.decode(found.encoding) == raw.decode(encoding)


def test_what_is_not_sure_has_candidates_with_samples() -> None:
    # One letter: è of a French name, č of a Czech one.
    found = find_encoding(io.BytesIO("Name;E-mail\nPir\u00e8;a@example.com\n".encode("cp1252")))
    assert found is not None
    assert not found.is_sure
    samples = {candidate.encoding: candidate.sample for candidate in found.candidates}
    assert samples["cp1252"] == "Pir\u00e8;a@example.com"
    assert samples["cp1250"] == "Pir\u010d;a@example.com"


def test_a_mark_says_it_and_what_is_no_text_has_none() -> None:
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        found = find_encoding(io.BytesIO("Zoë;a@example.com".encode(encoding)))
        assert found is not None
        assert (found.encoding, found.is_sure) == (encoding, True)
    assert find_encoding(io.BytesIO(b"\x7fELF\0\0\0\x01\x02\x03 abcdefgh ijkl mnop\0")) is None


def test_names_of_encodings() -> None:
    assert known_encoding("latin1") == "iso8859-1"
    assert known_encoding("UTF-8") == "utf-8-sig"
    assert known_encoding("klingon") is None
    assert known_encoding("base64") is None

"""Files as people have them: every encoding, delimiter and broken line costs at most itself."""

# ruff: noqa: RUF001 - letters of many scripts are the point

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotbridge.crm.contact_file import (
    LONGEST_LINE,
    MOST_LINES_IN_A_RECORD,
    BrokenLine,
    ContactFile,
    ContactFileError,
    Record,
)

GERMAN = (
    "Vorname;Nachname;E-Mail\nJürgen;Größmann;j@example.com\nKäthe;Weiß;k@example.com\nBjörn;Öztürk;b@example.com\n"
)
FRENCH = "Prénom;Nom;Courriel\nZoé;Lefèvre;z@example.com\nFrançois;d'Œuvre;f@example.com\n"
POLISH = "Imię;Nazwisko;E-mail\nŁukasz;Wójcik;l@example.com\nŻaneta;Brzęczyszczykiewicz;z@example.com\n"
RUSSIAN = "Имя;Фамилия;Почта\nЗоя;Иванова;z@example.com\nТарас;Шевчук;t@example.com\n"
TURKISH = "Ad;Soyad;E-posta\nIşıl;Öztürk;i@example.com\nÇağrı;Şahin;c@example.com\n"
JAPANESE = "名;姓;メール\n陽葵;佐藤;h@example.com\n髙橋;蓮;r@example.com\n"


def opened(content: str | bytes, **options: str) -> ContactFile:
    return ContactFile(io.BytesIO(content.encode() if isinstance(content, str) else content), **options)


def read(content: str | bytes, **options: str) -> tuple[Record, list[Record | BrokenLine]]:
    file = opened(content, **options)
    first = file.first_record()
    return first, list(file.records(len(first.cells)))


def cells(content: str | bytes, **options: str) -> list[tuple[str, ...] | int]:
    """The cells of every record, and the line's number in place of a broken one."""
    _, records = read(content, **options)
    return [each.cells if isinstance(each, Record) else each.line for each in records]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (GERMAN, "utf-8"),
        (GERMAN, "utf-8-sig"),
        (GERMAN, "utf-16"),
        (GERMAN, "utf-16-le"),
        (GERMAN, "utf-16-be"),
        (GERMAN, "utf-32"),
        (GERMAN, "latin-1"),
        (GERMAN, "cp1252"),
        (GERMAN, "mac_roman"),
        (GERMAN, "cp850"),
        (FRENCH, "cp1252"),
        (POLISH, "cp1250"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        (TURKISH, "cp1254"),
        (JAPANESE, "cp932"),
        (JAPANESE, "utf-8"),
        ("Name;E-Mail\nMüller;m@example.com\n", "latin-1"),
        ("E-Mail\nada@example.com\n", "ascii"),
    ],
)
def test_encodings_are_found(text: str, encoding: str) -> None:
    expected = [tuple(line.split(";")) for line in text.splitlines()[1:]]
    assert cells(text.encode(encoding)) == expected


def test_a_few_damaged_letters_do_not_hide_utf_8() -> None:
    damaged = (GERMAN * 5).encode() + b"J\xfcrgen;Damaged;d@example.com\n"
    file = opened(damaged)
    assert file.encoding == "utf-8"
    *_, last = read(damaged)[1]
    assert isinstance(last, Record)
    assert last.cells[0] == "J\N{REPLACEMENT CHARACTER}rgen"


def test_bytes_that_fit_no_known_encoding_are_read_all_the_same() -> None:
    assert opened(b"Name;E-Mail\n\x81\x8d\xff\xfe\x81;x@example.com\n").encoding


def test_a_known_encoding_and_delimiter_can_be_named() -> None:
    assert cells("a;b\nŁ|x;1\n".encode("iso8859-2"), encoding="iso8859-2", delimiter=";") == [("Ł|x", "1")]
    assert cells(("\ufeffa;b\n1;2\n").encode(), encoding="utf-8") == [("1", "2")]


@pytest.mark.parametrize("encoding", ["klingon", "base64", ""])
def test_an_unknown_encoding_is_refused(encoding: str) -> None:
    if not encoding:
        assert opened("a\n", encoding=encoding).encoding == "utf-8"
        return
    with pytest.raises(ContactFileError, match=f"'{encoding}' is not known"):
        opened("a\n", encoding=encoding)


def test_an_unusable_delimiter_is_refused() -> None:
    with pytest.raises(ContactFileError, match="';;' cannot be used"):
        opened("a;;b\n", delimiter=";;")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found_in_spite_of_quotes(delimiter: str) -> None:
    other = ";" if delimiter == "," else ","
    lines = ["name,x;y", f'"Smith{delimiter} Ann";Partner', f'"new\nline{other}{other}"']
    text = "".join(
        f'"a"{delimiter}{line.replace(delimiter, delimiter)}{delimiter}mail@example.com\n' for line in lines[1:]
    )
    header = delimiter.join(["First name", "Last name", "E-mail"]) + "\n"
    assert opened(header + text).delimiter == delimiter


def test_a_spreadsheets_separator_line_is_obeyed_and_skipped() -> None:
    first, records = read("sep=|\na,b|c\n1,2|3\n")
    assert (first.cells, first.line) == (("a,b", "c"), 2)
    assert records == [Record(3, ("1,2", "3"))]


def test_a_single_column_needs_no_delimiter() -> None:
    assert cells("E-mail\nada@example.com\nbob@example.com\n") == [("ada@example.com",), ("bob@example.com",)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system(end: str) -> None:
    assert cells(f"a,b{end}1,2{end}3,4{end}") == [("1", "2"), ("3", "4")]


def test_new_lines_and_quotes_within_cells_are_kept() -> None:
    assert cells('a,b\n"two\r\nlines","say ""hi"""\n=1+1,"x, y"\n') == [("two\r\nlines", 'say "hi"'), ("=1+1", "x, y")]


def test_lines_are_counted_as_an_editor_does() -> None:
    _, records = read('a,b\n"x\ny\nz",1\n2,3\n')
    assert [each.line for each in records] == [2, 5]


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ("1", "has 1 cells instead of 2"),
        ("1,2,3", "has 3 cells instead of 2"),
        ("", "is empty"),
        ("   ", "is empty"),
        ('"never closed,2', "opened and never closed"),
        ('"closed" too early,2', "inside a quoted cell"),
        ('"open,2\nswallowed,"3"', "inside a quoted cell"),
        ("x" * LONGEST_LINE + ",2", "longer than"),
        ("x" * (3 * LONGEST_LINE) + ",2", "longer than"),
    ],
)
def test_a_broken_line_costs_itself_alone(broken: str, why: str) -> None:
    _, records = read(f"a,b\n1,2\n{broken}\n3,4\n5,6\n")
    first, problem, *rest = records
    assert first == Record(2, ("1", "2"))
    assert isinstance(problem, BrokenLine)
    assert (problem.line, bool(problem.mend)) == (3, True)
    assert why in problem.why
    assert [each.cells for each in rest if isinstance(each, Record)][-2:] == [("3", "4"), ("5", "6")]


def test_an_open_quote_that_another_closes_does_not_swallow_what_lies_between() -> None:
    assert cells('a,b\n"open,1\n2,3\n4,5\n6,"7"\n8,9\n') == [2, ("2", "3"), ("4", "5"), ("6", "7"), ("8", "9")]


def test_an_open_quote_far_above_the_next_one_is_given_up() -> None:
    lines = "1,2\n" * (MOST_LINES_IN_A_RECORD + 10)
    assert cells(f'a,b\n"open,1\n{lines}') == [2, *[("1", "2")] * (MOST_LINES_IN_A_RECORD + 10)]


def test_a_cell_beyond_the_readers_limit_is_a_broken_line() -> None:
    content = "a,b\n" + '"' + ("x" * 90_000 + "\n") * 2 + '",1\n2,3\n'
    records = cells(content)
    assert records[0] == 2
    assert records[-1] == ("2", "3")


def test_empty_cells_beyond_the_last_column_are_forgiven() -> None:
    assert cells("a,b\n1,2,,\n3,,, \n4,\n") == [("1", "2"), ("3", ""), ("4", "")]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "The file is empty"),
        (b"\n\n  \n", "The file is empty"),
        (b"PK\x03\x04rest of a workbook", "a spreadsheet or an archive"),
        (b"\xd0\xcf\x11\xe0 old", "an old spreadsheet"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x1f\x8b\x08", "a compressed file"),
        (b"\x7fELF\0\0\0\x01\x02\x03 abcdefgh ijkl mnop\0", "no text"),
        (b'"never closed,b\n1,2\n', "The first line, 1, cannot be read"),
    ],
)
def test_what_is_no_csv_gets_one_clear_error(content: bytes, why: str) -> None:
    with pytest.raises(ContactFileError, match=why):
        read(content)


def test_the_owners_file_stays_open() -> None:
    owner = io.BytesIO(b"a,b\n1,2\n")
    ContactFile(owner).close()
    assert not owner.closed


@given(content=st.binary(max_size=300) | st.text(alphabet='ab,;"\n\r\t|é ', max_size=80).map(str.encode))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        first, records = read(content)
    except ContactFileError:
        return
    assert all(len(each.cells) == len(first.cells) for each in records if isinstance(each, Record))
    lines = [each.line for each in records]
    assert lines == sorted(set(lines))

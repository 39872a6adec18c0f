"""Files as people have them: every encoding, delimiter and broken line costs at most itself."""

# ruff: noqa: RUF001 - letters of many scripts are the point

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dotbridge.files.delimited import LONGEST_LINE, MOST_LINES_IN_A_RECORD
from dotbridge.files.errors import EncodingNotSure, FileRefused
from dotbridge.files.opening import open_source
from dotbridge.files.records import BrokenLine, Record, Source

GERMAN = (
    "Vorname;Nachname;E-Mail\nJürgen;Größmann;j@example.com\nKäthe;Weiß;k@example.com\nBjörn;Öztürk;b@example.com\n"
)
FRENCH = "Prénom;Nom;Courriel\nZoé;Lefèvre;z@example.com\nFrançois;d'Œuvre;f@example.com\n"
POLISH = "Imię;Nazwisko;E-mail\nŁukasz;Wójcik;l@example.com\nŻaneta;Brzęczyszczykiewicz;z@example.com\n"
RUSSIAN = "Имя;Фамилия;Почта\nЗоя;Иванова;z@example.com\nТарас;Шевчук;t@example.com\n"
TURKISH = "Ad;Soyad;E-posta\nIşıl;Öztürk;i@example.com\nÇağrı;Şahin;c@example.com\n"
JAPANESE = "名;姓;メール\n陽葵;佐藤;h@example.com\n髙橋;蓮;r@example.com\n"


def read(content: str | bytes, **options: str) -> tuple[list[str], list[Record | BrokenLine], Source]:
    """The names of the columns and the records, twice: a source can be read again."""
    raw = io.BytesIO(content.encode() if isinstance(content, str) else content)
    with open_source(raw, **options) as source:
        records = list(source.records())
        assert list(source.records()) == records
        return source.headers, records, source


def cells(content: str | bytes, **options: str) -> list[tuple[str, ...] | int]:
    """The cells of every record, and the line's number in place of a broken one."""
    _headers, records, _source = read(content, **options)
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
    _headers, records, source = read(damaged)
    assert source.encoding == "utf-8"
    last = records[-1]
    assert isinstance(last, Record)
    assert last.cells[0] == "J\N{REPLACEMENT CHARACTER}rgen"


def test_bytes_that_fit_no_known_encoding_are_asked_about() -> None:
    with pytest.raises(EncodingNotSure) as refused:
        read(b"Name;E-Mail\n\x81\x8d\xff\xfe\x81;x@example.com\n")
    assert refused.value.candidates


def test_a_known_encoding_and_delimiter_can_be_named() -> None:
    assert cells("a;b\nŁ|x;1\n".encode("iso8859-2"), encoding="iso8859-2", delimiter=";") == [("Ł|x", "1")]
    assert cells(("\ufeffa;b\n1;2\n").encode(), encoding="utf-8") == [("1", "2")]


@pytest.mark.parametrize("encoding", ["klingon", "base64", ""])
def test_an_unknown_encoding_is_refused(encoding: str) -> None:
    if not encoding:
        assert read("a\n", encoding=encoding)[2].encoding == "utf-8"
        return
    with pytest.raises(FileRefused, match=f"'{encoding}' is not known"):
        read("a\n", encoding=encoding)


def test_an_unusable_delimiter_is_refused() -> None:
    for delimiter in (";;", '"', "@", "x", "7", "\n", "\0"):
        with pytest.raises(FileRefused, match="cannot be used"):
            read(f"a{delimiter}b\n", delimiter=delimiter)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found_in_spite_of_quotes(delimiter: str) -> None:
    other = ";" if delimiter == "," else ","
    lines = ["name,x;y", f'"Smith{delimiter} Ann";Partner', f'"new\nline{other}{other}"']
    text = "".join(
        f'"a"{delimiter}{line.replace(delimiter, delimiter)}{delimiter}mail@example.com\n' for line in lines[1:]
    )
    header = delimiter.join(["First name", "Last name", "E-mail"]) + "\n"
    assert read(header + text)[2].delimiter == delimiter


def test_a_spreadsheets_separator_line_is_obeyed_and_skipped() -> None:
    headers, records, _source = read("sep=|\na,b|c\n1,2|3\n")
    assert headers == ["a,b", "c"]
    assert records == [Record(3, ("1,2", "3"))]


def test_a_single_column_needs_no_delimiter() -> None:
    assert cells("E-mail\nada@example.com\nbob@example.com\n") == [("ada@example.com",), ("bob@example.com",)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system(end: str) -> None:
    assert cells(f"a,b{end}1,2{end}3,4{end}") == [("1", "2"), ("3", "4")]


def test_new_lines_and_quotes_within_cells_are_kept() -> None:
    assert cells('a,b\n"two\r\nlines","say ""hi"""\n=1+1,"x, y"\n') == [("two\r\nlines", 'say "hi"'), ("=1+1", "x, y")]


def test_lines_are_counted_as_an_editor_does() -> None:
    _headers, records, _source = read('a,b\n"x\ny\nz",1\n2,3\n')
    assert [each.line for each in records] == [2, 5]


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ("1,2,3", "has 3 cells, and there are 2 columns"),
        ('"never closed,2', "opened and not closed within 100 lines"),
        ('"closed" too early,2', "inside a quoted cell"),
        ('"open,2\nswallowed,"3"', "inside a quoted cell"),
        ("x" * LONGEST_LINE + ",2", "longer than"),
        ("x" * (3 * LONGEST_LINE) + ",2", "longer than"),
    ],
)
def test_a_broken_line_costs_itself_alone(broken: str, why: str) -> None:
    _headers, records, _source = read(f"a,b\n1,2\n{broken}\n3,4\n5,6\n")
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


def test_missing_cells_are_empty_and_empty_lines_are_passed_over() -> None:
    assert cells("a,b,c\n1\n2,3\n\n   \n,,\n , ,\n4,5,6\n") == [("1", "", ""), ("2", "3", ""), ("4", "5", "6")]


def test_a_cell_of_several_lines_with_cells_missing_may_have_swallowed_good_lines() -> None:
    assert cells('a,b\n"open\n1,2\n3,4"\n5,6\n') == [2, ("1", "2"), ("3", '4"'), ("5", "6")]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "The file is empty"),
        (b"\n\n  \n", "The file is empty"),
        (b"PK\x03\x04rest of a workbook", "damaged"),
        (b"\xd0\xcf\x11\xe0 old", "The workbook is damaged"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x1f\x8b\x08", "damaged"),
        (b"\x7fELF\0\0\0\x01\x02\x03 abcdefgh ijkl mnop\0", "no text"),
        (b'"never closed,b\n1,2\n', "The first line, 1, cannot be read"),
    ],
)
def test_what_is_no_csv_gets_one_clear_error(content: bytes, why: str) -> None:
    with pytest.raises(FileRefused, match=why):
        read(content)


def test_the_owners_file_stays_open() -> None:
    owner = io.BytesIO(b"a,b\n1,2\n")
    with open_source(owner) as source:
        assert next(iter(source.records()))
    assert not owner.closed


@given(content=st.binary(max_size=300) | st.text(alphabet='ab,;"\n\r\t|é ', max_size=80).map(str.encode))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        headers, records, _source = read(content)
    except FileRefused:
        return
    assert all(len(each.cells) == len(headers) for each in records if isinstance(each, Record))
    lines = [each.line for each in records]
    assert lines == sorted(set(lines))


@pytest.mark.parametrize(
    "lines",
    [
        ["'Email','First name','Company'", "'a@example.com','D''Arc','Byron, \"Ltd\"'", "'b@example.com','','Poe'"],
        ["'Email';'First name';'Company'", "'a@example.com';'D\\'Arc';'Byron, \"Ltd\"'", "'b@example.com';;'Poe'"],
        ["Email,First name,Company", "'a@example.com','D''Arc','Byron, \"Ltd\"'", "'b@example.com',NULL,'Poe'"],
        # Some cells alone, and some in the usual marks.
        ["Email,First name,Company", "a@example.com,D'Arc,'Byron, \"Ltd\"'", "b@example.com,,Poe"],
        ["'Email','First name','Company'", 'a@example.com,"D\'Arc","Byron, ""Ltd"""', "'b@example.com','',Poe"],
        [
            "'Email','First name','Company'",
            "'a@example.com','D''Arc','Byron, \"Ltd\"'",
            "'b@example.com','','Poe'",
            "''",
        ],
    ],
)
def test_cells_in_single_quotes(lines: list[str]) -> None:
    headers, (first, second, *rest), _source = read("\n".join(lines))
    assert [header.strip("'") for header in headers] == ["Email", "First name", "Company"]
    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert [str(cell).strip("'") for cell in first.cells] == ["a@example.com", "D'Arc", 'Byron, "Ltd"']
    assert (second.cells[0], second.cells[2]) == ("b@example.com", "Poe")
    assert not rest


def test_a_cell_in_single_quotes_goes_over_lines_and_costs_only_itself() -> None:
    lines = ["'Email','Notes'", "'a@example.com','one\ntwo, \"three\"'", "'b@example.com','open", "'c@example.com','x'"]
    _headers, (first, second, third), _source = read("\n".join(lines))
    assert first == Record(2, ("a@example.com", 'one\ntwo, "three"'))
    assert isinstance(second, BrokenLine)
    assert second.text == "'b@example.com','open\n"
    assert third == Record(5, ("c@example.com", "x"))


def test_apostrophes_are_no_quotes() -> None:
    lines = ["Email,Last name,Town", "a@example.com,'t Hooft,'s-Hertogenbosch", "b@example.com,O'Hara,Hara's"]
    assert cells("\n".join(lines)) == [
        ("a@example.com", "'t Hooft", "'s-Hertogenbosch"),
        ("b@example.com", "O'Hara", "Hara's"),
    ]

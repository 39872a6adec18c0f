"""Files of every kind, packed or not; what is damaged, locked or blows up is refused in one sentence."""

from __future__ import annotations

import datetime
import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook

from dotbridge.crm.models import Contact, ContactEmail
from dotbridge.files import unpacking
from dotbridge.files.errors import FileRefused
from tests.files.conftest import CASES, counts, load

pytestmark = pytest.mark.django_db

ROWS = [
    ["E-mail", "First name", "Phone", "Birthday", "Lead score", "VIP", "Member since", None],
    # A workbook knows no time zones.
    ["a@example.com", "Ann", 447911123456, datetime.date(1990, 5, 17), 1.0, True, datetime.date(2020, 1, 2)],
    [None, None],
    ["b@example.com", "#N/A", "020 7946 0000", "17/05/1991", 1.234, "no"],
    ["c@example.com", "Cem", None, None, None, None, None, None, "beyond"],
    ["d@example.com", "Dee"],
]


def workbook(**sheets: list[list[object]]) -> bytes:
    book = Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    saved = io.BytesIO()
    book.save(saved)
    return saved.getvalue()


def packed(**files: bytes | str) -> bytes:
    saved = io.BytesIO()
    with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_dot_", "."), content)
    return saved.getvalue()


def ods(rows: list[list[str]]) -> bytes:
    cells = "".join(
        "<table:table-row>" + "".join(f"<table:table-cell {cell}" for cell in row) + "</table:table-row>"
        for row in rows
    )
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0"?><office:document-content {spaces}><office:body><office:spreadsheet>'
        f'<table:table table:name="People">{cells}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        '<manifest:file-entry manifest:full-path="/" '
        'manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>'
    )
    saved = io.BytesIO()
    with zipfile.ZipFile(saved, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)
    return saved.getvalue()


def text(value: str) -> str:
    return f'office:value-type="string"><text:p>{value}</text:p></table:table-cell>'


def test_a_workbook() -> None:
    report = load(workbook(Empty=[], People=ROWS, Notes=[["x"]]))
    assert (report.format, report.part, report.other_parts) == ("xlsx", "People", ["Empty", "Notes"])
    assert counts(report) == (3, 0, 0, 1)
    told = {(problem.line, problem.column, problem.value) for problem in report.problems}
    assert told == {
        (4, "First name", "#N/A"),
        (4, "Lead score", "1.234"),
        (5, "", "c@example.com Cem beyond"),
    }
    assert list(
        Contact.objects.order_by("pk").values_list("first_name", "phone", "birthday", "lead_score", "is_vip")
    ) == [
        ("Ann", "447911123456", datetime.date(1990, 5, 17), 1, True),
        ("", "020 7946 0000", datetime.date(1991, 5, 17), None, False),
        ("Dee", "", None, None, False),
    ]


def test_a_workbook_whose_columns_have_no_names_loses_nobody() -> None:
    report = load(workbook(People=[["a@example.com", "Ann"], ["b@example.com", "Bo"]]))
    assert counts(report) == (2, 0, 0, 0)
    assert [column.name for column in report.columns] == ["Column 1", "Column 2"]


def test_a_person_with_a_name_before_the_address_is_no_name_of_a_column() -> None:
    report = load("Ann Byron <ann@example.com>\nBo Poe <bo@example.com>\n")
    assert counts(report) == (2, 0, 0, 0)


def test_what_was_chosen_for_columns_without_names_says_nothing_about_the_next_file() -> None:
    load("a@example.com,Byron,Ann\n", columns={"Column 2": "last_name", "Column 3": "first_name"})
    load("b@example.com,Bo,Poe\n", columns={"Column 2": "first_name"})
    assert list(Contact.objects.order_by("pk").values_list("first_name", "last_name")) == [("Ann", "Byron"), ("Bo", "")]


@pytest.mark.parametrize(
    "content",
    [
        b'email,"no\0te"\na@example.com,x\n',
        b'{"email": "a@example.com", "no\\u0000te": "x"}\n',
        b'{"email": "a@example.com", "\\ud800": "x"}\n',
        b'{"email": "a@example.com", "unsub\\u0000scribed": "x"}\n',
    ],
)
def test_the_name_of_a_column_may_hold_what_no_table_can(content: bytes) -> None:
    report = load(content)
    assert counts(report) == (1, 0, 0, 0)
    assert "\N{REPLACEMENT CHARACTER}" in report.columns[1].name


def test_a_sheet_can_be_named() -> None:
    book = workbook(One=[["email"], ["one@example.com"]], Two=[["email"], ["two@example.com"]])
    load(book, sheet="Two")
    assert ContactEmail.objects.get().email == "two@example.com"
    with pytest.raises(FileRefused, match=r"no sheet 'Three'\. The sheets are: One, Two"):
        load(book, sheet="Three")


def test_an_opendocument_sheet() -> None:
    day = 'office:value-type="date" office:date-value="1990-05-17"><text:p>17/05/90</text:p></table:table-cell>'
    score = 'office:value-type="float" office:value="42"><text:p>42</text:p></table:table-cell>'
    headers = [text(each) for each in ("E-mail", "Vorname", "Geburtstag", "Punkte")]
    report = load(ods([headers, [text("a@example.com"), text("Käthe"), day, score]]))
    assert (report.format, report.part, counts(report)) == ("ods", "People", (1, 0, 0, 0))
    assert Contact.objects.values_list("first_name", "birthday", "lead_score").get() == (
        "Käthe",
        datetime.date(1990, 5, 17),
        42,
    )


def xlsb(rows: list[list[str]], *merged: tuple[int, int, int, int]) -> bytes:
    """A binary workbook by hand: records of a kind, a length and that much content.

    Merged cells are given by their first and last row, first and last column, counted from 0.
    """

    def record(kind: int, content: bytes = b"") -> bytes:
        begin = bytes([kind]) if kind < 128 else bytes([kind & 127 | 128, kind >> 7])
        return (
            begin
            + bytes([len(content) & 127 | (128 if len(content) > 127 else 0)])
            + (bytes([len(content) >> 7]) if len(content) > 127 else b"")
            + content
        )

    def wide(text: str) -> bytes:
        return len(text).to_bytes(4, "little") + text.encode("utf-16-le")

    sheet = record(129) + record(148, b"".join(each.to_bytes(4, "little") for each in (0, len(rows) - 1, 0, 2)))
    sheet += record(145)
    for number, row in enumerate(rows):
        sheet += record(0, number.to_bytes(4, "little") + bytes(13))
        for place, text in enumerate(row):
            sheet += record(6, place.to_bytes(4, "little") + bytes(4) + wide(text))
    sheet += record(146)
    for area in merged:
        sheet += record(176, b"".join(each.to_bytes(4, "little") for each in area))
    sheet += record(130)
    book = record(131) + record(143) + record(156, bytes(4) + (1).to_bytes(4, "little") + wide("r1") + wide("People"))
    book += record(144) + record(132)
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    relation = (
        f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{office}/{{}}" Target="{{}}"/></Relationships>'
    )
    return packed(
        **{
            "[Content_Types]_dot_xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
            "_rels/_dot_rels": relation.format("officeDocument", "xl/workbook.bin"),
            "xl/workbook_dot_bin": book,
            "xl/_rels/workbook_dot_bin_dot_rels": relation.format("worksheet", "worksheets/sheet1.bin"),
            "xl/worksheets/sheet1_dot_bin": sheet,
        }
    )


def test_a_binary_workbook() -> None:
    report = load(xlsb([["E-mail", "Vorname"], ["a@example.com", "Käthe"], ["b@example.com", "Bo"]]))
    assert (report.format, report.part, counts(report)) == ("xlsb", "People", (2, 0, 0, 0))
    assert Contact.objects.order_by("pk").values_list("first_name", flat=True)[0] == "Käthe"


def test_vcards() -> None:
    cards = (
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Byron;Ada;King;Dr.;\r\nFN:Dr. Ada Byron\r\n"
        "EMAIL;TYPE=HOME:home@example.com\r\n"
        "EMAIL;TYPE=PREF:a@example.com\r\nTEL;TYPE=CELL:+44 7911 123456\r\nORG:Acme Ltd;Sales\r\nTITLE:CTO\r\n"
        "BDAY:1990-05-17\r\nPHOTO;ENCODING=b;TYPE=JPEG:AAAA\r\n BBBB\r\nNOTE:two\\nlines\\, and more\r\nEND:VCARD\r\n"
        "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=B6rg\r\n"
        "EMAIL;INTERNET:j@example.com\r\nEND:VCARD\r\n"
        "BEGIN:VCARD\r\nnothing that could be read\r\nEND:VCARD\r\n"
        "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Bob Poe\r\nEMAIL:mailto:b@example.com\r\n"
        "TEL;VALUE=uri:tel:+44-20-7946-0000\r\n"
    )
    report = load(cards)
    assert (report.format, counts(report)) == ("vcard", (3, 0, 0, 1))
    assert [problem.line for problem in report.problems] == [20]
    assert list(
        Contact.objects.order_by("pk").values_list("first_name", "last_name", "phone", "account__name", "notes")
    ) == [
        ("Ada", "Byron", "+44 7911 123456", "Acme Ltd", "two\nlines, and more"),
        ("Jörg", "Müller", "", None, ""),
        ("Bob", "Poe", "+44-20-7946-0000", None, ""),
    ]
    emails = ContactEmail.objects.order_by("pk").values_list("email", "is_primary")
    assert set(emails) == {
        ("a@example.com", True),
        ("home@example.com", False),
        ("j@example.com", True),
        ("b@example.com", True),
    }


def test_the_preferred_address_of_a_card_is_the_first_by_its_number() -> None:
    cards = [
        "VERSION:4.0\r\nEMAIL;PREF=2:old@example.com\r\nEMAIL:other@example.com\r\nEMAIL;PREF=1:a@example.com",
        "VERSION:3.0\r\nEMAIL;type=HOME:home@example.com\r\nitem1.EMAIL;type=pref:b@ex\r\n ample.com",
        "VERSION:2.1\r\nEMAIL;INTERNET:home2@example.com\r\nEMAIL;INTERNET;PREF:c@example.com",
    ]
    load("".join(f"BEGIN:VCARD\r\n{card}\r\nFN:Ann Byron\r\nEND:VCARD\r\n" for card in cards))
    primary = ContactEmail.objects.filter(is_primary=True).values_list("email", flat=True)
    assert set(primary) == {"a@example.com", "b@example.com", "c@example.com"}


def test_json_lines() -> None:
    lines = [
        {"email": "a@example.com", "person": {"first name": "Ann"}, "score": 1.0, "is_vip": True, "birthday": None},
        {"email": ["b@example.com", "b2@example.com"], "score": "many", "birthday": "1990-05-17"},
    ]
    content = "\n\n".join(map(json.dumps, lines)) + '\n[1, 2]\n{"email": \n{"email": "\\ud800@example.com"}\n'
    report = load(content, columns={"person.first name": "first_name"})
    assert (report.format, counts(report)) == ("jsonl", (2, 0, 0, 3))
    assert list(Contact.objects.order_by("pk").values_list("first_name", "lead_score", "is_vip")) == [
        ("Ann", 1, True),
        ("", None, False),
    ]
    assert ContactEmail.objects.filter(is_primary=False).get().email == "b2@example.com"
    assert [problem.line for problem in report.problems] == [3, 4, 5, 6]


def test_one_packed_file() -> None:
    raw = (CASES / "p2b_czech_30_cp1250.csv").read_bytes()
    zipped = packed(people_dot_csv=raw, **{"__MACOSX/._people_dot_csv": b"x"})
    for content, part, expected in ((gzip.compress(raw), "", (30, 0, 0, 0)), (zipped, "people.csv", (0, 0, 30, 0))):
        report = load(content)
        assert (report.format, report.encoding, report.part) == ("csv", "cp1250", part)
        assert counts(report) == expected


CSV = b"email\na@example.com\n"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (packed(one_dot_csv=CSV, two_dot_csv=CSV), "one.csv, two.csv. Unpack it and load each by itself"),
        (packed(), "There is no file in the archive"),
        (packed(inner_dot_gz=gzip.compress(CSV)), "packed twice"),
        (gzip.compress(packed(one_dot_csv=CSV)), "packed twice"),
        (gzip.compress(CSV * 100)[:-20], "damaged"),
        (packed(one_dot_csv=CSV)[:-10], "damaged"),
        (gzip.compress(b"\0" * 20 * 1024**2), "more than 200 times its size"),
        (packed(bomb_dot_csv=b"\0" * 20 * 1024**2), "more than 200 times its size"),
        (packed(**{"xl/workbook_dot_xml": b"\0" * 20 * 1024**2}), "more than 200 times its size"),
        (packed(content_dot_xml=b"\0" * 20 * 1024**2, mimetype="x"), "more than 200 times its size"),
        (packed(**{"xl/workbook_dot_xml": b"no workbook"}), "The workbook is damaged"),
        (packed(content_dot_xml=b"no sheet", mimetype="x"), "The workbook is"),
        (workbook(People=[]), "The workbook is empty"),
        (packed(**{"xl/workbook_dot_bin": b"no workbook"}), "The workbook is damaged"),
        (packed(café_dot_csv=CSV).replace("café".encode(), b"caf\xff\xff"), "damaged"),
        (b"{}\n{}\n", "No line of the file holds a JSON object"),
        (b"{" + b'"a":{' * 100_000 + b"\n", "No line of the file holds a JSON object"),
    ],
    # An archive holds the time: named by its bytes, a test would have another name in each process.
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_what_cannot_be_read_is_one_sentence(content: bytes, why: str) -> None:
    with pytest.raises(FileRefused, match=why):
        load(content)
    assert not Contact.objects.exists()


def test_a_workbook_that_is_damaged_within_a_sheet_is_refused_whole() -> None:
    source = workbook(People=ROWS[:2])
    torn = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(source)) as whole, zipfile.ZipFile(torn, "w") as archive:
        for member in whole.infolist():
            content = whole.read(member)
            archive.writestr(member.filename, content[:-60] if "sheet1" in member.filename else content)
    with pytest.raises(FileRefused, match="The workbook is damaged"):
        load(torn.getvalue())
    assert not Contact.objects.exists()


def test_texts_of_a_workbook_that_would_fill_the_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "LARGEST_SHEET_IN_MEMORY", 1024**2)
    with pytest.raises(FileRefused, match="more than 1 MB"):
        load(packed(**{"xl/workbook_dot_xml": b"x", "xl/sharedStrings_dot_xml": b"x" * (1024**2 + 1)}))


def test_a_locked_archive_is_refused() -> None:
    raw = bytearray(packed(one_dot_csv=CSV))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        raw[raw.index(signature) + offset] |= 1
    with pytest.raises(FileRefused, match="locked with a password"):
        load(bytes(raw))


def test_a_file_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "LARGEST_FILE", 1024**2)
    for content in (b"x" * (1024**2 + 1), gzip.compress(Path(__file__).read_bytes() * 200)):
        with pytest.raises(FileRefused, match="more than 1 MB"):
            load(content)

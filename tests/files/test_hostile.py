"""Files that were made to harm: each is refused in words or read for what is in it, on the command line and the pages.

Nothing of it takes long, fills the memory, or shows what only the server may see. The kind: what a file says of itself
is believed, such as its size, its dimensions, or what its names stand for.
"""

from __future__ import annotations

import gzip
import io
import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from dotbridge.crm.models import ContactEmail
from dotbridge.files.errors import FileRefused
from dotbridge.files.models import FileLoad
from dotbridge.files.report_lines import report_lines
from dotbridge.files.waiting import keep_file
from tests.files.conftest import load

pytestmark = pytest.mark.django_db
# Far more than any of them takes, on a machine that is busy as well.
SECONDS = 30
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def packed(files: dict[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return raw.getvalue()


def workbook(rows: str, *, before: str = "") -> bytes:
    """A workbook by hand: programs that make them would not make these."""
    relation = (
        f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r" Type="{OFFICE}/%s" Target="%s"/>'
        "</Relationships>"
    )
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType='
        f'"{WORKBOOK}.sheet.main+xml"/><Override PartName="/xl/worksheets/a.xml" ContentType='
        f'"{WORKBOOK}.worksheet+xml"/></Types>',
        "_rels/.rels": relation % ("officeDocument", "xl/workbook.xml"),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets><sheet name="S" sheetId="1" r:id="r"/>'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": relation % ("worksheet", "worksheets/a.xml"),
        "xl/worksheets/a.xml": f'{before}<worksheet xmlns="{MAIN}"><dimension ref="A1:XFD1048576"/><sheetData>'
        f"{row(1, A='E-mail', B='Name')}{rows}</sheetData></worksheet>",
    }
    return packed({name: text.encode() for name, text in parts.items()})


def row(number: int, **cells: str) -> str:
    inner = "".join(f'<c r="{name}{number}" t="inlineStr"><is><t>{text}</t></is></c>' for name, text in cells.items())
    return f'<row r="{number}">{inner}</row>'


LAUGHS = "".join(f'<!ENTITY {chr(98 + step)} "{("&" + chr(97 + step) + ";") * 10}">' for step in range(9))
GOOD = b"E-mail,Name\na@example.com,Ada Byron\n"
CARD = b"BEGIN:VCARD\nVERSION:3.0\nN:Byron;Ada\nEMAIL:a@example.com\n"
LONG = b"x" * 10 * 1024**2
# The file, and either why it is refused, or who is taken and how many lines are not.
FILES: dict[str, tuple[Callable[[], bytes], str | tuple[list[str], int]]] = {
    "zip bomb": (lambda: packed({"a.csv": bytes(200 * 1024**2)}), "times its size"),
    "gzip bomb": (lambda: gzip.compress(bytes(200 * 1024**2)), "times its size"),
    "workbook bomb": (
        lambda: packed({"xl/workbook.xml": b"", "xl/worksheets/a.xml": bytes(200 * 1024**2)}),
        "times its size",
    ),
    "nested zip": (lambda: packed({"a.zip": packed({"a.csv": GOOD})}), "packed twice"),
    "gzip in gzip": (lambda: gzip.compress(gzip.compress(GOOD)), "packed twice"),
    "two files": (lambda: packed({"a.csv": GOOD, "b.csv": GOOD}), "holds 2 files"),
    "cut off": (lambda: packed({"a.csv": GOOD})[:-20], "damaged"),
    "path in a zip": (lambda: packed({"../../etc/a.csv": GOOD}), (["a@example.com"], 0)),
    "rows of one number": (
        lambda: workbook(row(2, A="a@example.com") + row(2, A="b@example.com")),
        (["a@example.com", "b@example.com"], 0),
    ),
    "row far away": (lambda: workbook(row(10**9, A="z@example.com")), (["z@example.com"], 0)),
    "column far away": (
        lambda: workbook(row(2, A="a@example.com") + "".join(row(n, A="b@x.example", XFD="x") for n in range(3, 503))),
        (["a@example.com"], 500),
    ),
    "outer entity": (
        lambda: workbook(
            row(2, A="&amp;a@example.com", B="&e;"),
            before='<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>',
        ),
        "damaged",
    ),
    "entities of entities": (
        lambda: workbook(row(2, A="&j;"), before=f'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">{LAUGHS}]>'),
        "damaged",
    ),
    "formula cells": (
        lambda: workbook(
            '<row r="2"><c r="A2" t="str"><f>"a@"&amp;"example.com"</f><v>a@example.com</v></c>'
            '<c r="B2"><f>HYPERLINK("https://example.com")</f></c></row>'
        ),
        (["a@example.com"], 0),
    ),
    "one line of 10 MB": (lambda: GOOD + LONG + b"\nb@example.com,Bo\n", (["a@example.com", "b@example.com"], 1)),
    "names of 10 MB": (lambda: LONG + b"\n" + GOOD, "longer than"),
    "nothing but 10 MB": (lambda: LONG, "longer than"),
    "one object of 10 MB": (
        lambda: b'{"email": "a@example.com"}\n{"email": "' + LONG + b'"}\n{"email": "b@example.com"}\n',
        (["a@example.com", "b@example.com"], 11),
    ),
    "deep object": (
        lambda: b'{"email": "a@example.com"}\n' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"\n",
        (["a@example.com"], 1),
    ),
    "card of 10 MB": (
        lambda: CARD + b"PHOTO;ENCODING=b:" + LONG + b"\nEND:VCARD\n" + CARD.replace(b"a@", b"b@") + b"END:VCARD\n",
        (["a@example.com", "b@example.com"], 0),
    ),
    "zeros in cells": (
        lambda: b"E-mail,Name\n" + b"ok@example.com,Ok\n" * 4_000 + b"b\0@example.com,B\nc@example.com,C\0\n",
        (["c@example.com", "ok@example.com"], 1),
    ),
    "empty lines without an end": (lambda: GOOD + b"\n" * 3_000_000, "lines with nothing in them"),
    "an open quote before a long line": (
        lambda: b'E-mail,Notes\na@example.com,"' + (b"x" * 60 + b"\n") * 1_060 + b"y" * 99_000 + b"\n",
        ([], 1_061),
    ),
    "too many columns": (lambda: b"E-mail" + b",x" * 600 + b"\na@example.com\n", "more than 500 columns"),
}  # fmt: skip


@pytest.fixture(params=FILES)
def hostile(request: pytest.FixtureRequest) -> tuple[bytes, str | tuple[list[str], int]]:
    made, right = FILES[request.param]
    return made(), right


def test_on_the_command_line(
    hostile: tuple[bytes, str | tuple[list[str], int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, right = hostile
    path = tmp_path / "people"
    path.write_bytes(content)
    began = time.monotonic()
    if isinstance(right, str):
        with pytest.raises(CommandError, match=right) as refused:
            call_command("load_file", "crm.contact", str(path))
        assert refused.value.returncode == 2
        assert len(str(refused.value).splitlines()) == 1
    else:
        call_command("load_file", "crm.contact", str(path), "--json")
        report = json.loads(capsys.readouterr().out)
        assert (emails(), report["refused"]) == right
    assert time.monotonic() - began < SECONDS


def test_on_the_pages(hostile: tuple[bytes, str | tuple[list[str], int]], client: Client) -> None:
    content, right = hostile
    client.force_login(User.objects.create_superuser("mona", password="x"))
    began = time.monotonic()
    data = {"file": SimpleUploadedFile("people", content), "entity": "crm.contact"}
    page: Any = client.post(reverse("dotbridge:file-add"), data, follow=True)
    assert time.monotonic() - began < SECONDS
    assert page.status_code == 200
    assert len(page.content) < 500_000
    if isinstance(right, str):
        assert right in page.content.decode()
        assert page.context["can_load"] is False
    else:
        report = page.context["report"]
        assert report["created"] == len(right[0])
        assert report["refused"] == right[1]
    assert FileLoad.objects.count() == 1


def test_names_in_a_file_move_no_cursor() -> None:
    clear = "\x1b[2J"
    content = f"E-mail,{clear}Shoe,Unsubscribed {clear},First name{clear}\na@example.com,9,perhaps,Ada\n"
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr(f"{clear}people.csv", content)
    said = report_lines(load(raw.getvalue()))
    assert all(line.isprintable() for line in said), said
    with zipfile.ZipFile(raw, "a") as archive:
        archive.writestr(f"{clear}more.csv", content)
    with pytest.raises(FileRefused) as refused:
        load(raw.getvalue())
    assert str(refused.value).isprintable()


def test_a_choice_that_cannot_be_stored_is_refused_in_words(client: Client) -> None:
    client.force_login(User.objects.create_superuser("mona", password="x"))
    kept = keep_file(file=io.BytesIO(GOOD), name="people.csv", entity="crm.contact")
    for sent in ({"headers": json.dumps({"0": "E-mail\0"}), "goes-0": "email"}, {"delimiter": "\0"}):
        page = client.post(reverse("dotbridge:file-look", args=[kept.pk]), {"choosing": "1", **sent})
        assert (page.status_code, "cannot be stored" in page.content.decode()) == (200, True)


def emails() -> list[str]:
    return sorted(ContactEmail.objects.values_list("email", flat=True))

"""Uploading a file (contract §4.6) and reading what was refused (contract §5.4)."""

from __future__ import annotations

import base64
import io
import json
import re
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import pytest

from dotdigital import (
    MAX_IMPORT_BYTES,
    Account,
    ConfigurationError,
    Fault,
    Import,
    MergeOption,
    NotFound,
    Rejected,
    Retry,
    Timeout,
    Transient,
    UnknownOutcome,
)
from dotdigital.faults import UNREADABLE_ROW, read_faults
from tests.dotdigital.server import RESET, Reply, Server, answer, cut

MakeAccount = Callable[..., Account]
Encoding = Literal["multipart", "json"]
CSV = "Email,FIRSTNAME\r\nann@example.com,Zoë\r\n".encode()
TAKEN = answer(202, {"id": "af4ac4bc-e1e7", "status": "NotFinished"})


class Trickle(io.BytesIO):
    """A file that gives fewer bytes than asked for, as unbuffered files may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 5))


class Shrinking(io.BytesIO):
    """A file that is cut while it is read."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(size)[:3] if self.tell() == 0 else b""


def uploaded(server: Server, at: int = -1) -> bytes:
    """The file as the service understands it."""
    request = server.requests[at]
    assert int(request.headers["content-length"]) == len(request.body)
    if request.headers["content-type"] == "application/json":
        return base64.b64decode(json.loads(request.body)["data"], validate=True)
    boundary = request.headers["content-type"].partition("boundary=")[2].encode()
    found = re.fullmatch(rb"--%b\r\n(.*?)\r\n\r\n(.*)\r\n--%b--\r\n" % (boundary, boundary), request.body, re.DOTALL)
    assert found is not None
    assert b'filename="' in found[1]
    return found[2]


@pytest.mark.parametrize("encoding", ["multipart", "json"])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 196_607, 196_608, 196_609, 700_001])
def test_a_file_arrives_byte_by_byte(server: Server, account: Account, encoding: Encoding, size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    server.say(TAKEN)
    assert account.address_book(7).import_contacts(io.BytesIO(content), encoding=encoding).unfinished
    assert uploaded(server) == content
    assert server.requests[0].target == "/v2/address-books/7/contacts/import/with-merge-option/Overwrite"


@pytest.mark.parametrize("encoding", ["multipart", "json"])
def test_paths_and_odd_files_arrive_too(server: Server, account: Account, tmp_path: Path, encoding: Encoding) -> None:
    path = tmp_path / "contacts.csv"
    path.write_bytes(CSV)
    moved = io.BytesIO(b"skipped" + CSV)
    moved.seek(7)
    for file in (path, moved, Trickle(CSV)):
        server.say(TAKEN)
        book = account.address_book(7)
        merge = MergeOption.ONLY_OVERWRITE_IF_NOT_EMPTY
        assert book.import_contacts(file, merge=merge, encoding=encoding) == Import("af4ac4bc-e1e7", "NotFinished")
        assert uploaded(server) == CSV
        assert server.requests[-1].target.endswith("/import/with-merge-option/OnlyOverwriteIfNotEmpty")


def test_a_file_name_cannot_break_out_of_its_header(server: Server, account: Account) -> None:
    name = 'ä"\r\nX-Evil: 1".csv'
    server.say(TAKEN, TAKEN)
    account.address_book(7).import_contacts(io.BytesIO(CSV), file_name=name)
    account.address_book(7).import_contacts(io.BytesIO(CSV), file_name=name, encoding="json")
    head = server.requests[0].body.split(b"\r\n\r\n")[0].decode()
    assert head.count("\r\n") == 2
    assert 'filename="ä%22%0D%0AX-Evil: 1%22.csv"' in head
    assert json.loads(server.requests[1].body)["fileName"] == name


def test_a_refused_upload_is_sent_again_from_its_start(server: Server, account: Account) -> None:
    server.say(answer(429), TAKEN)
    account.address_book(7).import_contacts(io.BytesIO(CSV), encoding="json")
    assert uploaded(server, 0) == uploaded(server, 1) == CSV


def test_an_upload_whose_answer_is_lost_is_not_repeated(server: Server, account: Account) -> None:
    server.say(RESET, answer(200, {"status": "NotFinished"}))
    for _ in range(2):
        with pytest.raises(UnknownOutcome):
            account.address_book(7).import_contacts(io.BytesIO(CSV))
    assert account.requests == 2


def test_an_upload_cut_short_was_not_taken(server: Server, make_account: MakeAccount, tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    path.write_bytes(b"x" * 30_000_000)
    account = make_account(server.url, timeout=Timeout(connect=2, read=5, write=5))
    server.say(Reply(end="reset", read_body=False), TAKEN)
    assert account.address_book(7).import_contacts(path).id == "af4ac4bc-e1e7"
    assert account.requests == 2


def test_an_answer_before_the_end_of_the_upload_is_read(server: Server, account: Account, tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    path.write_bytes(b"x" * 30_000_000)
    refusal = answer(401, {"message": "Authorization has been denied for this request."})
    server.say(Reply(refusal.raw, end="drain", read_body=False))
    with pytest.raises(ConfigurationError, match="password"):
        account.address_book(7).import_contacts(path)
    assert account.requests == 1


@pytest.mark.parametrize("encoding", ["multipart", "json"])
def test_uploads_do_not_fill_the_memory(server: Server, account: Account, tmp_path: Path, encoding: Encoding) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(40_000_000)
    server.say(Reply(TAKEN.raw, end="drain", read_body=False))
    tracemalloc.start()
    account.address_book(7).import_contacts(path, encoding=encoding)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000


def test_files_the_service_would_refuse_are_not_sent(server: Server, account: Account, tmp_path: Path) -> None:
    path = tmp_path / "sparse.csv"
    with path.open("wb") as file:
        file.truncate(MAX_IMPORT_BYTES + 1)
    book = account.address_book(7)
    with pytest.raises(Rejected, match="in parts") as caught:
        book.import_contacts(path)
    assert caught.value.code == "FILE_TOO_LARGE"
    with pytest.raises(ValueError, match="encoding"):
        book.import_contacts(io.BytesIO(CSV), encoding=cast(Encoding, "xml"))

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    with pytest.raises(ValueError, match="seek"):
        book.import_contacts(cast(BinaryIO, Pipe(CSV)))
    assert server.connections == 0


@pytest.mark.parametrize(
    "file",
    ["contacts.csv", b"Email\n", None, io.StringIO("Email\nann@example.com\n")],
    ids=["name", "bytes", "none", "text"],
)
def test_what_is_no_file_of_bytes_is_refused_before_anything_is_sent(
    server: Server, account: Account, file: Any
) -> None:
    for start in (account.address_book(1).import_contacts, account.contacts_v3.import_file):
        with pytest.raises(TypeError, match="opened with 'rb'"):
            start(file)
    assert server.requests == []


@pytest.mark.parametrize("encoding", ["multipart", "json"])
def test_a_file_that_shrinks_is_not_imported(server: Server, account: Account, encoding: Encoding) -> None:
    with pytest.raises(Rejected, match="shorter"):
        account.address_book(7).import_contacts(Shrinking(CSV), encoding=encoding)


def test_too_many_imports_have_a_code_to_wait_for(server: Server, account: Account) -> None:
    server.say(answer(400, {"message": "Error: ERROR_IMPORT_TOOMANYACTIVEIMPORTS"}))
    with pytest.raises(Rejected) as caught:
        account.address_book(7).import_contacts(io.BytesIO(CSV))
    assert caught.value.code == "ERROR_IMPORT_TOOMANYACTIVEIMPORTS"


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
def test_faults_are_read_from_pieces_of_any_size(size: int) -> None:
    body = (
        '\ufeffReason,email,FirstName\r\nDuplicate,ann@example.com,"Zoë, ""Z""\r\nsecond line 🎉"\r\n'
        "Invalid Email,invisible,\r\n"
    )
    assert list(read_faults(pieces(body.encode(), size))) == [
        Fault("Duplicate", "ann@example.com", {"email": "ann@example.com", "firstname": 'Zoë, "Z"\r\nsecond line 🎉'}),
        Fault("Invalid Email", "invisible", {"email": "invisible", "firstname": ""}),
    ]


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        (b"", []),
        (b"\xef\xbb\xbf", []),
        (b"Reason,email\n", []),
        (b"EMAIL,REASON\na@example.com,Blocked", [("Blocked", "a@example.com")]),
        (b"Why,Who\nBlocked , a@example.com\n", [("Blocked", "a@example.com")]),
        (b"Reason\nBlocked\n", [("Blocked", "")]),
        (b'"Reason","Email"\n\n"Blocked"\n"A","b","surplus"\n', [("Blocked", ""), ("A", "b")]),
        (b"Reason,email\nBl\xffcked,a@example.com\n", [("Bl\ufffdcked", "a@example.com")]),
    ],
)
def test_faults_of_any_shape_are_read(body: bytes, faults: list[tuple[str, str]]) -> None:
    assert [(fault.reason, fault.email) for fault in read_faults([body])] == faults


def test_a_row_that_cannot_be_read_costs_none_of_the_others() -> None:
    body = b'Reason,email\nA,"' + b"x" * 200_000 + b'"\nB,b@example.com\n' + b"y" * 1_200_000 + b"\nC,c@example.com\n"
    found = [(fault.reason, fault.email) for fault in read_faults(pieces(body, 65_536))]
    assert (UNREADABLE_ROW, "") in found
    assert ("B", "b@example.com") in found
    assert found[-1] == ("C", "c@example.com")


def test_faults_arrive_as_a_stream_that_survives_a_cut(server: Server, account: Account) -> None:
    body = b"\xef\xbb\xbfReason,email\n" + b"".join(b"Duplicate,c%d@example.com\n" % at for at in range(5000))
    server.say(cut(body, keep=50_000), RESET, answer(429), answer(200, body, {"Content-Type": "text/csv"}))
    emails = [fault.email for fault in account.import_faults("g")]
    assert emails == [f"c{at}@example.com" for at in range(5000)]
    assert account.requests == 4
    assert server.requests[0].headers["accept"].startswith("text/csv")


def test_faults_that_never_come_are_an_error(server: Server, account: Account) -> None:
    server.say(answer(404, {"message": "Error: ERROR_IMPORT_REPORT_NOT_FOUND"}))
    with pytest.raises(NotFound):
        next(account.import_faults("g"))
    server.say(answer(200, {"message": "Error: ERROR_IMPORT_NOT_FOUND"}))
    with pytest.raises(NotFound):
        list(account.import_faults("g"))
    server.otherwise = lambda request: answer(200, b"<html>")
    with pytest.raises(Transient):
        list(account.import_faults("g"))


@pytest.mark.parametrize(
    "body",
    [
        b'[{"id":1,"name":"A"}]',
        b"null",
        b"OK",
        b"Sorry, we are busy.",
        b"Service unavailable\nTry again later.\n",
        "Reason,email\r\nBlocked,a@example.com\r\n".encode("utf-16"),
        b"<?xml?>",
        # Two bytes a row, and a hundred thousand columns for each: hours of work.
        ("Reason,email," + ",".join(map(str, range(100_000)))).encode() + b"\nx" * 100_000,
    ],
    ids=["a list", "null", "a word", "a sentence", "two lines", "another encoding", "XML", "columns without end"],
)
def test_what_is_no_list_of_refused_rows_does_not_say_that_none_was(
    server: Server, make_account: MakeAccount, body: bytes
) -> None:
    """All rows of the file would count as taken."""
    account = make_account(server.url, retry=Retry(tries=1))
    server.say(answer(200, body))
    with pytest.raises(Transient):
        list(account.import_faults("g"))


def test_a_part_of_an_answer_is_none(server: Server, make_account: MakeAccount) -> None:
    account = make_account(server.url, retry=Retry(tries=1))
    server.otherwise = lambda request: answer(206, b"Reason,email\nBlocked,a@example.com\n")
    with pytest.raises(Transient):
        list(account.import_faults("g"))
    with pytest.raises(UnknownOutcome):
        account.create_data_field("SIZE", "Numeric")


def test_reading_a_few_faults_leaves_the_connection_usable(server: Server, account: Account) -> None:
    body = b"Reason,email\n" + b"A,a@example.com\n" * 100_000
    server.say(answer(200, body))
    faults: Any = account.import_faults("g")
    assert next(faults).reason == "A"
    faults.close()
    assert list(account.address_books()) == []

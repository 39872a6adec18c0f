"""Files from where they are: a real folder, a real web server, a real SFTP server; and what is not fetched.

The kind: what an address names is fetched, whatever it names. Its places: a path out of the named folders, a link, an
address of the own network, one that a server sends on to, another scheme, a password that goes to another server.
"""

from __future__ import annotations

import base64
import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from dotbridge.scheduled_files import fetching
from dotbridge.scheduled_files.fetching import Allowed, FetchRefused, NotSettled, Place, fetched, parsed
from tests.scheduled_files.s3_server import S3Server
from tests.scheduled_files.sftp_server import PASSWORD, USER, SftpServer, long_ago

EVERYWHERE = Allowed(private_addresses=True)


class Web:
    """A web server: what it answers to a path, and what it was asked with which user and password."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[tuple[str, str]] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                login = self.headers.get("Authorization", "")
                web.asked.append((self.path, base64.b64decode(login.removeprefix("Basic ")).decode()))
                status, headers, body = web.answers.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: Any) -> None:
                """Nobody reads it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def web() -> Iterator[Web]:
    running = Web()
    yield running
    running.server.shutdown()
    running.server.server_close()


def content_of(place: Place, allowed: Allowed = EVERYWHERE) -> tuple[str, bytes]:
    with fetched(place, allowed) as found:
        return found.name, found.file.read()


def refusal_of(place: Place, allowed: Allowed = EVERYWHERE) -> str:
    with pytest.raises(FetchRefused) as refused, fetched(place, allowed):
        pass
    return str(refused.value)


def test_a_file_and_the_newest_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"old")
    (tmp_path / "b.csv").write_bytes(b"new")
    (tmp_path / "c.csv.part").write_bytes(b"half")
    (tmp_path / ".hidden").write_bytes(b"hidden")
    long_ago(long_ago(tmp_path / "a.csv"))
    long_ago(tmp_path / "b.csv")
    allowed = Allowed(folders=(tmp_path,))
    assert content_of(Place(url=str(tmp_path / "a.csv")), allowed) == ("a.csv", b"old")
    assert content_of(Place(url=f"file://{tmp_path}"), allowed) == ("b.csv", b"new")


def test_a_path_is_no_address_and_its_signs_are_those_of_a_name(tmp_path: Path) -> None:
    allowed = Allowed(folders=(tmp_path,))
    for name in ("Kontakte #3.csv", "who?.csv", "50%20off.csv"):
        (tmp_path / name).write_bytes(name.encode())
        long_ago(tmp_path / name)
        assert content_of(Place(url=str(tmp_path / name)), allowed) == (name, name.encode())
    assert content_of(Place(url=f"file://{tmp_path}/Kontakte%20#3.csv"), allowed)[0] == "Kontakte #3.csv"


@pytest.mark.parametrize("url", ["lists/people.csv", "file://lists/people.csv", "C:\\lists\\people.csv"])
def test_a_path_that_does_not_begin_at_the_root_is_refused_as_such(url: str) -> None:
    assert "whole path" in refusal_of(Place(url=url))


def test_a_file_that_is_being_written_is_not_read_yet(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"half")
    with pytest.raises(NotSettled), fetched(Place(url=str(tmp_path / "a.csv")), Allowed(folders=(tmp_path,))):
        pass


@pytest.mark.parametrize("way", ["elsewhere", "dots", "link"])
def test_nothing_outside_the_named_folders_is_read(tmp_path: Path, way: str) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside.csv"
    inside.mkdir()
    outside.write_bytes(b"secret")
    (inside / "link.csv").symlink_to(outside)
    path = {"elsewhere": outside, "dots": inside / ".." / "outside.csv", "link": inside / "link.csv"}[way]
    assert str(inside) in refusal_of(Place(url=str(path)), Allowed(folders=(inside,)))
    assert "DOTBRIDGE_FILE_FOLDERS" in refusal_of(Place(url=str(path)), Allowed())


def test_a_link_among_the_files_of_a_folder_leads_nowhere_else(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside.csv"
    inside.mkdir()
    outside.write_bytes(b"secret")
    long_ago(outside)
    (inside / "link.csv").symlink_to(outside)
    assert "folder is empty" in refusal_of(Place(url=str(inside)), Allowed(folders=(inside,)))


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    allowed = Allowed(folders=(tmp_path,))
    assert "No such file" in refusal_of(Place(url=str(tmp_path / "none.csv")), allowed)
    assert "folder is empty" in refusal_of(Place(url=str(tmp_path)), allowed)


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://example.com/a", "people.csv", "https://mona:x@example.com/a", "http://", "https://[", "data:,x"),
        *("/srv/a%00.csv", "https://example.com/a%00.csv"),
    ],
)
def test_addresses_that_cannot_be_used(url: str) -> None:
    with pytest.raises(FetchRefused):
        parsed(url)


def test_a_server_whose_name_can_be_none_is_not_known() -> None:
    assert "is not known" in refusal_of(Place(url="https://shop..example.com/a.csv"))


def test_the_web_with_user_and_password(web: Web) -> None:
    web.answers["/people.csv"] = (200, {}, b"E-mail\na@example.com\n")
    place = Place(url=f"{web.url}/people.csv", username=USER, secret=PASSWORD)
    assert content_of(place) == ("people.csv", b"E-mail\na@example.com\n")
    assert web.asked == [("/people.csv", f"{USER}:{PASSWORD}")]


def test_where_a_server_sends_us_on_to_is_followed_without_the_password(web: Web) -> None:
    other = Web()
    other.answers["/b.csv"] = (200, {}, b"there")
    web.answers["/a.csv"] = (302, {"Location": f"{other.url}/b.csv"}, b"")
    assert content_of(Place(url=f"{web.url}/a.csv", username=USER, secret=PASSWORD)) == ("b.csv", b"there")
    assert other.asked == [("/b.csv", "")]
    other.server.shutdown()
    other.server.server_close()


@pytest.mark.parametrize("onward", ["file:///etc/hostname", "ftp://example.com/a", "/a.csv", "s3://bucket/a"])
def test_where_a_server_sends_us_on_to_is_not_always_followed(web: Web, onward: str) -> None:
    web.answers["/a.csv"] = (302, {"Location": onward}, b"")
    assert refusal_of(Place(url=f"{web.url}/a.csv"))


def test_the_own_network_is_refused_unless_it_is_allowed(web: Web) -> None:
    web.answers["/a.csv"] = (200, {}, b"secret")
    port = web.url.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "[::ffff:127.0.0.1]", "0.0.0.0"):
        assert "your own network" in refusal_of(Place(url=f"http://{host}:{port}/a.csv"), Allowed())
    assert "your own network" in refusal_of(Place(url=f"sftp://127.0.0.1:{port}/a.csv"), Allowed())
    assert web.asked == []


def test_a_name_that_leads_elsewhere_the_second_time_is_noticed(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for twice, by us and by whoever connects; what counts is where we are connected to."""
    web.answers["/a.csv"] = (200, {}, b"secret")
    monkeypatch.setattr(fetching.socket, "getaddrinfo", _once_public(socket.getaddrinfo))
    assert "your own network" in refusal_of(Place(url=f"{web.url}/a.csv"), Allowed())


def _once_public(original: Any) -> Any:
    calls: list[Any] = []

    def look_up(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        if len(calls) == 1:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 0))]
        return original(*args, **kwargs)

    return look_up


def test_a_server_that_answers_otherwise_or_not_at_all(web: Web) -> None:
    assert "404" in refusal_of(Place(url=f"{web.url}/none.csv"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert "cannot be reached" in refusal_of(Place(url=f"http://127.0.0.1:{port}/a.csv"))
    assert "is not known" in refusal_of(Place(url="https://no-such-server.invalid/a.csv"))


def test_a_file_without_end_is_given_up(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    web.answers["/a.csv"] = (200, {}, b"x" * 100)
    monkeypatch.setattr(fetching, "LARGEST_FILE", 50)
    assert "more than" in refusal_of(Place(url=f"{web.url}/a.csv"))
    monkeypatch.setattr(fetching, "LARGEST_FILE", 500)
    monkeypatch.setattr(fetching, "LONGEST_SECONDS", -1)
    assert "took longer" in refusal_of(Place(url=f"{web.url}/a.csv"))


def test_a_server_that_sends_its_head_a_byte_at_a_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "LONGEST_SECONDS", 1)
    with dripping(b"HTTP/1.1 200 OK\r\nX: ") as port:
        began = time.monotonic()
        assert "took longer" in refusal_of(Place(url=f"http://127.0.0.1:{port}/a.csv"))
        assert time.monotonic() - began < 5


@contextlib.contextmanager
def dripping(begin: bytes) -> Iterator[int]:
    """A server that answers everybody with this, and a byte at a time after that."""

    def drip(line: socket.socket) -> None:
        with line, contextlib.suppress(OSError):
            line.sendall(begin)
            while True:
                line.sendall(b"x")
                time.sleep(0.05)

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=drip, args=server.accept()[:1], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


@pytest.mark.parametrize("seconds", [0.001, 2])
def test_s3_that_sends_its_head_a_byte_at_a_time_is_given_up(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Also where the end comes before anything is asked, as on a machine that is very busy."""
    monkeypatch.setattr(fetching, "LONGEST_SECONDS", seconds)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    before = threading.active_count()
    with dripping(b"HTTP/1.1 200 OK\r\nX: ") as port:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        began = time.monotonic()
        assert "took longer" in refusal_of(Place(url="s3://shop/in/a.csv", username="ours", secret="x"))
        assert time.monotonic() - began < 8
    assert [each for each in threading.enumerate()[before:] if "run_forever" in each.name] == []


@pytest.mark.parametrize("where", ["banner", "file"])
def test_an_sftp_server_that_sends_a_byte_at_a_time_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(fetching, "LONGEST_SECONDS", 2)
    (tmp_path / "a.csv").write_bytes(b"x" * 100_000)
    long_ago(tmp_path / "a.csv")
    server = SftpServer(tmp_path)
    monkeypatch.setattr("paramiko.SFTPHandle.read", _a_byte)
    with dripping(b"SSH-2.0-") as port:
        place = Place(
            url=f"sftp://127.0.0.1:{port if where == 'banner' else server.port}/a.csv", username=USER, secret=PASSWORD
        )
        began = time.monotonic()
        assert "took longer" in refusal_of(place)
        assert time.monotonic() - began < 8
    server.close()


def _a_byte(*_asked: Any) -> bytes:
    time.sleep(0.05)
    return b"x"


def test_an_sftp_server_whose_name_leads_elsewhere_the_second_time_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = SftpServer(tmp_path)
    monkeypatch.setattr(fetching.socket, "getaddrinfo", _once_public(socket.getaddrinfo))
    place = Place(url=f"sftp://127.0.0.1:{server.port}/a.csv", username=USER, secret=PASSWORD)
    assert "your own network" in refusal_of(place, Allowed())
    server.close()


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    assert "no file" in refusal_of(Place(url=str(tmp_path / "pipe.csv")), Allowed(folders=(tmp_path,)))


def test_sftp_by_password_and_the_key_that_was_seen_first(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_bytes(b"old")
    (tmp_path / "in" / "b.csv").write_bytes(b"new")
    long_ago(long_ago(tmp_path / "in" / "a.csv"))
    long_ago(tmp_path / "in" / "b.csv")
    server = SftpServer(tmp_path)
    url = f"sftp://127.0.0.1:{server.port}"
    with fetched(Place(url=f"{url}/in/a.csv", username=USER, secret=PASSWORD), EVERYWHERE) as found:
        assert (found.name, found.file.read(), found.host_key) == ("a.csv", b"old", server.host_key)
    known = Place(url=f"{url}/in", username=USER, secret=PASSWORD, host_key=server.host_key)
    assert content_of(known) == ("b.csv", b"new")
    assert "does not take" in refusal_of(Place(url=f"{url}/in", username=USER, secret="wrong"))
    assert "not there" in refusal_of(Place(url=f"{url}/none.csv", username=USER, secret=PASSWORD))
    other = Place(url=f"{url}/in", username=USER, secret=PASSWORD, host_key="ssh-rsa another")
    assert "another key" in refusal_of(other)
    server.close()
    assert "cannot be reached" in refusal_of(Place(url=f"{url}/in", username=USER, secret=PASSWORD))


def test_an_sftp_server_that_hangs_up_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = SftpServer(tmp_path)
    monkeypatch.setattr("tests.scheduled_files.sftp_server._Files.stat", lambda *_asked: server.close())
    place = Place(url=f"sftp://127.0.0.1:{server.port}/a.csv", username=USER, secret=PASSWORD)
    assert "cannot be reached" in refusal_of(place)


def test_s3_by_its_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    server = S3Server({"shop/in/a.csv": b"old", "shop/in/b.csv": b"new", "shop/in/c.tmp": b"half"}, key="ours")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert content_of(Place(url="s3://shop/in/a.csv", username="ours", secret="x")) == ("a.csv", b"old")
    assert content_of(Place(url="s3://shop/in", username="ours", secret="x")) == ("b.csv", b"new")
    assert "not there" in refusal_of(Place(url="s3://shop/in/none.csv", username="ours", secret="x"))
    assert "does not let us" in refusal_of(Place(url="s3://shop/in/a.csv", username="others", secret="x"))
    server.close()
    assert refusal_of(Place(url="s3://shop/in/a.csv", username="ours", secret="x"))

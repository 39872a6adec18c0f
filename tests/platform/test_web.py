"""The web server, with real connections: whatever somebody outside does with theirs, pages go on.

The kind: a thread of ours, or a connection, waits without an end for somebody outside. Seen with bodies of requests
that never came: ten such connections stopped the back office. Its other places: the head of a request, the reader of
an answer, a body that comes byte by byte, and one without an end.
"""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator

import httpx2
import psutil
import pytest

from dotbridge.web import THREADS
from tests.platform.place import Place, own_folder, until, url_of_test_database

pytestmark = pytest.mark.django_db
SECONDS = 2.0
LOGIN = "/login/"
LARGE_FILE = "/static/unfold/css/styles.css"
MEGABYTE = 1_000_000
PROMPTLY = 1.5


class Office(Place):
    """A place with a web server whose limits are tight."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def call(self, text: str) -> socket.socket:
        """A connection on which this was sent. Its answer is not read unless the test reads it."""
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line.settimeout(20)
        line.connect(("127.0.0.1", self.port))
        line.sendall(text.replace("\n", "\r\n").encode())
        return line

    def calls(self, number: int, text: str) -> contextlib.ExitStack:
        """So many of them, until the end of the block."""
        lines = contextlib.ExitStack()
        for _ in range(number):
            lines.enter_context(self.call(text))
        return lines

    def connections(self) -> int:
        """How many connections the server holds."""
        (program,) = self.started
        return len([c for c in psutil.Process(program.pid).net_connections("tcp") if c.status != "LISTEN"])


@pytest.fixture(scope="module")
def office(django_db_setup: None) -> Iterator[Office]:
    with own_folder() as folder:
        office = Office(folder)
        office.start(
            "web",
            DATABASE_URL=url_of_test_database(),
            DOTBRIDGE_REQUEST_SECONDS=SECONDS,
            DOTBRIDGE_REQUEST_MEGABYTES=1,
        )
        until(lambda: _answers(office))
        yield office
        office.close()


@pytest.fixture(autouse=True)
def no_connection_is_left(office: Office) -> Iterator[None]:
    yield
    until(lambda: office.connections() == 0, seconds=20)


def _answers(office: Office) -> bool:
    try:
        return httpx2.get(office.url + LOGIN, timeout=30).status_code == 200
    except httpx2.TransportError:
        return False


def assert_pages_are_prompt(office: Office) -> None:
    """They come although the reader's client is another, at a time that no limit has ended anything yet."""
    began = time.monotonic()
    assert httpx2.get(office.url + LOGIN, timeout=PROMPTLY).status_code == 200
    assert time.monotonic() - began < PROMPTLY


def head(method: str = "POST", **fields: object) -> str:
    lines = [f"{method} {LOGIN} HTTP/1.1", "Host: localhost"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return "\n".join(lines) + "\n\n"


def answer(line: socket.socket) -> str:
    """What comes until the server closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while data := line.recv(65536):
            received += data
    return received.decode()


def test_half_sent_bodies_stop_no_page_and_are_told_that_they_took_too_long(office: Office) -> None:
    with contextlib.ExitStack() as stack:
        began = time.monotonic()
        lines = [stack.enter_context(office.call(head(Content_Length=100) + "ab")) for _ in range(3 * THREADS)]
        assert_pages_are_prompt(office)
        answers = [answer(line) for line in lines]
    assert time.monotonic() - began < SECONDS + 5
    for text in answers:
        assert text.startswith("HTTP/1.1 408 ")
        assert text.endswith("The request took too long to arrive.")


def test_a_body_that_comes_byte_by_byte_is_given_no_more_time(office: Office) -> None:
    with office.call(head(Content_Length=1000)) as line:
        began = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - began < 4 * SECONDS:
                line.send(b"a")
                time.sleep(0.1)
        assert time.monotonic() - began < 2 * SECONDS


def test_heads_that_do_not_come_stop_no_page_and_are_let_go(office: Office) -> None:
    with office.calls(100, ""), office.calls(100, "POST /login/ HTTP/1.1\nHost: loc"):
        until(lambda: office.connections() == 200, seconds=PROMPTLY)
        assert_pages_are_prompt(office)
        until(lambda: office.connections() == 0, seconds=SECONDS + 5)


def test_a_second_request_of_a_connection_is_waited_for_no_longer(office: Office) -> None:
    with office.call(head("GET")) as line:
        received = b""
        while b"</html>" not in received:
            received += line.recv(65536)
        # Until the server knows that it has sent all; before that the next request would wait for its turn.
        time.sleep(0.5)
        began = time.monotonic()
        line.sendall(b"GET / HT")
        answer(line)
        assert time.monotonic() - began < SECONDS + 2


def test_readers_who_do_not_read_stop_no_page_and_are_let_go(office: Office) -> None:
    wanted = f"GET {LARGE_FILE} HTTP/1.1\nHost: localhost\n\n"
    # More than the system itself keeps for a reader: a thread that sends them would have to wait.
    with office.calls(2 * THREADS, wanted * 40):
        until(lambda: _is_quiet(office), seconds=10)
        assert_pages_are_prompt(office)
        until(lambda: office.connections() == 0, seconds=SECONDS + 10)


def _is_quiet(office: Office) -> bool:
    """Whether it has sent what can be sent."""
    return psutil.Process(office.started[0].pid).cpu_percent(0.3) < 20


def test_an_answer_arrives_whole(office: Office) -> None:
    sent = httpx2.get(office.url + LARGE_FILE, headers={"Accept-Encoding": "identity"})
    assert sent.status_code == 200
    assert len(sent.content) == int(sent.headers["content-length"]) > 300_000


@contextlib.contextmanager
def form(office: Office, **fields: str) -> Iterator[tuple[httpx2.Client, dict[str, str]]]:
    """A client that has opened the login page, and what its form holds."""
    with httpx2.Client(base_url=office.url) as client:
        client.get(LOGIN)
        token = client.cookies["csrftoken"]
        yield client, {"csrfmiddlewaretoken": token, "username": "nobody", "password": "wrong", **fields}


@pytest.mark.parametrize("size", [10, 300_000])
def test_a_body_arrives_whole(office: Office, size: int) -> None:
    with form(office, remark="x" * size) as (client, fields):
        got = client.post(LOGIN, data=fields)
    # Without its fields the form would be refused for want of its token.
    assert got.status_code == 200
    assert "Please enter the correct" in got.text


def test_a_body_in_pieces_of_unknown_number_arrives_whole(office: Office) -> None:
    def slowly(body: bytes) -> Iterator[bytes]:
        for start in range(0, len(body), 40):
            time.sleep(0.1)
            yield body[start : start + 40]

    with form(office) as (client, fields):
        body = "&".join(f"{name}={value}" for name, value in fields.items()).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        got = client.post(LOGIN, content=slowly(body), headers=kind)
    assert got.status_code == 200
    assert "Please enter the correct" in got.text


def test_a_body_that_is_said_to_be_too_large_is_refused_before_it_comes(office: Office) -> None:
    with office.call(head(Content_Length=MEGABYTE + 1, Expect="100-continue")) as line:
        began = time.monotonic()
        assert line.recv(12) == b"HTTP/1.1 413"
        assert time.monotonic() - began < SECONDS / 2
        assert "it may have 1 MB." in answer(line)


def test_whoever_sends_too_much_all_the_same_can_read_why(office: Office) -> None:
    got = httpx2.post(office.url + LOGIN, content=b"x" * (3 * MEGABYTE))
    assert (got.status_code, got.text) == (413, "The request is too large: it may have 1 MB.")


def test_a_body_without_an_end_is_refused_at_the_limit(office: Office) -> None:
    with office.call(head(Transfer_Encoding="chunked")) as line:
        began = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - began < 4 * SECONDS:
                line.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        assert time.monotonic() - began < 3 * SECONDS


def test_too_many_large_bodies_at_once_are_refused_and_small_ones_are_not(office: Office) -> None:
    """Ten times the greatest size may lie on the disk; whoever comes then is asked to wait."""
    almost = "x" * (MEGABYTE - 1000)
    with office.calls(11, head(Content_Length=MEGABYTE) + almost), form(office) as (client, fields):
        assert client.post(LOGIN, data=fields).status_code == 200
        refused = client.post(LOGIN, content=b"x" * 500_000)
    assert (refused.status_code, refused.headers["connection"]) == (503, "close")


@pytest.mark.parametrize("refused", ["host", "fields"])
def test_what_anybody_can_provoke_is_one_short_line_of_the_log(office: Office, refused: str) -> None:
    """A wrong Host header logged a stack trace each time; a form with more fields than any has was the second place."""
    written = len(office.output)
    if refused == "host":
        got = httpx2.get(office.url + LOGIN, headers={"Host": "x" * 10_000 + ".example.com"})
    else:
        with form(office, **{f"field{number}": "" for number in range(1100)}) as (client, fields):
            got = client.post(LOGIN, data=fields)
    assert got.status_code == 400
    until(lambda: len(office.output) > written, seconds=5)
    (line,) = office.output[written:].splitlines()
    assert json.loads(line)["logger"].startswith("django.security.")
    assert "exception" not in json.loads(line)
    assert len(line) < 600

"""The same account and integration as the sync's tests have, and a person with a session."""

from __future__ import annotations

import http.server
import json
import re
import socket
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from dotbridge.integrations.models import Integration
from dotbridge.studio.services import set_up_sign_on
from dotdigital_sandbox import Sandbox
from dotdigital_sandbox.oauth import DEFAULT_CLIENT, DEFAULT_SECRET
from tests.sync.conftest import integration, protocol, remote, sandbox

__all__ = ["integration", "protocol", "remote", "sandbox"]


class _StayHere(urllib.request.HTTPRedirectHandler):
    """Where the vendor sends the browser is what the test wants to know."""

    def redirect_request(self, *_args: object) -> None:
        return None


class Vendor:
    """A person at the vendor's page, over HTTP, as a browser would be."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def decide(self, url: str, *, decision: str = "allow") -> str:
        """Open the page, log in and decide; the address that the browser is sent back to."""
        with urllib.request.urlopen(url, timeout=10) as answer:
            page = answer.read().decode()
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
        fields = {name: value.replace("&amp;", "&") for name, value in fields.items()}
        fields |= {"username": self.sandbox.user, "password": self.sandbox.password, "decision": decision}
        origin = self.sandbox.url
        body = urllib.parse.urlencode(fields).encode()
        try:
            urllib.request.build_opener(_StayHere).open(f"{origin}/OAuth2/authorise.aspx", body, timeout=10)
        except urllib.error.HTTPError as sent_back:
            return str(sent_back.headers["Location"])
        raise AssertionError("the vendor did not send the browser back")


@pytest.fixture
def vendor(sandbox: Sandbox) -> Vendor:
    return Vendor(sandbox)


@pytest.fixture
def account(integration: Integration) -> Integration:
    """The integration, with its single sign-on set up."""
    set_up_sign_on(integration=integration, client_id=DEFAULT_CLIENT, secret=DEFAULT_SECRET, domain="")
    return integration


@pytest.fixture
def person(transactional_db: None) -> Callable[..., Client]:
    """A browser of somebody who may open Email Studio, and whatever else is named."""

    def log_in(name: str = "mona", *more: str) -> Client:
        user, _is_new = User.objects.get_or_create(username=name, defaults={"is_staff": True})
        for permission in ("use_studio", *more):
            user.user_permissions.add(Permission.objects.get(codename=permission))
        client = Client(SERVER_NAME="localhost")
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def answering() -> Iterator[Callable[[object], str]]:
    """A vendor that answers every request for a token with this JSON; its origin."""
    servers = []

    def start(answer: object) -> str:
        body = json.dumps(answer).encode()

        class Odd(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: object) -> None:
                """Quiet."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Odd)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def dripping() -> Iterator[str]:
    """A vendor whose answer begins, and goes on a byte at a time; its origin."""
    is_over = threading.Event()
    server = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        with suppress(OSError):
            link, _address = server.accept()
            with link:
                link.sendall(b"HTTP/1.1 200 OK\r\nX-Endless: ")
                # As long as a test may take at most, in case nobody hangs up.
                for _second in range(100):
                    if is_over.wait(0.1):
                        break
                    link.sendall(b"a")

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}"
    is_over.set()
    server.close()
    thread.join()

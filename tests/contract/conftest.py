"""The client on one end of a socket and the sandbox on the other, which share no code."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dotdigital import Account, Import, Retry
from dotdigital_sandbox import Sandbox
from tests.contract.coverage import COVERAGE

PATIENT = Retry(tries=8, base=0.001, cap=0.02, max_wait=5.0, throttle_base=0.01)

MakeSandbox = Callable[..., Sandbox]
MakeAccount = Callable[..., Account]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option that writes the table of what was asked."""
    parser.addoption(
        "--contract-table", metavar="FILE", help="write what was asked, operation by operation, as Markdown"
    )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes the table."""
    # A run of all tests finds this file after its options were read, and then knows nothing of ours.
    target = session.config.getoption("--contract-table", default=None)
    if target:
        Path(target).write_text(COVERAGE.as_markdown(), encoding="utf-8")


@pytest.fixture
def make_sandbox(tmp_path: Path) -> Iterator[MakeSandbox]:
    """Starts sandboxes with other settings."""
    running: list[Sandbox] = []

    def make(**settings: Any) -> Sandbox:
        sandbox = Sandbox(tmp_path / f"sandbox{len(running)}", **settings).start()
        running.append(sandbox)
        return sandbox

    yield make
    for sandbox in running:
        COVERAGE.note(sandbox.calls())
        sandbox.stop()


@pytest.fixture
def sandbox(make_sandbox: MakeSandbox) -> Sandbox:
    """An empty account."""
    return make_sandbox()


@pytest.fixture
def connect() -> Iterator[MakeAccount]:
    """Connects the client to a sandbox."""
    made: list[Account] = []

    def make(sandbox: Sandbox, **settings: Any) -> Account:
        options = {"base_url": sandbox.url, "allowed_origins": [sandbox.url], "retry": PATIENT}
        account = Account(sandbox.user, sandbox.password, **{**options, **settings})
        made.append(account)
        return account

    yield make
    for account in made:
        account.close()


@pytest.fixture
def account(sandbox: Sandbox, connect: MakeAccount) -> Account:
    """The client, connected to the empty account."""
    return connect(sandbox)


def finished(account: Account, started: Import) -> str:
    """The status an import ends with."""
    deadline = time.monotonic() + 20
    while True:
        status = account.import_status(started.id)
        if not status.unfinished:
            return status.status
        assert time.monotonic() < deadline, "the import does not end"
        time.sleep(0.01)


def upload(account: Account, book_id: int, csv: str, **options: Any) -> Import:
    """A finished import of a text."""
    started = account.address_book(book_id).import_contacts(io.BytesIO(csv.encode()), **options)
    assert started.status == "NotFinished"
    assert finished(account, started) == "Finished"
    return started

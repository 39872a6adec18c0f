"""Servers that misbehave, and accounts that talk to them without waiting long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dotdigital import Account, Retry, Timeout
from tests.dotdigital.server import Server

FAST = Retry(tries=4, base=0.001, cap=0.01, max_wait=2.0, throttle_base=0.001)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def other_server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()


@pytest.fixture
def make_account() -> Iterator[Callable[..., Account]]:
    made: list[Account] = []

    def make(url: str, **settings: Any) -> Account:
        options = {"allowed_origins": [url], "retry": FAST, "timeout": Timeout(connect=2, read=2, write=2, total=5)}
        account = Account("apiuser-0@apiconnector.com", "s3cret-Passw0rd", url, **{**options, **settings})
        made.append(account)
        return account

    yield make
    for account in made:
        account.close()


@pytest.fixture
def account(server: Server, make_account: Callable[..., Account]) -> Account:
    return make_account(server.url)

"""The same account as the tests of the sync have, and a list that is connected to a book in it."""

import pytest

from dotbridge.connections.models import ListConnection
from dotbridge.integrations.models import Integration
from tests.accounts import RemoteAccount, connect
from tests.sync.conftest import integration, protocol, remote, sandbox, without_patience

__all__ = ["book", "integration", "link", "protocol", "remote", "sandbox", "without_patience"]


@pytest.fixture
def book(remote: RemoteAccount) -> int:
    return remote.create_book("Readers")


@pytest.fixture
def link(integration: Integration, remote: RemoteAccount, book: int) -> ListConnection:
    return connect(integration, book="Readers")

"""An account, an integration with it, and nobody in the CRM yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dotbridge.integrations.models import Integration, ProtocolChoice
from dotbridge.integrations.services import create_integration
from dotdigital_sandbox import Sandbox
from tests.accounts import RemoteAccount, use_protocol


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(tmp_path / "sandbox", seed="empty") as running:
        yield running


@pytest.fixture
def remote(sandbox: Sandbox) -> RemoteAccount:
    return RemoteAccount(sandbox)


@pytest.fixture
def protocol() -> ProtocolChoice:
    """By which version of the API contacts are read and sent; a test may be parametrised with it."""
    return ProtocolChoice.V2


@pytest.fixture
def integration(transactional_db: None, sandbox: Sandbox, settings: Any, protocol: ProtocolChoice) -> Integration:
    settings.DOTBRIDGE = settings.DOTBRIDGE | {
        "API_ORIGINS": (sandbox.url,),
        "IMPORT_WAIT_SECONDS": 20.0,
        "UNKNOWN_OUTCOME_SECONDS": 0.0,
    }
    made = create_integration(
        name="Test account", username=sandbox.user, password=sandbox.password, base_url=sandbox.url
    )
    use_protocol(made, protocol)
    return made


@pytest.fixture
def v3(integration: Integration) -> Integration:
    """The integration, by version 3 of the API."""
    use_protocol(integration, ProtocolChoice.V3)
    return integration


@pytest.fixture
def without_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client does not wait between its own attempts."""
    monkeypatch.setattr("dotdigital.patience.time.sleep", lambda _seconds: None)

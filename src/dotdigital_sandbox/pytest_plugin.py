"""A plugin for pytest: ``dotdigital_account`` is a Dotdigital account for a test, fresh each time.

It comes with ``pip install "dotbridge[sandbox]"`` and needs no registration. See docs/sandbox.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from dotdigital_sandbox.trial_account import DotdigitalAccount

MARKER = "dotdigital"
Running = Callable[[dict[str, Any]], "DotdigitalAccount"]


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(seed='demo', **settings): what the dotdigital_account of a test is started with; the settings of a "
        "class or module count too, and the nearer mark wins",
    )


@pytest.fixture(scope="session")
def dotdigital_settings() -> dict[str, Any]:
    """What accounts are started with unless a test's marker says otherwise; define your own to change it."""
    return {}


@pytest.fixture(scope="session")
def _dotdigital_accounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server for each kind of account, running until the end of the session."""
    running: dict[str, DotdigitalAccount] = {}

    def account(settings: dict[str, Any]) -> DotdigitalAccount:
        kind = repr(sorted(settings.items()))
        if kind not in running:
            made: DotdigitalAccount = _account_type()(tmp_path_factory.mktemp("dotdigital"), **settings)
            try:
                running[kind] = made.start()
            except OSError as problem:
                raise pytest.UsageError(
                    f"no account can be started: {problem}. Leave the port out: each worker, and each kind of account "
                    "that the marks ask for, has a server of its own on a free port"
                ) from None
        return running[kind]

    yield account
    for each in running.values():
        each.stop()


def _account_type() -> Any:
    try:
        return import_module("dotdigital_sandbox.trial_account").DotdigitalAccount
    except ModuleNotFoundError as missing:
        raise pytest.UsageError(
            f'the sandbox lacks {missing.name}: install it with pip install "dotbridge[sandbox]"'
        ) from None


def _settings_of(test: pytest.Item, usual: dict[str, Any]) -> dict[str, Any]:
    """The usual settings, and over them those of the marks: of the module, the class, the test, its parameters."""
    settings = dict(usual)
    for mark in (mark for node in test.listchain() for mark in node.own_markers if mark.name == MARKER):
        if mark.args:
            raise pytest.UsageError(f"the marker {MARKER} takes settings by name, such as seed='demo'")
        switches: dict[str, Any] = {**(settings.get("switches") or {}), **(mark.kwargs.get("switches") or {})}
        settings = {**settings, **mark.kwargs, "switches": switches}
    return settings


@pytest.fixture
def dotdigital_account(
    request: pytest.FixtureRequest, dotdigital_settings: dict[str, Any], _dotdigital_accounts: Running
) -> DotdigitalAccount:
    """A Dotdigital account on a free port of this machine, as it was at its start; empty unless a marker says more.

    ``url``, ``user`` and ``password`` are for your client. ``get(path)`` looks into the account, ``fail_next`` spoils
    calls, ``advance`` moves its clock, ``finish_imports`` waits for nothing, ``reset`` begins anew within a test.
    """
    account = _dotdigital_accounts(_settings_of(request.node, dotdigital_settings))
    # Whatever another test has done to it: kept a state, or stopped the server.
    account.begin_anew()
    return account

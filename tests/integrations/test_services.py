"""Credentials, the connection check, and where our password may go."""

from __future__ import annotations

import time
from typing import Any

import pytest

from dotbridge.encryption import Resealed, SecretUnreadable, seal, unseal
from dotbridge.errors import OperatorError
from dotbridge.integrations.models import Integration
from dotbridge.integrations.selectors import find_integrations
from dotbridge.integrations.services import (
    check_connection,
    check_integration,
    open_account,
    reseal_passwords,
    set_password,
)
from dotdigital import ConfigurationError
from tests.accounts import RemoteAccount, sync
from tests.dotdigital.server import SILENCE, Server, answer


def test_a_password_is_stored_sealed_and_comes_back(settings: Any) -> None:
    sealed = seal("pass wörd")
    assert "pass" not in sealed
    assert sealed != seal("pass wörd")
    assert unseal(sealed) == "pass wörd"


def test_a_former_key_still_opens_and_a_lost_one_does_not(settings: Any) -> None:
    sealed = seal("secret")
    former, settings.SECRET_KEY = settings.SECRET_KEY, "n" * 40
    settings.SECRET_KEY_FALLBACKS = [former]
    assert unseal(sealed) == "secret"
    resealed = seal(unseal(sealed))
    settings.SECRET_KEY_FALLBACKS = []
    assert unseal(resealed) == "secret"
    with pytest.raises(SecretUnreadable, match="Enter it again"):
        unseal(sealed)


def test_passwords_are_sealed_anew_but_for_those_that_cannot_be_read(integration: Integration, settings: Any) -> None:
    lost = Integration.objects.create(name="Lost", username="u", password_sealed=seal("gone")[:-8] + "AAAAAAA=")
    before = unseal(integration.password_sealed)
    former, settings.SECRET_KEY = settings.SECRET_KEY, "n" * 40
    settings.SECRET_KEY_FALLBACKS = [former]
    assert reseal_passwords() == Resealed(number=1, unreadable=(lost,))
    settings.SECRET_KEY_FALLBACKS = []
    integration.refresh_from_db()
    assert unseal(integration.password_sealed) == before
    assert Integration.objects.get(pk=lost.pk).password_sealed == lost.password_sealed


def test_checking_a_connection_says_who_answered(integration: Integration) -> None:
    check = check_integration(integration=integration)
    assert check.succeeded
    assert integration.base_url in check.message


def test_a_wrong_password_is_said_in_words(integration: Integration, remote: RemoteAccount) -> None:
    set_password(integration=integration, password="something else")
    check = check_integration(integration=integration)
    assert not check.succeeded
    assert "password" in check.message.lower()
    assert "something else" not in check.message


def test_a_password_sealed_with_a_lost_key_is_said_in_words(integration: Integration, settings: Any) -> None:
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 40, []
    assert "Enter it again" in check_integration(integration=integration).message
    with pytest.raises(ConfigurationError):
        open_account(integration)


def test_a_check_ends_within_its_limit_when_nobody_answers(settings: Any) -> None:
    server = Server()
    server.otherwise = lambda request: SILENCE
    settings.DOTBRIDGE = settings.DOTBRIDGE | {"API_ORIGINS": (server.url,)}
    started = time.monotonic()
    check = check_connection(username="u", password="p", base_url=server.url)
    assert time.monotonic() - started < 5.5
    assert not check.succeeded
    server.close()


@pytest.mark.parametrize(
    "base_url",
    [
        "https://example.com",
        "http://r1-api.dotdigital.com",
        "https://r1-api.dotdigital.com.example.com",
        "file:///x",
        "",
    ],
)
def test_the_password_goes_to_no_other_host(base_url: str) -> None:
    check = check_connection(username="u", password="p", base_url=base_url)
    assert not check.succeeded
    assert check.message


def test_a_foreign_endpoint_is_refused_by_the_check_too(settings: Any) -> None:
    foreign, server = Server(), Server()
    properties = [{"name": "ApiEndpoint", "type": "String", "value": foreign.url}]
    server.otherwise = lambda request: answer(200, {"id": 1, "properties": properties})
    settings.DOTBRIDGE = settings.DOTBRIDGE | {"API_ORIGINS": (server.url,)}
    check = check_connection(username="u", password="p", base_url=server.url)
    assert not check.succeeded
    assert foreign.requests == []
    server.close()
    foreign.close()


def test_a_run_keeps_what_the_account_said_of_itself(integration: Integration) -> None:
    sync(integration)
    integration.refresh_from_db()
    assert integration.endpoint == integration.base_url
    assert integration.account_name
    assert integration.checked_at is not None


def test_integrations_are_found_by_name_or_number(integration: Integration) -> None:
    assert find_integrations(None) == find_integrations("Test account") == find_integrations(str(integration.pk))
    with pytest.raises(OperatorError, match=r"'nobody' is not an integration; there are: Test account"):
        find_integrations("nobody")
    Integration.objects.update(is_active=False)
    with pytest.raises(OperatorError, match="No integration is active"):
        find_integrations(None)
    Integration.objects.all().delete()
    with pytest.raises(OperatorError, match="No account is connected yet"):
        find_integrations(None)

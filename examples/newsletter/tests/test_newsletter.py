"""What readers of a newsletter do, tried on a Dotdigital account of our own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError

import pytest
from newsletter import Newsletter

from dotdigital_sandbox.trial_account import DotdigitalAccount


def test_who_signs_up_is_on_the_list(newsletter: Newsletter, dotdigital_account: DotdigitalAccount) -> None:
    assert newsletter.sign_up("ann@example.com", "Ann").joined
    contact = dotdigital_account.get("/v2/contacts/ann@example.com")
    assert {"key": "FIRSTNAME", "value": "Ann"} in contact["dataFields"]
    (book,) = dotdigital_account.get(f"/v2/contacts/{contact['id']}/address-books")
    assert (book["name"], book["contacts"]) == ("Newsletter", 1)


def test_each_test_begins_with_an_empty_account(dotdigital_account: DotdigitalAccount) -> None:
    assert dotdigital_account.get("/v2/contacts/count") == 0
    with pytest.raises(HTTPError, match="404"):
        dotdigital_account.get("/v2/contacts/ann@example.com")


def test_who_left_is_not_put_back(newsletter: Newsletter, dotdigital_account: DotdigitalAccount) -> None:
    newsletter.sign_up("ann@example.com")
    dotdigital_account.unsubscribe("ann@example.com")
    outcome = newsletter.sign_up("ann@example.com")
    assert (outcome.joined, "left" in outcome.text) == (False, True)


def test_a_bad_address_is_told(newsletter: Newsletter) -> None:
    assert newsletter.sign_up("not an address").text == "Please check your address."


def test_a_service_that_is_down_is_told(newsletter: Newsletter, dotdigital_account: DotdigitalAccount) -> None:
    dotdigital_account.fail_next(path="/contacts", times=None, status=503)
    assert "try again" in newsletter.sign_up("ann@example.com").text
    dotdigital_account.clear_faults()
    assert newsletter.sign_up("ann@example.com").joined


def test_who_left_is_found_by_the_day(newsletter: Newsletter, dotdigital_account: DotdigitalAccount) -> None:
    dotdigital_account.freeze(datetime(2026, 1, 1, tzinfo=UTC))
    (book,) = (each["id"] for each in dotdigital_account.get("/v2/address-books") if each["name"] == "Newsletter")
    for name in ("early", "late"):
        newsletter.sign_up(f"{name}@example.com")
        dotdigital_account.unsubscribe(f"{name}@example.com", book)
        dotdigital_account.advance(timedelta(days=2).total_seconds())
    assert list(newsletter.left_since(datetime(2026, 1, 2, tzinfo=UTC))) == ["late@example.com"]


@pytest.mark.dotdigital(seed="demo", scheme="tiered", low_rate=2)
def test_the_quota_of_a_small_package_is_borne(newsletter: Newsletter, dotdigital_account: DotdigitalAccount) -> None:
    since = datetime(2000, 1, 1, tzinfo=UTC)
    assert sorted(newsletter.left_since(since)) == ["left.newsletter.1@example.com", "left.newsletter.2@example.com"]
    dotdigital_account.get("/v2/contacts/suppressed-since/2000-01-01")
    # Two heavy calls a minute, and no more.
    with pytest.raises(HTTPError, match="429"):
        dotdigital_account.get("/v2/contacts/suppressed-since/2000-01-01")
    dotdigital_account.advance(60)
    assert dotdigital_account.get("/v2/contacts/suppressed-since/2000-01-01")

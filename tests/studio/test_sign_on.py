"""Single sign-on: who comes back is who was sent, once, and the token that is kept is the newest one.

The kind of fault: something that was good once is taken again, or for somebody else. Its places: a state that is
replayed, another person's or session's, or old; a code; a refresh token that was exchanged for another one; a secret
that is sent to a domain that somebody else has chosen.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from dotbridge.encryption import Resealed, unseal
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import RequestInsideTransaction
from dotbridge.studio import oauth
from dotbridge.studio.hosts import application_of, application_of_region, checked_domain, may_return_to
from dotbridge.studio.models import Grant, PendingSignOn, SignOn
from dotbridge.studio.oauth import SignOnFailed, words_of
from dotbridge.studio.services import begin_sign_on, open_application, reseal_secrets, set_up_sign_on
from dotdigital_sandbox import Sandbox
from dotdigital_sandbox.oauth import DEFAULT_CLIENT, DEFAULT_SECRET
from tests.studio.conftest import Vendor


def url(name: str, *args: object) -> str:
    return reverse(f"dotbridge:{name}", args=args)


def said(response: Any) -> list[str]:
    """The messages of the page that comes next."""
    return [str(message) for message in response.context["messages"]]


def go_there(browser: Client, account: Integration) -> str:
    """Press Connect; the vendor's address."""
    response = browser.post(url("studio-connect", account.pk))
    assert response.status_code == 302
    return str(response["Location"])


def come_back(browser: Client, way_back: str) -> Any:
    """Follow the vendor's redirect; the page that is shown in the end."""
    parts = urlsplit(way_back)
    assert parts.path == "/dotdigital/oauth/callback"
    return browser.get(f"{parts.path}?{parts.query}", follow=True)


@pytest.fixture
def mona(account: Integration, vendor: Vendor, person: Callable[..., Client]) -> Client:
    """Somebody who has connected."""
    browser = person()
    page = come_back(browser, vendor.decide(go_there(browser, account)))
    assert said(page) == ["Connected. Test account opens here from now on."]
    return browser


def test_a_person_connects_opens_and_disconnects(account: Integration, mona: Client, sandbox: Sandbox) -> None:
    grant = Grant.objects.get()
    token = unseal(grant.refresh_token_sealed)
    assert token not in grant.refresh_token_sealed
    page = mona.get(url("studio-account", account.pk))
    assert sandbox.url in page["Content-Security-Policy"]
    assert page["Cache-Control"] == "no-store"
    assert "oauthtoken" not in page.content.decode()
    piece = mona.post(url("studio-frame", account.pk))
    assert f'src="{sandbox.url}/?oauthtoken=' in piece.content.decode()
    assert (piece["Cache-Control"], piece["Referrer-Policy"]) == ("no-store", "no-referrer")
    opened = mona.get(url("studio-open", account.pk))
    assert opened["Location"].startswith(f"{sandbox.url}/?oauthtoken=")
    assert mona.get(url("studio-end", account.pk)).status_code == 405
    mona.post(url("studio-end", account.pk))
    assert not Grant.objects.exists()
    assert "Press “Connect”" in mona.post(url("studio-frame", account.pk)).content.decode()


def test_the_way_there_says_what_the_vendor_wants(account: Integration, person: Callable[..., Client]) -> None:
    there = urlsplit(go_there(person(), account))
    asked = {name: values[0] for name, values in parse_qs(there.query).items()}
    assert there.path == "/OAuth2/authorise.aspx"
    assert asked["redirect_uri"] == "http://localhost/dotdigital/oauth/callback"
    assert (asked["response_type"], asked["scope"], asked["client_id"]) == ("code", "Account", DEFAULT_CLIENT)
    assert (asked["code_challenge_method"], len(asked["code_challenge"])) == ("S256", 43)
    assert len(asked["state"]) >= 43
    pending = PendingSignOn.objects.get()
    assert asked["state"] not in (pending.state_digest, pending.session_digest)


def test_a_state_is_good_once(account: Integration, vendor: Vendor, person: Callable[..., Client]) -> None:
    browser = person()
    way_back = vendor.decide(go_there(browser, account))
    come_back(browser, way_back)
    before = Grant.objects.get().granted_at
    assert "used already" in said(come_back(browser, way_back))[0]
    assert Grant.objects.get().granted_at == before


@pytest.mark.parametrize("who", ["another person", "another session", "nobody", "too late"])
def test_another_way_back_is_refused_and_used_up(
    account: Integration, vendor: Vendor, person: Callable[..., Client], who: str
) -> None:
    browser = person()
    way_back = vendor.decide(go_there(browser, account))
    if who == "nobody":
        response = Client().get(way_back)
        assert response.status_code == 302
        assert "code" not in response["Location"]
        assert PendingSignOn.objects.exists()
        return
    if who == "too late":
        PendingSignOn.objects.update(created_at=timezone.now() - timedelta(minutes=16))
    thief = {"another person": lambda: person("nils"), "another session": person}.get(who, lambda: browser)()
    assert "somebody else" in said(come_back(thief, way_back))[0]
    assert "somebody else" in said(come_back(browser, way_back))[0]
    assert not Grant.objects.exists()


@pytest.mark.parametrize("query", ["", "?state=", "?code=x", "?state=unknown&code=x", "?state=%00&error=%3Cscript%3E"])
def test_a_way_back_without_a_state_of_ours_is_refused(
    account: Integration, person: Callable[..., Client], query: str
) -> None:
    page = person().get(f"/dotdigital/oauth/callback{query}", follow=True)
    assert page.status_code == 200
    assert "somebody else" in said(page)[0]


def test_a_person_who_does_not_allow_it_is_told_so(
    account: Integration, vendor: Vendor, person: Callable[..., Client]
) -> None:
    browser = person()
    page = come_back(browser, vendor.decide(go_there(browser, account), decision="deny"))
    assert said(page) == ["You did not allow it, so nothing was connected."]
    assert "Connect</button>" in page.content.decode()
    assert not Grant.objects.exists()


def test_a_stolen_code_is_worth_nothing_without_its_verifier(
    account: Integration, vendor: Vendor, person: Callable[..., Client]
) -> None:
    """The sandbox takes PKCE where a challenge came."""
    thief, victim = person("nils"), person("mona")
    code = parse_qs(urlsplit(vendor.decide(go_there(victim, account))).query)["code"][0]
    state = parse_qs(urlsplit(go_there(thief, account)).query)["state"][0]
    page = thief.get(f"/dotdigital/oauth/callback?state={state}&code={code}", follow=True)
    assert said(page) == [words_of("invalid_grant")]
    assert not Grant.objects.exists()


def test_each_person_has_their_own_and_needs_the_right(
    account: Integration, mona: Client, person: Callable[..., Client]
) -> None:
    nils = person("nils")
    assert "Press “Connect”" in nils.post(url("studio-frame", account.pk)).content.decode()
    nils.post(url("studio-end", account.pk))
    assert Grant.objects.count() == 1
    User.objects.get(username="nils").user_permissions.clear()
    for response in (
        nils.get(url("studio")),
        nils.get(url("studio-account", account.pk)),
        nils.post(url("studio-connect", account.pk)),
        nils.post(url("studio-frame", account.pk)),
        nils.get(url("studio-open", account.pk)),
        nils.get("/dotdigital/oauth/callback?state=x"),
    ):
        assert response.status_code == 403


def test_a_rotated_token_is_kept_and_the_old_one_is_not_used_again(
    account: Integration, mona: Client, sandbox: Sandbox
) -> None:
    sandbox.settings.switches.rotate_refresh_tokens = True
    seen = {unseal(Grant.objects.get().refresh_token_sealed)}
    for _visit in range(3):
        assert "<iframe" in mona.post(url("studio-frame", account.pk)).content.decode()
        seen.add(unseal(Grant.objects.get().refresh_token_sealed))
    assert len(seen) == 4


def test_two_tabs_at_once_do_not_lose_a_rotated_token(account: Integration, mona: Client, sandbox: Sandbox) -> None:
    sandbox.settings.switches.rotate_refresh_tokens = True
    sandbox.fail_next("delay", path="Tokens", times=4, seconds=0.3)
    user, opened = User.objects.get(username="mona"), []

    def open_tab() -> None:
        opened.append(open_application(integration=account, user=user))
        connection.close()

    tabs = [threading.Thread(target=open_tab) for _tab in range(4)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert len(set(opened)) == 4
    assert Grant.objects.get().refused_at is None


def test_an_answer_that_is_lost_while_a_token_rotates_ends_in_words_and_a_way_on(
    account: Integration, vendor: Vendor, mona: Client, sandbox: Sandbox
) -> None:
    sandbox.settings.switches.rotate_refresh_tokens = True
    sandbox.fail_next("reset", path="Tokens", late=True)
    assert "did not answer" in mona.post(url("studio-frame", account.pk)).content.decode()
    assert Grant.objects.get().claimed_until is None
    piece = mona.post(url("studio-frame", account.pk)).content.decode()
    assert "Connect again" in piece
    assert url("studio-connect", account.pk) in piece
    assert Grant.objects.get().refused_at is not None
    assert "does not take your permission" in mona.get(url("studio-account", account.pk)).content.decode()
    come_back(mona, vendor.decide(go_there(mona, account)))
    assert "<iframe" in mona.post(url("studio-frame", account.pk)).content.decode()


def test_a_claim_of_somebody_who_died_is_taken_over(
    account: Integration, mona: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dotbridge.studio.services.CLAIM_IS_TRIED_FOR", 0.3)
    user = User.objects.get(username="mona")
    Grant.objects.update(claimed_until=timezone.now() + timedelta(seconds=60))
    with pytest.raises(SignOnFailed, match="opened elsewhere"):
        open_application(integration=account, user=user)
    Grant.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert "oauthtoken=" in open_application(integration=account, user=user)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 429},
        {"kind": "status", "status": 500},
        {"kind": "reset"},
        {"kind": "cut"},
        {"kind": "malformed"},
    ],
    ids=["429", "500", "reset", "cut", "malformed"],
)
def test_a_token_that_does_not_come_is_told_and_can_be_tried_again(
    account: Integration, vendor: Vendor, person: Callable[..., Client], sandbox: Sandbox, fault: dict[str, Any]
) -> None:
    browser = person()
    way_back = vendor.decide(go_there(browser, account))
    sandbox.fail_next(path="Tokens", **fault)
    assert "Dotdigital" in said(come_back(browser, way_back))[0]
    assert not Grant.objects.exists()
    come_back(browser, vendor.decide(go_there(browser, account)))
    sandbox.fail_next(path="Tokens", **fault)
    piece = browser.post(url("studio-frame", account.pk)).content.decode()
    assert "Try again" in piece
    assert Grant.objects.get().refused_at is None
    assert "<iframe" in browser.post(url("studio-frame", account.pk)).content.decode()


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        "text",
        {"access_token": 7},
        {"access_token": ""},
        {"access_token": "a\nb", "refresh_token": "c"},
        {"access_token": "a" * 5000, "refresh_token": "c"},
        {"access_token": "a", "refresh_token": {"x": 1}},
        {"error": "invalid_client", "error_description": "<script>alert(1)</script>"},
        {"error": ["odd"]},
        {"error": "something new"},
        {"access_token": "a", "expires_in": "soon"},
        {"access_token": "a", "expires_at": [1]},
    ],
)
def test_whatever_the_vendor_answers_it_is_told_in_our_words(
    account: Integration, mona: Client, answering: Callable[[object], str], answer: object
) -> None:
    SignOn.objects.update(domain=answering(answer))
    piece = mona.post(url("studio-frame", account.pk)).content.decode()
    assert "alert" in piece
    assert "script" not in piece
    assert "<iframe" not in piece


def test_an_endless_answer_is_not_waited_for(
    account: Integration, mona: Client, answering: Callable[[object], str]
) -> None:
    SignOn.objects.update(domain=answering({"access_token": "a", "more": "x" * 100_000}))
    assert "did not answer" in mona.post(url("studio-frame", account.pk)).content.decode()


def test_a_vendor_that_drips_its_answer_holds_nobody_up(
    account: Integration, mona: Client, dripping: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A byte now and then is never late for a time-out that begins anew with each."""
    monkeypatch.setattr(oauth, "MOST_SECONDS", 1.0)
    SignOn.objects.update(domain=dripping)
    began = time.monotonic()
    assert "did not answer" in mona.post(url("studio-frame", account.pk)).content.decode()
    assert time.monotonic() - began < 4


@pytest.mark.parametrize(
    ("endpoint", "application"),
    [
        ("https://r1-api.dotdigital.com", "https://r1-app.dotdigital.com"),
        ("https://r3-api.dotmailer.com", "https://r3-app.dotmailer.com"),
        ("https://api.dotmailer.com", "https://app.dotmailer.com"),
        ("http://127.0.0.1:8099", "http://127.0.0.1:8099"),
    ],
)
def test_the_application_is_where_the_region_has_it(endpoint: str, application: str) -> None:
    assert application_of_region(Integration(endpoint=endpoint)) == application


@pytest.mark.parametrize(
    "domain",
    [
        "http://mail.example.com",
        "https://mail.example.com:8443",
        "https://user@mail.example.com",
        "https://mail.example.com/path",
        "https://mail.example.com?x=1",
        "https://mail.example.com#x",
        "https://127.0.0.1",
        "https://[::1]",
        "https://10.0.0.1",
        "https://localhost",
        "https://intranet",
        "https://2130706433",
        "javascript:alert(1)",
        "https://ma il.example.com",
        "https://mail.example.com; frame-src *",
        "https://",
        "https://" + "a" * 300 + ".example.com",
    ],
)
def test_a_custom_domain_is_the_name_of_a_public_host(domain: str) -> None:
    with pytest.raises(ValidationError):
        checked_domain(domain)


def test_a_custom_domain_is_used_for_everything(account: Integration) -> None:
    assert checked_domain("") == ""
    assert checked_domain("Mail.Example.com/") == "https://mail.example.com"
    with pytest.raises(ValidationError) as refused:
        set_up_sign_on(integration=account, client_id="new", secret="", domain="mail.example.com")
    assert set(refused.value.message_dict) == {"secret"}
    set_up_sign_on(integration=account, client_id="new", secret="secret", domain="mail.example.com")
    account.refresh_from_db()
    assert application_of(account) == "https://mail.example.com"
    user = User.objects.create_user("olga")
    there = begin_sign_on(integration=account, user=user, session="s", redirect_uri="https://here.example.com/x")
    assert there.startswith("https://mail.example.com/OAuth2/authorise.aspx?")


@pytest.mark.parametrize(
    ("uri", "is_good"),
    [
        ("https://crm.example.com/dotdigital/oauth/callback", True),
        ("http://127.0.0.1:8000/dotdigital/oauth/callback", True),
        ("http://localhost:8000/x", True),
        ("http://[::1]:8000/x", True),
        ("http://crm.example.com/x", False),
        ("http://127.0.0.1.example.com/x", False),
        ("http://10.0.0.5/x", False),
    ],
)
def test_the_way_back_has_https_except_on_this_machine(account: Integration, uri: str, is_good: bool) -> None:
    assert may_return_to(uri) is is_good
    user = User.objects.create_user("olga")
    if not is_good:
        with pytest.raises(SignOnFailed, match="https"):
            begin_sign_on(integration=account, user=user, session="s", redirect_uri=uri)


def test_the_vendor_is_never_asked_inside_a_transaction(account: Integration, mona: Client) -> None:
    user = User.objects.get(username="mona")
    with transaction.atomic(), pytest.raises(RequestInsideTransaction):
        open_application(integration=account, user=user)


def test_another_client_ends_what_people_have_allowed(account: Integration, mona: Client) -> None:
    set_up_sign_on(integration=account, client_id=DEFAULT_CLIENT, secret=DEFAULT_SECRET, domain="")
    assert Grant.objects.exists()
    set_up_sign_on(integration=account, client_id="another", secret="", domain="")
    assert not Grant.objects.exists()
    for given in ({"client_id": " ", "secret": "x"}, {"client_id": "x", "secret": ""}):
        SignOn.objects.all().delete()
        with pytest.raises(ValidationError):
            set_up_sign_on(integration=account, domain="", **given)


def test_secrets_are_sealed_anew(account: Integration, mona: Client, settings: Any) -> None:
    settings.SECRET_KEY, former = "n" * 50, settings.SECRET_KEY
    settings.SECRET_KEY_FALLBACKS = [former]
    assert reseal_secrets() == Resealed(number=2, unreadable=())
    settings.SECRET_KEY_FALLBACKS = []
    assert unseal(SignOn.objects.get().secret_sealed) == DEFAULT_SECRET
    assert "oauthtoken=" in open_application(integration=account, user=User.objects.get(username="mona"))
    settings.SECRET_KEY = "l" * 50
    assert reseal_secrets() == Resealed(number=0, unreadable=(SignOn.objects.get(),))
    assert Grant.objects.get().refused_at is not None


def test_an_administrator_enters_the_client_and_never_sees_its_secret(
    integration: Integration, person: Callable[..., Client]
) -> None:
    marketer = person("nils")
    assert marketer.get(url("account-sign-on", integration.pk)).status_code == 403
    assert "Enterprise licence" in marketer.get(url("studio-account", integration.pk)).content.decode()
    browser = person("mona", "change_integration", "view_integration")
    address = url("account-sign-on", integration.pk)
    page = browser.get(address).content.decode()
    assert "http://localhost/dotdigital/oauth/callback" in page
    assert "account manager" in page
    given = {"client_id": DEFAULT_CLIENT, "secret": "", "domain": "http://bad"}
    assert "needs the client" in browser.post(address, given).content.decode()
    given |= {"secret": DEFAULT_SECRET}
    assert "Give the address of a host" in browser.post(address, given).content.decode()
    assert browser.post(address, given | {"domain": ""}).status_code == 302
    assert DEFAULT_SECRET not in browser.get(address).content.decode()
    assert DEFAULT_SECRET not in SignOn.objects.get().secret_sealed
    asked = browser.post(address, {"remove": "yes"}).content.decode()
    assert "Remove the single sign-on?" in asked
    assert "Nobody can open the account from here then." in asked
    assert SignOn.objects.exists()
    browser.post(address, {"remove": "yes", "confirmed": "yes"})
    assert not SignOn.objects.exists()


def test_a_switched_off_account_is_not_opened(account: Integration, mona: Client) -> None:
    Integration.objects.update(is_active=False)
    assert mona.post(url("studio-frame", account.pk)).status_code == 404
    page = mona.get(url("studio"), follow=True)
    assert "No account yet" in page.content.decode()

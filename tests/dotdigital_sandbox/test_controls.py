"""Control of the account: people, clock, users, state, switches, and the page that shows it all."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dotdigital_sandbox.errors import ApiError
from tests.dotdigital_sandbox.conftest import Api

START = Callable[..., Api]
JSON = {"Content-Type": "application/json"}


def test_people_bounce_and_complain(api: Api) -> None:
    for name in ("ann", "bob", "cy"):
        api.contact(f"{name}@example.com")
    api.sandbox.bounce("ann@example.com")
    api.ask("POST", "/_sandbox/contacts/complain", {"email": "bob@example.com"}, status=200)
    api.ask("POST", "/_sandbox/contacts/suppress", {"email": "cy@example.com", "status": "mailblocked"}, status=200)
    feed = api.get("/v2/contacts/suppressed-since/2000-01-01")
    assert [each["reason"] for each in feed] == ["HardBounced", "IspComplained", "MailBlocked"]
    with pytest.raises(ValueError, match="no contact is suppressed by 'Odd'"):
        api.sandbox.suppress("ann@example.com", "Odd")
    with pytest.raises(ApiError, match="ERROR_CONTACT_NOT_FOUND"):
        api.sandbox.bounce("nobody@example.com")
    assert api.ask("POST", "/_sandbox/contacts/bounce", {}, status=400)["message"] == "the body lacks 'email'"


def test_banned_addresses_and_domains_never_come_in(api: Api) -> None:
    api.contact("known@banned.example")
    api.sandbox.ban("banned.example")
    api.sandbox.ban("global@example.com")
    assert api.get("/v2/contacts/known@banned.example")["status"] == "DomainSuppression"
    refused = (400, "Contact is suppressed. ERROR_CONTACT_SUPPRESSED")
    for email in ("new@banned.example", "global@example.com"):
        assert api.message("POST", "/v2/contacts", {"email": email}) == refused
        body = {"unsubscribedContact": {"email": email}}
        answer = api.ask("POST", "/v2/contacts/resubscribe-with-no-challenge", body, status=200)
        assert (answer["status"], answer["contact"]["email"]) == ("ContactCannotBeUnsuppressed", email)
    report, faults = api.run_import("email\nnew@banned.example\nglobal@example.com\nfine@example.com\n")
    assert report == {"newContacts": 1, "domainSuppressed": 1, "globallySuppressed": 1}
    assert faults == "Reason,email\nSuppressed by Domain,new@banned.example\nGlobally Suppressed,global@example.com\n"


def test_the_clock_is_frozen_and_moved(api: Api) -> None:
    api.sandbox.freeze(datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert api.get("/v2/server-time") == "2030-01-02T03:04:05.000Z"
    api.ask("POST", "/_sandbox/clock/advance", {"seconds": 60}, status=200)
    assert api.get("/v2/server-time") == "2030-01-02T03:05:05.000Z"
    api.sandbox.unfreeze()
    time.sleep(0.01)
    assert api.get("/v2/server-time") > "2030-01-02T03:05:05.000Z"
    api.ask("POST", "/_sandbox/clock/freeze", {"at": "2031-01-01T00:00:00Z"}, status=200)
    assert api.get("/_sandbox/state")["now"] == "2031-01-01T00:00:00.000Z"
    assert api.ask("POST", "/_sandbox/clock/freeze", {"at": "soon"}, status=400)["message"]
    with pytest.raises(ValueError, match="time zone"):
        api.sandbox.freeze(datetime(2030, 1, 1))  # noqa: DTZ001 - what must be refused


def test_state_is_saved_and_brought_back(api: Api, tmp_path: Path) -> None:
    api.contact("ann@example.com")
    api.ask("POST", "/_sandbox/state/dump", {"name": "before"}, status=200)
    api.contact("bob@example.com")
    assert len(api.get("/v2/contacts")) == 2
    api.ask("POST", "/_sandbox/state/load", {"name": "before"}, status=200)
    for name in ("../x", ""):
        assert "letters" in api.ask("POST", "/_sandbox/state/dump", {"name": name}, status=400)["message"]
    assert [each["email"] for each in api.get("/v2/contacts")] == ["ann@example.com"]
    assert api.run_import("email\ncy@example.com\n")[0] == {"newContacts": 1}
    api.sandbox.dump(tmp_path / "saved")
    api.sandbox.load(tmp_path / "saved")
    assert len(api.get("/v2/contacts")) == 2
    # A file that stands alone, also in place of what was no account.
    assert [each.name for each in tmp_path.glob("saved*")] == ["saved"]
    (tmp_path / "other").write_text("no account")
    api.sandbox.dump(tmp_path / "other")
    api.sandbox.load(tmp_path / "other")
    (tmp_path / "other").write_text("no account")
    for path in ("missing", "other"):
        with pytest.raises(ValueError, match=r"no file|no saved account"):
            api.sandbox.load(tmp_path / path)


def test_users_can_be_let_in_and_shut_out(api: Api) -> None:
    api.sandbox.add_user("second@example.com", "two")
    login = ("SECOND@example.com", "two")
    assert api.http.get("/v2/server-time", auth=login).status_code == 200
    api.ask("POST", "/_sandbox/users/disable", {"name": "second@example.com"}, status=200)
    assert api.http.get("/v2/server-time", auth=login).status_code == 401
    with pytest.raises(ValueError, match="no scheme"):
        api.sandbox.add_user("a", "b", scheme="odd")


def test_switches_turn_while_it_runs(api: Api) -> None:
    api.sandbox.unsubscribe(_contact(api))
    assert api.get("/v2/contacts/count") == 0
    api.ask("PATCH", "/_sandbox/switches", {"list-suppressed": True}, status=200)
    assert api.get("/v2/contacts/count") == 1
    bad = api.ask("PATCH", "/_sandbox/switches", {"never": "soon"}, status=400)
    assert bad["message"] == "switch never cannot be 'soon'; it may be: null|year-1"


def _contact(api: Api) -> str:
    api.contact("ann@example.com")
    return "ann@example.com"


def test_the_page_and_what_it_shows(demo: Api) -> None:
    page = demo.http.get("/_sandbox/", auth=None)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "'unsafe-inline'" not in page.headers["content-security-policy"]
    for name in ("page.css", "page.js"):
        assert f"/_sandbox/page/{name}" in page.text
        assert demo.http.get(f"/_sandbox/page/{name}").status_code == 200
    assert demo.http.get("/_sandbox/page/../cli.py").status_code == 404
    demo.run_import("email\nbad\n")
    state = demo.get("/_sandbox/state")
    assert [(book["name"], book["contacts"], book["gone"]) for book in state["books"]][2] == ("Newsletter", 10, 2)
    assert state["contacts"] == {"Subscribed": 22, "HardBounced": 2, "IspComplained": 1, "Unsubscribed": 5}
    assert (state["imports"][0]["status"], state["imports"][0]["counters"]["invalidEntries"]) == ("Finished", 1)
    assert {each["name"] for each in state["switches"]} > {"never", "list_suppressed"}
    found = demo.get("/_sandbox/contacts", q="SUBSCRIBER.1", book=3)
    assert [each["email"] for each in found] == ["subscriber.1@example.com", "subscriber.10@example.com"]
    assert found[0]["books"] == "Newsletter"
    assert demo.get("/_sandbox/contacts", q="%_%") == []

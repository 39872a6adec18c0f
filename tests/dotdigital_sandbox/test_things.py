"""Templates, programs, enrolments, transactional mail and surveys (contract §4.1, the optional rows)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.dotdigital_sandbox.conftest import Api

TEMPLATE = {"name": "T", "subject": "S", "fromName": "F", "htmlContent": "$UNSUB$", "plainTextContent": "$UNSUB$"}


def test_templates(api: Api) -> None:
    made = api.ask("POST", "/v2/templates", TEMPLATE, status=201)
    assert api.get("/v2/templates") == [made] == [api.get(f"/v2/templates/{made['id']}")]
    changed = api.ask("PUT", f"/v2/templates/{made['id']}", {**TEMPLATE, "name": "U"}, status=200)
    assert (changed["id"], changed["name"]) == (made["id"], "U")
    bad = api.message("POST", "/v2/templates", {**TEMPLATE, "htmlContent": "no token"})
    assert bad == (400, "Error: ERROR_TEMPLATE_INVALID") == api.message("POST", "/v2/templates", {})
    api.ask("DELETE", f"/v2/templates/{made['id']}", status=204)
    assert api.message("GET", f"/v2/templates/{made['id']}") == (404, "Error: ERROR_TEMPLATE_NOT_FOUND")


def test_enrolments(start: Callable[..., Api]) -> None:
    api = start(import_seconds=60)
    contact = api.contact("ann@example.com")
    active, draft = api.sandbox.make_program("Welcome"), api.sandbox.make_program("Later", status="Draft")
    assert [each["status"] for each in api.get("/v2/programs")] == ["Active", "Draft"]
    assert api.get(f"/v2/programs/{active}")["name"] == "Welcome"
    assert api.message("GET", "/v2/programs/?select=0")[0] == 400
    body = {"programId": active, "contacts": [contact]}
    made = api.ask("POST", "/v2/programs/enrolments", body, status=201)
    assert (made["status"], made["contacts"], made["addressBooks"]) == ("Processing", [contact], None)
    api.sandbox.advance(61)
    assert api.get(f"/v2/programs/enrolments/{made['id']}") == {**made, "status": "Finished"}
    assert api.get("/v2/programs/enrolments/finished") == [{**made, "status": "Finished"}]
    assert api.http.get(f"/v2/programs/enrolments/{made['id']}/report-faults").text.startswith("Reason")
    for changed, expected in (
        ({"programId": draft}, (400, "Error: ERROR_PROGRAM_NOT_ACTIVE")),
        ({"programId": 777}, (404, "Error: ERROR_PROGRAM_NOT_FOUND")),
        ({"contacts": []}, (400, "Error: ERROR_ENROLMENT_INVALID")),
        ({"contacts": [None]}, (400, "Error: ERROR_ENROLMENT_INVALID")),
        ({"contacts": ["ann@example.com"]}, (400, "Error: ERROR_ENROLMENT_INVALID")),
        ({"addressBooks": [True]}, (400, "Error: ERROR_ENROLMENT_INVALID")),
    ):
        assert api.message("POST", "/v2/programs/enrolments", {**body, **changed}) == expected
    for _ in range(19):
        api.ask("POST", "/v2/programs/enrolments", body, status=201)
    refused = api.message("POST", "/v2/programs/enrolments", body)
    assert refused == (400, "Error: ERROR_ENROLMENT_ALLOWANCE_EXCEEDED ")
    assert api.message("GET", "/v2/programs/enrolments/none") == (404, "Error: ERROR_ENROLMENT_NOT_FOUND")
    with pytest.raises(ValueError, match="cannot be 'Odd'"):
        api.sandbox.make_program("x", status="Odd")


def test_transactional_mail_is_counted(api: Api) -> None:
    before = api.get("/v2/server-time")
    api.ask("POST", "/v2/email", {"toAddresses": ["a@example.com", "b@example.com"], "subject": "Hi"}, status=200)
    (statistics,) = api.get(f"/v2/email/stats/since-date/{before}")
    assert (statistics["numSent"], statistics["numDelivered"], statistics["numBounces"]) == (2, 2, 0)
    api.sandbox.advance(40 * 86400)
    mails = [
        {"toAddresses": ["a@example.com"], "ccAddresses": ["c@example.com"], "subject": "Hi"},
        {"toAddresses": ["b@example.com"], "subject": "Hi"},
    ]
    assert api.ask("POST", "/v2/email/batch", mails, status=200) == [{"index": 0}, {"index": 1}]
    for period in ("Month", "week", "Day"):
        rows = api.get(f"/v2/email/stats/since-date/{before}", aggregatedBy=period)
        assert [row["numSent"] for row in rows] == [2, 3]
        assert all(row["startDate"] < row["endDate"] <= rows[-1]["endDate"] for row in rows)
    assert api.message("GET", f"/v2/email/stats/since-date/{before}?aggregatedBy=Year")[0] == 400
    today = api.get("/v2/server-time")[:10]
    (until,) = api.get(f"/v2/email/stats/since-date/{today}", endDate=today)
    assert (until["numSent"], until["endDate"]) == (3, f"{today}T23:59:59.999Z")


FILE = {"fileName": "a.txt", "mimeType": "text/plain", "content": "YQ=="}
BAD_TO = (400, "ToAddresses field is empty or invalid. ERROR_PARAMETER_INVALID")
BAD_ADDRESS = (400, "Email is not a valid email address. ERROR_PARAMETER_INVALID")
BAD = (400, "Error: ERROR_PARAMETER_INVALID")


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({"toAddresses": None}, BAD_TO),
        ({"toAddresses": []}, BAD_TO),
        ({"toAddresses": "a@example.com"}, BAD_TO),
        ({"toAddresses": None, "toAddress": "a@example.com"}, BAD_TO),
        ({"toAddresses": ["a@example.com"] * 101}, BAD_TO),
        ({"bccAddresses": ["a@example.com"] * 101}, BAD_TO),
        ({"toAddresses": ["bad"]}, BAD_ADDRESS),
        ({"ccAddresses": [7]}, BAD_ADDRESS),
        ({"toAddresses": [f"{'a' * 245}@example.com"]}, BAD_ADDRESS),
        ({"subject": None}, BAD),
        ({"subject": " "}, BAD),
        ({"subject": 7}, BAD),
        ({"metadata": {"a": "x" * 1500}}, BAD),
        ({"metadata": 7}, BAD),
        ({"attachments": [{**FILE, "fileName": ""}]}, BAD),
        ({"attachments": [{**FILE, "mimeType": None}]}, BAD),
        ({"attachments": [{**FILE, "content": "?"}]}, BAD),
        ({"attachments": ["a.txt"]}, BAD),
    ],
)
def test_a_mail_needs_recipients_and_a_subject(api: Api, changed: dict[str, Any], refused: tuple[int, str]) -> None:
    """As the vendor's document has it. One of several that is refused costs none of the others."""
    mail = {"toAddresses": ["a@example.com"], "subject": "Hi", "metadata": {"a": 1}, "attachments": [FILE]}
    assert api.message("POST", "/v2/email", {**mail, **changed}) == refused
    api.ask("POST", "/v2/email", mail, status=200)
    outcomes = api.ask("POST", "/v2/email/batch", [mail, {**mail, **changed}, mail], status=200)
    said = {"failureCode": "ERROR_PARAMETER_INVALID", "failureReason": refused[1]}
    assert outcomes == [{"index": 0}, {"index": 1, **said}, {"index": 2}]
    (statistics,) = api.get("/v2/email/stats/since-date/2000-01-01")
    assert statistics["numSent"] == 3
    for body in ([], {}, None):
        assert api.ask("POST", "/v2/email/batch", body, status=400)


def test_mails_are_sent_with_the_content_of_campaigns(api: Api) -> None:
    campaign = api.ask("POST", "/v2/campaigns", TEMPLATE, status=201)["id"]
    mail = {"toAddresses": ["a@example.com"], "campaignId": campaign}
    api.ask("POST", "/v2/email/triggered-campaign", mail, status=200)
    nowhere = {**mail, "campaignId": 777}
    refused = "Error: ERROR_CAMPAIGN_NOT_FOUND"
    assert api.message("POST", "/v2/email/triggered-campaign", nowhere) == (404, refused)
    assert api.ask("POST", "/v2/email/triggered-campaign/batch", [nowhere, mail], status=200) == [
        {"index": 0, "failureCode": "ERROR_CAMPAIGN_NOT_FOUND", "failureReason": refused},
        {"index": 1},
    ]


def test_a_mails_addresses_may_stand_in_one_text(api: Api) -> None:
    """The vendor's document has a list of texts, and says of several that they are separated by commas."""
    api.ask("POST", "/v2/email", {"toAddresses": ["a@example.com, b@example.com"], "subject": "Hi"}, status=200)
    (statistics,) = api.get("/v2/email/stats/since-date/2000-01-01")
    assert statistics["numSent"] == 2
    for wrong, code in (("a@example.com,", BAD_ADDRESS), (",".join(["a@example.com"] * 101), BAD_TO)):
        assert api.message("POST", "/v2/email", {"toAddresses": [wrong], "subject": "Hi"}) == code


def test_there_are_no_surveys(api: Api) -> None:
    assert api.get("/v2/surveys") == []
    assert api.message("GET", "/v2/surveys/1") == (404, "Error: ERROR_SURVEY_NOT_FOUND")

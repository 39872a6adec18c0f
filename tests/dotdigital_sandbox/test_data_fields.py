"""Data fields (contract §4.7)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.dotdigital_sandbox.conftest import Api

INVALID = (400, "Error: ERROR_DATAFIELD_INVALID")


def test_a_field_is_made_listed_and_deleted(api: Api) -> None:
    made = api.ask(
        "POST", "/v2/data-fields", {"name": "Lead-Score_1", "type": "numeric", "defaultValue": "7"}, status=201
    )
    assert made == {"name": "LEAD-SCORE_1", "type": "Numeric", "visibility": "Private", "defaultValue": 7}
    fields = api.get("/v2/data-fields")
    assert fields[-1] == made
    assert fields[0] == {"name": "FIRSTNAME", "type": "String", "visibility": "Public", "defaultValue": None}
    contact = api.contact("ann@example.com", **{"lead-score_1": 5})
    assert api.ask("DELETE", "/v2/data-fields/lead-score_1", status=200) == {"dependencies": None, "result": True}
    assert "LEAD-SCORE_1" not in [each["key"] for each in api.get(f"/v2/contacts/{contact}")["dataFields"]]
    gone = api.message("DELETE", "/v2/data-fields/LEAD-SCORE_1")
    assert gone == (404, "Error: ERROR_DATAFIELD_NOTFOUND") == api.message("DELETE", "/v2/data-fields/FIRSTNAME")
    api.ask("POST", "/v2/data-fields", {"name": "LEAD-SCORE_1", "type": "String"}, status=201)
    held = api.get(f"/v2/contacts/{contact}")["dataFields"]
    assert {"key": "LEAD-SCORE_1", "value": None} in held


@pytest.mark.parametrize(
    "body",
    [
        {"type": "String"},
        {"name": "x" * 21, "type": "String"},
        {"name": "two words", "type": "String"},
        {"name": "Email", "type": "String"},
        {"name": "A", "type": "Text"},
        {"name": "A", "type": "Numeric", "defaultValue": "many"},
        {"name": "A", "type": "Date", "defaultValue": "soon"},
        {"name": "A", "type": "Boolean", "defaultValue": "perhaps"},
        {"name": "A", "type": "String", "visibility": "Odd"},
    ],
)
def test_bad_fields_are_refused(api: Api, body: object) -> None:
    assert api.message("POST", "/v2/data-fields", body) == INVALID


def test_names_are_unique_whatever_their_case(api: Api) -> None:
    answer = api.message("POST", "/v2/data-fields", {"name": "firstname", "type": "String"})
    assert answer == (400, "Field already exists. ERROR_NON_UNIQUE_DATAFIELD")


def test_there_is_a_limit_by_type(api: Api) -> None:
    for number in range(48):
        api.ask("POST", "/v2/data-fields", {"name": f"D{number}", "type": "Date"}, status=201)
    answer = api.message("POST", "/v2/data-fields", {"name": "D48", "type": "Date"})
    assert answer == (400, "Error: ERROR_DATAFIELD_LIMITEXCEEDED")
    api.ask("POST", "/v2/data-fields", {"name": "B", "type": "Boolean", "defaultValue": "null"}, status=201)


def test_creation_can_answer_without_a_body(start: Callable[..., Api]) -> None:
    api = start(switches={"data_field_body": "empty"})
    assert api.ask("POST", "/v2/data-fields", {"name": "A", "type": "String"}, status=201) is None

"""Surveys, which the API can only read: their pages of fields, and what was answered (contract §4.1)."""

from __future__ import annotations

import json
from datetime import timedelta
from sqlite3 import Connection, Row
from typing import TYPE_CHECKING, Any

from dotdigital_sandbox.calls import Answer, Call, json_answer
from dotdigital_sandbox.dates import text_of
from dotdigital_sandbox.routing import HIGH, LOW, MEDIUM, Route
from dotdigital_sandbox.things import keep, thing_of

if TYPE_CHECKING:
    from dotdigital_sandbox.account import Account


def make_survey(
    db: Connection, account: Account, *, name: str, questions: list[str], replies: dict[str, list[str]]
) -> int:
    """A new survey of text questions on one page; ``replies`` gives each respondent's answers in their order."""
    now = account.clock.text()
    fields = [_field(number, question) for number, question in enumerate(questions, start=1)]
    responses = [_response(number, *each, now) for number, each in enumerate(replies.items(), start=1)]
    body = {
        "name": name,
        "state": "Active",
        "created": now,
        "pages": [{"id": 1, "name": name, "fields": fields}],
        "responses": responses,
    }
    return int(keep(db, account, "survey", name, body)["id"])


def _field(number: int, question: str) -> dict[str, Any]:
    return {
        "id": number,
        "type": "Text",
        "text": question,
        "isRequired": False,
        "defaultValue": None,
        "mode": None,
        "choices": None,
        "subFields": None,
        "hasOtherOption": False,
        "otherOptionChoiceId": 0,
        "otherOptionSubFieldId": 0,
        "otherOptionTextFieldId": 0,
        "isAssignedToContactDataField": False,
        "assignedContactDataFieldName": None,
        "assignedContactDataExistsAction": "OverwriteData",
    }


def _response(number: int, email: str, answers: list[str], now: str) -> dict[str, Any]:
    given = [{"fieldId": at, "subFieldId": None, "value": answer} for at, answer in enumerate(answers, start=1)]
    stages = {"started": True, "dateStarted": now, "complete": True, "dateCompleted": now}
    return {"id": number, "email": email, **stages, "givenAnswers": given}


# What the service's own description has of a survey beside what is known of ours.
_NEVER_DONE = ("scheduledStartDate", "scheduledEndDate", "lastInactiveDate", "respondentNotificationCampaignId")
_NOT_TIMED = ("assignedSpecificAddressBookId", "timeToCompleteMax", "timeToCompleteMin", "timeToCompleteTotal")
_NO_SOURCES = ("Email", "Embedded", "Popover", "Facebook", "Twitter", "GooglePlus", "Other")


def _shown(call: Call, row: Row) -> dict[str, Any]:
    body = json.loads(row["body"])
    count = len(body["responses"])
    day, week = (text_of(call.account.clock.now() - timedelta(days=days)) for days in (1, 7))
    return {
        "id": row["id"],
        "name": body["name"],
        "url": None,
        "dateSurveyCreated": body["created"],
        "dateSurveyModified": body["created"],
        "state": body["state"],
        "firstActiveDate": body["created"],
        **dict.fromkeys(_NEVER_DONE),
        "confirmationMode": "Text",
        "submissionMode": "Multiple",
        "fieldCount": sum(len(page["fields"]) for page in body["pages"]),
        "notifyCreatorOnResponse": False,
        "respondentNotificationType": "None",
        "isAssignedToAddressBook": False,
        "assignedAddressBookTarget": "AllContacts",
        "firstResponseDate": body["created"] if count else None,
        "lastResponseDate": body["created"] if count else None,
        "totalCompleteResponses": count,
        "totalCompleteResponsesInLastDay": count if body["created"] >= day else 0,
        "totalCompleteResponsesInLastWeek": count if body["created"] >= week else 0,
        "totalIncompleteResponses": 0,
        "totalViews": count,
        "totalBounces": 0,
        **dict.fromkeys(_NOT_TIMED),
        "sourceDirectTotal": count,
        **{f"source{name}Total": 0 for name in _NO_SOURCES},
    }


def list_surveys(call: Call) -> Answer:
    """GET /v2/surveys; none of the sandbox's surveys puts its respondents into a book."""
    return _listed(call, since="")


def list_surveys_since(call: Call) -> Answer:
    """GET /v2/surveys/with-activity-since/{date}: those made or answered since then."""
    return _listed(call, since=call.since())


def _listed(call: Call, *, since: str) -> Answer:
    page, assigned_only = call.page(), call.flag("assignedtoaddressbookonly")
    with call.account.store.reading() as db:
        rows = db.execute(
            "SELECT * FROM thing WHERE kind = 'survey' AND created >= ? ORDER BY id LIMIT ? OFFSET ?", (since, *page)
        )
        return json_answer([] if assigned_only else [_shown(call, row) for row in rows])


def _asked(call: Call) -> Row:
    with call.account.store.reading() as db:
        return thing_of(db, "survey", call.id("id", "SURVEY_NOT_FOUND"), "SURVEY_NOT_FOUND")


def read_survey(call: Call) -> Answer:
    """GET /v2/surveys/{id}."""
    return json_answer(_shown(call, _asked(call)))


def survey_fields(call: Call) -> Answer:
    """GET /v2/surveys/{id}/fields: its pages, each with its fields."""
    return json_answer(json.loads(_asked(call)["body"])["pages"])


def survey_responses(call: Call) -> Answer:
    """GET /v2/surveys/{id}/responses, also those with-activity-since/{date}."""
    page, since = call.page(), call.since() if "date" in call.params else ""
    responses = [each for each in json.loads(_asked(call)["body"])["responses"] if each["dateCompleted"] >= since]
    return json_answer(responses[page.skip : page.skip + page.select])


ROUTES = [
    Route("GET", "/v2/surveys", list_surveys, MEDIUM),
    Route("GET", "/v2/surveys/with-activity-since/{date}", list_surveys_since, MEDIUM),
    Route("GET", "/v2/surveys/{id}", read_survey, HIGH),
    Route("GET", "/v2/surveys/{id}/fields", survey_fields, MEDIUM),
    Route("GET", "/v2/surveys/{id}/responses", survey_responses, LOW),
    Route("GET", "/v2/surveys/{id}/responses/with-activity-since/{date}", survey_responses, LOW),
]

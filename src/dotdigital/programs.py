"""Templates, programs, single e-mails, preferences, surveys and segments of an account (contract §4.1)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from dotdigital import operations
from dotdigital.campaign_models import Dated
from dotdigital.decoding import Page, decode_one, decode_page
from dotdigital.drafts import CampaignDraft, EmailDraft, TriggeredDraft, json_time
from dotdigital.json_stream import Unreadable
from dotdigital.models import Fault, Id, Segment, SegmentRefresh, TaskId
from dotdigital.operations import Operation, check_id
from dotdigital.session import Session
from dotdigital.wire import Query


class Template(msgspec.Struct, frozen=True, rename="camel"):
    """A template for campaigns."""

    id: Id
    name: str = ""
    subject: str = ""
    from_name: str = ""
    html_content: str | None = None
    plain_text_content: str | None = None
    reply_action: str = ""
    reply_to_address: str | None = None


class Program(Dated, frozen=True, rename="camel"):
    """An automation program. ``status`` is Draft, Deactivated, Active or ReadOnly."""

    dates = ("date_created",)

    id: Id
    name: str | None = None
    status: str = ""
    date_created: datetime | None = None


class Enrolment(Dated, frozen=True, rename="camel"):
    """Contacts put into a program. ``status`` is Processing or Finished."""

    dates = ("date_created",)

    id: TaskId
    program_id: Id = 0
    status: str = ""
    date_created: datetime | None = None
    contacts: list[Id] | None = None
    address_books: list[Id] | None = None


class EmailStatistics(Dated, frozen=True, rename="camel"):
    """The figures of single e-mails over one period."""

    dates = ("start_date", "end_date")

    start_date: datetime | None = None
    end_date: datetime | None = None
    num_sent: int = 0
    num_delivered: int = 0
    num_opens: int = 0
    num_clicks: int = 0
    num_isp_complaints: int = 0
    num_bounces: int = 0


class RefusedEmail(msgspec.Struct, frozen=True):
    """An e-mail that was not taken: its place among those given, from 0, with the service's code and sentence."""

    index: int
    code: str = msgspec.field(name="failureCode", default="")
    reason: str = msgspec.field(name="failureReason", default="")


class Preference(Dated, frozen=True, rename="camel"):
    """A preference, or a category with the preferences in it."""

    dates = ("created", "last_modified")

    id: Id = 0
    public_name: str | None = None
    private_name: str | None = None
    is_preference: bool = True
    is_public: bool = False
    is_opted_in: bool | None = None
    category_id: Id = 0
    order: str | int | None = None
    created: datetime | None = None
    last_modified: datetime | None = None
    preferences: list[Preference] | None = None


class Survey(Dated, frozen=True, rename="camel"):
    """A survey or form. ``state`` is Active, Inactive, Pending, Expired or SurveyFeatureDisabled."""

    dates = ("date_survey_created", "date_survey_modified", "first_response_date", "last_response_date")

    id: Id
    name: str | None = None
    url: str | None = None
    state: str = ""
    date_survey_created: datetime | None = None
    date_survey_modified: datetime | None = None
    first_response_date: datetime | None = None
    last_response_date: datetime | None = None
    field_count: int = 0
    total_complete_responses: int = 0
    total_incomplete_responses: int = 0
    total_views: int = 0
    total_bounces: int = 0


class Templates:
    """Answers and writes the templates of an account. Made by ``Account.templates``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def pages(self) -> Iterator[Page[Template]]:
        """Yields all templates."""
        return self._session.pages(operations.TEMPLATES, Template)

    def get(self, template_id: int) -> Template:
        """Answers one template."""
        return self._session.get(operations.TEMPLATE, Template, id=template_id)

    def create(self, draft: CampaignDraft) -> Template:
        """Creates a template."""
        return self._session.post(operations.TEMPLATE_CREATE, Template, draft.body())

    def update(self, template_id: int, draft: CampaignDraft) -> Template:
        """Replaces a template."""
        return self._session.post(operations.TEMPLATE_UPDATE, Template, draft.body(), id=template_id)

    def delete(self, template_id: int) -> None:
        """Deletes a template."""
        self._session.tell(operations.TEMPLATE_DELETE, id=template_id)


class Programs:
    """Answers the programs of an account and puts contacts into them. Made by ``Account.programs``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def pages(self) -> Iterator[Page[Program]]:
        """Yields all programs."""
        return self._session.pages(operations.PROGRAMS, Program)

    def get(self, program_id: int) -> Program:
        """Answers one program."""
        return self._session.get(operations.PROGRAM, Program, id=program_id)

    def enrol(
        self, program_id: int, *, contact_ids: Sequence[int] = (), address_book_ids: Sequence[int] = ()
    ) -> Enrolment:
        """Puts contacts or whole books into an active program; 20 times an hour at most (contract §2.1)."""
        for each in [program_id, *contact_ids, *address_book_ids]:
            check_id("an id", each)
        if not contact_ids and not address_book_ids:
            raise ValueError("name contact_ids or address_book_ids")
        body = {"programId": program_id, "contacts": list(contact_ids), "addressBooks": list(address_book_ids)}
        return self._session.post(operations.ENROL, Enrolment, body)

    def enrolments(self, status: str) -> Iterator[Page[Enrolment]]:
        """Yields the enrolments that are Processing or Finished."""
        return self._session.pages(operations.ENROLMENTS, Enrolment, status=status)

    def enrolment(self, enrolment_id: str) -> Enrolment:
        """Answers how far an enrolment is."""
        return self._session.get(operations.ENROLMENT, Enrolment, guid=enrolment_id)

    def enrolment_faults(self, enrolment_id: str) -> Iterator[Fault]:
        """Yields the contacts that could not be put into the program."""
        return self._session.faults(operations.ENROLMENT_FAULTS, guid=enrolment_id)


class Emails:
    """Sends single e-mails. Made by ``Account.emails``. None of the sends is ever repeated by itself."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def send(self, *drafts: EmailDraft) -> list[RefusedEmail]:
        """Sends one e-mail, or several in one call, and answers which of several were refused; the others are sent.

        A single one that is refused raises Rejected.
        """
        return self._send(operations.EMAIL, operations.EMAIL_BATCH, drafts)

    def send_triggered(self, *drafts: TriggeredDraft) -> list[RefusedEmail]:
        """Sends e-mails whose contents are triggered campaigns; as ``send``."""
        return self._send(operations.EMAIL_TRIGGERED, operations.EMAIL_TRIGGERED_BATCH, drafts)

    def _send(
        self, one: Operation, several: Operation, drafts: Sequence[EmailDraft | TriggeredDraft]
    ) -> list[RefusedEmail]:
        if not drafts:
            raise ValueError("give at least one e-mail")
        bodies = [each.body() for each in drafts]
        if len(bodies) == 1:
            self._session.tell(one, bodies[0])
            return []
        return self._session.ask(several, partial(_refused, sent=len(bodies)), bodies)

    def statistics(
        self, since: datetime, *, until: datetime | None = None, period: str = "AllTime"
    ) -> Page[EmailStatistics]:
        """Answers the figures since an aware time, by AllTime, Month, Week or Day."""
        query: dict[str, str] = {"aggregatedBy": period}
        if until is not None:
            query["endDate"] = json_time(until)
        return self._session.read(operations.EMAIL_STATISTICS, _statistics, query=query, date=since)


class Preferences:
    """Answers and writes what contacts can be interested in. Made by ``Account.preferences``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def tree(self) -> Page[Preference]:
        """Answers the preferences, those in a category inside it."""
        return self._session.rows(operations.PREFERENCES, Preference)

    def create(
        self, private_name: str, *, public_name: str | None = None, category_id: int | None = None, public: bool = False
    ) -> Preference:
        """Creates a preference, in a category or at the top."""
        body: dict[str, Any] = {
            "privateName": private_name,
            "publicName": public_name or private_name,
            "isPreference": True,
            "isPublic": public,
        }
        if category_id is not None:
            body["categoryId"] = category_id
        return self._session.post(operations.PREFERENCE_CREATE, Preference, body)

    def rename(self, preference_id: int, private_name: str, *, public_name: str | None = None) -> Preference:
        """Renames a preference."""
        body = {"privateName": private_name, "publicName": public_name or private_name}
        return self._session.post(operations.PREFERENCE_UPDATE, Preference, body, id=preference_id)

    def delete(self, preference_id: int) -> None:
        """Deletes a preference."""
        self._session.tell(operations.PREFERENCE_DELETE, id=preference_id)

    def of_contact(self, who: int | str) -> Page[Preference]:
        """Answers the preferences with whether the contact, by id or address, opted in."""
        return self._session.rows(operations.CONTACT_PREFERENCES, Preference, who=who)

    def set_for_contact(self, who: int | str, choices: Sequence[tuple[int, bool]]) -> None:
        """Sets whether a contact opted in, by id of the preference."""
        body = [{"id": each, "isPreference": True, "isOptedIn": yes} for each, yes in choices]
        self._session.tell(operations.CONTACT_PREFERENCES_SET, body, who=who)


class Surveys:
    """Answers the surveys of an account. Made by ``Account.surveys``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def pages(self, *, with_book_only: bool = False) -> Iterator[Page[Survey]]:
        """Yields all surveys, or those that put their respondents into a book."""
        query: Query = {"assignedToAddressBookOnly": "true" if with_book_only else "false"}
        return self._session.pages(operations.SURVEYS, Survey, query=query)

    def get(self, survey_id: int) -> Survey:
        """Answers one survey."""
        return self._session.get(operations.SURVEY, Survey, id=survey_id)

    def fields(self, survey_id: int) -> Page[dict[str, Any]]:
        """Answers the pages of a survey with their fields, in the service's own keys."""
        return self._session.rows(operations.SURVEY_FIELDS, dict[str, Any], id=survey_id)

    def responses(self, survey_id: int) -> Iterator[Page[dict[str, Any]]]:
        """Yields the answers that were given, in the service's own keys."""
        return self._session.pages(operations.SURVEY_RESPONSES, dict[str, Any], id=survey_id)


class Segments:
    """Answers the segments of an account. Made by ``Account.segments``.

    The contacts of a segment are read through ``Account.address_book`` with the segment's id (contract §4.10).
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def pages(self) -> Iterator[Page[Segment]]:
        """Yields all segments."""
        return self._session.pages(operations.SEGMENTS, Segment)

    def refresh(self, segment_id: int) -> SegmentRefresh:
        """Starts the refresh of a segment."""
        return self._session.post(operations.SEGMENT_REFRESH, SegmentRefresh, None, id=segment_id)

    def refresh_status(self, segment_id: int) -> SegmentRefresh:
        """Answers how far the refresh is."""
        return self._session.get(operations.SEGMENT_REFRESH_STATUS, SegmentRefresh, id=segment_id)


def _refused(body: bytearray, *, sent: int) -> list[RefusedEmail]:
    """Each e-mail is named, also one that was taken. Older services answer without a body once all were taken."""
    if not body:
        return []
    outcomes = decode_page(body, RefusedEmail, sent)
    if outcomes.malformed:
        raise Unreadable("of some e-mails it is not said what became of them")
    return [each for each in outcomes if each.code or each.reason]


def _statistics(body: bytearray) -> Page[EmailStatistics]:
    """The figures come as a list of periods; a service that knows one period only may answer it alone."""
    try:
        return decode_page(body, EmailStatistics)
    except Unreadable:
        return Page([decode_one(body, EmailStatistics)])

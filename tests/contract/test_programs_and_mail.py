"""The optional operations: templates, programs, single e-mails, preferences, surveys (contract §4.1, rows o)."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from dotdigital import Account, CampaignDraft, ContactDraft, EmailDraft, NotFound, Rejected, TriggeredDraft
from dotdigital_sandbox import Sandbox
from tests.contract.conftest import upload

LONG_AGO = datetime(1971, 1, 1, tzinfo=UTC)
SPRING = CampaignDraft("Spring", "Hello", "Acme", '<a href="$UNSUB$">x</a>', "$UNSUB$")
MAIL = EmailDraft(["ann@example.com"], "Hi", "shop@example.com", "<b>x</b>", "x")


def test_a_template_lives_and_dies(account: Account) -> None:
    made = account.templates.create(SPRING)
    assert (made.name, made.html_content) == ("Spring", SPRING.html_content)
    assert account.templates.update(made.id, dataclasses.replace(SPRING, subject="Good day")).subject == "Good day"
    assert account.templates.get(made.id).subject == "Good day"
    assert [each.id for page in account.templates.pages() for each in page] == [made.id]
    with pytest.raises(Rejected) as caught:
        account.templates.create(dataclasses.replace(SPRING, html_content="no way out"))
    assert caught.value.code == "ERROR_TEMPLATE_INVALID"
    account.templates.delete(made.id)
    with pytest.raises(NotFound) as missing:
        account.templates.get(made.id)
    assert missing.value.code == "ERROR_TEMPLATE_NOT_FOUND"


def test_contacts_are_put_into_a_program(sandbox: Sandbox, account: Account) -> None:
    ann = account.contacts.save(ContactDraft("ann@example.com"))
    program_id = sandbox.make_program("Welcome")
    (page,) = account.programs.pages()
    assert [(each.id, each.status) for each in page] == [(program_id, "Active")]
    assert account.programs.get(program_id).date_created is not None
    enrolment = account.programs.enrol(program_id, contact_ids=[ann.id])
    assert (enrolment.program_id, enrolment.contacts) == (program_id, [ann.id])
    assert account.programs.enrolment(enrolment.id).status == "Finished"
    assert [each.id for page in account.programs.enrolments("Finished") for each in page] == [enrolment.id]
    assert list(account.programs.enrolments("Processing")) == []
    assert list(account.programs.enrolment_faults(enrolment.id)) == []


def test_programs_refuse_what_the_contract_says(sandbox: Sandbox, account: Account) -> None:
    draft = sandbox.make_program("Later", status="Draft")
    with pytest.raises(Rejected) as inactive:
        account.programs.enrol(draft, contact_ids=[1])
    assert inactive.value.code == "ERROR_PROGRAM_NOT_ACTIVE"
    with pytest.raises(NotFound):
        account.programs.enrol(987_654, contact_ids=[1])
    with pytest.raises(NotFound):
        account.programs.enrolment("00000000-0000-0000-0000-000000000000")
    active = sandbox.make_program("Welcome")
    for _ in range(20):
        account.programs.enrol(active, contact_ids=[1])
    with pytest.raises(Rejected) as exceeded:
        account.programs.enrol(active, contact_ids=[1])
    assert exceeded.value.code == "ERROR_ENROLMENT_ALLOWANCE_EXCEEDED"
    assert exceeded.value.later


def test_single_mails_are_counted(account: Account) -> None:
    campaign = account.campaigns.create(SPRING)
    account.emails.send(MAIL)
    account.emails.send_triggered(TriggeredDraft(["ann@example.com", "bob@example.com"], campaign.id, {"NAME": "Ann"}))
    account.emails.send(MAIL, dataclasses.replace(MAIL, to=["bob@example.com"], cc=["cid@example.com"]))
    (total,) = account.emails.statistics(LONG_AGO)
    assert (total.num_sent, total.num_delivered, total.num_bounces) == (6, 6, 0)
    (today,) = account.emails.statistics(LONG_AGO, period="Day")
    assert today.num_sent == 6
    assert today.start_date is not None
    assert today.start_date.hour == 0
    with pytest.raises(Rejected) as caught:
        account.emails.send(dataclasses.replace(MAIL, to=["invisible"]))
    assert caught.value.code == "ERROR_PARAMETER_INVALID"
    with pytest.raises(NotFound):
        account.emails.send_triggered(TriggeredDraft(["ann@example.com"], 987_654))


def test_preferences_come_with_an_import(account: Account) -> None:
    book_id = account.create_address_book("Letters").id
    upload(account, book_id, "Email,Preference:Offers\nann@example.com,True\nbob@example.com,False\n")
    (offers,) = account.preferences.tree()
    for who, chosen in (("ann@example.com", True), ("bob@example.com", False)):
        (choice,) = account.preferences.of_contact(who)
        assert (choice.id, choice.is_opted_in) == (offers.id, chosen)
    ann = account.contacts.get("ann@example.com")
    account.contacts.update_with_consent(ann.id, ContactDraft("ann@example.com"), [], preferences=[(offers.id, False)])
    (choice,) = account.preferences.of_contact("ann@example.com")
    assert choice.is_opted_in is False


def test_preferences_are_made_changed_chosen_and_deleted(account: Account) -> None:
    ann = account.contacts.save(ContactDraft("ann@example.com"))
    offers = account.preferences.create("Offers", public_name="Our offers", public=True)
    assert (offers.private_name, offers.public_name, offers.order) == ("Offers", "Our offers", "0")
    assert account.preferences.rename(offers.id, "Deals").public_name == "Deals"
    for who in (ann.id, "ann@example.com"):
        account.preferences.set_for_contact(who, [(offers.id, True)])
        assert [each.is_opted_in for each in account.preferences.of_contact(who)] == [True]
        account.preferences.set_for_contact(who, [(offers.id, False)])
        assert [each.is_opted_in for each in account.preferences.of_contact(who)] == [False]
    for refused in (lambda: account.preferences.create("Deals"), lambda: account.preferences.create("")):
        with pytest.raises(Rejected) as caught:
            refused()
        assert caught.value.code == "ERROR_PREFERENCE_INVALID"
    account.preferences.delete(offers.id)
    assert list(account.preferences.tree()) == []
    with pytest.raises(NotFound) as missing:
        account.preferences.set_for_contact("ann@example.com", [(offers.id, True)])
    assert missing.value.code == "ERROR_PREFERENCE_NOT_FOUND"


def test_a_survey_is_read_with_its_fields_and_responses(sandbox: Sandbox, account: Account) -> None:
    replies = {"ann@example.com": ["Warm", "Yes"], "bob@example.com": ["Cold"]}
    survey_id = sandbox.make_survey("How was it?", questions=["The soup?", "Again?"], replies=replies)
    (page,) = account.surveys.pages()
    assert [(each.id, each.field_count, each.total_complete_responses) for each in page] == [(survey_id, 2, 2)]
    assert list(account.surveys.pages(with_book_only=True)) == []
    assert account.surveys.get(survey_id).state == "Active"
    (fields,) = account.surveys.fields(survey_id)
    assert [each["text"] for each in fields["fields"]] == ["The soup?", "Again?"]
    (responses,) = account.surveys.responses(survey_id)
    assert {each["email"]: [answer["value"] for answer in each["givenAnswers"]] for each in responses} == replies


def test_surveys_that_are_not_there(account: Account) -> None:
    assert list(account.surveys.pages()) == []
    with pytest.raises(NotFound) as caught:
        account.surveys.get(5)
    assert caught.value.code == "ERROR_SURVEY_NOT_FOUND"

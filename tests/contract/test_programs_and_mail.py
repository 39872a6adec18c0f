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
    assert [row.num_sent for row in account.emails.statistics(LONG_AGO)] == [3]
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
    account.contacts.save_with_consent(
        ContactDraft("ann@example.com"), [], preferences=[(offers.id, False)], update=True
    )
    (choice,) = account.preferences.of_contact("ann@example.com")
    assert choice.is_opted_in is False


def test_surveys_that_are_not_there(account: Account) -> None:
    assert list(account.surveys.pages()) == []
    with pytest.raises(NotFound) as caught:
        account.surveys.get(5)
    assert caught.value.code == "ERROR_SURVEY_NOT_FOUND"

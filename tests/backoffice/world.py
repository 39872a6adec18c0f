"""Records for every screen, written straight into the tables. Names are hostile on purpose."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from django.db import connection
from django.utils import timezone

from dotbridge.campaigns.models import EmailCampaign, EmailCampaignStatistics, MarketingActivity, MarketingCampaign
from dotbridge.campaigns.services import create_email_campaign, create_marketing_campaign
from dotbridge.connections.models import (
    AccountChange,
    CampaignSend,
    ChangeKind,
    ChangeState,
    ListConnection,
    RunKind,
    SendState,
)
from dotbridge.connections.services import connect_list
from dotbridge.crm.models import Contact as Person
from dotbridge.crm.models import ContactEmail
from dotbridge.files.models import FileLoad
from dotbridge.files.services import load_file
from dotbridge.files.waiting import keep_file
from dotbridge.integrations.models import Integration
from dotbridge.integrations.services import create_integration
from dotbridge.lists.models import MarketingList
from dotbridge.lists.services import create_list, remove_records, unsubscribe_records
from dotbridge.mapping.models import Mapping, MappingRow
from dotbridge.mirror.models import (
    AddressBook,
    Campaign,
    CampaignBook,
    CampaignContent,
    CampaignSummary,
    Contact,
    DataField,
    Draft,
    Membership,
    SenderAddress,
    Template,
)
from dotbridge.studio.services import set_up_sign_on
from dotbridge.sync.models import (
    CampaignPair,
    ExportItem,
    Ground,
    Newcomer,
    Rejection,
    Removal,
    State,
    Step,
    SyncRun,
    Upload,
    UploadState,
    ValueConflict,
    Winner,
)

HOSTILE = "<script>alert('x')</script>"


@dataclass(frozen=True)
class World:
    """What was made."""

    integration: Integration
    book: AddressBook
    free_book: AddressBook
    field: DataField
    free_field: DataField
    contact: Contact
    marketing_list: MarketingList
    link: ListConnection
    unconnected: MarketingList
    mapping: Mapping
    run: SyncRun
    rejection: Rejection
    upload: Upload
    refused: Upload
    change: AccountChange
    people: list[Person]
    conflict: ValueConflict
    newcomer: Newcomer
    email_campaign: EmailCampaign
    marketing_campaign: MarketingCampaign
    draft: Draft
    open_file: FileLoad
    loaded_file: FileLoad


def build_world(number: int = 1, name: str = "First") -> World:
    """One of everything, or `number` of what stands in lists. A second world needs a name of its own."""
    integration = create_integration(
        name=f"{name} account {HOSTILE}",
        username="api@example.com",
        password="secret-word",
        base_url="https://r1-api.dotdigital.com",
    )
    books = [
        AddressBook.objects.create(
            integration=integration, remote_id=10 + index, name=f"Book {index} {HOSTILE}", contact_count=7
        )
        for index in range(number + 1)
    ]
    fields = [
        DataField.objects.create(integration=integration, name=field_name, type=kind)
        for field_name, kind in (("FIRSTNAME", "String"), ("LASTNAME", "String"), ("SCORE", "Numeric"))
    ]
    people = [_person(index) for index in range(5)]
    mapping = Mapping.objects.create(integration=integration, entity="crm.contact", sync_priority=20)
    MappingRow.objects.create(mapping=mapping, entity_fields=["first_name"], data_field=fields[0])
    for index in range(number):
        more = _connected(integration, books[index], people, name, index)
    link, run, rejection, upload, refused, contact = more
    changes = [_change(integration, index) for index in range(number)]
    return World(
        integration=integration,
        book=link.address_book,
        free_book=books[-1],
        field=fields[0],
        free_field=fields[2],
        contact=contact,
        marketing_list=link.marketing_list,
        link=link,
        unconnected=create_list(name=f"{name} unconnected {HOSTILE}", entity="crm.contact"),
        mapping=mapping,
        run=run,
        rejection=rejection,
        upload=upload,
        refused=refused,
        change=changes[0],
        people=people,
        conflict=link.conflicts.latest("pk"),
        newcomer=link.newcomers.latest("pk"),
        email_campaign=EmailCampaign.objects.latest("pk"),
        marketing_campaign=MarketingCampaign.objects.latest("pk"),
        draft=_drafts(integration, number),
        open_file=_file(f"open {HOSTILE}"),
        loaded_file=_loaded_file(f"loaded {HOSTILE}"),
    )


def _drafts(integration: Integration, number: int) -> Draft:
    """Campaigns that wait to be sent, one of them looked at and of unknown outcome, and what a new one is made of."""
    for index in range(number):
        draft = Draft.objects.create(
            integration=integration,
            remote_id=900 + index,
            name=f"Draft {index} {HOSTILE}",
            subject=HOSTILE,
            from_name=HOSTILE,
            status="Unsent",
        )
    CampaignContent.objects.create(
        integration=integration,
        remote_id=draft.remote_id,
        html="<p>Hello</p>",
        plain_text=HOSTILE,
        fingerprint="f" * 64,
        read_at=timezone.now(),
    )
    for index in range(number):
        CampaignSend.objects.create(
            integration=integration,
            remote_id=900 + index,
            name=draft.name,
            book_ids=[10],
            recipients=7,
            state=SendState.UNKNOWN,
            message=HOSTILE,
            finished_at=timezone.now(),
        )
        Template.objects.create(integration=integration, remote_id=50 + index, name=HOSTILE, subject=HOSTILE)
    SenderAddress.objects.create(integration=integration, remote_id=1, email="news@example.com")
    set_up_sign_on(integration=integration, client_id=HOSTILE, secret="secret-word", domain="")
    return draft


def _content() -> io.BytesIO:
    """People whom every page of a file has something to say of; nobody among them is new to the CRM."""
    rows = [f"ann.0@example.com;{HOSTILE};04/05/1990;1.000", f"ann.1@example.com;{'x' * 600};;", f"{HOSTILE};x;;"]
    return io.BytesIO("\n".join(["E-mail;First name;Birthday;Lead score", *rows]).encode())


def _file(name: str) -> FileLoad:
    return keep_file(file=_content(), name=name.replace("/", "|"), entity="crm.contact", who=HOSTILE)


def _loaded_file(name: str) -> FileLoad:
    report = load_file(file=_content(), name=name, entity="crm.contact", who=HOSTILE)
    return FileLoad.objects.get(pk=report.number)


def _person(index: int) -> Person:
    person = Person.objects.create(first_name=f"Ann {HOSTILE}", last_name=f"Bee {index}")
    ContactEmail.objects.create(contact=person, email=f"ann.{index}@example.com", is_primary=True)
    return person


def _connected(
    integration: Integration, book: AddressBook, people: list[Person], name: str, index: int
) -> tuple[ListConnection, SyncRun, Rejection, Upload, Upload, Contact]:
    marketing_list = create_list(name=f"{name} list {index} {HOSTILE}", entity="crm.contact", description=HOSTILE)
    remove_records(marketing_list=marketing_list, record_ids=[people[3].pk])
    unsubscribe_records(
        marketing_list=marketing_list,
        record_ids=[people[4].pk],
        reason=HOSTILE,
    )
    link = connect_list(marketing_list=marketing_list, address_book=book)
    run, rejection = _run(integration)
    upload, refused = _uploads(link, run, people)
    Removal.objects.create(connection=link, run=run, row_count=2, created_at=run.started_at)
    _came_back(link, run, people, index)
    _campaign(link, people, name, index)
    return link, run, rejection, upload, refused, _contact(book, index)


def _came_back(link: ListConnection, run: SyncRun, people: list[Person], index: int) -> None:
    """A value changed on both sides, a contact that became a record, and one that did not."""
    ValueConflict.objects.create(
        connection=link,
        run=run,
        email="ann.0@example.com",
        record_id=str(people[0].pk),
        entity_field="first_name",
        data_field="FIRSTNAME",
        record_value=HOSTILE,
        dotdigital_value="",
        winner=Winner.RECORD,
        ground=Ground.IN_DOUBT,
    )
    for remote_id, record_id in ((100 + index, str(people[1].pk)), (900 + index, "")):
        Newcomer.objects.create(connection=link, remote_id=remote_id, record_id=record_id, fingerprint="x")


def _change(integration: Integration, index: int) -> AccountChange:
    return AccountChange.objects.create(
        integration=integration,
        kind=ChangeKind.CREATE_DATA_FIELD,
        name=f"NEW-{index} {HOSTILE}",
        details={"type": "String", "visibility": HOSTILE, "default": HOSTILE, "notes": HOSTILE},
        state=ChangeState.FAILED,
        message=HOSTILE,
    )


def _campaign(link: ListConnection, people: list[Person], name: str, index: int) -> None:
    """A campaign that was sent to the book, with figures, and what two people did with it."""
    book, sent_at = link.address_book, timezone.now() - timedelta(days=2)
    effort = create_marketing_campaign(
        name=f"{name} campaign {index} {HOSTILE}", code=f"{name}-{index}", description=HOSTILE, is_automatic=True
    )
    mail = create_email_campaign(
        name=f"{name} mail {index} {HOSTILE}",
        marketing_list=link.marketing_list,
        marketing_campaign=effort,
        sender_name=HOSTILE,
        sent_at=sent_at,
    )
    remote = Campaign.objects.create(
        integration=book.integration, remote_id=500 + index, name=HOSTILE, subject=HOSTILE, status="Sent"
    )
    CampaignBook.objects.create(campaign=remote, address_book=book)
    CampaignPair.objects.create(campaign=remote, email_campaign=mail)
    CampaignSummary.objects.create(
        campaign=remote,
        read_at=timezone.now(),
        num_total_sent=1000,
        num_total_delivered=800,
        num_total_opens=300,
        num_total_unique_opens=200,
        percentage_unique_opens=0.25,
        num_recipients_clicked=40,
        num_total_clicks=50,
        num_total_hard_bounces=150,
        num_total_soft_bounces=50,
        num_total_unsubscribes=8,
        num_total_isp_complaints=1,
    )
    for place, kinds in enumerate((("send", "open", "click"), ("send", "hard_bounce"))):
        person = people[place]
        EmailCampaignStatistics.objects.create(
            email_campaign=mail,
            entity="crm.contact",
            record_id=str(person.pk),
            opens=kinds.count("open"),
            clicks=kinds.count("click"),
            bounces=kinds.count("hard_bounce"),
            last_contacted_at=sent_at,
        )
        for after, kind in enumerate(kinds):
            MarketingActivity.objects.create(
                type=kind,
                email_campaign=mail,
                entity="crm.contact",
                record_id=str(person.pk),
                action_date=sent_at + timedelta(days=after),
                details=HOSTILE if kind == "click" else "",
                natural_key=uuid4(),
            )


def _contact(book: AddressBook, index: int) -> Contact:
    contact = Contact.objects.create(
        integration=book.integration,
        remote_id=100 + index,
        email=f"ANN.{index}@example.com",
        email_key=f"ann.{index}@example.com",
        status="Subscribed" if index % 2 == 0 else "HardBounced",
        data_fields={"FIRSTNAME": HOSTILE},
        updated_at=timezone.now(),
    )
    Membership.objects.create(address_book=book, contact=contact, listed_at=contact.updated_at)
    return contact


def _run(integration: Integration) -> tuple[SyncRun, Rejection]:
    now = timezone.now()
    times = {"started_at": now - timedelta(minutes=3), "finished_at": now - timedelta(minutes=2)}
    run = SyncRun.objects.create(
        integration=integration,
        kind=RunKind.SYNC,
        trigger="schedule",
        state=State.PARTIAL,
        message=HOSTILE,
        requests=12,
        **times,
    )
    counts = {"confirmed": 1, "rejected": 1, "odd_thing": 2}
    step = Step.objects.create(run=run, name="results", state=State.PARTIAL, message=HOSTILE, counts=counts, **times)
    rejection = Rejection.objects.create(
        integration=integration,
        step=step,
        step_name=step.name,
        subject=HOSTILE + "!" * integration.rejections.count(),
        reason="invalid_email",
        detail=HOSTILE,
        first_at=now,
        last_at=now,
    )
    return run, rejection


def _uploads(link: ListConnection, run: SyncRun, people: list[Person]) -> tuple[Upload, Upload]:
    now = timezone.now()
    upload = Upload.objects.create(
        connection=link,
        run=run,
        state=UploadState.FINISHED,
        row_count=2,
        rejected_count=1,
        report={"newContacts": 1, "invalidEntries": 1, "neverHeardOf": 4},
        created_at=now,
    )
    refused = Upload.objects.create(
        connection=link, run=run, state=UploadState.REFUSED, row_count=1, message=HOSTILE, created_at=now
    )
    for place, (owner, reason) in enumerate(((upload, ""), (upload, "hard_bounced"), (refused, ""))):
        ExportItem.objects.create(
            connection=link,
            email_key=f"ann.{place}@example.com",
            email=f"ann.{place}@example.com",
            record_id=str(people[place].pk),
            operation="new",
            upload=owner,
            reason=reason,
        )
    return upload, refused


def empty_queue() -> None:
    """Nothing waits and nobody works: Django does not clear the queue's tables after a test, they are not its own."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
        cursor.execute("DELETE FROM procrastinate_workers")

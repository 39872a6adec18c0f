"""Marketing preferences: read by version 3, mapped like data fields, and sent with a person.

What is right is read from the sandbox's contacts, as a third party would.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any
from urllib.parse import quote

import pytest
from django.core.exceptions import ValidationError

from dotbridge.connections.models import ListConnection, RunKind
from dotbridge.connections.services import request_data_field_deletion
from dotbridge.crm.models import Contact
from dotbridge.integrations.models import Integration, ProtocolChoice
from dotbridge.mapping.models import EmptyValues, Mapping
from dotbridge.mapping.services import set_mapping_row
from dotbridge.mirror.models import DataField
from dotbridge.sync.models import State, Upload
from dotbridge.sync.outbound.files import write_csv
from tests.accounts import RemoteAccount, add_contact, connect, sync, use_protocol
from tests.sync.campaign_vendor import CampaignVendor, scripted, vendor

__all__ = ["scripted", "vendor"]


def create_preference(remote: RemoteAccount, name: str, **more: Any) -> int:
    body = {"privateName": name, "publicName": name, "isPreference": True, "isPublic": True, **more}
    return int(remote.ask("POST", "/v2/preferences", body)["id"])


@pytest.fixture
def news(remote: RemoteAccount) -> int:
    category = create_preference(remote, "Letters", isPreference=False)
    return create_preference(remote, "News", categoryId=category)


@pytest.fixture
def link(integration: Integration, remote: RemoteAccount, news: int) -> ListConnection:
    integration.protocol = ProtocolChoice.V3
    integration.save()
    create_preference(remote, "Offers")
    remote.create_book("Readers")
    return connect(integration, book="Readers", rows={"Preference:Letters>News": ["is_vip"]})


def chosen(remote: RemoteAccount, email: str) -> dict[int, bool]:
    """What a contact has chosen, by the id of the preference, as the account has it."""
    found = remote.ask("GET", f"/contacts/v3/email/{quote(email)}?include=preferences")
    return {each["id"]: each["isOptedIn"] for each in found["preferences"]}


def test_they_are_read_with_the_data_fields(link: ListConnection, news: int) -> None:
    found = dict(DataField.objects.exclude(preference_id=None).values_list("name", "preference_id"))
    assert set(found) == {"Preference:Letters>News", "Preference:Offers"}
    assert found["Preference:Letters>News"] == news


def test_they_go_with_the_person_and_follow_the_record(
    integration: Integration, remote: RemoteAccount, link: ListConnection, news: int
) -> None:
    ann = add_contact("ann@example.com", is_vip=True)
    add_contact("bob@example.com", is_vip=False)
    assert sync(integration).state == State.SUCCEEDED
    assert chosen(remote, "ann@example.com")[news] is True
    assert chosen(remote, "bob@example.com")[news] is False
    Contact.objects.filter(pk=ann.pk).update(is_vip=False)
    sync(integration)
    assert chosen(remote, "ann@example.com")[news] is False
    # Nobody is sent again because no feed tells what contacts have chosen.
    sync(integration, kind=RunKind.RECONCILE)
    sync(integration)
    assert Upload.objects.count() == 2


def test_a_preference_that_goes_is_sent_no_more(
    integration: Integration, remote: RemoteAccount, link: ListConnection, news: int
) -> None:
    remote.ask("DELETE", f"/v2/preferences/{news}")
    add_contact("ann@example.com", is_vip=True)
    sync(integration, force_data_fields=True)
    assert DataField.objects.get(preference_id=news).gone_at is not None
    assert remote.find_contact("ann@example.com") is not None


def test_by_version_2_they_are_not_read(integration: Integration, remote: RemoteAccount, news: int) -> None:
    remote.create_book("Readers")
    connect(integration, book="Readers")
    assert not DataField.objects.exclude(preference_id=None).exists()


def test_a_file_of_version_2_does_not_hold_them(integration: Integration, link: ListConnection) -> None:
    add_contact("ann@example.com", is_vip=True)
    integration.protocol = ProtocolChoice.V2
    integration.save()
    sync(integration, kind=RunKind.CHANGES)
    file = BytesIO()
    assert write_csv(Upload.objects.get(), file) == 1
    assert b"Preference" not in file.getvalue()


def test_what_can_be_done_with_one(link: ListConnection) -> None:
    mapping = Mapping.objects.get(entity="crm.contact")
    preference = DataField.objects.get(name="Preference:Offers")
    with pytest.raises(ValidationError, match="true or false"):
        set_mapping_row(mapping=mapping, data_field=preference, entity_fields=["first_name"])
    with pytest.raises(ValidationError, match="sent to Dotdigital only"):
        set_mapping_row(mapping=mapping, data_field=preference, entity_fields=["is_vip"], is_two_way=True)
    with pytest.raises(ValidationError, match="deleted in Dotdigital"):
        request_data_field_deletion(data_field=preference)
    row = set_mapping_row(
        mapping=mapping, data_field=preference, entity_fields=["is_vip"], empty_values=EmptyValues.CLEAR
    )
    assert row.pk


def test_an_account_that_does_not_tell_them_keeps_what_is_known(
    integration: Integration, remote: RemoteAccount, link: ListConnection
) -> None:
    remote.sandbox.fail_next("status", path="v2/preferences", status=403)
    run = sync(integration, force_data_fields=True)
    assert run.state == State.SUCCEEDED
    assert DataField.objects.filter(preference_id__isnull=False, gone_at=None).count() == 2


@pytest.mark.parametrize("answered", [[], [{"id": "none", "privateName": 7}]])
def test_a_wrong_answer_takes_no_preference_away(
    scripted: Integration, vendor: CampaignVendor, answered: list[Any]
) -> None:
    """An empty list, or one that cannot be read, looks like one of which all are gone."""
    use_protocol(scripted, ProtocolChoice.V3)
    vendor.answers["data-fields"] = [{"name": "FIRSTNAME", "type": "String"}]
    told = [{"id": number, "privateName": f"News {number}", "isPreference": True} for number in (1, 2)]
    there = DataField.objects.filter(preference_id__isnull=False, gone_at=None)
    vendor.answers["preferences"] = told
    sync(scripted, kind=RunKind.DATA_FIELDS)
    assert there.count() == 2
    vendor.answers["preferences"] = answered
    sync(scripted, kind=RunKind.DATA_FIELDS)
    assert there.count() == 2
    vendor.answers["preferences"] = told[:1]
    sync(scripted, kind=RunKind.DATA_FIELDS)
    assert there.count() == 1

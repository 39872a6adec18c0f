"""Every page opens for those who may see it, for nobody else, with hostile text made harmless, in few statements."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dotbridge.campaigns.models import MarketingCampaign
from dotbridge.campaigns.services import create_marketing_campaign
from dotbridge.lists.address_loads import load_addresses
from dotbridge.lists.models import AddressLoad, ListType, MarketingList
from dotbridge.lists.services import create_list
from dotbridge.mirror.models import CampaignContent, Template
from tests.backoffice.conftest import texts
from tests.backoffice.world import HOSTILE, World, build_world

LISTS = {
    "dotbridge_integrations_integration": "dotbridge_integrations.view_integration",
    "dotbridge_mirror_addressbook": "dotbridge_mirror.view_addressbook",
    "dotbridge_mirror_contact": "dotbridge_mirror.view_contact",
    "dotbridge_mirror_datafield": "dotbridge_mirror.view_datafield",
    "dotbridge_lists_marketinglist": "dotbridge_lists.view_marketinglist",
    "dotbridge_lists_removeditem": "dotbridge_lists.view_removeditem",
    "dotbridge_campaigns_marketingcampaign": "dotbridge_campaigns.view_marketingcampaign",
    "dotbridge_campaigns_emailcampaign": "dotbridge_campaigns.view_emailcampaign",
    "dotbridge_campaigns_emailcampaignstatistics": "dotbridge_campaigns.view_emailcampaignstatistics",
    "dotbridge_campaigns_marketingactivity": "dotbridge_campaigns.view_marketingactivity",
    "dotbridge_mapping_mapping": "dotbridge_mapping.view_mapping",
    "dotbridge_sync_syncrun": "dotbridge_sync.view_syncrun",
    "dotbridge_sync_rejection": "dotbridge_sync.view_rejection",
    "dotbridge_sync_upload": "dotbridge_sync.view_upload",
    "dotbridge_sync_removal": "dotbridge_sync.view_removal",
    "dotbridge_sync_valueconflict": "dotbridge_sync.view_valueconflict",
    "dotbridge_sync_newcomer": "dotbridge_sync.view_newcomer",
    "dotbridge_connections_accountchange": "dotbridge_connections.view_accountchange",
}


def pages_of(world: World) -> list[str]:
    """The pages of single records."""
    changed = {
        "dotbridge_integrations_integration": world.integration,
        "dotbridge_mirror_addressbook": world.book,
        "dotbridge_mirror_contact": world.contact,
        "dotbridge_mirror_datafield": world.field,
        "dotbridge_lists_marketinglist": world.marketing_list,
        "dotbridge_mapping_mapping": world.mapping,
        "dotbridge_campaigns_marketingcampaign": world.marketing_campaign,
        "dotbridge_campaigns_emailcampaign": world.email_campaign,
        "dotbridge_campaigns_emailcampaignstatistics": world.email_campaign.statistics.latest("pk"),
        "dotbridge_campaigns_marketingactivity": world.email_campaign.activities.latest("pk"),
        "dotbridge_sync_syncrun": world.run,
        "dotbridge_sync_rejection": world.rejection,
        "dotbridge_sync_upload": world.upload,
        "dotbridge_sync_valueconflict": world.conflict,
        "dotbridge_sync_newcomer": world.newcomer,
        "dotbridge_connections_accountchange": world.change,
    }
    of_person = f"?entity=crm.contact&record={world.people[0].pk}"
    of_mail = f"?mail={world.email_campaign.pk}"
    campaigns = [
        reverse("dotbridge_tables:dotbridge_campaigns_marketingactivity_of-record") + of_person,
        reverse("dotbridge_tables:dotbridge_campaigns_marketingactivity_of-record-piece") + of_person,
        reverse("dotbridge_tables:dotbridge_campaigns_marketingactivity_changelist") + of_mail,
        reverse("dotbridge_tables:dotbridge_campaigns_emailcampaignstatistics_changelist") + of_mail,
        reverse("dotbridge_tables:dotbridge_campaigns_emailcampaign_results", args=[world.email_campaign.pk]),
    ]
    return [
        reverse("admin:crm_contact_change", args=[world.people[0].pk]),
        *campaigns,
        *house_of(world),
        *(reverse(f"dotbridge_tables:{name}_change", args=[record.pk]) for name, record in changed.items()),
        reverse("dotbridge_tables:dotbridge_integrations_integration_delete", args=[world.integration.pk]),
        reverse("dotbridge_tables:dotbridge_mapping_mapping_preview", args=[world.mapping.pk]),
        reverse("dotbridge_tables:dotbridge_mirror_datafield_add"),
        reverse("dotbridge_tables:dotbridge_mirror_datafield_delete", args=[world.field.pk]),
        reverse("dotbridge_tables:dotbridge_mirror_datafield_delete", args=[world.free_field.pk]),
        reverse("dotbridge_tables:dotbridge_sync_syncrun_progress", args=[world.run.pk]),
        reverse("dotbridge_tables:dotbridge_sync_upload_retry", args=[world.refused.pk]),
        reverse("dotbridge_tables:auth_user_changelist"),
        reverse("dotbridge_tables:auth_group_changelist"),
        *(reverse(f"dotbridge_tables:{model}_add") for model in ("auth_user", "auth_group")),
    ]


def house_of(world: World) -> list[str]:
    """The pages of the back office's own, and the pieces that they fetch."""

    def page(name: str, *args: object) -> str:
        return reverse(f"dotbridge:{name}", args=args)

    connected, free = world.marketing_list.pk, world.unconnected.pk
    plain = "home home-lists search files file-add lists list-add campaigns campaigns-compare marketing-campaigns"
    plain += " marketing-campaign-add people fields activity activity-problems activity-uploads activity-conflicts"
    plain += " activity-newcomers activity-changes activity-audit settings accounts account-add drafts draft-add"
    plain += " my-settings site-settings notifications"
    of_list = "list list-bar list-rule list-campaigns list-history list-connection list-disconnect list-move"
    of_list += " list-plan list-plan-numbers list-ending-numbers list-book-numbers"
    of_list += " list-settings list-snapshot"
    row = world.mapping.rows.get()
    picked, snapshot, load = lists_of_other_types(world)
    return [
        *(page(name, picked) for name in ("list", "list-bar", "list-pick", "list-settings")),
        page("list-pick", picked) + "?q=ann.0",
        *(page(name, picked, load) for name in ("list-address-load", "list-address-load-undo")),
        *(page(name, snapshot) for name in ("list", "list-rule", "list-snapshot")),
        *map(page, plain.split()),
        *(page(name, connected) for name in of_list.split()),
        *(page("list", connected) + f"?show={state}" for state in ("in_step", "refused", "opted_out", "removed")),
        *(page(name, free) for name in ("list", "list-connect", "list-new-book", "list-delete", "list-connection")),
        page("list-connect-look", free) + f"?book={world.free_book.pk}",
        page("list-connect-numbers", free) + f"?book={world.free_book.pk}",
        *(
            page(name, connected) + f"?address_book={world.free_book.pk}"
            for name in ("list-move", "list-ending-numbers")
        ),
        page("list-bring-back", connected, "removed", world.people[3].pk),
        page("list-bring-back", connected, "opted-out", world.people[4].pk),
        page("live", world.integration.pk) + "?after_run=0",
        page("campaign", world.email_campaign.pk),
        page("campaign-people", world.email_campaign.pk),
        page("campaigns-compare") + f"?campaign={world.email_campaign.pk}",
        page("campaign-delete", world.email_campaign.pk),
        page("marketing-campaign", world.marketing_campaign.pk),
        page("marketing-campaign-delete", world.marketing_campaign.pk),
        page("marketing-campaign-merge") + f"?campaign={world.marketing_campaign.pk}&campaign={other_campaign()}",
        page("people") + "?q=ann",
        page("file", world.open_file.pk),
        page("file", world.loaded_file.pk),
        page("file-state", world.open_file.pk),
        page("file-undo", world.loaded_file.pk),
        page("search") + "?q=b",
        page("person-record", "crm.contact", world.people[0].pk),
        page("person-record", "crm.contact", world.people[4].pk),
        page("person-contact", world.contact.pk),
        page("person-record-act", "crm.contact", world.people[0].pk, "opt-out"),
        page("person-record-act", "crm.contact", world.people[0].pk, "forget"),
        page("person-contact-act", world.contact.pk, "opt-out"),
        page("person-contact-act", world.contact.pk, "forget"),
        page("mapping", world.mapping.pk),
        page("mapping-row-add", world.mapping.pk),
        page("mapping-row", world.mapping.pk, row.pk),
        page("mapping-row-delete", world.mapping.pk, row.pk),
        page("run", world.run.pk),
        page("activity-problem") + f"?reason={world.rejection.reason}",
        page("upload", world.upload.pk),
        page("upload", world.refused.pk),
        page("upload-retry", world.refused.pk),
        page("account", world.integration.pk),
        page("account-sign-on", world.integration.pk),
        page("studio-account", world.integration.pk),
        page("draft", *_key(world)),
        page("draft-state", *_key(world)),
        page("draft-preview", *_key(world)),
        page("draft-send", *_key(world)),
        page("draft-send", *_key(world)) + f"?lists={world.link.pk}&when=now",
        page("draft-send", *_key(world)) + f"?lists={world.link.pk}&when=later",
        page("draft-numbers", *_key(world)) + f"?lists={world.link.pk}&when=now",
        page("draft-add") + f"?template={Template.objects.latest('pk').pk}",
    ]


def other_campaign() -> int:
    """A second marketing campaign, with all that it can have."""
    kept = MarketingCampaign.objects.filter(code="OTHER").first()
    return (kept or create_marketing_campaign(name=HOSTILE, code="OTHER", budget=Decimal("12.50"))).pk


def lists_of_other_types(world: World) -> tuple[int, int, int]:
    """A manual list with a load of addresses, and one on demand; the second time they are there already."""
    kept = {each.type: each for each in MarketingList.objects.exclude(type=ListType.DYNAMIC)}
    if not kept:
        columns = [{"field": "last_name", "label": HOSTILE, "sort": "desc"}, {"field": "primary_email"}]
        for kind in (ListType.MANUAL, ListType.ON_DEMAND):
            made = create_list(name=f"{kind} {HOSTILE}", entity="crm.contact", type=kind, columns=columns)
            kept[made.type] = made
        given = ["ann.0@example.com", "nobody@example.org", HOSTILE]
        load_addresses(marketing_list=kept[ListType.MANUAL], addresses=given, name=HOSTILE)
    return kept[ListType.MANUAL].pk, kept[ListType.ON_DEMAND].pk, AddressLoad.objects.latest("pk").pk


def _key(world: World) -> tuple[int, int]:
    return world.integration.pk, world.draft.remote_id


@pytest.mark.parametrize("name", LISTS)
def test_an_empty_list_says_what_to_do(back_office: Client, name: str) -> None:
    page = texts(back_office.get(reverse(f"dotbridge_tables:{name}_changelist")))
    assert "db-empty" in page
    assert "Nothing matches" not in page
    filtered = texts(back_office.get(reverse(f"dotbridge_tables:{name}_changelist") + "?p=7"))
    assert "Nothing matches" in filtered or "db-empty" in filtered


@pytest.mark.parametrize("name", LISTS)
def test_hostile_text_in_lists_is_harmless(back_office: Client, world: World, name: str) -> None:
    response = back_office.get(reverse(f"dotbridge_tables:{name}_changelist"))
    page = texts(response)
    assert response.status_code == 200
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(" in page


def test_hostile_text_on_pages_is_harmless(back_office: Client, world: World) -> None:
    for address in pages_of(world):
        response = back_office.get(address)
        assert response.status_code == 200, address
        assert HOSTILE not in texts(response), address


OF_PEOPLE = {"dotbridge_sync_rejection", "dotbridge_sync_valueconflict", "dotbridge_sync_newcomer"}
# What the fields of records are read from belongs to them.
EVERYBODY = (
    "dotbridge_mirror.view_contact",
    *(
        f"crm.view_{name}"
        for name in ["account", "contact", "contactemail", "contactphone", "customer", "lead", "order"]
    ),
)


@pytest.mark.parametrize(("name", "permission"), LISTS.items())
def test_a_list_is_for_those_who_may_see_it(
    logged_in: Callable[..., Client], world: World, name: str, permission: str
) -> None:
    address = reverse(f"dotbridge_tables:{name}_changelist")
    assert logged_in().get(address).status_code == 403
    if name in OF_PEOPLE:
        assert logged_in(permission).get(address).status_code == 403, "it holds addresses and values of people"
    page = logged_in(permission, *(EVERYBODY if name in OF_PEOPLE else ())).get(address)
    assert page.status_code == 200
    assert f'href="{address}"' in texts(page)


def test_the_menu_shows_only_what_one_may_see(logged_in: Callable[..., Client], world: World) -> None:
    page = texts(logged_in("dotbridge_sync.view_syncrun").get(reverse("dotbridge:home")))
    shown = {
        name
        for name in ("lists", "campaigns", "fields", "activity")
        if f'href="{reverse(f"dotbridge:{name}")}"' in page
    }
    assert shown == {"activity"}


@pytest.mark.parametrize("permission", ["", "dotbridge_lists.view_marketinglist", "dotbridge_sync.view_syncrun"])
def test_no_page_says_more_than_its_rights(logged_in: Callable[..., Client], world: World, permission: str) -> None:
    """Nobody who may not see records or contacts reads an address, on whatever page; and no page breaks on the way."""
    client = logged_in(*filter(None, [permission]))
    for address in house_of(world):
        response = client.get(address)
        assert response.status_code in {200, 302, 403, 404}, address
        assert "@example.com" not in texts(response).replace("api@example.com", ""), address


def test_strangers_are_sent_to_the_log_in(client: Client, world: World) -> None:
    for address in pages_of(world):
        response = client.get(address)
        assert response.status_code == 302, address
        assert "/login/" in response["Location"], address


HOUSE = [
    "home",
    "lists",
    "campaigns",
    "marketing-campaigns",
    "people",
    "fields",
    "activity",
    "activity-problems",
    "activity-uploads",
]


@pytest.mark.parametrize("name", [*LISTS, *HOUSE])
def test_more_records_take_no_more_statements(back_office: Client, name: str) -> None:
    address = reverse(f"dotbridge:{name}" if name in HOUSE else f"dotbridge_tables:{name}_changelist")
    counts = []
    for number, label in ((2, "First"), (10, "Second")):
        build_world(number, label)
        with CaptureQueriesContext(connection) as captured:
            assert back_office.get(address).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert counts[0] <= (30 if name in HOUSE else 16)


def test_nobody_on_the_way_keeps_a_page_or_a_file_of_people(back_office: Client, world: World) -> None:
    key = world.marketing_list.pk
    addresses = [
        reverse("dotbridge:home"),
        reverse("dotbridge:list", args=[key]),
        reverse("dotbridge:list-file", args=[key, "csv"]),
        reverse("dotbridge:list-file", args=[key, "xlsx"]),
        reverse("dotbridge:person-record", args=["crm.contact", world.people[0].pk]),
        f"{reverse('rule_builder:values')}?entity=crm.contact&field=last_name&text=a",
        reverse("dotbridge_tables:dotbridge_mirror_contact_changelist"),
    ]
    kept = {address: back_office.get(address).headers.get("Cache-Control", "") for address in addresses}
    assert not [address for address, said in kept.items() if "private" not in said or "no-cache" not in said]


def test_no_name_turns_our_own_words_around(back_office: Client, world: World) -> None:
    """Seen: "nefpünkrev cba" in place of "abc verknüpfen"."""
    turning = "".join(map(chr, (0x202A, 0x202E, 0x2066, 0x2069)))
    MarketingList.objects.filter(pk=world.unconnected.pk).update(name=f"Fair {turning}abc \u05d0\u05d1")
    page = texts(back_office.get(reverse("dotbridge:list", args=[world.unconnected.pk])))
    assert "Fair abc \u05d0\u05d1" in page
    assert not set(turning) & set(page)
    content = CampaignContent.objects.get()
    CampaignContent.objects.filter(pk=content.pk).update(html=f"<p>{turning}</p>")
    mail = reverse("dotbridge:draft-content", args=[content.integration_id, content.remote_id])
    assert turning in texts(back_office.get(mail))


@pytest.mark.parametrize("address", ["/lists/%s/people.csv", "/people/files/%s/report.csv", "/lists/%s/", "/live/%s/"])
def test_no_number_in_an_address_is_too_long_to_be_not_found(back_office: Client, address: str) -> None:
    assert back_office.get(address % ("9" * 5_000)).status_code == 404
    assert back_office.get(address % "999999999").status_code == 404

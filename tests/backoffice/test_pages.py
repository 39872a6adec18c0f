"""Every page opens for those who may see it, for nobody else, with hostile text made harmless, in few statements."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dotbridge.campaigns.services import create_marketing_campaign
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
        "crm_contact": world.people[0],
        "dotbridge_sync_syncrun": world.run,
        "dotbridge_sync_rejection": world.rejection,
        "dotbridge_sync_upload": world.upload,
        "dotbridge_sync_valueconflict": world.conflict,
        "dotbridge_sync_newcomer": world.newcomer,
        "dotbridge_connections_accountchange": world.change,
    }
    further = [
        reverse(f"admin:dotbridge_lists_marketinglist_{page}", args=[world.marketing_list.pk])
        for page in ("members", "standing", "connection-settings", "disconnect", "delete")
    ]
    of_person = f"?entity=crm.contact&record={world.people[0].pk}"
    of_mail = f"?mail={world.email_campaign.pk}"
    other = create_marketing_campaign(name=HOSTILE, code="OTHER", budget=Decimal("12.50"))
    campaigns = [
        reverse("admin:dotbridge_campaigns_marketingactivity_of-record") + of_person,
        reverse("admin:dotbridge_campaigns_marketingactivity_of-record-piece") + of_person,
        reverse("admin:dotbridge_campaigns_marketingactivity_changelist") + of_mail,
        reverse("admin:dotbridge_campaigns_emailcampaignstatistics_changelist") + of_mail,
        reverse("admin:dotbridge_campaigns_emailcampaign_results", args=[world.email_campaign.pk]),
        reverse("admin:dotbridge_campaigns_emailcampaign_delete", args=[world.email_campaign.pk]),
        reverse("admin:dotbridge_campaigns_marketingcampaign_activities", args=[world.marketing_campaign.pk]),
        reverse("admin:dotbridge_campaigns_marketingcampaign_delete", args=[world.marketing_campaign.pk]),
        reverse("admin:dotbridge_campaigns_marketingcampaign_merge")
        + f"?campaign={world.marketing_campaign.pk}&campaign={other.pk}",
    ]
    return [
        reverse("admin:index"),
        *campaigns,
        *(reverse(f"admin:{name}_change", args=[record.pk]) for name, record in changed.items()),
        *further,
        reverse("admin:dotbridge_integrations_integration_delete", args=[world.integration.pk]),
        reverse("admin:dotbridge_mapping_mapping_preview", args=[world.mapping.pk]),
        reverse("admin:dotbridge_lists_marketinglist_preview", args=[world.marketing_list.pk]),
        reverse("admin:dotbridge_mirror_datafield_add"),
        reverse("admin:dotbridge_lists_marketinglist_next-export", args=[world.marketing_list.pk]),
        reverse("admin:dotbridge_lists_marketinglist_next-export-numbers", args=[world.marketing_list.pk]),
        reverse("admin:dotbridge_lists_marketinglist_connect", args=[world.unconnected.pk]),
        reverse("admin:dotbridge_lists_marketinglist_new-book", args=[world.unconnected.pk]),
        reverse("admin:dotbridge_lists_marketinglist_move", args=[world.marketing_list.pk]),
        reverse("admin:dotbridge_lists_marketinglist_move", args=[world.marketing_list.pk])
        + f"?book={world.free_book.pk}",
        reverse("admin:dotbridge_mirror_datafield_delete", args=[world.field.pk]),
        reverse("admin:dotbridge_mirror_datafield_delete", args=[world.free_field.pk]),
        reverse("admin:dotbridge_sync_syncrun_progress", args=[world.run.pk]),
        reverse("admin:dotbridge_sync_upload_retry", args=[world.refused.pk]),
        reverse("admin:auth_user_changelist"),
        reverse("admin:auth_group_changelist"),
        *(reverse(f"admin:{model}_add") for model in ("auth_user", "auth_group")),
    ]


@pytest.mark.parametrize("name", LISTS)
def test_an_empty_list_says_what_to_do(back_office: Client, name: str) -> None:
    page = texts(back_office.get(reverse(f"admin:{name}_changelist")))
    assert "db-empty" in page
    assert "Nothing matches" not in page
    filtered = texts(back_office.get(reverse(f"admin:{name}_changelist") + "?p=7"))
    assert "Nothing matches" in filtered or "db-empty" in filtered


@pytest.mark.parametrize("name", LISTS)
def test_hostile_text_in_lists_is_harmless(back_office: Client, world: World, name: str) -> None:
    response = back_office.get(reverse(f"admin:{name}_changelist"))
    page = texts(response)
    assert response.status_code == 200
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(" in page


def test_hostile_text_on_pages_is_harmless(back_office: Client, world: World) -> None:
    for address in pages_of(world):
        response = back_office.get(address)
        assert response.status_code == 200, address
        assert HOSTILE not in texts(response), address


@pytest.mark.parametrize(("name", "permission"), LISTS.items())
def test_a_list_is_for_those_who_may_see_it(
    logged_in: Callable[..., Client], world: World, name: str, permission: str
) -> None:
    address = reverse(f"admin:{name}_changelist")
    assert logged_in().get(address).status_code == 403
    page = logged_in(permission).get(address)
    assert page.status_code == 200
    assert f'href="{address}"' in texts(page)


def test_the_menu_shows_only_what_one_may_see(logged_in: Callable[..., Client], world: World) -> None:
    page = texts(logged_in("dotbridge_sync.view_syncrun").get(reverse("admin:index")))
    assert reverse("admin:dotbridge_sync_syncrun_changelist") in page
    for name in set(LISTS) - {"dotbridge_sync_syncrun"}:
        assert f'href="{reverse(f"admin:{name}_changelist")}"' not in page


def test_strangers_are_sent_to_the_log_in(client: Client, world: World) -> None:
    for address in pages_of(world):
        response = client.get(address)
        assert response.status_code == 302, address
        assert response["Location"].startswith(reverse("admin:login"))


@pytest.mark.parametrize("name", [*LISTS, "index"])
def test_more_records_take_no_more_statements(back_office: Client, name: str) -> None:
    address = reverse("admin:index" if name == "index" else f"admin:{name}_changelist")
    counts = []
    for number, label in ((2, "First"), (10, "Second")):
        build_world(number, label)
        with CaptureQueriesContext(connection) as captured:
            assert back_office.get(address).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert counts[0] <= 16

"""What would be sent of real people, and the rows that cannot be sent any more."""

from __future__ import annotations

import html
from collections.abc import Callable

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from dotbridge.crm.models import Contact as Person
from dotbridge.mapping.models import EmptyValues, Mapping, MappingRow
from dotbridge.mapping.services import set_mapping_row
from dotbridge.mirror.models import DataField
from tests.backoffice.conftest import texts
from tests.backoffice.world import World


def preview_of(world: World, query: str = "") -> tuple[str]:
    return (reverse("dotbridge_tables:dotbridge_mapping_mapping_preview", args=[world.mapping.pk]) + query,)


def test_real_members_are_shown_as_they_would_be_sent(back_office: Client, world: World) -> None:
    job, score = (DataField.objects.create(integration=world.integration, name=n, type="String") for n in ("JOB", "X"))
    set_mapping_row(mapping=world.mapping, data_field=job, entity_fields=["job_title"], empty_values=EmptyValues.CLEAR)
    set_mapping_row(mapping=world.mapping, data_field=score, entity_fields=["notes"])
    Person.objects.filter(pk=world.people[1].pk).update(job_title="Smith", notes="=1+1")
    for address in preview_of(world):
        page = html.unescape(texts(back_office.get(address)))
        assert "ann.0@example.com would be sent as" in page
        assert "empty: the value is cleared in Dotdigital" in page
        assert "value is kept" in page
        assert "Smith" in page
        assert "=1+1" in page


def test_somebody_is_found_by_the_beginning_of_the_address(back_office: Client, world: World) -> None:
    for address in preview_of(world, "?q=ANN.2"):
        page = texts(back_office.get(address))
        assert "ann.2@example.com would be sent as" in page
        assert "ann.0@example.com" not in page
    for address in preview_of(world, "?q=nobody"):
        assert "Nothing matches" in texts(back_office.get(address))
    # What the database cannot hold nobody has typed.
    for address in preview_of(world, "?q=nobody%00"):
        assert back_office.get(address).status_code == 404


def test_a_preview_of_records_that_are_not_known_says_so(back_office: Client, world: World) -> None:
    (of_mapping,) = preview_of(world)
    Mapping.objects.update(entity="gone.model")
    assert "gone.model" in texts(back_office.get(of_mapping))


def test_a_preview_is_for_those_who_may_see_members(logged_in: Callable[..., Client], world: World) -> None:
    (of_mapping,) = preview_of(world)
    only_mappings = logged_in("dotbridge_mapping.view_mapping")
    assert only_mappings.get(of_mapping).status_code == 403
    assert of_mapping not in texts(
        only_mappings.get(reverse("dotbridge_tables:dotbridge_mapping_mapping_change", args=[world.mapping.pk]))
    )
    assert (
        logged_in("dotbridge_mapping.view_mapping", "dotbridge_lists.view_marketinglist").get(of_mapping).status_code
        == 403
    ), "a preview shows records"
    may_see = ("dotbridge_mapping.view_mapping", "dotbridge_lists.view_marketinglist", "crm.view_contact")
    assert logged_in(*may_see).get(of_mapping).status_code == 200


def test_a_preview_takes_a_fixed_number_of_statements(back_office: Client, world: World) -> None:
    for few, many in zip(preview_of(world, "?q=ann.0"), preview_of(world), strict=True):
        counts = []
        for address in (few, many):
            with CaptureQueriesContext(connection) as captured:
                assert back_office.get(address).status_code == 200
            counts.append(len(captured))
        assert counts[0] == counts[1]


def test_a_broken_row_is_shown_wherever_it_matters(back_office: Client, world: World) -> None:
    DataField.objects.filter(pk=world.field.pk).update(gone_at=timezone.now())
    pages = [
        reverse("dotbridge_tables:dotbridge_mapping_mapping_change", args=[world.mapping.pk]),
        *preview_of(world),
    ]
    for address in pages:
        page = texts(back_office.get(address))
        assert "1 row of the mapping is broken" in page
        assert "FIRSTNAME does not exist in Dotdigital any more" in page
    overview = texts(back_office.get(reverse("dotbridge_tables:dotbridge_mapping_mapping_changelist")))
    assert "field-broken_count" in overview
    MappingRow.objects.all().delete()
    assert "broken" not in texts(back_office.get(pages[0])).replace("broken_count", "")


def test_a_mapping_for_an_entity_that_has_one_is_refused(back_office: Client, world: World) -> None:
    typed = {"integration": world.integration.pk, "entity": "crm.contact", "sync_priority": 1}
    page = texts(back_office.post(reverse("dotbridge_tables:dotbridge_mapping_mapping_add"), typed))
    assert "A mapping for this entity exists already in this integration." in page
    assert Mapping.objects.count() == 1

"""A mapping's page says what changes unseen."""

from __future__ import annotations

from django.db import connection
from django.test import Client

from dotbridge.backoffice.screens.base import url_of
from dotbridge.mapping.tracking.installing import install_tracking
from tests.backoffice.conftest import texts
from tests.backoffice.world import World


def test_what_changes_unseen_is_named_with_the_reason(back_office: Client, world: World) -> None:
    install_tracking()
    address = url_of(world.mapping)
    assert "What changes unseen" not in texts(back_office.get(address))
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE crm_contact_old () INHERITS (crm_contact)")
        try:
            page = texts(back_office.get(address))
        finally:
            cursor.execute("DROP TABLE crm_contact_old")
    assert "What changes unseen" in page
    assert "First name" in page
    assert "crm_contact is partitioned or inherited." in page

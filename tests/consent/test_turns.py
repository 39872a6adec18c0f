"""Somebody is erased in the moment in which what was read of them is being stored: nothing of them stays.

The kind: two transactions, neither of which sees the other. The cases: a contact of an import, Dotdigital's word about
one, and a record that is made of one.
"""

from __future__ import annotations

import time
from threading import Thread
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from dotbridge.connections.models import ListConnection
from dotbridge.consent.bulk import record_events
from dotbridge.consent.erasure import erase_address
from dotbridge.consent.models import ConsentEvent, ConsentState
from dotbridge.crm.models import Contact
from dotbridge.integrations.models import Integration
from dotbridge.mirror.models import Contact as Mirrored
from dotbridge.sync.inbound.stage import merge_contacts
from dotbridge.sync.inbound.stage_lines import contact_line
from tests.accounts import RemoteAccount
from tests.sync.two_way_account import connect_two_way, sync

EVE = "eve@example.com"


def erase_meanwhile() -> Thread:
    """Somebody else erases her; it is over, or waits for us, when this answers."""

    def erase() -> None:
        try:
            erase_address(address=EVE)
        finally:
            connections.close_all()

    erasing = Thread(target=erase)
    erasing.start()
    while erasing.is_alive() and not waits():
        time.sleep(0.01)
    return erasing


def waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
            WHERE l.locktype = 'advisory' AND NOT l.granted AND d.datname = current_database()
        """)
        return bool(cursor.rowcount)


def test_a_contact_of_an_import(integration: Integration) -> None:
    line = contact_line(77, EVE, status="Subscribed", opt_in_type="", email_type="", values={})
    with transaction.atomic():
        assert merge_contacts(integration, line, sets_status=True).new == 1
        erasing = erase_meanwhile()
    erasing.join()
    assert not Mirrored.objects.exists()
    with transaction.atomic():
        assert merge_contacts(integration, line, sets_status=True).new == 0


def test_dotdigitals_word(integration: Integration) -> None:
    said = "SELECT 'account', %(account)s, 'opted_out', 'feed', 'Unsubscribed', %(at)s, %(email)s, '', '', 77, ''"
    with transaction.atomic():
        record_events(selection=said, parameters={"account": integration.pk, "at": timezone.now(), "email": EVE})
        erasing = erase_meanwhile()
    erasing.join()
    assert not ConsentEvent.objects.filter(email_key=EVE).exists()
    assert not ConsentState.objects.filter(subject=EVE).exists()


def test_a_record_that_is_made_of_a_contact(integration: Integration, remote: RemoteAccount) -> None:
    link = connect_two_way(integration, remote)
    ListConnection.objects.update(create_entities=True)
    for name in ("eve", "new"):
        remote.create_contact(f"{name}@example.com", book=link.address_book.remote_id)
    erased: list[str] = []

    def erase(execute: Any, statement: Any, *rest: Any) -> Any:
        found = execute(statement, *rest)
        if "FROM stage_newcomer" in str(statement) and "LIMIT" in str(statement) and not erased:
            erased.append(EVE)
            erase_address(address=EVE)
        return found

    with connection.execute_wrapper(erase):
        sync(integration)

    assert erased
    assert list(Contact.objects.values_list("emails__email", flat=True)) == ["new@example.com"]


pytestmark = pytest.mark.usefixtures("without_patience")

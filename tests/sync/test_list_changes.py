"""What a change of a rule is said to do in Dotdigital is what the next export does."""

from __future__ import annotations

from dotbridge.backoffice.reads.list_changes import said_of_change
from dotbridge.integrations.models import Integration
from dotbridge.lists.models import MarketingList
from dotbridge.lists.previews import what_changes
from dotbridge.lists.services import update_list
from tests.accounts import RemoteAccount, add_contact, connect, sync

BOBS = {"rules": [{"field": "first_name", "operator": "=", "value": "Bob"}]}


def test_an_address_of_somebody_who_stays_is_not_said_to_leave(integration: Integration, remote: RemoteAccount) -> None:
    book = remote.create_book("Readers")
    for email, name in (("ann@example.com", "Ann"), ("ANN@example.com", "Bob"), ("cem@example.com", "Cem")):
        add_contact(email, name)
    add_contact(None, "Bob")
    link = connect(integration, book="Readers")
    sync(integration)

    marketing_list = MarketingList.objects.get()
    said = " ".join(said_of_change(marketing_list, what_changes(marketing_list, BOBS)))

    assert "Takes out 2 people. Of them, 1 stand in Readers in Dotdigital" in said
    update_list(marketing_list=link.marketing_list, rule=BOBS)
    sync(integration)
    assert set(remote.contacts(book)) == {"ann@example.com"}

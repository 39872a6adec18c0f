"""What a registration says about records that are made and changed from outside."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db.models.functions import Lower

from dotbridge.crm.models import Contact, ContactEmail, Lead
from dotbridge.entities import registry
from dotbridge.entities.registry import NewRecord, RegistrationError, entity, register


@pytest.fixture
def lead() -> Iterator[None]:
    """The registration of leads is taken back after the test."""
    former = registry._registered.pop("crm.lead")
    yield
    registry._registered["crm.lead"] = former


@pytest.mark.django_db
def test_a_plain_address_needs_no_function() -> None:
    leads = entity("crm.lead")
    assert leads.email_path == "email"
    assert leads.create is not None

    leads.create([NewRecord(email=f"l{number}@example.com", record=Lead(company="Acme")) for number in range(3)])

    assert set(Lead.objects.values_list("company", "email")) == {
        ("Acme", f"l{number}@example.com") for number in range(3)
    }


@pytest.mark.django_db
def test_contacts_of_the_crm_get_a_primary_address() -> None:
    contacts = entity("crm.contact")
    assert contacts.email_path is None
    assert contacts.modified_at == "updated_at"
    assert contacts.create is not None

    contacts.create([NewRecord(email="ann@example.com", record=Contact(first_name="Ann"))])

    assert ContactEmail.objects.get(is_primary=True).contact == Contact.objects.get(first_name="Ann")


def test_an_address_worked_out_by_an_expression_cannot_be_written(lead: None) -> None:
    assert register(Lead, email=Lower("email")).create is None


@pytest.mark.parametrize("path", ["first_name", "no_such_field"])
def test_a_moment_of_change_has_to_be_one(lead: None, path: str) -> None:
    with pytest.raises(RegistrationError, match=path):
        register(Lead, email="email", modified_at=path)

"""The CRM's screens: they open, search, show a constant number of statements, and lead to the page for files."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from dotbridge.consent.erasure import erase_address
from dotbridge.crm.generator import generate_crm
from dotbridge.crm.models import Account, Contact, ContactEmail, Customer, Lead
from dotbridge.preferences.models import Preferences

pytestmark = pytest.mark.django_db


@pytest.fixture
def back_office(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("mona", password="x"))
    return client


@pytest.mark.parametrize("model", ["account", "contact", "lead", "customer"])
@pytest.mark.parametrize("query", ["", "?q=a"])
def test_lists_open_and_search(back_office: Client, model: str, query: str) -> None:
    generate_crm(contacts=60, leads=5, customers=5, seed=1)
    response = back_office.get(reverse(f"admin:crm_{model}_changelist") + query)
    assert response.status_code == 200
    assert response.context["cl"].result_count > 0


@pytest.mark.parametrize("model", [Account, Contact, Lead, Customer])
def test_pages_of_one_record_open(back_office: Client, model: type[Model]) -> None:
    generate_crm(contacts=25, leads=5, customers=5, seed=1)
    name = model._meta.model_name
    record = model._default_manager.earliest("pk")
    assert back_office.get(reverse(f"admin:crm_{name}_add")).status_code == 200
    page = back_office.get(reverse(f"admin:crm_{name}_change", args=[record.pk]))
    assert escape(str(record)) in page.content.decode()


def test_the_list_shows_the_primary_address_without_a_statement_a_row(
    back_office: Client, django_assert_max_num_queries: Any
) -> None:
    generate_crm(contacts=100, leads=0, customers=0, seed=1)
    with django_assert_max_num_queries(20):
        response = back_office.get(reverse("admin:crm_contact_changelist"))
    assert "subscriber.1@example.com" in response.content.decode()


def test_a_contacts_addresses_are_edited_on_its_page(back_office: Client) -> None:
    contact = Contact.objects.create(first_name="Ada")
    ContactEmail.objects.create(contact=contact, email="ada@example.com", is_primary=True)
    response = back_office.get(reverse("admin:crm_contact_change", args=[contact.pk]))
    assert "ada@example.com" in response.content.decode()
    assert str(contact) == "Ada"


def test_the_list_has_a_way_in_for_files(back_office: Client) -> None:
    way = reverse("admin:crm_contact_load_file")
    assert way in back_office.get(reverse("admin:crm_contact_changelist")).content.decode()
    assert back_office.get(way).headers["Location"] == reverse("dotbridge:file-add") + "?entity=crm.contact"


@pytest.mark.parametrize(("rights", "status"), [(["add", "change"], 302), (["add"], 403), (["change"], 403)])
def test_loading_takes_the_right_to_add_and_to_change(client: Client, rights: list[str], status: int) -> None:
    user = User.objects.create_user("sam", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=[f"{right}_contact" for right in rights]))
    client.force_login(user)
    assert client.get(reverse("admin:crm_contact_load_file")).status_code == status


def test_an_erasure_finds_the_address_however_it_was_typed() -> None:
    """Blanks around it and capital letters of any script are no other address, here as everywhere."""
    contact = Contact.objects.create(first_name="Nikos")
    ContactEmail.objects.create(contact=contact, email=" ΝΙΚΟΣ@example.com ", is_primary=True)
    Lead.objects.create(email=" ΝΙΚΟΣ@example.com")
    Customer.objects.create(name="Nikos", email="ΝΙΚΟΣ@example.com ")
    erase_address(address="νικοσ@example.com")
    assert [model.objects.count() for model in (Contact, Lead, Customer)] == [0, 0, 0]


def test_its_pages_are_in_the_language_and_the_time_of_the_person(client: Client) -> None:
    mona = User.objects.create_superuser("mona", password="x")
    client.force_login(mona)
    contact = Contact.objects.create(first_name="Ada")
    Contact.objects.filter(pk=contact.pk).update(created_at=datetime(2026, 7, 1, 22, 30, tzinfo=UTC))
    Preferences.objects.create(user=mona, language="de", time_zone="Asia/Tokyo")
    page = client.get(reverse("admin:crm_contact_change", args=[contact.pk]), headers={"Accept-Language": "fr"})
    assert page.headers["Content-Language"] == "de"
    assert 'lang="de"' in page.content.decode()
    assert "2. Juli 2026 07:30" in page.content.decode()

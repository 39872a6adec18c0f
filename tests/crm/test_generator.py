"""The invented CRM: always the same, in reserved domains, with every kind of dirt."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from django.core.management import CommandError, call_command
from django.db.models import Q

from dotbridge.crm.generator import CHUNK, KNOWN_ADDRESSES, count_records, generate_crm, invent_person
from dotbridge.crm.models import Account, Contact, ContactEmail, Customer, Lead
from dotbridge.entities.email import is_plausible, plausible_q

RESERVED = re.compile(r"(.*\.)?(example\.(com|org|net)|example|test)", re.IGNORECASE)


@pytest.fixture
def small_crm(db: None) -> None:
    assert generate_crm(contacts=1_500, leads=100, customers=50, seed=1)


def test_a_person_depends_on_number_and_seed_alone() -> None:
    assert [invent_person(number, 1) for number in range(300)] == [invent_person(number, 1) for number in range(300)]
    assert invent_person(25, 1) != invent_person(25, 2)
    # A change of the generator shows here: everybody's demo would change with it.
    assert invent_person(20, 1).address == "juergen.von.der.hoehe.20@example.org"


@pytest.mark.usefixtures("small_crm")
def test_the_numbers_asked_for() -> None:
    counts = count_records()
    assert (counts.contacts, counts.leads, counts.customers, counts.accounts) == (1_500, 100, 50, 75)
    assert counts.addresses > 1_500


@pytest.mark.usefixtures("small_crm")
def test_the_sandboxes_people_are_there_once() -> None:
    assert len(KNOWN_ADDRESSES) == 20
    primary = ContactEmail.objects.filter(
        is_primary=True, email__iregex=r"^(opted|bounced|complained|left|subscriber)\."
    )
    assert sorted(primary.values_list("email", flat=True)) == sorted(KNOWN_ADDRESSES)


@pytest.mark.usefixtures("small_crm")
def test_every_plausible_address_is_in_a_reserved_domain() -> None:
    addresses = [
        *ContactEmail.objects.values_list("email", flat=True),
        *Lead.objects.values_list("email", flat=True),
        *Customer.objects.values_list("email", flat=True),
    ]
    outside = [
        each for each in addresses if is_plausible(each.strip()) and not RESERVED.fullmatch(each.strip().split("@")[1])
    ]
    assert outside == []


@pytest.mark.usefixtures("small_crm")
def test_the_dirt_of_real_life_is_there() -> None:
    primary = ContactEmail.objects.filter(is_primary=True)
    addresses = list(primary.values_list("email", flat=True))
    assert Contact.objects.filter(emails=None).count() == 30
    assert Contact.objects.exclude(emails__is_primary=True).count() == 45
    assert primary.exclude(plausible_q("email")).exclude(email__startswith=" ").count() == 30
    exact = Counter(addresses)
    assert sum(1 for count in exact.values() if count > 1) >= 15
    folded = Counter(address.strip().lower() for address in addresses)
    assert sum(1 for count in folded.values() if count > 1) > sum(1 for count in exact.values() if count > 1)
    assert any(address != address.strip() for address in addresses)
    assert any(not address.isascii() and is_plausible(address) for address in addresses)
    for sample in (",", '"', "\n", "\r\n", "🌞", "ß", "مرحبا", "שלום", "\t", "\\"):
        assert Contact.objects.filter(Q(first_name__contains=sample) | Q(last_name__contains=sample)).exists(), sample
    for beginning in "=+-@":
        assert Contact.objects.filter(first_name__startswith=beginning).exists(), beginning
    assert max(len(name) for name in Contact.objects.values_list("last_name", flat=True)) == 300


@pytest.mark.usefixtures("small_crm")
def test_values_are_spread_so_that_rules_are_interesting() -> None:
    english = Contact.objects.filter(language="en").count() / 1_500
    assert 0.75 < english < 0.9
    assert Contact.objects.values("language").distinct().count() > 8
    assert 100 < Contact.objects.filter(is_vip=True).count() < 200
    assert Contact.objects.filter(lead_score=None).exists()
    assert Contact.objects.filter(account=None).exists()
    assert Account.objects.values("industry").distinct().count() > 5
    assert Contact.objects.dates("created_at", "year").count() >= 5
    assert set(Lead.objects.values_list("status", flat=True)) == set(Lead.Status.values)


@pytest.mark.django_db
def test_a_larger_crm_begins_with_the_smaller_one_and_is_written_in_chunks(
    django_assert_max_num_queries: object,
) -> None:
    with django_assert_max_num_queries(20):
        generate_crm(contacts=CHUNK + 1, leads=0, customers=0, seed=3)
    last = Contact.objects.order_by("pk").last()
    assert last is not None
    assert (last.first_name, last.last_name) == (invent_person(CHUNK, 3).first_name, invent_person(CHUNK, 3).last_name)


@pytest.mark.django_db
def test_the_command_fills_once_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("crm_demo", "--contacts=30", "--leads=2", "--customers=1", "--seed=5")
    assert "The CRM was filled: 10 accounts, 30 contacts," in capsys.readouterr().out
    call_command("crm_demo", "--contacts=30", "--leads=2", "--customers=1", "--seed=5")
    assert "Nothing done; the CRM holds 10 accounts, 30 contacts," in capsys.readouterr().out
    call_command("crm_demo", "--json")
    told = json.loads(capsys.readouterr().out)
    assert told == {"created": False, **count_records().as_dict()}
    assert told["contacts"] == 30


@pytest.mark.parametrize("wrong", ["-1", "many", "99999999", "²"])
def test_a_wrong_count_is_refused(wrong: str) -> None:
    with pytest.raises(CommandError, match="whole number from 0 to 10000000"):
        call_command("crm_demo", f"--contacts={wrong}")

"""An invented CRM, the same for the same seed: people of many scripts with the dirt that real records carry.

A record depends on the seed and its own number alone, so a larger CRM begins with the records of a smaller one.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from itertools import islice
from random import Random

from django.db import connection, transaction

from dotbridge.crm import demo_words as words
from dotbridge.crm.models import Account, Contact, ContactEmail, Customer, Lead

# Rows held in memory and written at once.
CHUNK = 2_000
NEWEST = datetime.datetime(2026, 6, 30, tzinfo=datetime.UTC)
OLDEST_DAYS = 5 * 365

# The people whom the sandbox's demo account knows as well. They come first and are nobody else's address.
KNOWN_ADDRESSES = (
    *(f"opted.out.{number}@example.com" for number in range(1, 6)),
    *(f"bounced.{number}@example.com" for number in range(1, 3)),
    "complained.1@example.com",
    *(f"left.newsletter.{number}@example.com" for number in range(1, 3)),
    *(f"subscriber.{number}@example.com" for number in range(1, 11)),
)


@dataclass(frozen=True, kw_only=True)
class CrmCounts:
    """How many records of each kind the CRM holds."""

    accounts: int
    contacts: int
    addresses: int
    leads: int
    customers: int

    def as_dict(self) -> dict[str, int]:
        """The counts by name, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Person:
    """A name and an address as the generator thinks of them, before they become a record."""

    first_name: str
    last_name: str
    country: str
    language: str
    address: str | None
    spare_address: str | None


def count_records() -> CrmCounts:
    """What the CRM holds now."""
    return CrmCounts(
        accounts=Account.objects.count(),
        contacts=Contact.objects.count(),
        addresses=ContactEmail.objects.count(),
        leads=Lead.objects.count(),
        customers=Customer.objects.count(),
    )


def generate_crm(*, contacts: int, leads: int, customers: int, seed: int) -> bool:
    """Fill an empty CRM, wholly or not at all. Answers False, having done nothing, where there is a record already."""
    if any(model.objects.exists() for model in (Account, Contact, Lead, Customer)):
        return False
    with transaction.atomic():
        account_ids = _create_accounts(min(max(contacts // 20, 10), 2_000), seed)
        _create_contacts(contacts, account_ids, seed)
        _create_in_chunks(_lead(number, seed) for number in range(leads))
        _create_in_chunks(_customer(number, account_ids, seed) for number in range(customers))
    _analyze()
    return True


def invent_person(number: int, seed: int) -> Person:
    """The contact with this number, from 0. Every hundred of them holds each kind of dirt once or more."""
    random = _random("person", number, seed)
    (people,) = random.choices(words.PEOPLE, weights=[each.share for each in words.PEOPLE])
    first_name, first_slug = random.choice(people.first_names).split("/")
    last_name, last_slug = random.choice(people.last_names).split("/")
    address = f"{first_slug}.{last_slug}.{number}@{random.choice(words.DOMAINS)}"
    spare = f"{first_slug}.{number}@private.example" if random.random() < 0.15 else None
    language = "en" if random.random() < 0.6 else people.language
    person = Person(first_name, last_name, people.country, language, address, spare)
    if number < len(KNOWN_ADDRESSES):
        return Person(first_name, last_name, people.country, language, KNOWN_ADDRESSES[number], spare)
    return _with_dirt(person, number, seed)


# Which of every hundred contacts has an odd name, where, and which oddities take turns there.
_NAME_DIRT: dict[int, tuple[str, tuple[str, ...]]] = {
    51: ("last_name", words.NAMES_WITH_SEPARATORS),
    52: ("last_name", words.NAMES_WITH_NEW_LINES),
    53: ("first_name", words.NAMES_WITH_EMOJI),
    54: ("last_name", words.NAMES_RIGHT_TO_LEFT),
    55: ("last_name", (words.LONG_NAME,)),
    56: ("first_name", words.NAMES_LIKE_FORMULAS),
    57: ("first_name", ("",)),
    58: ("last_name", ("",)),
}


def _with_dirt(clean: Person, number: int, seed: int) -> Person:
    """The same person as a real CRM might hold them; most numbers stay clean."""
    turn, place = divmod(number, 100)
    if place in _NAME_DIRT:
        field, oddities = _NAME_DIRT[place]
        return replace(clean, **{field: _taking_turns(oddities, turn)})
    address, spare = clean.address, clean.spare_address
    match place:
        case 40 | 41:
            address = spare = None
        case 42:
            address, spare = None, clean.address
        case 43 | 44:
            address = _taking_turns(words.INVALID_ADDRESSES, 2 * turn + place % 2)
        case 45:
            address = invent_person(number - 20, seed).address
        case 46:
            address = str(invent_person(number - 20, seed).address).upper()
        case 47:
            address = f"  {clean.address} "
        case 49:
            address = f"reader.{number}@{_taking_turns(words.IDN_DOMAINS, turn)}"
        case 50:
            address = f"übung.{number}@example.org"
    return replace(clean, address=address, spare_address=spare)


def _create_accounts(count: int, seed: int) -> list[int]:
    ids = []
    for number in range(count):
        random = _random("account", number, seed)
        ids.append(
            Account(
                name=f"{random.choice(words.COMPANY_WORDS)} {number + 1} {random.choice(words.COMPANY_FORMS)}",
                industry=random.choice(words.INDUSTRIES),
                city=random.choice(words.CITIES),
                country=random.choice(words.PEOPLE).country,
                created_at=_moment(random),
            )
        )
    return [account.pk for account in Account.objects.bulk_create(ids, batch_size=CHUNK)]


def _create_contacts(count: int, account_ids: list[int], seed: int) -> None:
    for start in range(0, count, CHUNK):
        people = [invent_person(number, seed) for number in range(start, min(start + CHUNK, count))]
        contacts = Contact.objects.bulk_create(
            _contact(person, start + offset, account_ids, seed) for offset, person in enumerate(people)
        )
        ContactEmail.objects.bulk_create(
            ContactEmail(contact=contact, email=email, is_primary=email is person.address)
            for contact, person in zip(contacts, people, strict=True)
            for email in (person.address, person.spare_address)
            if email is not None
        )


def _contact(person: Person, number: int, account_ids: list[int], seed: int) -> Contact:
    random = _random("contact", number, seed)
    return Contact(
        first_name=person.first_name,
        last_name=person.last_name,
        account_id=random.choice(account_ids) if random.random() < 0.7 else None,
        job_title=random.choice(words.JOB_TITLES),
        phone=f"+44 20 7946 {number % 1000:04d}" if random.random() < 0.5 else "",
        birthday=_moment(random).date() - datetime.timedelta(days=random.randrange(18 * 365, 80 * 365))
        if random.random() < 0.6
        else None,
        lead_score=random.randrange(101) if random.random() < 0.8 else None,
        is_vip=random.random() < 0.1,
        language=person.language,
        notes='Met at the fair.\nWants the "big" catalogue, not the small one.' if random.random() < 0.2 else "",
        created_at=_moment(random),
    )


def _lead(number: int, seed: int) -> Lead:
    random = _random("lead", number, seed)
    # Far away from the contacts' numbers, except that every tenth lead is a contact as well.
    person = invent_person(number if number % 10 == 0 else 10_000_000 + number, seed)
    return Lead(
        first_name=person.first_name,
        last_name=person.last_name,
        company=f"{random.choice(words.COMPANY_WORDS)} {random.choice(words.COMPANY_FORMS)}",
        email=person.address or "",
        status=random.choice(Lead.Status.values),
        source=random.choice(words.LEAD_SOURCES),
        estimated_value=Decimal(random.randrange(10_000_000)) / 100 if random.random() < 0.7 else None,
        created_at=_moment(random),
    )


def _customer(number: int, account_ids: list[int], seed: int) -> Customer:
    random = _random("customer", number, seed)
    person = invent_person(20_000_000 + number, seed)
    return Customer(
        name=f"{random.choice(words.COMPANY_WORDS)} {random.choice(words.COMPANY_FORMS)} No. {number + 1}",
        contact_first_name=person.first_name,
        contact_last_name=person.last_name,
        email=person.address or "",
        account_id=random.choice(account_ids),
        customer_since=_moment(random).date() if random.random() < 0.9 else None,
        # Few spend much: the square of an even spread.
        lifetime_value=Decimal(int(random.random() ** 2 * 5_000_000)) / 100,
        is_active=random.random() < 0.85,
    )


def _analyze() -> None:
    """Let PostgreSQL know at once how much there is now, so that the first list is not planned for an empty CRM."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE crm_account, crm_contact, crm_contactemail, crm_lead, crm_customer")


def _create_in_chunks(records: Iterator[Lead] | Iterator[Customer]) -> None:
    while chunk := list(islice(records, CHUNK)):
        type(chunk[0])._default_manager.bulk_create(chunk)  # noqa: SLF001 - the documented way from a class to its rows


def _random(kind: str, number: int, seed: int) -> Random:
    # A text is hashed the same on every machine and in every process, unlike a tuple.
    return Random(f"{kind}/{number}/{seed}")  # noqa: S311 - invented people need no secrecy


def _moment(random: Random) -> datetime.datetime:
    return NEWEST - datetime.timedelta(seconds=random.randrange(OLDEST_DAYS * 24 * 3600))


def _taking_turns(choices: tuple[str, ...], turn: int) -> str:
    return choices[turn % len(choices)]

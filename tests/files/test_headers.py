"""Columns by the names that people and programs give them, and names of people in one cell."""

from __future__ import annotations

import pytest

from dotbridge.files.headers import Role, email_column, match_headers
from dotbridge.files.names import is_company, split_name


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ("First name,Last name,E-mail", "first_name,last_name,email"),
        ("firstname,surname,Mail", "first_name,last_name,email"),
        ("FIRST_NAME,LAST-NAME,Email Address", "first_name,last_name,email"),
        ("Vorname,Nachname,E-Mail-Adresse,Firma", "first_name,last_name,email,company"),
        ("Prénom,Nom,Courriel,Société", "first_name,last_name,email,company"),
        ("Nombre,Apellidos,Correo electrónico,Empresa", "first_name,last_name,email,company"),
        ("Nome,Cognome,Posta elettronica,Azienda", "first_name,last_name,email,company"),
        ("Voornaam,Achternaam,E-mailadres,Bedrijf", "first_name,last_name,email,company"),
        ("Imię,Nazwisko,Adres e-mail", "first_name,last_name,email"),
        ("Имя,Фамилия,Электронная почта", "first_name,last_name,email"),
        ("名,姓,メールアドレス,会社名", "first_name,last_name,email,company"),
        ("Name,Vorname,E-Mail", "last_name,first_name,email"),
        ("Name,E-mail,Phone", "full_name,email,phone"),
        ("Full name,Surname,Email", "full_name,last_name,email"),
        ("First,Full name,Email", ",full_name,email"),
        ("Email,Mail,Courriel", "email,email,email"),
        ("E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Value,Phone 1 - Value", ",email,email,phone"),
        ("E-mail Address,E-mail 2 Address,Business Phone,Mobile Phone", "email,email,phone,phone"),
        (
            "Job Title,Date of Birth,VIP,Lead Score,Notes,Language",
            "job_title,birthday,is_vip,lead_score,notes,language",
        ),
        ("Shoe size,,E-mail opt-in", ",,"),
        ("Member Name,billingEmail,Customer Phone 2,properties.birthday", "full_name,email,phone,birthday"),
        ("Ticket Full Name,Ticket Email,Order Email", "full_name,email,"),
        ("Your name,Your email", "full_name,email"),
        ("Email,Contact Owner,User name,Address name,Customer since,Billing Email", "email,,,,,"),
        ("Name,Email,Billing First Name,Telefon privat", "full_name,email,,phone"),
    ],
)
def test_headers(headers: str, fields: str) -> None:
    roles = {role: role.name.lower() for role in Role}
    expected = {position: field for position, field in enumerate(fields.split(",")) if field}
    assert match_headers(headers.split(","), {"vip": "is_vip", "leadscore": "lead_score"}, roles) == expected


def test_addresses_are_found_by_content() -> None:
    assert email_column([("Ada", "ada@example.com", ""), ("x@y.example", "bob@example.com", ""), ("C", "", "")]) == 1
    assert email_column([("Ada", "n/a"), ("Bob", "bob@example.com"), ("Cem", "none")]) is None
    assert email_column([("", " ")]) is None
    assert email_column([]) is None


@pytest.mark.parametrize(
    ("full", "first", "last"),
    [
        ("Ada Lovelace", "Ada", "Lovelace"),
        ("Maria José  Castellano", "Maria José", "Castellano"),
        ("von der Höhe, Jürgen", "Jürgen", "von der Höhe"),
        ("Plato", "", "Plato"),
        ("Dr. Ludwig van Beethoven", "Ludwig", "van Beethoven"),
        ("Martin King, Jr.", "Martin", "King"),
        ("Mr Smith", "", "Smith"),
        ("佐藤 陽葵", "陽葵", "佐藤"),
    ],
)
def test_names_written_in_one(full: str, first: str, last: str) -> None:
    assert split_name(full) == (first, last)


@pytest.mark.parametrize(
    "name", ["Acme Widgets, Inc.", "Bär & Söhne GmbH", "Dupont S.A.R.L.", "Kowalski Sp. z o.o.", "X Ltd"]
)
def test_names_of_companies(name: str) -> None:
    assert is_company(name)
    assert not is_company("Cole Company-Smith")
    assert not is_company("Inc")

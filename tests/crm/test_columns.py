"""Columns by the names that people and programs give them."""

from __future__ import annotations

import pytest

from dotbridge.crm.columns import email_column, match_columns, split_name


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ("First name,Last name,E-mail", "first_name,last_name,email"),
        ("firstname,surname,Mail", "first_name,last_name,email"),
        ("FIRST_NAME,LAST-NAME,Email Address", "first_name,last_name,email"),
        ("Vorname,Nachname,E-Mail-Adresse,Firma", "first_name,last_name,email,account"),
        ("Prénom,Nom,Courriel,Société", "first_name,last_name,email,account"),
        ("Nombre,Apellidos,Correo electrónico,Empresa", "first_name,last_name,email,account"),
        ("Nome,Cognome,Posta elettronica,Azienda", "first_name,last_name,email,account"),
        ("Voornaam,Achternaam,E-mailadres,Bedrijf", "first_name,last_name,email,account"),
        ("Imię,Nazwisko,Adres e-mail", "first_name,last_name,email"),
        ("Имя,Фамилия,Электронная почта", "first_name,last_name,email"),
        ("名,姓,メールアドレス,会社名", "first_name,last_name,email,account"),
        ("Name,Vorname,E-Mail", "last_name,first_name,email"),
        ("Name,E-mail,Phone", "full_name,email,phone"),
        ("Full name,Surname,Email", ",last_name,email"),
        ("First,Full name,Email", ",full_name,email"),
        ("Email,Mail,Courriel", "email,,"),
        (
            "Job Title,Date of Birth,VIP,Lead Score,Notes,Language",
            "job_title,birthday,is_vip,lead_score,notes,language",
        ),
        ("Shoe size,,E-mail opt-in", ",,"),
    ],
)
def test_headers(headers: str, fields: str) -> None:
    expected = {field: position for position, field in enumerate(fields.split(",")) if field}
    assert match_columns(headers.split(",")) == expected


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
    ],
)
def test_names_written_in_one(full: str, first: str, last: str) -> None:
    assert split_name(full) == (first, last)

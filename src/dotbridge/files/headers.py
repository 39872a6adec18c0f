"""Which column of a file is what, by the many names that people and programs give them."""
# ruff: noqa: RUF001 - names in many scripts are the point

from __future__ import annotations

import enum
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from dotbridge.files.addresses import read_address
from dotbridge.files.records import Cell, cell_text


class Role(enum.Enum):
    """What a column of people is usually about, whatever the record's own field is called."""

    EMAIL = "email"
    FIRST_NAME = "first name"
    LAST_NAME = "last name"
    FULL_NAME = "full name"
    COMPANY = "company"
    JOB_TITLE = "job title"
    PHONE = "phone"
    BIRTHDAY = "birthday"
    LANGUAGE = "language"
    NOTES = "notes"
    EXTERNAL_ID = "external id"


NAMES: dict[Role, str] = {
    Role.EMAIL: """
        email, e-mail, mail, email address, e-mail address, mail address, email value, secondary email, other email,
        email 2 address, additional email addresses, primary email, main email, work email, business email, contact
        email,
        emailaddr, e-mail-adresse, email-adresse, mailadresse, mail-adresse, elektronische post,
        courriel, adresse e-mail, adresse email, adresse mail, adresse courriel, mél, adresse
        électronique, correo, correo electrónico, dirección de correo, e-mailadres, mailadres, posta
        elettronica, indirizzo e-mail, indirizzo email, endereço de e-mail, e-post, e-postadress,
        epostadresse, sähköposti, adres e-mail, adres email, e-posta, e-mail cím, электронная почта, эл.
        почта, почта, емейл, имейл, メール, メールアドレス, 邮箱, 电子邮件, 电子邮箱, 이메일
    """,
    Role.FIRST_NAME: """
        first name, firstname, first, given name, givenname, forename, fname, christian name, vorname,
        rufname, prénom, prenom, nombre, nombre de pila, nome, voornaam, primeiro nome, fornamn,
        fornavn, etunimi, imię, imie, ad, keresztnév, имя, ім'я, 名, 名字, 이름
    """,
    Role.LAST_NAME: """
        last name, lastname, last, surname, family name, familyname, lname, sname, nachname,
        familienname, zuname, nom, nom de famille, apellido, apellidos, cognome, achternaam, sobrenome,
        apelido, efternamn, efternavn, etternavn, sukunimi, nazwisko, soyad, soyadı, vezetéknév,
        фамилия, прізвище, 姓, 姓氏, 성
    """,
    Role.FULL_NAME: """
        name, full name, fullname, contact name, contact, display name, person, ansprechpartner,
        vollständiger name, nom complet, nombre completo, nome completo, volledige naam, naam, namn,
        imię i nazwisko, фио, 氏名, お名前, 姓名
    """,
    Role.COMPANY: """
        company, company name, company/account, organisation, organization, organization name,
        account, account name, employer, business, firma, firmenname, unternehmen, organisation/firma,
        société, societe, entreprise, raison sociale, empresa, azienda, ditta, società, bedrijf,
        bedrijfsnaam, företag, virksomhed, yritys, cégnév, şirket, компания, организация, 会社, 会社名, 公司,
        회사
    """,
    Role.JOB_TITLE: """
        job title, jobtitle, organization title, company title, position, role, function, occupation,
        berufsbezeichnung, funktion, beruf, stelle, poste, fonction, puesto, cargo, ruolo, functie,
        stanowisko, должность, 役職, 职位
    """,
    Role.PHONE: """
        phone, phone number, telephone, telephone number, tel, tel., mobile, mobile phone, cell, cell phone,
        business phone, home phone, work phone, mobile number, primary phone, other phone, phone value, telefon,
        telefonnummer, rufnummer, handy, mobil, téléphone, portable, teléfono, móvil,
        telefono, cellulare, telefoon, telefone, puhelin, телефон, 電話, 电话, 전화
    """,
    Role.BIRTHDAY: """
        birthday, birth date, birthdate, date of birth, dob, geburtstag, geburtsdatum, date de
        naissance, anniversaire, fecha de nacimiento, cumpleaños, data di nascita, geboortedatum, data
        de nascimento, data urodzenia, дата рождения, 生年月日, 生日
    """,
    Role.LANGUAGE: """
        language, lang, locale, preferred language, sprache, langue, idioma, lingua, taal, język, язык,
        言語, 语言
    """,
    Role.NOTES: """
        notes, note, comment, comments, remarks, description, notiz, notizen, bemerkung, bemerkungen,
        kommentar, anmerkung, remarque, remarques, commentaire, notas, comentarios, osservazioni,
        opmerkingen, uwagi, заметки, 備考, 备注
    """,
    # Not "id" alone: that may be the number of a row in one export, and is somebody else's in the next.
    Role.EXTERNAL_ID: """
        external id, externalid, external key, foreign id, record id, crm id, contact id, contactid, customer id,
        customerid, customer number, customer no, customer no., customer ref, customer reference, client id, client
        number, member id, member number, membership number, kundennummer, kundennr, kunden-nr., kunden-id, kdnr,
        kd.-nr., mitgliedsnummer, externe id, numéro client, numéro de client, n° client, id client, identifiant
        externe, número de cliente, nº de cliente, id de cliente, codice cliente, numero cliente, klantnummer, klant-id,
        relatienummer, número do cliente, kundnummer, kundenummer, asiakasnumero, numer klienta, zákaznické číslo, číslo
        zákazníka, ügyfélszám, müşteri no, номер клиента, 顧客番号, 顧客id, 会員番号, 客户编号
    """,
}

_NAME_ALONE = {"name", "naam", "namn"}


def plain(header: str) -> str:
    """A header without letter case, accents, blanks and punctuation."""
    letters = unicodedata.normalize("NFKD", header.casefold())
    return "".join(letter for letter in letters if letter.isalnum())


@lru_cache(maxsize=1)
def _roles() -> dict[str, Role]:
    return {plain(name): role for role, names in NAMES.items() for name in names.split(",") if name.strip()}


def role_of(header: str) -> Role | None:
    """What a column of this name is about. Numbered ones, such as "E-mail 2 - Value", are the same as the first."""
    known = _roles()
    name = plain(header)
    return known.get(name) or known.get("".join(letter for letter in name if not letter.isdigit()))


def match_headers(headers: Sequence[str], own: Mapping[str, str], roles: Mapping[Role, str]) -> dict[int, str]:
    """Which field each column goes to, by position.

    `own` are the host's spellings of its fields, plain, and count before ours; `roles` says which field has which
    role. Several columns may go to one field. A column "Name" is the last name beside a column of first names, as
    German and Dutch files have it, else both.
    """
    found: dict[int, str] = {}
    for position, header in enumerate(headers):
        role = role_of(header)
        field = own.get(plain(header)) or (roles.get(role) if role else None)
        if field is not None:
            found[position] = field
    full, first, last = (roles.get(role) for role in (Role.FULL_NAME, Role.FIRST_NAME, Role.LAST_NAME))
    wholes = [position for position, field in found.items() if field == full]
    fields = set(found.values())
    if not wholes or not {first, last} & fields:
        return found
    alone = plain(headers[wholes[0]]) in _NAME_ALONE
    for position in wholes:
        del found[position]
    if last is not None and last not in fields and alone:
        found[wholes[0]] = last
    elif last not in fields:
        # A whole name says more than a first name alone.
        found = {position: field for position, field in found.items() if field != first} | {wholes[0]: str(full)}
    return found


def email_column(rows: Iterable[Sequence[Cell]]) -> int | None:
    """The column that holds addresses, going by its content: most of its filled cells are addresses."""
    filled: dict[int, int] = {}
    good: dict[int, int] = {}
    for cells in rows:
        for position, cell in enumerate(cells):
            if text := cell_text(cell).strip():
                filled[position] = filled.get(position, 0) + 1
                good[position] = good.get(position, 0) + ("@" in text and bool(read_address(text).addresses))
    best = max(good, key=lambda position: good[position], default=None)
    return best if best is not None and good[best] * 2 > filled[best] else None

"""Which column of a contact file is which field, by the many names that people and programs give them."""
# ruff: noqa: RUF001 - names in many scripts are the point

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dotbridge.entities.email import is_plausible

_NAMES = {
    "email": """
        email, e-mail, mail, email address, e-mail address, mail address, email 1, e-mail 1, email 1
        value, e-mail 1 - value, primary email, main email, work email, business email, contact email,
        emailaddr, e-mail-adresse, email-adresse, mailadresse, mail-adresse, elektronische post,
        courriel, adresse e-mail, adresse email, adresse mail, adresse courriel, mél, adresse
        électronique, correo, correo electrónico, dirección de correo, e-mailadres, mailadres, posta
        elettronica, indirizzo e-mail, indirizzo email, endereço de e-mail, e-post, e-postadress,
        epostadresse, sähköposti, adres e-mail, adres email, e-posta, e-mail cím, электронная почта, эл.
        почта, почта, емейл, имейл, メール, メールアドレス, 邮箱, 电子邮件, 电子邮箱, 이메일
    """,
    "first_name": """
        first name, firstname, first, given name, givenname, forename, fname, christian name, vorname,
        rufname, prénom, prenom, nombre, nombre de pila, nome, voornaam, primeiro nome, fornamn,
        fornavn, etunimi, imię, imie, ad, keresztnév, имя, ім'я, 名, 名字, 이름
    """,
    "last_name": """
        last name, lastname, last, surname, family name, familyname, lname, sname, nachname,
        familienname, zuname, nom, nom de famille, apellido, apellidos, cognome, achternaam, sobrenome,
        apelido, efternamn, efternavn, etternavn, sukunimi, nazwisko, soyad, soyadı, vezetéknév,
        фамилия, прізвище, 姓, 姓氏, 성
    """,
    "full_name": """
        name, full name, fullname, contact name, contact, display name, person, ansprechpartner,
        vollständiger name, nom complet, nombre completo, nome completo, volledige naam, naam, namn,
        imię i nazwisko, фио, 氏名, お名前, 姓名
    """,
    "account": """
        company, company name, organisation, organization, organization name, organization 1 - name,
        account, account name, employer, business, firma, firmenname, unternehmen, organisation/firma,
        société, societe, entreprise, raison sociale, empresa, azienda, ditta, società, bedrijf,
        bedrijfsnaam, företag, virksomhed, yritys, cégnév, şirket, компания, организация, 会社, 会社名, 公司,
        회사
    """,
    "job_title": """
        job title, jobtitle, position, role, function, occupation, organization 1 - title,
        berufsbezeichnung, funktion, beruf, stelle, poste, fonction, puesto, cargo, ruolo, functie,
        stanowisko, должность, 役職, 职位
    """,
    "phone": """
        phone, phone number, telephone, telephone number, tel, tel., mobile, mobile phone, cell, phone 1
        - value, telefon, telefonnummer, rufnummer, handy, mobil, téléphone, portable, teléfono, móvil,
        telefono, cellulare, telefoon, telefone, puhelin, телефон, 電話, 电话, 전화
    """,
    "birthday": """
        birthday, birth date, birthdate, date of birth, dob, geburtstag, geburtsdatum, date de
        naissance, anniversaire, fecha de nacimiento, cumpleaños, data di nascita, geboortedatum, data
        de nascimento, data urodzenia, дата рождения, 生年月日, 生日
    """,
    "language": """
        language, lang, locale, preferred language, sprache, langue, idioma, lingua, taal, język, язык,
        言語, 语言
    """,
    "lead_score": """
        lead score, score, leadscore, rating, punkte, bewertung
    """,
    "is_vip": """
        vip, is vip, isvip, key contact
    """,
    "notes": """
        notes, note, comment, comments, remarks, description, notiz, notizen, bemerkung, bemerkungen,
        kommentar, anmerkung, remarque, remarques, commentaire, notas, comentarios, osservazioni,
        opmerkingen, uwagi, заметки, 備考, 备注
    """,
}


def _plain(header: str) -> str:
    """A header without letter case, accents, blanks and punctuation."""
    letters = unicodedata.normalize("NFKD", header.casefold())
    return "".join(letter for letter in letters if letter.isalnum())


_FIELDS = {_plain(name): field for field, names in _NAMES.items() for name in names.split(",")}

_NAME_ALONE = {"name", "naam", "namn"}


@dataclass(frozen=True)
class Columns:
    """The columns of a file: their names in order, and which field stands at which position."""

    headers: Sequence[str]
    positions: dict[str, int]


def match_columns(headers: Sequence[str]) -> dict[str, int]:
    """Which field stands in which column. Of two columns for one field the first counts.

    A column "Name" is the last name beside a column of first names, as German and Dutch files have it, else both.
    """
    matched: dict[str, int] = {}
    for position, header in enumerate(headers):
        field = _FIELDS.get(_plain(header))
        if field is not None:
            matched.setdefault(field, position)
    if "full_name" in matched and "last_name" in matched:
        del matched["full_name"]
    if "full_name" in matched and "first_name" in matched:
        if _plain(headers[matched["full_name"]]) in _NAME_ALONE:
            matched["last_name"] = matched.pop("full_name")
        else:
            del matched["first_name"]
    return matched


def email_column(rows: Iterable[Sequence[str]]) -> int | None:
    """The column that holds addresses, going by its content: most of its filled cells are plausible ones."""
    filled: dict[int, int] = {}
    plausible: dict[int, int] = {}
    for cells in rows:
        for position, cell in enumerate(cells):
            if value := cell.strip():
                filled[position] = filled.get(position, 0) + 1
                plausible[position] = plausible.get(position, 0) + is_plausible(value)
    best = max(plausible, key=lambda position: plausible[position], default=None)
    return best if best is not None and plausible[best] * 2 > filled[best] else None


def split_name(full_name: str) -> tuple[str, str]:
    """First and last name of a name written in one: "Ada Lovelace", or "Lovelace, Ada"."""
    last, comma, first = full_name.partition(",")
    if comma:
        return first.strip(), last.strip()
    first, _, last = full_name.strip().rpartition(" ")
    return first.strip(), last

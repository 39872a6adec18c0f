"""Which column of a file is what, by the many names that people and programs give them."""
# ruff: noqa: RUF001 - names in many scripts are the point

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
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
        почта, почта, емейл, имейл, メール, メールアドレス, 邮箱, 电子邮件, 电子邮箱, 이메일, adresse de messagerie,
        البريد الإلكتروني, דואר אלקטרוני, אימייל, ηλεκτρονικό ταχυδρομείο, อีเมล, e-pošta, el. paštas, e-pasts,
        電子メール, 電子メール アドレス, 電子郵件, netfang, e-bost, correu electrònic, דוא״ל,
        indirizzo di posta elettronica, dirección de correo electrónico
    """,
    Role.FIRST_NAME: """
        first name, firstname, first, given name, givenname, forename, fname, christian name, vorname,
        rufname, prénom, prenom, nombre, nombre de pila, nome, voornaam, primeiro nome, fornamn,
        jméno, křestní jméno, meno, krstné meno, ime, prenume, όνομα, vardas, vārds, eesnimi, שם פרטי, الاسم الأول,
    tên,
        fornavn, etunimi, imię, imie, ad, keresztnév, имя, ім'я, име, 名, 名字, 이름, ชื่อ
    """,
    Role.LAST_NAME: """
        last name, lastname, last, surname, family name, familyname, lname, sname, nachname,
        příjmení, priezvisko, prezime, priimek, nume, nume de familie, επώνυμο, επίθετο, pavardė, uzvārds,
        perekonnanimi, שם משפחה, اسم العائلة, اللقب, นามสกุล, último nome, apellido paterno,
        familienname, zuname, nom, nom de famille, apellido, apellidos, cognome, achternaam, sobrenome,
        apelido, efternamn, efternavn, etternavn, sukunimi, nazwisko, soyad, soyadı, vezetéknév,
        фамилия, прізвище, cognoms, 姓, 姓氏, 성
    """,
    Role.FULL_NAME: """
        vor- und nachname, vorname und nachname, vorname nachname, vorname name, name und vorname, nom et prénom,
    nom prénom,
        prénom et nom, prénom nom, nombre y apellidos, nombre y apellido, nombre apellidos, nome e cognome,
    nome cognome,
        cognome e nome, nominativo, voor- en achternaam, nome e apelido, nome e sobrenome, för- och efternamn,
        name, full name, fullname, contact name, contact, display name, person, ansprechpartner,
        vollständiger name, nom complet, nombre completo, nome completo, volledige naam, naam, namn,
        jméno a příjmení, celé jméno, meno a priezvisko, ime i prezime, ime in priimek, nume și prenume, nume complet,
        navn, nafn, nimi, nama, enw, ainm, ονοματεπώνυμο, ad soyad, adı soyadı, teljes név, név, שם מלא, שם, الاسم,
        الاسم الكامل, họ và tên,
        imię i nazwisko, фио, 氏名, お名前, 姓名
    """,
    Role.COMPANY: """
        company, company name, associated company, company/account, organisation, organization, organization name,
        account, account name, employer, business, firma, firmenname, unternehmen, organisation/firma,
        société, societe, entreprise, raison sociale, empresa, azienda, ditta, società, bedrijf,
        bedrijfsnaam, företag, virksomhed, yritys, cégnév, şirket, компания, организация, 会社, 会社名, 公司,
        회사, name (adressattyp unternehmen), společnost, spoločnosť, tvrtka, podjetje, εταιρεία, companie, חברה,
        الشركة
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
        telefono, cellulare, telefoon, telefone, puhelin, телефон, 電話, 电话, 전화, mobiltelefon, tél, tél. mobile,
        mobiele telefoon, telefoon op werk, telefoon thuis, telemóvel, celular, mobiltelefonnummer, 携帯電話,
        会社電話,
        自宅電話, τηλέφωνο, telefón, טלפון, נייד, الهاتف, رقم الهاتف
    """,
    Role.BIRTHDAY: """
        birthday, birth date, birthdate, date of birth, dob, geburtstag, geburtsdatum, date de
        naissance, anniversaire, fecha de nacimiento, cumpleaños, data di nascita, geboortedatum, data
        de nascimento, data urodzenia, дата рождения, 生年月日, 生日, verjaardag, urodziny, compleanno, aniversário,
        datum narození, dátum narodenia, datum rođenja, data nașterii, születési dátum, születési idő, doğum tarihi,
        ημερομηνία γέννησης, תאריך לידה, تاريخ الميلاد,
        födelsedag, fødselsdag, syntymäpäivä, narozeniny, születésnap, 誕生日
    """,
    Role.LANGUAGE: """
        language, lang, locale, preferred language, sprache, langue, idioma, lingua, taal, język, язык,
        言語, 语言
    """,
    Role.NOTES: """
        notes, note, comment, comments, remarks, description, notiz, notizen, bemerkung, bemerkungen,
        kommentar, anmerkung, remarque, remarques, commentaire, notas, comentarios, osservazioni,
        opmerkingen, uwagi, заметки, 備考, 备注, notities, notatki, anotações, anteckningar, メモ
    """,
    # Not "id" alone: that may be the number of a row in one export, and is somebody else's in the next.
    Role.EXTERNAL_ID: """
        external id, externalid, external key, foreign id, record id, crm id, contact id, contactid, customer id,
        customerid, customer number, customer no, customer no., customer ref, customer reference, client id, client
        number, member id, member number, membership number, kundennummer, kundennr, kunden-nr., kunden-id, kdnr,
        kd.-nr., mitgliedsnummer, externe id, numéro client, numéro de client, n° client, id client, identifiant
        externe, número de cliente, nº de cliente, id de cliente, codice cliente, numero cliente, klantnummer,
    klant-id,
        relatienummer, número do cliente, kundnummer, kundenummer, asiakasnumero, numer klienta, zákaznické číslo,
    číslo
        zákazníka, ügyfélszám, müşteri no, номер клиента, 顧客番号, 顧客id, 会員番号, 客户编号
    """,
}

# What a form or an accountant's program writes behind a name.
_ASIDES = re.compile(
    r"[(\[](?:required|optional|mandatory|pflicht\w*|erforderlich|freiwillig|obligatoire|facultatif|obligatorio|opcional"
    r"|verplicht|wymagane|adressattyp nat[^)]*)[)\]]",
    re.IGNORECASE,
)
_NAME_ALONE = {"name", "naam", "namn", "navn", "nafn", "nimi"}
# Which of somebody's addresses or phones it is: "Email (home)", "Telefon geschäftlich".
_WHICH_ONES = """
    home, work, mobile, other, private, personal, main, office, primary, secondary, business, cell, privat,
    geschäftlich, beruflich, dienstlich, mobil, zentrale, domicile, bureau, travail, professionnel, personnel,
    trabajo,
    particular, casa, lavoro, ufficio, abitazione, comercial, residencial, werk, thuis, privé, służbowy, domowy,
    komórkowy, móvil, celular, cellulare, portable, mobilní, mobilny, arbete, hem, arbejde, jobb
"""
# Whose it is, where an export writes it before each of its names: "Billing Email", "Person - Name", "properties.email".
_WHOSE = """
    person, contact, customer, client, billing, invoice, subscriber, attendee, buyer, purchaser, participant, guest,
    invitee, registrant, respondent, donor, supporter, delegate, member, lead, default, address, primary, main, kunde,
    kunden, rechnung, cliente, facturation, ansprechpartner, properties, attributes, fields, merge, profile, traits,
    data, identifiers, ticket, ticketholder, applicant, guardian, volunteer, your
"""
# What such a word alone before "name" says nothing about: "Address name" is a name of the address.
_NEVER_WHOSE = {"addressname", "defaultaddressname", "propertiesname"}
_LABEL, _VALUE = (re.compile(rf"(.+?) *- *(?:{words})", re.IGNORECASE) for words in ("label|type", "value"))
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def plain(header: str) -> str:
    """A header without letter case, accents, blanks and punctuation."""
    letters = unicodedata.normalize("NFKD", header.casefold())
    return "".join(letter for letter in letters if letter.isalnum())


@lru_cache(maxsize=1)
def _roles() -> dict[str, Role]:
    return {plain(name): role for role, names in NAMES.items() for name in names.split(",") if name.strip()}


@lru_cache(maxsize=len(NAMES))
def spellings(role: Role) -> frozenset[str]:
    """The plain names of columns that are about it."""
    return frozenset(plain(name) for name in NAMES[role].split(","))


@lru_cache(maxsize=2)
def _words(text: str) -> frozenset[str]:
    return frozenset(plain(word) for word in text.split(","))


def role_of(header: str) -> Role | None:
    """What a column of this name is about. Numbered ones, such as "E-mail 2 - Value", are the same as the first, and so
    are those that say which one it is, such as "Email (home)".
    """
    known = _roles()
    header = _ASIDES.sub("", header)
    name = plain(header)
    found = known.get(name) or known.get("".join(letter for letter in name if not letter.isdigit()))
    return found or _role_of_one(header) or _role_in_two_languages(header)


def _role_in_two_languages(header: str) -> Role | None:
    """What a column is about whose name is said twice, as "Naam / Nom"."""
    roles = {role_of(part) for part in header.split("/")} if header.count("/") == 1 else set()
    if roles == {Role.FULL_NAME, Role.LAST_NAME}:
        # "Nom" is the last name or both, as "Name" is.
        return Role.FULL_NAME
    return roles.pop() if len(roles) == 1 else None


def _role_of_one(header: str) -> Role | None:
    words = re.findall(r"[^\W_]+", header)
    while len(words) > 1 and (words[-1].isdigit() or plain(words[-1]) in _words(_WHICH_ONES)):
        words.pop()
    role = _roles().get(plain("".join(words)))
    return role if role in {Role.EMAIL, Role.PHONE} else None


def _role_of_somebody(header: str) -> Role | None:
    """What a column is about whose name begins with whose it is."""
    words = re.findall(r"[^\W_]+", _CAMEL.sub(" ", header))
    if plain(header) in _NEVER_WHOSE:
        return None
    rest = list(words)
    while len(rest) > 1 and plain(rest[0]) in _words(_WHOSE):
        rest.pop(0)
    return role_of(" ".join(rest)) if rest != words else None


def match_headers(headers: Sequence[str], own: Mapping[str, str], roles: Mapping[Role, str]) -> dict[int, str]:
    """Which field each column goes to, by position.

    `own` are the host's spellings of its fields, plain, and count before ours; `roles` says which field has which
    role. Several columns may go to one field. A column "Name" is the last name beside a column of first names, as
    German and Dutch files have it, else both; beside one of last names it says the first name, or both. A name that
    says whose it is, such as "Billing email", counts where no other names the field.
    """
    found: dict[int, str] = {}
    for position, header in enumerate(headers):
        role = role_of(header)
        field = own.get(plain(header)) or (roles.get(role) if role else None)
        if field is not None:
            found[position] = field
    found |= _of_somebody(headers, roles, found)
    full, first, last = (roles.get(role) for role in (Role.FULL_NAME, Role.FIRST_NAME, Role.LAST_NAME))
    wholes = [position for position, field in found.items() if field == full]
    fields = set(found.values())
    if not wholes or not {first, last} & fields:
        return found
    alone = any(plain(part) in _NAME_ALONE for part in _ASIDES.sub("", headers[wholes[0]]).split("/"))
    for position in wholes:
        del found[position]
    if last is not None and last not in fields and alone:
        found[wholes[0]] = last
    elif first not in fields:
        found[wholes[0]] = str(full)
    elif last not in fields:
        # A whole name says more than a first name alone.
        found = {position: field for position, field in found.items() if field != first} | {wholes[0]: str(full)}
    return found


def _of_somebody(headers: Sequence[str], roles: Mapping[Role, str], found: Mapping[int, str]) -> dict[int, str]:
    taken: set[str | None] = {*found.values()}
    full, parts = roles.get(Role.FULL_NAME), {roles.get(role) for role in (Role.FIRST_NAME, Role.LAST_NAME)}
    # Whoever has a whole name needs no parts of another one, and the other way round.
    taken |= (parts if full in taken else set()) | ({full} if taken & parts else set())
    further: dict[int, str] = {}
    for position, header in enumerate(headers):
        if position in found or (role := _role_of_somebody(header)) is None:
            continue
        if (field := roles.get(role)) is not None and field not in taken:
            further[position] = field
    return further


def email_column(
    rows: Iterable[Sequence[Cell]], *, but: Collection[int] = (), each_its_own: bool = False
) -> int | None:
    """The column that holds addresses, going by its content: most of its filled cells are addresses. None of `but`.

    With `each_its_own` most rows have another address: a column that names who looks after somebody is not meant.
    """
    filled: dict[int, int] = {}
    good: dict[int, int] = {}
    several: dict[int, set[str]] = {}
    for cells in rows:
        for position, cell in enumerate(cells):
            if position not in but and (text := cell_text(cell).strip()):
                filled[position] = filled.get(position, 0) + 1
                is_good = "@" in text and bool(read_address(text).addresses)
                good[position] = good.get(position, 0) + is_good
                several.setdefault(position, set()).add(text)
    for position in sorted(good, key=lambda each: -good[each]):
        if good[position] * 2 <= filled[position]:
            return None
        if not each_its_own or len(several[position]) * 2 > good[position]:
            return position
    return None


def labelled_columns(headers: Sequence[str], *, but: Collection[int]) -> list[tuple[int, int]]:
    """Columns with names and those with what they name, as Google writes them: "Custom Field 1 - Label" and "- Value".
    None of `but`.
    """
    labels = {found[1]: position for position, header in enumerate(headers) if (found := _LABEL.fullmatch(header))}
    values = {found[1]: position for position, header in enumerate(headers) if (found := _VALUE.fullmatch(header))}
    return [(labels[name], at) for name, at in values.items() if name in labels and at not in but]

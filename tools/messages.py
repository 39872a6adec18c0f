"""The texts of the program in other languages, and those of its theme and of Django that nobody else translates.

`python tools/messages.py update` finds all texts, brings the catalogues up to date, and compiles them. `check` says
what is missing, doubtful, or does not fit, and ends with 1 if anything is. The catalogues of all apps lie with the back
office, so that a host needs no setting to have them.

Babel finds the texts, with Django's own reading of templates, so that no program of the system is needed.
"""

from __future__ import annotations

import ast
import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from gettext import GNUTranslations
from pathlib import Path
from typing import Any

import django
import unfold
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "dotbridge"
THEME = Path(unfold.__file__).parent
DJANGO = Path(django.__file__).parent
# Parts of the theme for packages that we do not use.
UNUSED_IN_THEME = {
    "constance",
    "guardian",
    "import_export",
    "inlines",
    "location_field",
    "simple_history",
    "unfold_crispy",
    "forms",
}
# A text, or its forms for one and for several.
Identifier = str | tuple[str, str]
# Of each language how many forms a number has; the forms for millions, which some count for French, are not used here.
PLURALS = {"de": "nplurals=2; plural=(n != 1);", "fr": "nplurals=2; plural=(n > 1);"}
LANGUAGES = tuple(PLURALS)
# What the pages say, and what Django's scripts on the table pages say.
DOMAINS = ("django", "djangojs")
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
VOLATILE = re.compile(
    rb'"(POT-Creation-Date|PO-Revision-Date|Generated-By|Last-Translator|Language-Team|Report-Msgid-Bugs-To)[^\n]*\n'
)
# Names that are filled in, and tags: a translation has to have the same ones.
HOLES = re.compile(r"%\(\w+\)[a-z]|%[sd%]|\{\w*\}|</?\w+[^>]*>")
# French has a narrow space that does not break before : ; ? ! » and after «, and a rounded apostrophe. A colon within
# an address, a time or JSON is none of its own, and neither is a quotation mark around what is typed.
FRENCH = (
    (re.compile(r"[ \u00a0]+(?=[:;?!»])|(?<=«)[ \u00a0]+|(?<=[\w»)])(?=[;?!»]|:(?:\s|$))|(?<=«)(?=\w)"), "\u202f"),
    (re.compile(r"(?<=\w)'(?=[\w%{«])"), "\u2019"),
)


def main() -> int:
    """Do what the command line says."""
    commands = {"update": update, "check": check}
    if len(sys.argv) != 2 or sys.argv[1] not in commands:
        print(__doc__, file=sys.stderr)
        return 2
    return commands[sys.argv[1]]()


def update() -> int:
    """Bring the catalogues up to date and compile them; what has no translation yet is left empty."""
    for domain in DOMAINS:
        template = texts(domain)
        for language in LANGUAGES:
            catalog = catalog_of(language, domain)
            catalog.update(template, no_fuzzy_matching=True)
            catalog.obsolete.clear()
            for message in catalog:
                # A text that is new has none.
                if message.id and message.string is not None:
                    message.string = _each(message, language)
            path = path_of(language, domain)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(written(catalog))
            path.with_suffix(".mo").write_bytes(compiled(catalog))
            missing = sum(1 for each in catalog if each.id and not each.string)
            print(f"{language}, {domain}: {missing} of {len(catalog)} are missing")
    return 0


def check() -> int:
    """Print what is wrong with the catalogues."""
    problems = [
        problem
        for domain in DOMAINS
        for language in LANGUAGES
        for problem in problems_of(language, domain, texts(domain))
    ]
    if problems:
        print("\n".join(problems))
    return int(bool(problems))


def problems_of(language: str, domain: str, template: Catalog) -> list[str]:
    """What is missing, doubtful or does not fit in a language, a line each."""
    catalog = catalog_of(language, domain)
    found = []
    for wanted in template:
        if not wanted.id:
            continue
        text = wanted.id if isinstance(wanted.id, str) else wanted.id[0]
        message = catalog.get(wanted.id, wanted.context)
        strings = [] if message is None else _strings(message)
        if not strings or not all(strings):
            found.append(f"{language}: missing: {text!r}")
        elif message is not None and message.fuzzy:
            found.append(f"{language}: doubtful: {text!r}")
        elif any(not _fits(text, wanted, each) for each in strings):
            found.append(f"{language}: its holes differ: {text!r}")
        elif any(each != typeset(each, language) for each in strings):
            found.append(f"{language}: its spaces or apostrophes are not its own, which `update` mends: {text!r}")
    if meanings(path_of(language, domain).with_suffix(".mo").read_bytes()) != meanings(compiled(catalog)):
        found.append(f"{language}: the compiled catalogue is older than the catalogue")
    return found


def texts(domain: str) -> Catalog:
    """Every text of the program, with the places where it stands, or of its scripts: those are Django's alone."""
    catalog = Catalog(domain=domain, charset="utf-8", header_comment="# Texts of Dotbridge.")
    for identifier, context in sorted(texts_that_django_lacks(domain), key=str):
        _add(catalog, identifier, context, "django")
    if domain != "django":
        return catalog
    for path in sorted(SOURCE.rglob("*.py")) + sorted(SOURCE.rglob("*.html")) + sorted(SOURCE.rglob("*.txt")):
        if "migrations" in path.parts:
            continue
        for identifier, context in _texts_of(path.read_text(encoding="utf-8"), path):
            _add(catalog, identifier, context, str(path.relative_to(ROOT)))
    for identifier, context in sorted(texts_of_theme(), key=str):
        _add(catalog, identifier, context, "unfold")
    return catalog


def _texts_of(source: str, path: Path) -> Iterator[tuple[Identifier, str | None]]:
    """The texts of one file."""
    if path.suffix == ".py":
        yield from _inside_of_f_strings(source)
    else:
        # Only the calls in it matter; how far a template is indented is no Python.
        source = "\n".join(map(str.lstrip, templatize(source, origin=str(path)).split("\n")))
    for _line, function, messages, _comments in extract_python(
        io.BytesIO(source.encode()), list(KEYWORDS), (), {"encoding": "utf-8"}
    ):
        yield from _identified(function, messages)


def texts_of_theme() -> set[tuple[Identifier, str | None]]:
    """What the pages that the theme draws say in English alone: it brings no catalogue, and Django's has some of it."""
    known = [_of_django(language) for language in LANGUAGES]
    found: set[tuple[Identifier, str | None]] = set()
    for path in sorted([*THEME.rglob("*.py"), *THEME.rglob("*.html")]):
        if UNUSED_IN_THEME.isdisjoint(path.relative_to(THEME).parts):
            found.update(_texts_of(path.read_text(encoding="utf-8"), path))
    return {each for each in found if not all(_first(each[0]) in catalogue for catalogue in known)}


def texts_that_django_lacks(domain: str) -> set[tuple[Identifier, str | None]]:
    """What the pages that Django draws say in English alone, in any of our languages."""
    found: set[tuple[Identifier, str | None]] = set()
    for place in (DJANGO / "contrib" / "admin", DJANGO / "contrib" / "auth"):
        english = place / "locale" / "en" / "LC_MESSAGES" / f"{domain}.po"
        if not english.exists():
            continue
        known = [
            meanings((place / "locale" / language / "LC_MESSAGES" / f"{domain}.mo").read_bytes())
            for language in LANGUAGES
        ]
        said = [
            {_key(text if isinstance(text, str) else text[0]) for text in catalogue}  # of several forms, the first
            for catalogue in known
        ]
        with english.open("rb") as file:
            for message in read_po(file):
                key = (message.context, _first(message.id)) if message.id else None
                if key is not None and not all(key in one for one in said):
                    found.add((message.id, message.context))
    return found


def _key(text: str) -> tuple[str | None, str]:
    """A text of a compiled catalogue with its context, which stands before it."""
    context, _mark, own = text.rpartition("\x04")
    return context or None, own


def _of_django(language: str) -> set[str]:
    """What Django and its admin say in a language."""
    places = (DJANGO / "conf", DJANGO / "contrib" / "admin", DJANGO / "contrib" / "auth")
    files = [place / "locale" / language / "LC_MESSAGES" / "django.mo" for place in places]
    said = [text for file in files for text in meanings(file.read_bytes())]
    return {text if isinstance(text, str) else text[0] for text in said}


def _inside_of_f_strings(source: str) -> Iterator[tuple[Identifier, str | None]]:
    """The texts that stand within an f-string, which no reader of tokens sees before Python 3.12."""
    for part in ast.walk(ast.parse(source)):
        if isinstance(part, ast.JoinedStr):
            for call in ast.walk(part):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in KEYWORDS:
                    said = [each.value if isinstance(each, ast.Constant) else None for each in call.args]
                    yield from _identified(call.func.id, said)


def _add(catalog: Catalog, identifier: Identifier, context: str | None, place: str) -> None:
    catalog.add(identifier, context=context, locations=[(place, 0)], flags=_flags(identifier))


def _identified(function: str, messages: object) -> Iterator[tuple[Identifier, str | None]]:
    parts = [messages] if isinstance(messages, str) else list(messages or ())  # type: ignore[call-overload]
    context = None
    if function.startswith(("pgettext", "npgettext")):
        context, *parts = parts
    if "ngettext" in function or "npgettext" in function:
        if len(parts) >= 2 and all(isinstance(each, str) and each for each in parts[:2]):
            yield (parts[0], parts[1]), context
    elif parts and isinstance(parts[0], str) and parts[0]:
        yield parts[0], context


def _flags(identifier: Identifier) -> tuple[str, ...]:
    return ("python-format",) if re.search(r"%\(\w+\)[a-z]", _first(identifier)) else ()


def _first(identifier: Identifier) -> str:
    return identifier if isinstance(identifier, str) else identifier[0]


def catalog_of(language: str, domain: str) -> Catalog:
    """The catalogue of a language as it is."""
    path = path_of(language, domain)
    if not path.exists():
        catalog = Catalog(locale=language, domain=domain, charset="utf-8", header_comment="# Texts of Dotbridge.")
        catalog.mime_headers = [("Plural-Forms", PLURALS[language])]
        return catalog
    with path.open("rb") as file:
        return read_po(file, locale=language, domain=domain)


def path_of(language: str, domain: str) -> Path:
    """Where a language's catalogue is."""
    return SOURCE / "backoffice" / "locale" / language / "LC_MESSAGES" / f"{domain}.po"


def written(catalog: Catalog) -> bytes:
    """The catalogue as a file: without dates and places, which would make every change of a line one of this file."""
    file = io.BytesIO()
    write_po(file, catalog, width=120, no_location=True, sort_output=True)
    return VOLATILE.sub(b"", file.getvalue())


def typeset(string: str, language: str) -> str:
    """A translation with the spaces and apostrophes of its language, so that nobody has to type them."""
    for found, own in FRENCH if language == "fr" else ():
        string = found.sub(own, string)
    return string


def _each(message: Message, language: str) -> str | tuple[str, ...]:
    if isinstance(message.string, str):
        return typeset(message.string, language)
    return tuple(typeset(each, language) for each in message.string)


def compiled(catalog: Catalog) -> bytes:
    """The catalogue as the program reads it: the same bytes for the same texts, so without the moment it is made."""
    file, read = io.BytesIO(), read_po(io.BytesIO(written(catalog)), domain="django")
    read.creation_date = datetime(2026, 1, 1, tzinfo=UTC)
    write_mo(file, read)
    return file.getvalue()


def meanings(content: bytes) -> dict[Any, str]:
    """What a compiled catalogue says, without its head."""
    said = GNUTranslations(io.BytesIO(content))._catalog  # type: ignore[attr-defined]  # noqa: SLF001 - there is no other way to them
    return {text: string for text, string in said.items() if text}


def _strings(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string)


def _fits(text: str, wanted: Message, string: str) -> bool:
    """Whether a translation fills in the same as the text; a form for one thing may leave its number out."""
    ours, theirs = sorted(HOLES.findall(text)), sorted(HOLES.findall(string))
    if isinstance(wanted.id, str):
        return ours == theirs
    return set(theirs) <= set(HOLES.findall(wanted.id[0])) | set(HOLES.findall(wanted.id[1]))


if __name__ == "__main__":
    sys.exit(main())

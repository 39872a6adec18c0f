"""Makes src/dotbridge/files/name_letters.json: which letters stand beside which in the names of a language.

Counted over Faker's lists of first and last names, places and words. Only pairs with a letter beyond ASCII are kept,
because the others are the same in every encoding that is told apart. Run it again after an update of Faker, and
`bench/encodings.py` after it.
"""

from __future__ import annotations

import importlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "src" / "dotbridge" / "files" / "name_letters.json"
LOCALES = {
    "arabic": ["ar_AA", "ar_PS", "ar_SA"],
    "bulgarian": ["bg_BG"],
    "chinese": ["zh_CN"],
    "chinese (traditional)": ["zh_TW"],
    "croatian": ["hr_HR"],
    "czech": ["cs_CZ"],
    "danish": ["da_DK"],
    "dutch": ["nl_NL", "nl_BE"],
    "english": ["en_GB", "en_IE"],
    "estonian": ["et_EE"],
    "finnish": ["fi_FI"],
    "french": ["fr_FR", "fr_CA", "fr_BE"],
    "german": ["de_DE", "de_AT", "de_CH"],
    "greek": ["el_GR"],
    "hebrew": ["he_IL"],
    "hungarian": ["hu_HU"],
    "icelandic": ["is_IS"],
    "italian": ["it_IT"],
    "japanese": ["ja_JP"],
    "korean": ["ko_KR"],
    "latvian": ["lv_LV"],
    "lithuanian": ["lt_LT"],
    "norwegian": ["no_NO"],
    "polish": ["pl_PL"],
    "portuguese": ["pt_PT", "pt_BR"],
    "romanian": ["ro_RO"],
    "russian": ["ru_RU"],
    "slovak": ["sk_SK"],
    "slovene": ["sl_SI"],
    "spanish": ["es_ES", "es_MX", "es_AR"],
    "swedish": ["sv_SE"],
    "thai": ["th_TH"],
    "turkish": ["tr_TR"],
    "ukrainian": ["uk_UA"],
}
# What the lists lack.
MORE = {
    "italian": """Andò Arcà Alì Barcarà Calabrò Cannavò Carrà Costà Cufarò Currò Laganà Mammì Nisticò Patanè Pagnì
        Politanò Romanò
        Scibè Tornabè Vadalà Violì Zangarà Zuccarò Zorzì Andrè Bernabò Corrà Rondò Trebò Calà Maddè Ferlì Sardò
        Cusà Mulè
        Città Perché Più Così Già Però Libertà Società Qualità Attività Comunità Università Lunedì Venerdì Caffè Tè
        Sì Là
        Nicolò Niccolò Noè Mosè Giosuè Salomè Desirè Forlì Cantù Mondovì Cefalù Canicattì Rosà Viggiù Nardò Santhià""",
    "dutch": """Daniël Daniëlle Raphaël Michaël Joël Noël Noëlle Zoë Chloë Renée Renata André Anaïs Loïs Thaïs Cloë
        Ismaël Israël
        Gabriël Emiliënne Adriënne Julië Mariëlle Mariëtte Daniëls Beëlen België Italië geïnteresseerd coördinatie
        één""",
    "icelandic": """Guðrún Sigríður Þórður Ólafur Björn Jón Sigurður Guðmundur Kristín Þóra Ragnheiður Ásta Hörður Örn
        Þorsteinsson Jónsdóttir Sigurðsson Guðmundsdóttir Björnsson Ólafsdóttir Kjartan Ásgeir Ægir Ýr Þórarinn Eiríkur
        Steinunn Hjörtur Snæbjörn Dagný Védís Bryndís Hrönn Sólveig Garðar Viðar Böðvar Ingibjörg Þorbjörg Áslaug""",
}
KINDS = {"person": "name", "address": "cit|state|countr|region|department|street_name", "lorem": "word_list"}
WORD = re.compile(r"[^\W\d_]+")


def words(locale: str) -> Iterable[str]:
    """Every first and last name of a locale, its places, and the words of its prose: notes and companies hold them."""
    for kind, wanted in KINDS.items():
        try:
            provider = importlib.import_module(f"faker.providers.{kind}.{locale}").Provider
        except ModuleNotFoundError:
            continue
        for attribute, value in vars(provider).items():
            if re.search(wanted, attribute) and "format" not in attribute and isinstance(value, (tuple, list, dict)):
                yield from (word for word in value if isinstance(word, str))


def letters(spelt: Iterable[str]) -> dict[str, str]:
    """How often each letter beyond ASCII stands beside which other, as texts of such pairs by their count."""
    pairs: Counter[str] = Counter()
    for word in spelt:
        framed = f" {unicodedata.normalize('NFC', word.lower())} "
        pairs.update(pair for pair in map("".join, pairwise(framed)) if not pair.isascii())
    by_count: dict[int, list[str]] = {}
    for pair, count in sorted(pairs.items()):
        by_count.setdefault(count, []).append(pair)
    return {str(count): "".join(each) for count, each in sorted(by_count.items())}


def main() -> None:
    found = {}
    for language, locales in LOCALES.items():
        spelt = {name for locale in locales for name in words(locale)} | {*MORE.get(language, "").split()}
        if language == "romanian":
            # Before Unicode had the comma below, a cedilla stood for it.
            spelt |= {name.translate(str.maketrans("șțȘȚ", "şţŞŢ")) for name in spelt}
        found[language] = letters(word for name in sorted(spelt) for word in WORD.findall(name))
    TARGET.write_text(json.dumps(found, ensure_ascii=False, indent=0, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

"""What the invented CRM is made of: names of many scripts and the dirt of real records. Nobody here is real."""
# ruff: noqa: RUF001 - names of many scripts are the point

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class People:
    """Names of one script. Each is written "name/how it looks in an address"."""

    country: str
    language: str
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    # How many of a hundred contacts are called so.
    share: int


PEOPLE = (
    People(
        "United Kingdom",
        "en",
        ("Ada/ada", "Mabel/mabel", "Oscar/oscar", "Rosalind/rosalind", "Winston/winston", "Imogen/imogen", "Noah/noah"),
        ("Fairweather/fairweather", "Hollis/hollis", "Pemberly/pemberly", "Quill/quill", "Thornbury/thornbury"),
        40,
    ),
    People(
        "United States",
        "en",
        ("Harper/harper", "Mason/mason", "Savannah/savannah", "Jamal/jamal", "Maria José/maria.jose", "Dakota/dakota"),
        ("Brightwater/brightwater", "Castellano/castellano", "Oakes/oakes", "Van der Veen/van.der.veen", "Wu/wu"),
        20,
    ),
    People(
        "Germany",
        "de",
        ("Jürgen/juergen", "Käthe/kaethe", "Sören/soeren", "Änne/aenne", "Björn/bjoern", "Lütke/luetke"),
        ("Größmann/groessmann", "Müßig/muessig", "Öztürk/oeztuerk", "von der Höhe/von.der.hoehe", "Weiß/weiss"),
        8,
    ),
    People(
        "France",
        "fr",
        ("Zoé/zoe", "François/francois", "Anaïs/anais", "Loïc/loic", "Éléonore/eleonore"),
        ("d’Aubigné/daubigne", "Lefèvre/lefevre", "Œuvrard/oeuvrard", "Saint-Cyr/saint-cyr"),
        6,
    ),
    People(
        "Poland",
        "pl",
        ("Łukasz/lukasz", "Żaneta/zaneta", "Święcisława/swiecislawa", "Grażyna/grazyna"),
        ("Brzęczyszczykiewicz/brzeczyszczykiewicz", "Wójcik/wojcik", "Żółć/zolc"),
        4,
    ),
    People("Ukraine", "uk", ("Зоя/zoya", "Єва/yeva", "Тарас/taras"), ("Їжак/yizhak", "Шевчук/shevchuk"), 3),
    People("Greece", "el", ("Ζωή/zoi", "Οδυσσέας/odysseas"), ("Παπαδάκης/papadakis", "Ξένος/xenos"), 3),
    People("Israel", "he", ("נועה/noa", "אורי/uri"), ("בן־דוד/ben-david", "שלום/shalom"), 2),
    People("Egypt", "ar", ("ليلى/layla", "عمر/omar"), ("الزهراني/alzahrani", "حدّاد/haddad"), 3),
    People("Japan", "ja", ("陽葵/himari", "蓮/ren"), ("佐藤/sato", "髙橋/takahashi"), 3),
    People("China", "zh", ("晓明/xiaoming", "雅婷/yating"), ("欧阳/ouyang", "王/wang"), 3),
    People("South Korea", "ko", ("서연/seoyeon", "민준/minjun"), ("김/kim", "남궁/namgung"), 2),
    People("India", "hi", ("आरव/aarav", "दीया/diya"), ("शर्मा/sharma", "चट्टोपाध्याय/chattopadhyay"), 2),
    People("Thailand", "th", ("สมชาย/somchai",), ("ศรีสุวรรณ/srisuwan",), 1),
)

COMPANY_WORDS = (
    "Lantern",
    "Copper Kettle",
    "Nordlicht",
    "Étoile",
    "Blue Heron",
    "Żubr",
    "大和",
    "Meridian",
    "Fjord",
    "Quince",
)
COMPANY_FORMS = ("Ltd", "GmbH & Co. KG", "S.A.", "Sp. z o.o.", "Inc.", "株式会社", "and Daughters")
INDUSTRIES = ("Retail", "Manufacturing", "Software", "Health", "Education", "Logistics", "Hospitality", "")
CITIES = ("London", "Köln", "Lyon", "Łódź", "Αθήνα", "京都市", "Leeds", "Portland", "القاهرة", "São Bento")
JOB_TITLES = ("Head of Sales", "Buyer", "Chief Enthusiast", "Leiterin Einkauf", "Développeuse", "Owner", "")
LEAD_SOURCES = ("Trade fair", "Website", "Referral", "Webinar", "")

DOMAINS = ("example.com", "example.com", "example.org", "example.net", "mail.example", "shop.test")
IDN_DOMAINS = ("bücher.example", "почта.example", "例え.example", "münchen.example")

# Refused by the rule of `entities.email`, each for a reason of its own.
INVALID_ADDRESSES = (
    "not an address",
    "two@@example.com",
    "nobody.example.com",
    "blank inside@example.com",
    "no.dot@localhost",
    "comma,comma@example.com",
    "@example.com",
    "dot.at.the.end@example.com.",
    "<angle@example.com>",
    "first@example.com; second@example.com",
    "new\nline@example.com",
    "a@b@example.com",
    "long." + "x" * 300 + "@example.com",
    "n/a",
)
LONG_NAME = "Wolfeschlegelsteinhausen-" * 12
NAMES_WITH_SEPARATORS = (
    'O\'Brien, "Junior"',
    "Smith; Partner",
    'She said ""hello"", twice',
    "Tab\tStop",
    "back\\slash\\",
)
NAMES_WITH_NEW_LINES = ("First line\nSecond line", "Windows\r\nline", "\nleading and trailing\n")
NAMES_WITH_EMOJI = ("Sunny 🌞", "👩‍👩‍👧 Family", "🏳️‍🌈", "Zo\u0065\u0308", "𝒟𝑜𝓉𝓉𝓎")
NAMES_RIGHT_TO_LEFT = ("مرحبا abc 123", "שלום 42", "\u202bعكس\u202c")
NAMES_LIKE_FORMULAS = ("=1+1", "+SUM(A1)", "-2+3", "@import", '=HYPERLINK("http://shop.test","x")')

"""Is the encoding of a contact file found, or asked for where it is not sure?

For each of 20 languages 60 files of 1 to 30 people with plausible names, in the encodings that offices save. Each is
read as found. Counted are

wrong        files that were read wrongly in silence (wanted: none)
asked        files whose encoding was not sure: a person sees the candidates and chooses
asked_right  those of them whose first candidate is the right one
peer_wrong   files that charset-normalizer alone would have read wrongly

A file counts as right if every letter of it is, whatever the encoding is called.
"""

# ruff: noqa: RUF001 - letters of many scripts are the point

from __future__ import annotations

import argparse
import json
import random
from typing import Any

from charset_normalizer import from_bytes

from dotbridge.files.encodings import rank

FILES = 60
PEOPLE = {
    "german cp1252 iso8859_15 mac_roman cp850": """Jürgen Größmann|Käthe Weiß|Björn Schröder|Sören Müller|Jörg
        Krüger|Bärbel
        Jäger|Günther Köhler|Änne Schäfer|Ute Groß|Rüdiger Böhm|Heike Vogel|Silke Fuß|Jens Möller|Dörte Kühn|Kai
        Busch""",
    "french cp1252 iso8859_15 mac_roman": """François Lefèvre|Zoé Dubois|Hélène Gauthier|André Lévêque|Noël
        Béranger|Chloé
        Garçon|Jérôme Forêt|Aurélie Crépin|Maël Le Goff|Cécile Œuvrard|Régis Hémery|Joël Piètri|Inès Bâcle|Luc
        Martin""",
    "spanish cp1252 iso8859_15 mac_roman": """José Núñez|María Peña|Íñigo Ibáñez|Begoña Muñoz|Jesús Gómez|Sofía
        Ordóñez|Raúl
        Cárdenas|Inés Zúñiga|Ángel Castañeda|Lucía Güell|Rubén Sáez|Mónica Piñeiro|Andrés Colón|Ana Ruiz""",
    "portuguese cp1252 iso8859_15": """João Gonçalves|Conceição Simões|Inês Araújo|António Magalhães|Luísa
        Guimarães|Estêvão
        Leitão|Cátia Brandão|Sebastião Lourenço|Mônica Falcão|Vitória Assunção|Rui Costa|Zélia Mourão""",
    "italian cp1252 mac_roman": """Nicolò Forlì|Niccolò Cantù|Michelangelo Arrò|Noè Viganò|Mosè Pirrò|Giosuè Bà|Desirè
        Calì|Salomè Nardò|Piero Alfarè|Cloè Salò|Maria Rossi|Dario Muccì""",
    "dutch cp1252": """Daniël de Boer|Chloë van Dijk|Zoë Pruijs|Raphaël Koëter|Joël Bruyèl|Renée Daniëls|Noëlle
        Smit|Anaïs
        Coenen|Michaël Meeuws|Loïs Visser|Jan Bakker|Danaë Smeeïng""",
    "swedish cp1252 iso8859_15": """Åsa Sjöberg|Björn Åkesson|Göran Öhman|Håkan Lindström|Märta Bäckman|Örjan
        Nyström|Sven
        Hägg|Pär Löfgren|Åke Ström|Märit Sjölund|Agnetha Frånberg|Jörgen Ängström""",
    "danish cp1252": """Søren Kjærgaard|Åse Nørgaard|Jørgen Bæk|Mærsk Højgaard|Kåre Skovgård|Bjørn Ærø|Birthe
        Brøndum|Løve
        Højlund|Pål Sønderby|Ragnhild Bådsgaard|Hæge Mølgaard|Lars Holm""",
    "finnish cp1252": """Väinö Hämäläinen|Päivi Mäkelä|Yrjö Nyyssönen|Äijä Räsänen|Hännä Jääskeläinen|Tähti
        Väisänen|Jyrki
        Pöyry|Mirjä Kärkkäinen|Eerö Lähteenmäki|Mikko Virtanen""",
    "polish cp1250 iso8859_2": """Łukasz Wójcik|Żaneta Brzęczyszczykiewicz|Małgorzata Śliwińska|Stanisław Dąbrowski|
        Paweł
        Gołębiewski|Agnieszka Jabłońska|Zdzisława Kołodziej|Grażyna Źrebiec|Józef Pawłowski|Bożena Ćwik|Jan Kowal""",
    "czech cp1250 iso8859_2": """Jiří Dvořák|Tomáš Růžička|Zdeněk Veselý|Eliška Černá|Šárka Němcová|Ondřej Bartoš|Miloš
        Křížek|Růžena Žáková|Vojtěch Štěpánek|Bára Blažková|Řehoř Kučera|Jana Malá""",
    "slovak cp1250": """Ľubomír Hudák|Žofia Čierna|Štefan Kováčik|Mária Šťastná|Ľudmila Mrázová|Jozef Lukáč|Peťo
        Haľama|Dušan Tóth|Zuzana Ďurišová|Rastislav Švec|Mišo Žilinčík|Eva Horná""",
    "hungarian cp1250 iso8859_2": """László Szőke|Győző Kőműves|Erzsébet Tóth|István Fehér|Ágnes Kovács|Zsófia
        Gyöngyösi|Jenő Börcsök|Tünde Füzesi|Ödön Hűvös|Sándor Szűcs|Éva Nagy|Gergő Lőrincz""",
    "romanian cp1250": """Ştefan Bălan|Ioana Ţurcanu|Mădălina Păun|Cătălin Brâncuşi|Răzvan Mihăilă|Ileana Tănase|
        Sânziana
        Nuţă|Iulică Stănescu|Anişoara Câmpeanu|Ion Popa|Ruxandra Mărginean""",
    "turkish cp1254 iso8859_9": """Işıl Öztürk|Çağrı Şahin|Gökçe Yıldız|Oğuzhan Çelik|Ayşe Güneş|İbrahim Kılıç|Şeyma
        Erdoğan|Barış Yüksel|Nurgül Aydoğdu|Tuğba Şimşek|Özgür Kaya|Ali Demir""",
    "lithuanian cp1257": """Živilė Šimkutė|Jūratė Žukauskienė|Mindaugas Čepaitis|Vytautė Rūkaitė|Šarūnas Gudžiūnas|
        Ąžuolas
        Kęsgaila|Eglė Petraitytė|Saulė Žemaitė|Kęstutis Būga|Jonas Urbonas""",
    "greek cp1253 iso8859_7": """Γιώργος Παπαδόπουλος|Ελένη Νικολάου|Ιωάννης Βασιλείου|Σοφία Οικονόμου|Κώστας
        Δημητρίου|Άννα
        Χατζή|Θεόδωρος Αγγελόπουλος|Δήμητρα Ρούσσου|Μαρία Φωτίου""",
    "russian cp1251 koi8_r cp866": """Зоя Иванова|Тарас Шевчук|Евгения Смирнова|Алексей Кузнецов|Юлия Щербакова|Фёдор
        Воробьёв|Ольга Жукова|Дмитрий Цветков|Эльвира Хасанова|Артём Быков|Ян Чехов""",
    "ukrainian cp1251": """Олена Гриценко|Андрій Їжакевич|Євген Ковальчук|Ірина Лисенко|Юрій Ґжицький|Соломія
        Кравчук|Василь Мельник|Наталія Тимошенко|Зінаїда Яценюк|Остап Бондар""",
    "japanese cp932 euc_jp": """佐藤 陽葵|高橋 蓮|鈴木 結衣|田中 大翔|渡辺 さくら|伊藤 健太|山本 美咲|中村 翔太|
        小林 葵|加藤 直樹|吉田 花子|山田 太郎""",
}


def files_of(people: list[str], encodings: list[str], seed: int) -> list[tuple[str, str]]:
    """60 files' text and encoding: a few people each, now and then in a table of several columns."""
    chosen = random.Random(seed)
    made = []
    for number in range(FILES):
        some = chosen.choices(people, k=chosen.choice((1, 2, 3, 5, 10, 30)))
        lines = [f"p{line}@example.com,{name.replace(' ', ',', 1)}" for line, name in enumerate(some)]
        made.append(("\r\n".join(["Email,First name,Last name", *lines]) + "\r\n", encodings[number % len(encodings)]))
    return made


def measure(language: str, people: list[str], encodings: list[str], seed: int) -> dict[str, Any]:
    """The counts of one language."""
    counts = {"language": language, "files": 0, "wrong": 0, "asked": 0, "asked_right": 0, "peer_wrong": 0}
    for text, encoding in files_of(people, encodings, seed):
        raw = text.encode(encoding)
        if raw.isascii():
            continue
        counts["files"] += 1
        sample = b"".join(line for line in raw.splitlines(keepends=True) if not line.isascii())
        found = rank(sample)
        is_right = raw.decode(found.encoding, errors="replace") == text
        counts["wrong"] += found.is_sure and not is_right
        counts["asked"] += not found.is_sure
        counts["asked_right"] += not found.is_sure and is_right
        peer = from_bytes(raw).best()
        counts["peer_wrong"] += peer is None or str(peer) != text
    return counts


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--json", action="store_true", help="print one JSON object")
    asked.add_argument("--seed", type=int, default=1, help="another seed makes other files (default 1)")
    options = asked.parse_args()
    measured = []
    for key, names in PEOPLE.items():
        language, *encodings = key.split()
        people = [" ".join(name.split()) for name in names.split("|")]
        measured.append(measure(language, people, encodings, options.seed))
    total = {name: sum(each[name] for each in measured) for name in measured[0] if name != "language"}
    if options.json:
        print(json.dumps({**total, "languages": measured}))
        return
    print(f"{'':12}{''.join(f'{name:>12}' for name in total)}")
    for each in [*measured, {"language": "all", **total}]:
        print(f"{each['language']:12}{''.join(f'{each[name]:>12}' for name in total)}")


if __name__ == "__main__":
    main()

"""Lines of a table that are nobody: totals, rulers, names said again, and remarks behind the last contact.

Only lines without any address are looked at. What is taken for such is named in the report, and is no problem.
"""
# ruff: noqa: RUF001 - words in many scripts are the point

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from dotbridge.files.headers import plain
from dotbridge.files.records import TABLES, Record, Skipped, cell_text, is_blank
from dotbridge.files.texts import text as _
from dotbridge.files.understanding import Understanding

# So many remarks may stand below a table.
MOST_REMARKS = 20
_SIGNS = re.compile(r"[-=_*+|#~.\s\N{EN DASH}\N{EM DASH}\N{BOX DRAWINGS LIGHT HORIZONTAL}]+")
_NUMBER = re.compile(r"[\d\s.,%'’€$£+-]+")
_TOTALS = """
    total, totals, subtotal, sub total, grand total, total records, total contacts, total rows, total count, sum, count,
    records, rows, number of records, summe, zwischensumme, gesamt, gesamtsumme, gesamtergebnis, gesamtzahl, anzahl,
    anzahl datensätze, datensätze, total général, sous-total, somme, nombre, nombre de contacts, total general, suma,
    totale, somma, totale generale, totaal, eindtotaal, aantal, razem, łącznie, celkem, spolu, összesen, summa, totalt,
    i alt, yhteensä, toplam, genel toplam, итого, всего, разом, σύνολο, 合計, 総計, 小計, 总计, 合计, 합계, 총계
"""
# What programs write below what they export.
_REMARK = re.compile(
    r"copyright|©|\(c\)|confidential|vertraulich|confidentiel|generated|created by|exported|exportiert|export[ée]|"
    r"erstellt|report\b|bericht\b|rapport\b|end of|ende der|page \d|seite \d|https?://|www\.",
    re.IGNORECASE,
)


@lru_cache(maxsize=1)
def _totals() -> frozenset[str]:
    return frozenset(plain(word) for word in _TOTALS.replace("\n", " ").split(","))


class NoContacts:
    """The lines of one file that are nobody. Of remarks this is known at the end: no contact comes behind them."""

    def __init__(self, understood: Understanding) -> None:
        self._is_table = understood.source.format in TABLES
        self._names = {plain(name) for name in understood.source.headers}
        self._above: Record | None = None
        self._held: list[Record] = []

    def told_from(self, record: Record) -> Skipped | None:
        """What a record without an address is, if it is nobody: signs, the names of the columns once more, or a total.

        None for one that may be somebody.
        """
        texts = self._texts(record)
        if not texts:
            return None
        if all(map(_SIGNS.fullmatch, texts)):
            return _skipped(record, texts, _("It holds only signs, such as ---."))
        if all(plain(text) in self._names for text in texts) and len(texts) * 2 > len(self._names):
            return _skipped(record, texts, _("It repeats the names of the columns."))
        first = plain("".join(letter for letter in texts[0] if not letter.isdigit()))
        if first in _totals() and all(map(_NUMBER.fullmatch, texts[1:])):
            return _skipped(record, texts, _("It sums up what stands above."))
        return None

    def holds_back(self, record: Record) -> bool:
        """Whether the record, which has no address, may be a remark, and waits for what comes behind it."""
        texts = self._texts(record)
        text = " ".join(texts)
        stands_apart = bool(self._held) or self._is_below_a_gap(record) or len(text.split()) > 3
        is_one = len(texts) == 1 and len(record.cells) > 2 and stands_apart
        has_words = len(texts) in {1, 2} and _REMARK.search(text) is not None
        if len(self._held) == MOST_REMARKS or not (is_one or has_words):
            return False
        self._held.append(record)
        return True

    def let_go(self, below: Record | None) -> list[Record]:
        """Those that were held back and are no remarks after all, because something else stands below them."""
        self._above = below
        held, self._held = self._held, []
        return held

    def remarks(self) -> Iterator[Skipped]:
        """Those that are remarks, since nobody came behind them."""
        for record in self._held:
            why = _("It stands below the last contact, so it is taken for a remark.")
            yield _skipped(record, self._texts(record), why)

    def _is_below_a_gap(self, record: Record) -> bool:
        if self._above is None:
            return False
        inner = sum(cell.count("\n") for cell in self._above.cells if isinstance(cell, str))
        return record.line > self._above.line + 1 + inner

    def _texts(self, record: Record) -> list[str]:
        """What is filled in a table's record; nothing of one that holds something like an address."""
        if not self._is_table:
            return []
        texts = [cell_text(cell).strip() for cell in record.cells if not is_blank(cell)]
        return [] if any("@" in text for text in texts) else texts


def _skipped(record: Record, texts: list[str], why: str) -> Skipped:
    return Skipped(record.line, " ".join(texts), why)

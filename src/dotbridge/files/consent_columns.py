"""Columns that say who may not be written to: which they are, and what each of their cells says.

Consent only falls: nothing in a file makes somebody mailable who is not. What cannot be understood in such a column
counts as opted out, and is told.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from dotbridge.files.consent_answers import denied_question
from dotbridge.files.consent_cells import (
    CROSSES,
    NO,
    TICKS,
    YES,
    Says,
    answer_of,
    cell_says_left,
    flat,
    is_any_state,
    is_sure_state,
    may_refuse,
    said_by_a_person,
    says_left,
    state_of,
)
from dotbridge.files.consent_headers import (
    ConsentKind,
    is_any_subscription,
    is_link,
    is_of_any_state,
    listed_kind,
    tells_where_from,
)
from dotbridge.files.consent_phrases import (
    asks_for_no_mail,
    asks_for_ways,
    asks_how_often,
    asks_what_is_preferred,
    asks_when,
    is_any_frequency,
    is_denied,
    names_other_ways,
    says_never,
)
from dotbridge.files.damage import Unreadable
from dotbridge.files.dates import DateColumn, Day
from dotbridge.files.headers import plain
from dotbridge.files.records import Cell, CrossedOut, cell_text


@dataclass(frozen=True)
class Said:
    """What a cell says, and when that happened if it is a moment."""

    says: Says
    happened: Day | None = None


class _Observed(NamedTuple):
    """What a cell adds to what its column counts."""

    text: str = ""
    is_known: bool = False
    is_sum: bool = False
    is_code: bool = False
    is_answer: bool = False
    is_out: bool = False
    is_sure_out: bool = False
    is_denied: bool = False
    says_left: bool = False
    lets_in: bool = False
    is_state: bool = False


# A column has few texts for many rows: each is looked at once.
_REMEMBERED = 500
_LONGEST_REMEMBERED = 100
# How many there are, of which any that is not 0 is a reason.
_COUNTED = re.compile(r"count|rate|number|anzahl|quote|taux|nombre|numero|percent|score")
# A code in place of a word for the state: "U", "2".
_CODE = re.compile(r"[^\W\d_]|-?\d{1,2}")
_MOST_CODES = 8
# As surveys and databases number their answers, those that somebody owes included.
_NUMBERS_FOR_ANSWERS = {"-9", "-1", "0", "1", "2", "3", "8", "9", "99"}
# "Active", and "true" as databases write it: but not beside these, as in "abgemeldet" and "eingetragen".
_CODES_IN_UNLESS = {"a": {"e", "n"}, "-1": {"1"}}
_CODES_OF_ALL = {"1", "a", "s"}
_CODES_IN, _CODES_OUT = {"1", "s", "y", "j"}, {"0", "n", "u"}
# Which of two is the one that may be written to: opted in and out.
_PAIRS = {frozenset("io"): "i"}
_MOST_WORDS_ASKED_ABOUT = 3
_LONGEST_WORD_ASKED_ABOUT = 40
_LONGEST_REMARK = 200
# A column with more texts than that holds no states of persons, if none of them is one.
_MOST_TEXTS = 100
_FILLED_SAYS_SO = re.compile(
    r"time|date|at$|on$|reason|title|campaign|datum|grund|motif|motivo|fecha|data|suppress|bounce|source|mode|detail"
    # What somebody left, by name: "GROUP_UNSUBSCRIBES", "Unsubscribed from".
    r"|unsubscribes$|optouts$|unsubscribedfrom$|unsubscribed(?:lists|groups)$"
)
# Of these a "yes" or "no" is enough: "Subscription status".
_ASKS_IT = re.compile(r"mail|subscri|consent|marketing|news|opt|подпис|inscri|iscri|suscri")
_OF_MAILING = re.compile(r"mail|subscri|consent|marketing|news|opt|member|abo|подпис|inscri|iscri|suscri")
_SHORTEST_REPEATED = 8
# What somebody has written behind a name: "Byron (unsubscribed)".
_BEHIND_A_NAME = re.compile(r"\s*[(\[{*/|:)\]}]+\s*|\s+[-\N{EN DASH}\N{EM DASH}]+\s*")
_MOMENT = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/. ]\w{1,9}[-/. ]\d{2,4}")
_BETWEEN_LABELS = re.compile(r"\s*(?::::|[;,|\n])\s*")


@dataclass
class ConsentColumn:
    """One column that speaks of consent. `observe` every cell first, then ask `is_meant` and `read`."""

    header: str
    kind: ConsentKind
    dates: DateColumn = field(default_factory=DateColumn)
    # Somebody said that it speaks of consent.
    is_chosen: bool = False
    # Of a mailing tool's file: there any state is one of a subscription.
    is_of_mailing_tool: bool = False
    # Its name says nothing: only what is said of mailings alone counts.
    is_known_by_cells: bool = False
    # What somebody wrote down of the person: only a remark that says nothing else counts.
    is_remarks: bool = False
    # The name of somebody, behind which some write it.
    is_name: bool = False
    # Somebody may be written to, as a cell says in so many words.
    lets_some_in: bool = False
    filled: int = 0
    known: int = 0
    # Cells that say yes, no, a state, or when it happened.
    answers: int = 0
    # Cells that say that somebody is not to be written to: at all, and so that they can mean nothing else.
    outs: int = 0
    sure_outs: int = 0
    # Cells with a state, and the first that says that somebody is not to be written to.
    states: int = 0
    # Cells with a number, as a total below the column is.
    sums: int = 0
    # Cells with a code in place of a word.
    coded: int = 0
    # Those that say that somebody left a mailing, whatever the column is about.
    left: int = 0
    # The first texts that stand there.
    texts: set[str] = field(default_factory=set)
    first_out: str = ""
    _remembered: Callable[[Cell], _Observed | None] = field(init=False, repr=False)
    _remembered_said: Callable[[Cell], Said] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # 1 and True are one to a dictionary, and are written in two ways.
        self._remembered = lru_cache(_REMEMBERED, typed=True)(self._looked_at)
        self._remembered_said = lru_cache(_REMEMBERED, typed=True)(self._read)

    @property
    def example(self) -> str:
        """A cell that may say that somebody is not to be written to."""
        return self.first_out or next(iter(sorted(self.texts - _CODES_OF_ALL)), "")

    def observe(self, cell: Cell) -> None:
        """Take note of one cell."""
        if self.is_name and self._is_mere_name(cell):
            return
        holds_no_states = self.is_known_by_cells and len(self.texts) > _MOST_TEXTS and not self.states
        if holds_no_states and not cell_says_left(cell):
            return
        if self.kind is not ConsentKind.LABELS:
            self.dates.observe(cell)
        if (found := self._remembered(cell) if _is_remembered(cell) else self._looked_at(cell)) is None:
            return
        self.filled += 1
        self.known += found.is_known
        self.sums += found.is_sum
        self.coded += found.is_code
        self.answers += found.is_answer
        self.outs += found.is_out
        self.sure_outs += found.is_sure_out
        self.left += found.says_left
        self.lets_some_in |= found.lets_in
        self.states += found.is_state
        if found.text and len(self.texts) <= _MOST_TEXTS:
            self.texts.add(found.text)
        if found.text and (found.is_out or found.is_denied) and not self.first_out:
            self.first_out = found.text

    def _looked_at(self, cell: Cell) -> _Observed | None:
        """What one cell says, whatever the others do; None of one with nothing in it."""
        if not (text := flat(cell)):
            return None
        if self.is_remarks or (self.kind is ConsentKind.LABELS and listed_kind(self.header) is not None):
            # Of labels nothing else counts.
            return _Observed(is_known=(not self.is_remarks or may_refuse(text)) and self._is_out_label(cell))
        is_of_consent, is_denied = self._is_of_consent(text), self._denies(text)
        state, word = state_of(text), self._word_of(text)
        # "Activated" is 0, or when it was.
        may_be_moment = self._is_out_list or is_of_any_state(self.header)
        is_moment = may_be_moment and (isinstance(cell, datetime.date) or bool(_MOMENT.match(text)))
        said = state or word
        return _Observed(
            text=text,
            is_known=self._is_known_label(cell) if self.kind is ConsentKind.LABELS else is_of_consent,
            is_sum=text.isdecimal(),
            is_code=_CODE.fullmatch(text) is not None,
            is_answer=word is not None or is_moment or state is not None,
            is_out=said is Says.OPTED_OUT or (said is None and is_moment and self._is_out_list),
            is_sure_out=(state is Says.OPTED_OUT and is_of_consent) or is_denied,
            is_denied=is_denied,
            says_left=says_left(text),
            lets_in=said is Says.NOTHING,
            is_state=state is not None and not (self.is_known_by_cells and is_any_state(text)),
        )

    @property
    def _is_out_list(self) -> bool:
        return self.kind is ConsentKind.OPTED_OUT

    def _word_of(self, text: str) -> Says | None:
        """What a yes or no says in this column. Why somebody left may begin with one: "No, too many"."""
        if text == "-1" and "1" in self.texts:
            # "True" as databases write it would be the only one.
            return Says.DOUBTFUL
        if not self._is_out_list:
            return answer_of(text)
        if len(text) >= _SHORTEST_REPEATED and plain(self.header).endswith(plain(text) or text):
            # The answer itself, in a column that stands for it alone.
            return Says.OPTED_OUT
        if text in CROSSES and self.texts.isdisjoint(TICKS):
            return Says.DOUBTFUL
        if denied_question(self.header) and said_by_a_person(text) is Says.OPTED_OUT:
            # "No" where an x could stand as well. Beside "yes" it is what was not chosen.
            return Says.OPTED_OUT if self.texts <= {text} else Says.NOTHING
        return {True: Says.OPTED_OUT, False: Says.NOTHING}[text in YES] if text in YES | NO else None

    def _denies(self, text: str) -> bool:
        # Where it came from, and when something happened, is answered by no yes or no.
        is_of_it = not tells_where_from(self.header) and not asks_when(self.header)
        said = said_by_a_person(text) if is_of_it else None
        if self.kind is ConsentKind.OPTED_OUT:
            return said is Says.NOTHING
        if self.kind is not ConsentKind.OPTED_IN:
            return False
        # "None", "0", "No" among "Weekly" and "Monthly".
        is_one_of_many = self._asks_how_often or asks_what_is_preferred(self.header) or asks_for_ways(self.header)
        is_none = is_one_of_many and answer_of(text) is Says.OPTED_OUT
        is_never = says_never(text) and not asks_when(self.header)
        # Whoever would rather be called may be written to.
        has_to_say_only = not (is_of_it and asks_for_ways(self.header)) or asks_what_is_preferred(self.header)
        is_by_others = names_other_ways(text, has_to_say_only=has_to_say_only)
        is_refused = is_none or is_never or is_by_others or asks_for_no_mail(text)
        return said is Says.OPTED_OUT or is_denied(text) or is_refused

    @property
    def _asks_how_often(self) -> bool:
        return self.kind is ConsentKind.OPTED_IN and asks_how_often(self.header) and not self.is_chosen

    def _is_known_label(self, cell: Cell) -> bool:
        text = flat(cell)
        return (state_of(text) is Says.OPTED_OUT and not is_any_state(text)) or says_left(text)

    def _is_of_consent(self, text: str) -> bool:
        return state_of(text) is not None and (not is_any_state(text) or bool(_OF_MAILING.search(plain(self.header))))

    def is_meant(self) -> bool:
        """Whether the column speaks of consent at all: a "Status" may be anything, and so may labels, and what is known
        by parts of its name alone.
        """
        if self.is_chosen:
            return True
        if self.kind is ConsentKind.LABELS:
            return self.known > 0 and (not self.is_known_by_cells or self.left > 0 or self.states * 2 > self.filled)
        if is_of_any_state(self.header):
            return (self.is_of_mailing_tool and self.answers == self.filled) or self.left > 0
        if self.kind is ConsentKind.STATUS:
            is_state = self.is_of_mailing_tool and bool(self.first_out) and self.states * 2 > self.filled
            is_asked = bool(_ASKS_IT.search(plain(self.header)))
            return self.known > 0 or is_state or (is_asked and self._holds_answers)
        if self._is_link or self._asks_how_often:
            return self._holds_answers if self._is_link else self.sure_outs > 0 and not is_any_frequency(self.header)
        return listed_kind(self.header) is not None or self._holds_answers or self._says_so() or self.sure_outs > 0

    @property
    def _holds_answers(self) -> bool:
        return self.answers * 2 > self.filled

    @property
    def _is_link(self) -> bool:
        return is_link(self.header)

    def _says_so(self) -> bool:
        """Whether whatever stands there says that somebody opted out, such as a reason."""
        name = plain(self.header)
        says_so = self.kind is ConsentKind.OPTED_OUT and _FILLED_SAYS_SO.search(name) is not None
        return says_so and self.filled > 0 and not _COUNTED.search(name)

    def may_be_meant(self) -> bool:
        """Whether only a person can say that it does: nothing but states that may be those of anything, codes, or words
        that are not known under a name that speaks of having opted out.
        """
        if self.is_meant() or not self.filled:
            return False
        if is_any_frequency(self.header):
            return self.sure_outs > 0
        if is_of_any_state(self.header):
            return self.answers == self.filled and self.outs > 0
        if self.kind is ConsentKind.STATUS:
            holds_states = self.states + self.sums == self.filled and self.states > self.sums and bool(self.first_out)
            return holds_states or self._holds_codes()
        if self._asks_by_codes():
            return True
        few = len(self.texts) <= _MOST_WORDS_ASKED_ABOUT and len(self.texts) < self.filled
        are_words = not any("@" in text or len(text) > _LONGEST_WORD_ASKED_ABOUT for text in self.texts)
        return self._is_out_list and few and are_words and not self._is_link

    def _holds_codes(self) -> bool:
        are_codes = self.coded == self.filled and len(self.texts) <= _MOST_CODES
        is_one_of_all = len(self.texts) == 1 and self.texts <= _CODES_OF_ALL
        return are_codes and not is_one_of_all and not self.texts <= (YES | NO) - {"0", "1"}

    def _asks_by_codes(self) -> bool:
        """Whether it asks for yes and no, or may do so, and holds numbers in place of them: 1 and 2, as surveys do."""
        is_yes_alone = len(self.texts) == 1 and self.texts <= {"1", "-1"}
        if self.coded < self.filled or is_yes_alone or not self.texts <= _NUMBERS_FOR_ANSWERS:
            return False
        is_other = self._asks_how_often or tells_where_from(self.header) or _COUNTED.search(plain(self.header))
        return (self.kind is ConsentKind.OPTED_IN and not is_other) or is_any_subscription(self.header)

    def read(self, cell: Cell) -> Said:
        """What a cell says, once all were observed."""
        return self._remembered_said(cell) if _is_remembered(cell) else self._read(cell)

    def _is_mere_name(self, cell: Cell) -> bool:
        may_say_more = isinstance(cell, str) and len(cell) <= _LONGEST_REMARK and _BEHIND_A_NAME.search(cell)
        return not may_say_more

    def _read(self, cell: Cell) -> Said:
        text = flat(cell)
        if not text or (self.is_name and self._is_mere_name(cell)):
            return Said(Says.NOTHING)
        said = self._read_text(cell, text)
        # A permission that was crossed out is none.
        is_crossed_out = isinstance(cell, CrossedOut) and self.kind is not ConsentKind.LABELS
        return Said(Says.DOUBTFUL) if is_crossed_out and said.says is Says.NOTHING else said

    def _read_text(self, cell: Cell, text: str) -> Said:
        if self._asks_by_codes():
            return Said(self._code(text))
        if self.kind is ConsentKind.OPTED_IN and "@" in text:
            return Said(Says.NOTHING)
        if self.kind is ConsentKind.LABELS or self._counts_for_outs_alone():
            return Said(Says.OPTED_OUT if self._is_out_label(cell) else Says.NOTHING)
        said = self._said(text)
        return Said(said) if said is not None else self._read_moment(cell, is_out=self._is_out_list)

    def _said(self, text: str) -> Says | None:
        if (state := state_of(text)) is not None:
            return state
        if self.kind is ConsentKind.STATUS:
            # "Yes" under "Email marketing consent".
            return self._code(text) if self._holds_codes() else self._word_of(text) or Says.DOUBTFUL
        return self._word_of(text)

    def _code(self, text: str) -> Says:
        is_in = text in _CODES_IN or text in _PAIRS.get(frozenset(self.texts), "")
        is_in = is_in or (text in _CODES_IN_UNLESS and self.texts.isdisjoint(_CODES_IN_UNLESS[text]))
        return Says.NOTHING if is_in else Says.OPTED_OUT if text in _CODES_OUT else Says.DOUBTFUL

    def _counts_for_outs_alone(self) -> bool:
        """Whether it is one of another matter, in some of whose cells somebody has opted out."""
        if self._asks_how_often:
            return True
        is_sure = self.is_chosen or listed_kind(self.header) is not None or self.kind is ConsentKind.STATUS
        return not (is_sure or self._holds_answers or self._says_so()) and self.sure_outs > 0

    def _is_out_label(self, cell: Cell) -> bool:
        text = "\n".join(" ".join(line.split()) for line in cell_text(cell).splitlines())
        between = _BEHIND_A_NAME if self.is_name else _BETWEEN_LABELS
        labels = [label.strip("* ").casefold() for label in between.split(text)]
        return any(self._is_out(label) for label in labels if label)

    def _is_out(self, label: str) -> bool:
        if self.is_remarks:
            return len(label) <= _LONGEST_REMARK and (is_sure_state(label) or asks_for_no_mail(label))
        said = state_of(label) is Says.OPTED_OUT or self._denies(label) or asks_for_no_mail(label)
        # Beside "unsubscribed" any state is one of a subscription.
        return said and not (self.is_known_by_cells and not self.left and is_any_state(label))

    def _read_moment(self, cell: Cell, *, is_out: bool) -> Said:
        try:
            happened = self.dates.read_day(cell)
        except Unreadable:
            if is_out and (_FILLED_SAYS_SO.search(plain(self.header)) or _MOMENT.match(flat(cell))):
                return Said(Says.OPTED_OUT)
            return Said(Says.DOUBTFUL)
        return Said(Says.OPTED_OUT, happened) if is_out else Said(Says.NOTHING)


def _is_remembered(cell: Cell) -> bool:
    return not isinstance(cell, str) or len(cell) <= _LONGEST_REMEMBERED

"""What the steps write down: our texts with places for numbers, times and names, and how all of it is said again to a
reader of another language than the worker's."""

from __future__ import annotations

import re

from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_noop as _

from dotbridge.connections.request_moves import TRIED
from dotbridge.connections.services.account_changes import IS_DOTDIGITALS, IS_GONE, IS_IN_USE, IS_PREFERENCE
from dotbridge.integrations.protocols import NOT_OFFERED, WITHDRAWN
from dotbridge.integrations.services import OTHER_ACCOUNT, TAKEN_ACCOUNT
from dotbridge.mapping.two_way import NO_WAY_TO_CREATE, UNMAPPED_FIELDS
from dotbridge.sync.client_texts import REFUSED

# Of runs.
ANOTHER_RUN = _("Another run is at work on this account.")
LOCK_LOST = _("The lock of the account was lost, so another run may be at work. A later run goes on from there.")
SWITCHED_OFF = _("The account was switched off while the run was at work, so it ended. Once on, a later one goes on.")
WORKER_ENDED = _("The worker ended in the middle of it. A later run goes on from there.")
NEW_PROBLEMS = _("New problems: %(number)s. The steps say why.")
STEPS_SAY_WHY = _("The steps say why.")
KNOWN_PROBLEMS = _("Nothing new went wrong. Known problems met again: %(number)s.")
HELD = _("Dotdigital works on files and removals of this run: %(number)s.")
REJECTED_LATE = _("Rejected when Dotdigital had finished: %(number)s. The uploads say why.")
OUT_OF_CALLS = _("The account's limit of calls is used up. The run waits until %(time)s UTC.")
READ_LATELY = _("Read less than %(number)s hours ago.")
FIRST_READING_WAITS = _("The first reading of the account waits until %(time)s.")
FIRST_READINGS_WAIT = _("Address books that are to be read for the first time: %(number)s. They wait until %(time)s.")
RESULTS_WAIT = _("Past campaigns whose results are to be read: %(number)s. They wait until %(time)s.")
COMPARISON_WAITS = _("The full comparison waits until %(time)s.")
NO_DRIFT = _("No drift: everything was as we had it.")
DRIFT = _("Drift: %(unknown)s unknown here, %(different)s different, %(gone)s not there any more.")
DATABASE_CANNOT = _("The database cannot work it out: %(kind)s. The log of the worker says where.")
UNEXPECTED = _("An unexpected %(kind)s. The log of the worker says where.")
# Of what is read.
BOOKS_ONE_BY_ONE = _("%(reason)s The address books are read one by one.")
NOT_LISTED = _(
    "%(what)s: %(number)s of %(known)s were not listed any more. So many do not vanish at once: they are believed gone "
    "when %(readings)s complete readings over a day have missed them, or when you confirm it."
)
NO_NAME = _("Its name is empty, longer than %(number)s characters, or holds what cannot be stored.")
UNDATED_RECIPIENTS = _("%(number)s recipients came without a date of sending. They are kept, and wait for one.")
UNDATED_EVENTS = _("%(number)s events of this campaign came without a time. They were left out.")
NOT_COMPARED = _("%(book)s: not compared, because its contacts could not be read.")
VALUES_NOT_WRITTEN = _("Dotdigital's values were not written into record %(record)s.")
VALUE_NOT_WRITTEN = _("%(data_field)s → %(field)s: %(value)s was not written. %(reason)s Correct it in Dotdigital.")
EMPTY_VALUE = _("An empty value")
NO_RECORDS_MADE = _("%(connection)s: no records were made, because another account makes some. The next run does.")
WITHOUT_RECORD = _("%(number)s contacts have no record.")
# Of what is sent.
STOPPED = _(
    "%(list)s: stopped, because this run would take %(number)s of %(of)s contacts out of the address book. Nothing was "
    "removed or uploaded. Correct the list's rule, or allow it once."
)
UNFINISHED = _("Dotdigital has not finished %(number)s earlier upload(s). The export goes on when it has.")
BOOKS_WAIT = _("Waiting: %(names)s.")
PREPARED_AGAIN = _("%(reason)s What was to be sent is prepared again, by version 2.")
LOST_VALUES = _("Values of %(number)s contacts were lost in Dotdigital.")
SETTLED = _("Settled by reading the book: %(number)s rows are sent again.")
UNFIT_VALUES = _(
    "Dotdigital could not take the row, probably because of %(values)s. A number has at most 18 digits before and 9 "
    "after the point; a text has at most 1,000 characters, in some accounts 255. Correct the value in the record."
)
# Of what people asked for.
NOT_CONNECTED = _("The address book was made, but not connected. %(text)s")
OTHER_DATA_FIELD = _(
    "The account has a data field of this name already, of type %(type)s. It was made by somebody else."
)
IN_USE = _("Dotdigital did not delete it: it is in use there by %(places)s.")
OPTED_OUT_THERE = _(
    "%(number)s people in the address books have opted out here. They are taken out in Dotdigital before anything is "
    "sent."
)
MORE_PEOPLE = _(
    "It would go to %(now)s people by now, and %(confirmed)s were confirmed. Look at it and confirm it again."
)
NOT_UNSENT = _("Its state in Dotdigital is %(state)s by now: somebody else has it sent, or has stopped it.")
STATE_THERE = _("In Dotdigital its state is %(state)s.")
NO_ANSWER = _("No answer came when Dotdigital was asked to send it. %(seen)s Look there before anything else.")
NOT_MAILED = _("Dotdigital does not mail your address: its state there is %(state)s.")
WITH_VALUES = (
    *(NEW_PROBLEMS, KNOWN_PROBLEMS, HELD, REJECTED_LATE, OUT_OF_CALLS, READ_LATELY, COMPARISON_WAITS, DRIFT),
    *(FIRST_READING_WAITS, FIRST_READINGS_WAIT, RESULTS_WAIT, DATABASE_CANNOT, UNEXPECTED),
    *(BOOKS_ONE_BY_ONE, NOT_LISTED, NO_NAME, UNDATED_RECIPIENTS, UNDATED_EVENTS, NOT_COMPARED),
    *(VALUES_NOT_WRITTEN, VALUE_NOT_WRITTEN, NO_RECORDS_MADE, WITHOUT_RECORD, NO_WAY_TO_CREATE, UNMAPPED_FIELDS),
    *(STOPPED, UNFINISHED, BOOKS_WAIT, PREPARED_AGAIN, LOST_VALUES, SETTLED, UNFIT_VALUES),
    *(IS_PREFERENCE, IS_DOTDIGITALS, IS_GONE, IS_IN_USE, NOT_CONNECTED, OTHER_DATA_FIELD, IN_USE),
    *(OPTED_OUT_THERE, MORE_PEOPLE, NOT_UNSENT, STATE_THERE, NO_ANSWER),
    *(REFUSED, NOT_MAILED, TRIED, NOT_OFFERED, WITHDRAWN, OTHER_ACCOUNT, TAKEN_ACCOUNT),
)


def stored_text(text: str) -> str:
    """What a worker wrote down, in the reader's language as far as its sentences are ours; others stay as they are."""
    if (get_language() or "en").startswith("en"):
        return text
    ends = [match.start() for match in _BETWEEN_SENTENCES.finditer(text)] + [len(text)]
    # A text of ours may be several sentences, so the longest comes first; what is filled in is as short as can be.
    own = next((text[:end] for end in reversed(ends) if end and gettext(text[:end]) != text[:end]), "")
    if own:
        return _said(gettext(own), text[len(own) :])
    for end in ends:
        for form, pattern in _STORED:
            if found := pattern.fullmatch(text, 0, end):
                values = {
                    name: stored_text(value) if name in _OF_TEXTS else value
                    for name, value in found.groupdict().items()
                }
                return _said(gettext(form) % values, text[end:])
    return _said(text[: ends[0]], text[ends[0] :])


def _said(beginning: str, rest: str) -> str:
    return f"{beginning} {stored_text(rest[1:])}" if rest else beginning


def _pattern_of(form: str) -> re.Pattern[str]:
    """What a form looks like once its values are filled in."""
    return re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+)", re.escape(form)), re.DOTALL)


# What is filled in and is a text as well. The others are numbers, and names that people gave.
_OF_TEXTS = {"answer", "reason", "seen", "text", "value", "what"}
_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?]) ")
_STORED = [(form, _pattern_of(form)) for form in WITH_VALUES]

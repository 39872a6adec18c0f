"""What the steps write down with a number or a time in it: the form is a text of ours, so that it can be said to the
reader in another language than the worker's."""

from __future__ import annotations

import re

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from dotbridge.integrations.protocols import NOT_OFFERED, WITHDRAWN

LOCK_LOST = _("The lock of the integration was lost, so another run may be at work. A later run goes on from there.")
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
UNFIT_VALUES = _(
    "Dotdigital could not take the row, probably because of %(values)s. A number has at most 18 digits before and 9 "
    "after the point; a text has at most 1,000 characters, in some accounts 255. Correct the value in the record."
)
# What the client says most; it knows nothing of languages itself.
OF_CLIENT = (
    _("Dotdigital could not be reached. Check the network if this stays; it is tried again later."),
    _("Dotdigital is not available at the moment. Try again later."),
    _("Dotdigital did not accept the user name and password. Check them under Settings > Access > API users."),
    _("Dotdigital's limit of calls for this account is used up. Try again later."),
    _("Dotdigital does not have what was asked for. It may have been deleted; read it again."),
)
WITH_VALUES = (
    *(NEW_PROBLEMS, KNOWN_PROBLEMS, HELD, REJECTED_LATE, OUT_OF_CALLS, READ_LATELY),
    *(FIRST_READING_WAITS, FIRST_READINGS_WAIT, RESULTS_WAIT, UNFIT_VALUES),
)


def stored_text(text: str) -> str:
    """What a worker wrote down, in the reader's language where it is a text of ours; others stay as they are."""
    if not text:
        return ""
    for form, pattern in _STORED:
        if found := pattern.fullmatch(text):
            return gettext(form) % found.groupdict()
    return gettext(text)


def _pattern_of(form: str) -> re.Pattern[str]:
    """What a form looks like once its values are filled in."""
    return re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+)", re.escape(form)))


_STORED = [(form, _pattern_of(form)) for form in (*WITH_VALUES, NOT_OFFERED, WITHDRAWN)]

"""What a worker wrote down, in the language of whoever reads it."""

from __future__ import annotations

import re

from django.utils.translation import gettext

from dotbridge.integrations.protocols import NOT_OFFERED, WITHDRAWN
from dotbridge.sync.texts import WITH_VALUES


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

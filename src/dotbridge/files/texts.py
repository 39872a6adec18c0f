"""Texts about files that are kept: what happened is stored, and said in the language of whoever reads it.

    from dotbridge.files.texts import text as _

    why = _("The line is longer than %(most)d characters.") % {"most": 100}

is a text in the language of the moment. `kept` makes plain values of it for JSON, and `in_words` says those again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from django.utils.translation import gettext

_PARTS = {"form", "values"}


class Text(str):
    """A text that knows its form, which is what translations are found by, and the values that are filled in."""

    __slots__ = ("form", "values")
    form: str
    values: dict[str, Any]

    def __new__(cls, form: str, values: Mapping[str, Any] | None = None) -> Self:
        said = gettext(form) if form else ""
        made = super().__new__(cls, said % values if values else said)
        made.form, made.values = form, dict(values or {})
        return made

    def __mod__(self, values: Any) -> Text:
        return Text(self.form, values)

    def __deepcopy__(self, _known: Any) -> Self:
        # It never changes.
        return self


def text(form: str) -> Text:
    """The text of this form, to be filled in with `%` where it has names of values."""
    return Text(form)


def joined(texts: Sequence[str], between: str) -> str:
    """Several texts as one, each still in the language of its reader."""
    form = between.replace("%", "%%").join(f"%({number})s" for number in range(len(texts)))
    return Text(form, {str(number): each for number, each in enumerate(texts)}) if texts else ""


def kept(value: Any) -> Any:
    """Plain values for JSON, a text as its form and its values. Goes through dictionaries and lists."""
    if isinstance(value, Text):
        return {"form": value.form, "values": {name: kept(each) for name, each in value.values.items()}}
    if isinstance(value, dict):
        return {name: kept(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [kept(each) for each in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)


def in_words(value: Any) -> Any:
    """What `kept` made, with its texts in the language of the moment; what is no text stays as it is."""
    if isinstance(value, list):
        return [in_words(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == _PARTS:
        return Text(value["form"], {name: in_words(each) for name, each in value["values"].items()})
    return {name: in_words(each) for name, each in value.items()}

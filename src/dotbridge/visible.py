"""Text of others, such as a person's name, on its way to a terminal: what would steer the terminal is shown instead."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

_PICTURES = 0x2400
# Everything below a space but the line break and the tabulator, then what also steers: delete, the second set of
# controls, and what turns the direction of the writing.
_SHOWN = {code: chr(_PICTURES + code) for code in range(0x20) if chr(code) not in "\n\t"}
_SHOWN |= {0x7F: "␡", **dict.fromkeys([*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], "�")}


def visible(text: str) -> str:
    """The text with its control characters as pictures: ESC becomes ␛."""
    return text.translate(_SHOWN)


class VisibleConsole(Console):
    """A console that sends no control character that stands in a text. Its own colours stay."""

    def render_str(self, text: str, **options: Any) -> Text:
        """As rich does, with what would steer the terminal shown."""
        return super().render_str(visible(text), **options)

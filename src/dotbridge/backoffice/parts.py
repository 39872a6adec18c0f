"""One part of a whole, as bars and chips show it: a word, how many people, and the way to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True, kw_only=True)
class Part:
    """`tone` is one of the stylesheet's: good, wait, bad, out, shared, info, quiet."""

    name: str
    title: StrOrPromise
    number: int
    tone: str
    url: str = ""
    is_current: bool = False

"""What counts as an e-mail address, said once for Python and for SQL.

An address is plausible when its form could be delivered: exactly one `@`, something before it, a domain of two or more
labels after it, no white space, control or invisible characters, none of `,;<>`, at most 254 characters. Letters of any
script are welcome on both sides of the `@`. Whether the mailbox exists is for Dotdigital to find out.
"""

from __future__ import annotations

import re

from django.db.models import Func, Q, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Lower, Trim
from django.db.models.lookups import IsNull

from dotbridge.entities.texts import NOT_STORABLE

LONGEST_ADDRESS = 254

# Listed by code point, because "white space" differs between Python, PostgreSQL and each of its collations. In order:
# controls and blank, delete to no-break space, soft hyphen, Ogham space, typographic and zero-width spaces, direction
# marks, line and paragraph separators with the embedding controls, narrow spaces and invisible operators, ideographic
# space, byte-order mark. The zero-width joiners stay allowed: Persian and Indic domains are spelt with them.
_NEVER = (
    r"\u0001-\u0020\u007f-\u00a0\u00ad\u1680\u2000-\u200b\u200e-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff" + ",;<>@"
)
# Both dialects read this text alike; the look-ahead is a length limit that names the value only once.
_PATTERN = rf"^(?!.{{{LONGEST_ADDRESS + 1}}})[^{_NEVER}]+@[^{_NEVER}.]+(?:\.[^{_NEVER}.]+)+$"
_PLAUSIBLE = re.compile(_PATTERN, re.DOTALL)


def is_plausible(address: str) -> bool:
    """Whether this address, exactly as given, has the form of a deliverable one. Trim first where blanks may stand."""
    return _PLAUSIBLE.fullmatch(address) is not None and NOT_STORABLE.search(address) is None


def plausible_q(expression: Combinable | str) -> Q:
    """The same question as a condition for `filter` and `annotate`; it does not hold where the address is NULL.

    `expression` is an expression or the path of a field or annotation. Like `is_plausible` it does not trim.
    """
    # Not `~`: PostgreSQL would expect it to hold for one row in twenty-five, and plan all that is joined for so few.
    matched = Func(expression, Cast(Value(_PATTERN), TextField()), function="substring", output_field=TextField())
    return Q(IsNull(matched, False))


def plausible_sql(column: str) -> str:
    """The same once more, as SQL over a column of one's own statement, without parameters."""
    return f"(substring({column}, '{_PATTERN}'::text) IS NOT NULL)"


def normalised(expression: Combinable | str) -> Lower:
    """The key under which two spellings of one address are the same: without blanks around it, in lower case."""
    return Lower(Trim(expression))


def address_key(address: str) -> str:
    """The same key in Python, also of the beginning of an address."""
    bare = address.strip()
    # Letter by letter, as PostgreSQL does it: Python by itself makes two characters of "İ", and of "Σ" at the end of a
    # word another letter than elsewhere.
    return bare.lower() if bare.isascii() else "".join(letter.lower()[0] for letter in bare)

"""Under which key two spellings of a name are the same, for the index of what files look up by name."""

from __future__ import annotations

from django.db.models import Func, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Lower, Trim

# The same as SQL, to be filled with a column of one's own statement.
NAME_KEY_SQL = r"lower(regexp_replace(btrim({0}), '\s+', ' ', 'g'))"
SPELT_SQL = r"regexp_replace(btrim({0}), '\s+', ' ', 'g')"


def name_key(expression: Combinable | str) -> Lower:
    """The name in small letters, with one blank between words."""
    return Lower(
        Func(
            Trim(expression),
            Value(r"\s+"),
            Value(" "),
            Value("g"),
            function="regexp_replace",
            output_field=TextField(),
        )
    )

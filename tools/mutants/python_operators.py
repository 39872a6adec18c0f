"""Slips in Python, by the operators of cosmic-ray: of its two hundred those that a person might make."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

_COMPARISONS = (
    *("Eq_NotEq", "NotEq_Eq", "Lt_LtE", "LtE_Lt", "Gt_GtE", "GtE_Gt"),
    *("Lt_GtE", "Gt_LtE", "Is_IsNot", "IsNot_Is"),
)
OPERATORS = (
    "core/AddNot",
    "core/ReplaceAndWithOr",
    "core/ReplaceOrWithAnd",
    "core/ReplaceTrueWithFalse",
    "core/ReplaceFalseWithTrue",
    "core/ReplaceUnaryOperator_Delete_Not",
    "core/ReplaceBinaryOperator_Add_Sub",
    "core/ReplaceBinaryOperator_Sub_Add",
    "core/ReplaceContinueWithBreak",
    "core/ReplaceBreakWithContinue",
    "core/ZeroIterationForLoop",
    "core/NumberReplacer",
    *(f"core/ReplaceComparisonOperator_{name}" for name in _COMPARISONS),
)
_TRUTHS = ("core/ReplaceTrueWithFalse", "core/ReplaceFalseWithTrue")
# What stands on such a line says how something is declared, not what it does.
_DECLARES = ("@", "from ", "import ", "class ", "if TYPE_CHECKING")
# The length of two sequences that are always of one: a guard against slips elsewhere.
_GUARDS = "strict="
# How much is held or read at once, how long is waited: a number that somebody chose, of which one more is as good; what
# the vendor or a type allows is no such number. And what a log line says.
_CHOSEN = re.compile(r"_?(?!MAX_|LARGEST_)[A-Z][A-Z0-9_]+(: \w+)? = (timedelta\(\w+=)?[\d_.* ]+\)?$")
_LOGS = ("log.", "logger.")


class PythonSlip(NamedTuple):
    """One change of a file, by an operator and which of its places."""

    line: int
    operator: str
    occurrence: int

    def apply(self, source: str) -> str:
        """The file with it."""
        mutated = mutate_code(source, get_operator(self.operator)(), self.occurrence)
        if mutated is None:
            raise RuntimeError(f"{self.operator} has no place {self.occurrence}")
        return str(mutated)


def slips_in_python(source: str) -> Iterator[PythonSlip]:
    """Every slip of these kinds in a file."""
    nodes = list(ast_nodes(get_ast(source)))
    lines = source.splitlines()
    for name in OPERATORS:
        operator = get_operator(name)()
        occurrence = 0
        for node in nodes:
            for (line, _column), _end in operator.mutation_positions(node):
                text = lines[line - 1].lstrip()
                if not (
                    text.startswith((*_DECLARES, *_LOGS))
                    or (_GUARDS in text and name in _TRUTHS)
                    or _CHOSEN.match(text)
                ):
                    yield PythonSlip(line, name, occurrence)
                occurrence += 1

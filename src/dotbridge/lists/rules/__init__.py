"""A list's rule: react-querybuilder's JSON tree, read against its entity, compiled to a condition, said in words.

`docs/rules.md` describes the form, what every operator means, and where its limits are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q

from dotbridge.entities.registry import Entity
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules.membership import condition_of_group
from dotbridge.lists.rules.operators import OPERATORS
from dotbridge.lists.rules.problems import ProblemKind, RuleError, RuleProblem
from dotbridge.lists.rules.reading import DEEPEST, MOST_CONDITIONS, ReadRule, read_rule
from dotbridge.lists.rules.words import rule_in_words

__all__ = [
    "DEEPEST",
    "MOST_CONDITIONS",
    "OPERATORS",
    "ProblemKind",
    "ReadRule",
    "RuleError",
    "RuleProblem",
    "compile_read",
    "compile_rule",
    "read_rule",
    "rule_in_words",
]


def compile_rule(
    entity: Entity,
    tree: Mapping[str, Any] | None,
    *,
    marketing_list: MarketingList | None = None,
    draft: bool = False,
) -> Q:
    """The condition that the rule tree sets to records of `entity`; an empty tree matches all of them.

    `marketing_list` is the list that the rule belongs to, where it belongs to one. In a draft, conditions without an
    operator or value are left out. Raises RuleError with all problems, each with its place in the tree.
    """
    return compile_read(entity, read_rule(entity, tree, marketing_list=marketing_list), draft=draft)


def compile_read(entity: Entity, read: ReadRule, *, draft: bool = False) -> Q:
    """The same for a rule that was read already."""
    if read.problems and not (draft and read.can_be_tried):
        raise RuleError(read.problems)
    return condition_of_group(entity, read.root)

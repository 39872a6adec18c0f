"""A list's rule as a person reads it."""

from __future__ import annotations

from dotbridge.entities.registry import UnknownEntity, entity
from dotbridge.lists.models import MarketingList
from dotbridge.lists.rules import RuleError
from dotbridge.lists.rules.words import rule_in_words


def rule_words(marketing_list: MarketingList) -> str:
    """Whom the rule matches, in one sentence; why it cannot be said, where it cannot be read any more."""
    try:
        return rule_in_words(entity(marketing_list.entity), marketing_list.rule)
    except (RuleError, UnknownEntity) as error:
        return str(error)

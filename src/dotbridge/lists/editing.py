"""Two people who change one list at once: the later one is told, and nothing of the earlier one is lost unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from dotbridge.lists.models import MarketingList


class ChangedMeanwhile(Exception):
    """Somebody else changed what is being saved since it was read. The list holds what they saved."""

    def __init__(self, marketing_list: MarketingList) -> None:
        super().__init__(f"list {marketing_list.pk} was changed meanwhile")
        self.marketing_list = marketing_list


def fingerprint(marketing_list: MarketingList, fields: Iterable[str]) -> str:
    """What these fields of the list hold, as a short text that changes with them. `fields` in any order."""
    held: dict[str, Any] = {name: getattr(marketing_list, _stored(name)) for name in sorted(fields)}
    text = json.dumps(held, cls=DjangoJSONEncoder, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _stored(name: str) -> str:
    # A related record is known by its key, without asking the database for it.
    return f"{name}_id" if name == "owner" else name

"""Codes for campaigns that nobody thinks one up for."""

from __future__ import annotations

import itertools
import re

from dotbridge.campaigns.models import CODE_LENGTH, CampaignCode

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9]")


def free_code(*, name: str, number: int) -> str:
    """A code of a name and a number that no campaign has or ever had: "Spring sale!", 42 -> "Spring_sale__42".

    What a code cannot hold becomes an underscore, and the name is cut so that the number fits. Where that is taken a
    second number is added: "Spring_sale__42_2".
    """
    readable = _NOT_ALLOWED.sub("_", name)
    for attempt in itertools.count(1):
        ending = f"_{number}" if attempt == 1 else f"_{number}_{attempt}"
        code = readable[: max(CODE_LENGTH - len(ending), 0)] + ending[-CODE_LENGTH:]
        if not CampaignCode.objects.filter(code=code).exists():
            break
    return code

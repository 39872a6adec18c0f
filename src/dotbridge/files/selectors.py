"""Reads of what is kept of loads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from dotbridge.files.models import FileShape
from dotbridge.files.records import Source
from dotbridge.files.targets import FileTarget
from dotbridge.files.understanding import is_choice


def shape_of(headers: Sequence[str]) -> str:
    """What files with the same columns in the same order have in common."""
    return hashlib.sha256(json.dumps(list(headers)).encode()).hexdigest()


def remembered_columns(target: FileTarget, source: Source) -> dict[str, str]:
    """What a person chose for the columns of an earlier file of this shape, as far as the host still has the field."""
    if not source.has_names:
        return {}
    found = FileShape.objects.filter(entity=target.key, shape=shape_of(source.headers)).first()
    columns = found.columns if found else {}
    return {name: choice for name, choice in columns.items() if is_choice(target, choice)}

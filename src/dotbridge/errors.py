"""What an operator can mend."""

from __future__ import annotations


class OperatorError(Exception):
    """Something on this machine or in its settings is wrong. The text is one line: what, why, and what to do."""

"""Why a file is not loaded at all."""

from __future__ import annotations

from dotbridge.files.encodings import Candidate
from dotbridge.files.report import LoadReport


class FileRefused(Exception):
    """A file that cannot be read, or must not be loaded as it is. `text` says why and what would be."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class EncodingNotSure(FileRefused):
    """Several encodings would give different letters: a person has to choose one of the candidates."""

    def __init__(self, text: str, candidates: tuple[Candidate, ...]) -> None:
        super().__init__(text)
        self.candidates = candidates


class QuestionsOpen(FileRefused):
    """Something in the file can be read in two ways, and nobody has said which: `report.questions` names it."""

    def __init__(self, text: str, report: LoadReport) -> None:
        super().__init__(text)
        self.report = report


class AddressMissing(FileRefused):
    """No column holds addresses; `report` says what the columns are, so that a person can name one."""

    def __init__(self, text: str, report: LoadReport) -> None:
        super().__init__(text)
        self.report = report


class LoadCancelled(Exception):
    """Somebody asked for the load to end; nothing of it is kept."""

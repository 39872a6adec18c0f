"""Why a file is not loaded at all."""

from __future__ import annotations

from dotbridge.files.encodings import Candidate


class FileRefused(Exception):
    """A file that cannot be read, or must not be loaded as it is. The text says why and what would be."""


class EncodingNotSure(FileRefused):
    """Several encodings would give different letters: a person has to choose one of the candidates."""

    def __init__(self, text: str, candidates: tuple[Candidate, ...]) -> None:
        super().__init__(text)
        self.candidates = candidates


class LoadCancelled(Exception):
    """Somebody asked for the load to end; nothing of it is kept."""

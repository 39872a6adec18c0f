"""Places to run real programs in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.platform.crew import empty_queue, integration, sandbox, workers
from tests.platform.place import Place, own_folder

__all__ = ["empty_queue", "integration", "sandbox", "workers"]


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """In place of pytest's: a folder that the database's user can be let into."""
    with own_folder() as folder:
        yield folder


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A place that is empty."""
    own = Place(tmp_path)
    yield own
    own.close()

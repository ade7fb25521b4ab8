from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from etiq_jupyter.sessions import Session


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A session in local mode with a store of its own."""
    made = Session(tmp_path / "store")
    yield made
    made.close()
